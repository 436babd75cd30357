"""The built-in spider on a site of theplace's structure, with everything that goes wrong on real sites."""

from __future__ import annotations

import hashlib
import json
import statistics
import subprocess
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

DELAY_S = 0.03
TIMEOUT_S = 0.35
AGENT = "BoLID-crawler/"
CONTACT = "mailto:owner@example.org"


@dataclass
class Visit:
    """One run of the crawler and the requests it made."""

    done: subprocess.CompletedProcess[str]
    requests: list[Any]
    counts: dict[str, Any]

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]


def build(site: Any, picture: Any) -> None:
    reply = type_of_replies(site)
    site.replies["/robots.txt"] = reply(body=b"User-agent: *\nDisallow: /photos/private/\nDisallow: /secret/\n")
    site.page(
        "/photos/",
        "<a href='/about/'>about</a><div class='letters-list'><a href='/photos/letter/a/'>A</a>"
        "<a href='/photos/letter/b/'>B</a><a href='/photos/letter/a/'>A</a></div>",
    )
    people = "".join(f"<a href='/photos/{name}/'>{name}</a>" for name in ("anna", "boris", "private", "anna"))
    site.page("/photos/letter/a/", f"<div class='models_list row my-5'>{people}</div><a href='/photos/x/'>x</a>")
    people = "".join(
        f"<div class='model-item'><a class='model-link' href='/photos/{name}/'>{name}</a></div>"
        for name in ("clara", "few", "short", "gone")
    )
    site.page("/photos/letter/b/", people)
    _anna(site, reply, picture)
    gallery(site, picture, "boris", 6, "div class='col-6 col-md-3'", first=100)
    gallery(site, picture, "clara", 3, "div class='p-1'", first=120)
    gallery(site, picture, "short", 2, "div class='p-1'", first=140)
    gallery(site, picture, "few", 2, "div class='p-1'", first=150, says="<p>Размещено 2 фотографии</p>")
    site.replies["/photos/gone/"] = reply(500, b"broken", "text/html")


def type_of_replies(site: Any) -> Any:
    site.page("/", "")
    return type(site.replies["/"])


def gallery(site: Any, picture: Any, name: str, count: int, box: str, first: int, says: str = "") -> None:
    """A person of one page whose pictures are all well; further pages show the first one again."""
    reply = type_of_replies(site)
    links = "".join(f"<{box}><a href='/photos/{name}/pic{n}/'></a></div>" for n in range(count))
    for query in ("", "?page=2"):
        site.page(f"/photos/{name}/{query}", f"{says}<div class='gallery-pics-list'>{links}</div>")
    for n in range(count):
        site.page(f"/photos/{name}/pic{n}/", f"<img class='pic big_pic' src='/img/{name}{n}.jpg'>")
        site.replies[f"/img/{name}{n}.jpg"] = reply(body=picture(first + n))


def _anna(site: Any, reply: Any, picture: Any) -> None:
    """Two gallery pages followed by a 404. Each picture is one case, which its address names."""
    first = ["good", "good", "missing", "small", "sameurl", "samebytes", "html", "png", "cut"]
    second = ["recovers", "down", "slow", "away", "moved", "huge", "elsewhere", "bare", "secret"]
    # A date whose second word is a number must not be taken for the number of pictures.
    born = "<p>Родилась 1 июня 1980</p><p>Размещено 17 фотографий</p>"
    for query, names in (("", first), ("?page=2", second)):
        links = "".join(f"<div class='p-1'><a href='/photos/anna/{name}/'></a></div>" for name in names)
        site.page(f"/photos/anna/{query}", f"{born}<div class='gallery-pics-list'>{links}</div>")
    sources = {name: f"/img/{name}.jpg" for name in {*first, *second} - {"missing", "bare"}}
    sources |= {"sameurl": "/img/good.jpg", "secret": "/secret/anna.jpg"}
    sources |= {"elsewhere": f"http://localhost:{site.port}/img/elsewhere.jpg"}
    for name, source in sources.items():
        site.page(
            f"/photos/anna/{name}/", f"<img class='logo' src='/logo.png'><img class='pic big_pic' src='{source}'>"
        )
    site.page("/photos/anna/bare/", "<p>nothing here</p>")
    site.replies |= {
        "/img/good.jpg": reply(body=picture(1)),
        "/img/small.jpg": reply(body=picture(2, side=20)),
        "/img/samebytes.jpg": reply(body=picture(1)),
        "/img/html.jpg": reply(body=b"<html>please log in</html>"),
        "/img/png.jpg": reply(body=picture(3, kind="PNG"), kind="image/png"),
        "/img/cut.jpg": reply(body=picture(4, side=300)[:900]),
        "/img/recovers.jpg": reply(body=picture(5), failures=2),
        "/img/down.jpg": reply(500, b"broken", "text/html"),
        "/img/slow.jpg": reply(body=picture(6), wait_s=TIMEOUT_S * 3),
        "/img/away.jpg": reply(302, headers={"Location": f"http://localhost:{site.port}/img/elsewhere.jpg"}),
        "/img/elsewhere.jpg": reply(body=picture(7)),
        "/img/moved.jpg": reply(301, headers={"Location": "/img/moved-here.jpg"}),
        "/img/moved-here.jpg": reply(body=picture(8)),
        "/img/huge.jpg": reply(body=picture(9) + bytes(60_000)),
        "/secret/anna.jpg": reply(body=picture(10)),
    }


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("theplace")


def visit(crawl: Any, site: Any, out: Path) -> Visit:
    before = len(site.requests)
    limits = ["--min-images", "3", "--max-images", "5", "--min-side", "64", "--max-bytes", "50000"]
    manners = ["--delay", str(DELAY_S), "--timeout", str(TIMEOUT_S), "--retries", "2", "--backoff", "0.05"]
    start = ["--start-url", f"{site.url}/photos/", "--out", str(out), "--contact", CONTACT]
    done = crawl("theplace", *start, *limits, *manners)
    last = (out / "crawls.jsonl").read_text().splitlines()[-1]
    return Visit(done, site.requests[before:], json.loads(last)["counts"])


@pytest.fixture(scope="module")
def first(crawl: Any, site: Any, picture: Any, out: Path) -> Visit:
    build(site, picture)
    return visit(crawl, site, out)


@pytest.fixture(scope="module")
def first_files(first: Visit, out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.glob("*/*.*g")}


@pytest.fixture(scope="module")
def second(first: Visit, first_files: Any, crawl: Any, site: Any, picture: Any, out: Path) -> Visit:
    """The same command, after the site has recovered."""
    site.replies["/img/down.jpg"].status, site.replies["/img/down.jpg"].body = 200, picture(11)
    return visit(crawl, site, out)


def records(out: Path, person: str, name: str = "metadata.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / person / name).read_text().splitlines()]


def test_pictures_lie_by_person_and_are_the_bytes_served(first: Visit, first_files: Any, picture: Any) -> None:
    assert first.done.returncode == 0, first.done.stderr
    assert set(first_files) == {
        "anna/anna1.jpg", "anna/anna2.png", "anna/anna3.jpg", "anna/anna4.jpg",
        *(f"boris/boris{n}.jpg" for n in range(1, 6)),
        *(f"clara/clara{n}.jpg" for n in range(1, 4)),
    }  # fmt: skip
    kept = {number: first_files[name] for number, name in enumerate(("anna/anna1.jpg", "anna/anna2.png"), start=1)}
    assert kept == {1: picture(1), 2: picture(3, kind="PNG")}
    assert first_files["anna/anna3.jpg"] == picture(5)
    assert first_files["anna/anna4.jpg"] == picture(8)


def test_each_kept_picture_has_its_provenance(first: Visit, first_files: Any, out: Path, site: Any) -> None:
    for person, count in (("anna", 4), ("boris", 5), ("clara", 3)):
        lines = records(out, person)[:count]
        for line in lines:
            content = first_files[f"{person}/{line['file_name']}"]
            assert line["sha256"] == hashlib.sha256(content).hexdigest()
            assert line["size_bytes"] == len(content)
            assert (line["width_px"], line["height_px"]) == Image.open(BytesIO(content)).size
    line = records(out, "clara")[0]
    assert line["page_url"] == f"{site.url}/photos/clara/pic0/"
    assert line["image_url"] == f"{site.url}/img/clara0.jpg"
    assert line["headers"]["last-modified"] == "Mon, 02 Jan 2023 10:00:00 GMT"
    assert line["headers"]["content-type"] == "image/jpeg"
    robots = hashlib.sha256(site.replies["/robots.txt"].body).hexdigest()
    expected = {"url": f"{site.url}/robots.txt", "status": 200, "sha256": robots, "crawl_delay_s": None}
    assert line["robots"] == expected
    assert line["fetched_at"].endswith("+00:00")


def test_each_way_to_fail_is_counted_under_its_name(first: Visit) -> None:
    assert first.counts["pictures"] == {
        "kept": 12,
        "broken link": 1,
        "too small": 1,
        "same address as another": 2,
        "same bytes as another": 1,
        "not an image": 2,
        "given up": 1,
        "timed out": 1,
        "off site, not followed": 2,
        "too large": 1,
        "no image on its page": 1,
        "forbidden by robots.txt": 1,
    }
    assert first.counts["persons"] == {
        "complete": 2,
        "incomplete, to be tried again": 1,
        "too few pictures": 2,
        "forbidden by robots.txt": 1,
        "page not reachable": 1,
    }
    for said in ("too small", "off site, not followed", "page not reachable"):
        assert said in first.done.stderr


def test_a_dropped_picture_is_recorded_with_its_reason(first: Visit, out: Path, site: Any) -> None:
    refused = {(Path(line["page_url"]).name, line["reason"]) for line in records(out, "anna", "refused.jsonl")}
    assert refused == {
        ("missing", "broken link"),
        ("small", "too small"),
        ("sameurl", "same address as another"),
        ("samebytes", "same bytes as another"),
        ("html", "not an image"),
        ("cut", "not an image"),
        ("huge", "too large"),
    }
    lines = {Path(line["page_url"]).name: line for line in records(out, "anna", "refused.jsonl")}
    assert (lines["small"]["width_px"], lines["small"]["height_px"]) == (20, 36)
    assert lines["samebytes"]["same_as"] == "anna/anna1.jpg"


def test_robots_txt_is_asked_first_and_what_it_forbids_is_never_asked(first: Visit) -> None:
    assert first.paths[0] == "/robots.txt"
    assert first.paths.count("/robots.txt") == 1
    assert "/photos/letter/a/" in first.paths
    assert not [path for path in first.paths if "private" in path or "secret/anna.jpg" in path]


def test_requests_keep_the_delay_between_them(first: Visit) -> None:
    times = [request.at for request in first.requests]
    gaps = [after - before for before, after in pairwise(times)]
    assert len(gaps) > 50
    # The site notes a request when a thread gets to it, some milliseconds after it was sent: single gaps may be short.
    assert sum(gaps) >= DELAY_S * len(gaps)
    assert statistics.median(gaps) >= DELAY_S * 0.9


def test_the_user_agent_says_who_asks_and_whom_to_write_to(first: Visit) -> None:
    assert all(request.agent.startswith(AGENT) and CONTACT in request.agent for request in first.requests)


def test_nothing_that_answered_well_is_asked_twice(first: Visit) -> None:
    asked = {path: first.paths.count(path) for path in first.paths}
    repeated = {path: count for path, count in asked.items() if count > 1}
    # Three tries each: a 503 that recovers, two 5xx that do not, one that is too slow.
    assert repeated == {"/img/recovers.jpg": 3, "/img/down.jpg": 3, "/photos/gone/": 3, "/img/slow.jpg": 3}


def test_no_redirect_or_link_leads_off_the_site(first: Visit) -> None:
    assert "/img/moved-here.jpg" in first.paths
    assert "/img/elsewhere.jpg" not in first.paths
    assert {request.host.split(":")[0] for request in first.requests} == {"127.0.0.1"}


def test_limits_a_person_are_kept(first: Visit, site: Any) -> None:
    assert "/photos/boris/pic4/" in first.paths
    assert "/photos/boris/pic5/" not in first.paths
    assert "/photos/few/?page=2" not in first.paths
    assert not [path for path in first.paths if "/few/pic" in path or "/short/pic" in path]


def test_a_later_run_skips_complete_persons_and_asks_only_for_what_was_not_settled(second: Visit) -> None:
    persons = {path.split("/")[2] for path in second.paths if path.startswith("/photos/")}
    assert persons == {"anna", "gone"}
    settled = ("good", "missing", "small", "sameurl", "samebytes", "html", "png", "cut", "recovers", "moved", "huge")
    assert not [path for path in second.paths if path.removesuffix(".jpg").strip("/").split("/")[-1] in settled]
    assert "/img/down.jpg" in second.paths


def test_a_later_run_adds_what_came_back_and_changes_nothing_else(
    second: Visit, first_files: Any, picture: Any, out: Path
) -> None:
    assert second.done.returncode == 0, second.done.stderr
    files = {str(path.relative_to(out)): path.read_bytes() for path in out.glob("*/*.*g")}
    assert files == first_files | {"anna/anna5.jpg": picture(11)}
    assert second.counts["pictures"]["kept"] == 1
    assert second.counts["persons"]["complete before this run"] == 2
    # With five pictures anna has as many as --max-images asks for.
    assert second.counts["persons"]["complete"] == 1
