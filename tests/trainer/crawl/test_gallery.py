"""The generic spider on a site of another kind, killed in the middle and started again; and the errors that stop it at
once."""

from __future__ import annotations

import json
import statistics
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

PICTURES = {"ada": 4, "bela": 3, "cleo": 3}
CRAWL_DELAY_S = 0.06
CONFIG = """
person_links: "ul.people a.person"
next_index: "a.more"
picture_links: "figure a.full::attr(data-full)"
next_page: "a.next"
"""


def build(site: Any, picture: Any) -> None:
    """Two pages of persons; galleries of two pictures per page that link to the images themselves."""
    site.page("/people", "<ul class='people'><a class='person' href='p/ada'>A</a></ul><a class='more' href='/people2'>")
    rest = "<a class='person' href='/p/bela'>B</a><a class='person' href='javascript:void(0)'></a>"
    other = "<a class='person' href='/q/cleo.html'>C</a><a class='person' href='http://localhost/p/dora'>D</a>"
    site.page("/people2", f"<ul class='people'>{rest}{other}</ul><a class='more' href='/people'>back</a>")
    reply = type(site.replies["/people"])
    site.replies["/robots.txt"] = reply(
        body=f"User-agent: *\nCrawl-delay: {CRAWL_DELAY_S}\n".encode(), kind="text/plain"
    )
    for index, (name, count) in enumerate(PICTURES.items()):
        address = "/q/cleo.html" if name == "cleo" else f"/p/{name}"
        for number in range(count):
            site.replies[f"/full/{name}-{number}"] = reply(body=picture(index * 50 + number))
        for page in range(0, count, 2):
            numbers = range(page, min(page + 2, count))
            figures = "".join(f"<figure><a class='full' data-full='/full/{name}-{n}'></a></figure>" for n in numbers)
            following = f"<a class='next' href='{address}?from={page + 2}'>next</a>" if page + 2 < count else ""
            site.page(f"{address}?from={page}" if page else address, figures + following)


@pytest.fixture(scope="module")
def arguments(site: Any, picture: Any, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "gallery.yaml").write_text(CONFIG)
    build(site, picture)
    where = [
        "--start-url",
        f"{site.url}/people",
        "--config",
        str(folder / "gallery.yaml"),
        "--out",
        str(folder / "out"),
    ]
    return ["gallery", *where, "--contact", "https://example.org/us", "--delay", "0", "--min-side", "32"]


@pytest.fixture(scope="module")
def out(arguments: list[str]) -> Path:
    return Path(arguments[arguments.index("--out") + 1])


@pytest.fixture(scope="module")
def killed(site: Any, arguments: list[str], crawl: Any, out: Path) -> dict[str, bytes]:
    """The files of a run that SIGKILL ended after some pictures."""
    done = crawl(*arguments, kill_when=lambda: len(list(out.glob("*/*.jpg"))) >= 4)
    assert done.returncode == -9
    return {str(path.relative_to(out)): path.read_bytes() for path in out.glob("*/*.jpg")}


@pytest.fixture(scope="module")
def resumed_from(killed: Any, site: Any, arguments: list[str], crawl: Any) -> int:
    """The number of the first request of the run that resumes the killed one."""
    number = len(site.requests)
    done = crawl(*arguments)
    assert done.returncode == 0, done.stderr
    return number


def recorded(out: Path) -> list[tuple[str, str]]:
    """(person/file, image address) of every record."""
    lines = [
        (path.parent.name, line) for path in out.glob("*/metadata.jsonl") for line in path.read_text().splitlines()
    ]
    return [(f"{person}/{json.loads(line)['file_name']}", json.loads(line)["image_url"]) for person, line in lines]


def test_selectors_from_a_file_find_every_picture_of_every_person(resumed_from: int, picture: Any, out: Path) -> None:
    files = {str(path.relative_to(out)): path.read_bytes() for path in out.glob("*/*.jpg")}
    assert set(files) == {f"{name}/{name}{n}.jpg" for name, count in PICTURES.items() for n in range(1, count + 1)}
    for index, (name, count) in enumerate(PICTURES.items()):
        for number in range(count):
            assert files[f"{name}/{name}{number + 1}.jpg"] == picture(index * 50 + number)


def test_no_picture_is_downloaded_twice_after_a_kill(resumed_from: int, killed: Any, site: Any) -> None:
    images = [request.path for request in site.requests if request.path.startswith("/full/")]
    assert len(killed) >= 4
    assert len(set(images)) == sum(PICTURES.values())
    # Only the one on its way when the kill came may have been asked for again.
    in_flight = [request.path for request in site.requests[:resumed_from]][-1]
    assert [path for path in set(images) if images.count(path) > 1] in ([], [in_flight])


def test_the_files_of_the_killed_run_stay_unchanged(resumed_from: int, killed: dict[str, bytes], out: Path) -> None:
    assert killed.items() <= {str(path.relative_to(out)): path.read_bytes() for path in out.glob("*/*.jpg")}.items()


def test_each_file_has_exactly_one_record_and_nothing_half_done_is_left(resumed_from: int, out: Path) -> None:
    names = [name for name, _ in recorded(out)]
    assert sorted(names) == sorted(str(path.relative_to(out)) for path in out.glob("*/*.jpg"))
    assert len(set(names)) == len(names)
    assert not list(out.rglob("*.part"))


def test_a_listing_made_before_the_kill_is_not_asked_for_again(resumed_from: int, site: Any) -> None:
    assert site.paths(resumed_from)["/people"] == 0


def test_crawl_delay_of_robots_txt_is_kept_though_the_user_asked_for_none(resumed_from: int, site: Any) -> None:
    times = [request.at for request in site.requests[resumed_from:]]
    gaps = [after - before for before, after in pairwise(times)]
    assert statistics.median(gaps) >= CRAWL_DELAY_S * 0.9


def test_one_request_at_a_time_is_open(resumed_from: int, site: Any) -> None:
    assert site.most_open_requests == 1


def test_a_complete_archive_costs_the_site_no_request(
    resumed_from: int, site: Any, arguments: list[str], crawl: Any
) -> None:
    before = len(site.requests)
    done = crawl(*arguments)
    assert done.returncode == 0
    assert "complete before this run" in done.stderr
    assert len(site.requests) == before


def test_a_robots_txt_that_answers_5xx_forbids_everything(
    site: Any, arguments: list[str], crawl: Any, tmp_path: Path
) -> None:
    before, rules = len(site.requests), site.replies["/robots.txt"]
    site.replies["/robots.txt"] = type(rules)(500, b"broken", "text/html")
    try:
        done = crawl(*arguments, "--out", str(tmp_path), "--retries", "1", "--backoff", "0")
    finally:
        site.replies["/robots.txt"] = rules
    assert done.returncode == 2
    assert "got: forbidden by robots.txt" in done.stderr
    assert "Traceback" not in done.stderr
    assert set(site.paths(before)) == {"/robots.txt"}


def test_a_byte_order_mark_hides_no_rule_of_robots_txt(
    site: Any, arguments: list[str], crawl: Any, tmp_path: Path
) -> None:
    before, rules = len(site.requests), site.replies["/robots.txt"]
    site.replies["/robots.txt"] = type(rules)(200, b"\xef\xbb\xbfUser-agent: *\r\nDisallow: /\r\n", "text/plain")
    try:
        done = crawl(*arguments, "--out", str(tmp_path))
    finally:
        site.replies["/robots.txt"] = rules
    assert done.returncode == 2
    assert "got: forbidden by robots.txt" in done.stderr
    assert set(site.paths(before)) == {"/robots.txt"}


def test_a_site_that_refuses_everything_is_left_alone(
    site: Any, arguments: list[str], crawl: Any, tmp_path: Path
) -> None:
    """Twenty refusals in a row end the run, and an address with a Retry-After of hours is not tried again."""
    reply = type(site.replies["/people"])
    refusal = reply(429, b"enough", "text/html", {"Retry-After": "7200"})
    links = [f"/full/tired-{number}" for number in range(30)]
    site.page("/tired", "<ul class='people'><a class='person' href='/p/tired'></a></ul>")
    site.page("/p/tired", "".join(f"<figure><a class='full' data-full='{link}'></a></figure>" for link in links))
    before, rules = len(site.requests), site.replies["/robots.txt"]
    site.replies |= dict.fromkeys(links, refusal) | {"/robots.txt": reply(404, b"", "text/html")}
    try:
        done = crawl(*arguments, "--start-url", f"{site.url}/tired", "--out", str(tmp_path))
    finally:
        site.replies["/robots.txt"] = rules
    assert done.returncode == 2
    assert "got 20 failures in a row" in done.stderr
    counts = site.paths(before)
    assert [counts[link] for link in links] == [1] * 20 + [0] * 10
