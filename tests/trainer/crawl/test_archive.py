"""The folder of a crawl after a kill at its worst moments."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from trainer.crawl.archive import PhotoArchive
from trainer.crawl.errors import CrawlError
from trainer.crawl.options import CrawlOptions
from trainer.crawl.outcome import Outcome
from trainer.crawl.records import Kept, PersonState, RefusedPicture, RobotsState

ROBOTS = RobotsState(url="http://127.0.0.1/robots.txt", status=404, sha256="0")
CONTENT = b"the bytes of a picture"


def kept(file_name: str, content: bytes = CONTENT, address: str = "http://127.0.0.1/1.jpg") -> Kept:
    return Kept(
        file_name=file_name,
        page_url=f"{address}.html",
        image_url=address,
        fetched_at="2026-01-01T00:00:00+00:00",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        width_px=1,
        height_px=1,
        headers={},
        robots=ROBOTS,
    )


def with_a_picture(root: Path) -> None:
    with PhotoArchive(root, 1) as archive:
        archive.keep("ada", CONTENT, kept(archive.next_file_name("ada", ".jpg")))


def test_a_kill_between_the_record_and_the_name_is_made_good(tmp_path: Path) -> None:
    with_a_picture(tmp_path)
    (tmp_path / "ada" / "ada1.jpg").rename(tmp_path / "ada" / "ada1.jpg.part")
    with PhotoArchive(tmp_path, 1):
        assert (tmp_path / "ada" / "ada1.jpg").read_bytes() == CONTENT
    assert not list(tmp_path.rglob("*.part"))


def test_a_kill_before_the_record_leaves_no_trace(tmp_path: Path) -> None:
    with_a_picture(tmp_path)
    (tmp_path / "ada" / "ada2.jpg.part").write_bytes(b"half a pic")
    with PhotoArchive(tmp_path, 1) as archive:
        assert not list(tmp_path.rglob("*.part"))
        assert archive.next_file_name("ada", ".jpg") == "ada2.jpg"


def test_a_record_cut_off_by_a_kill_is_dropped_and_the_next_one_stands_on_its_own_line(tmp_path: Path) -> None:
    with_a_picture(tmp_path)
    lines = tmp_path / "ada" / "metadata.jsonl"
    lines.write_text(lines.read_text() + '{"file_name": "ada2.jp')
    with PhotoArchive(tmp_path, 1) as archive:
        archive.keep("ada", b"other", kept("ada2.jpg", b"other", "http://127.0.0.1/2.jpg"))
    assert [path.name for path in sorted((tmp_path / "ada").glob("*.jpg"))] == ["ada1.jpg", "ada2.jpg"]
    assert len(lines.read_text().splitlines()) == 2
    with PhotoArchive(tmp_path, 1) as archive:
        assert archive.kept["ada"] == 2


def test_a_picture_that_the_user_deleted_does_not_come_back(tmp_path: Path) -> None:
    with_a_picture(tmp_path)
    (tmp_path / "ada" / "ada1.jpg").unlink()
    with PhotoArchive(tmp_path, 1) as archive:
        assert archive.owner("http://127.0.0.1/1.jpg") == "ada"
        assert archive.next_file_name("ada", ".jpg") == "ada2.jpg"


def test_a_file_without_a_record_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "ada1.png").write_bytes(b"the user's own")
    with PhotoArchive(tmp_path, 1) as archive:
        assert archive.next_file_name("ada", ".jpg") == "ada2.jpg"


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    with PhotoArchive(tmp_path, 1), pytest.raises(CrawlError, match="another run at work"), PhotoArchive(tmp_path, 1):
        pass
    with PhotoArchive(tmp_path, 1):
        pass


def test_a_damaged_record_is_named_by_file_and_line(tmp_path: Path) -> None:
    with_a_picture(tmp_path)
    lines = tmp_path / "ada" / "metadata.jsonl"
    lines.write_text("{}\n" + lines.read_text())
    with pytest.raises(CrawlError, match=r"metadata\.jsonl:1, got"), PhotoArchive(tmp_path, 1):
        pass


@pytest.mark.parametrize(("minimum_px", "asked_again"), [(100, False), (81, False), (80, True)])
def test_a_picture_too_small_once_is_asked_for_again_when_the_minimum_is_lowered(
    tmp_path: Path, minimum_px: int, asked_again: bool
) -> None:
    url, page, image = "http://127.0.0.1/ada", "http://127.0.0.1/a", "http://127.0.0.1/a.jpg"
    at = "2026-01-01T00:00:00+00:00"
    with PhotoArchive(tmp_path, 100) as archive:
        small = RefusedPicture(
            reason=Outcome.TOO_SMALL, page_url=page, image_url=image, fetched_at=at, width_px=80, height_px=90
        )
        archive.refuse("ada", small)
        archive.set_state(PersonState(name="ada", url=url, exhausted=True, min_side_px=100))
    with PhotoArchive(tmp_path, minimum_px) as archive:
        assert (archive.owner(image) is None) is asked_again
        options = CrawlOptions(start_url="http://127.0.0.1", out=tmp_path, user_agent="a@b", min_side_px=minimum_px)
        assert archive.is_complete(url, options) is (minimum_px == 100)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://h/photos/ada-lovelace/", "ada-lovelace"),
        ("http://h/photos/%D0%B0%D0%B4%D0%B0/", "ада"),
        ("http://h/people/ada.html?x=1", "ada"),
        ("http://h/a/%2e%2e/", "person"),
        ("http://h/", "person"),
    ],
)
def test_a_person_is_named_by_its_page_and_never_outside_the_folder(tmp_path: Path, url: str, name: str) -> None:
    with PhotoArchive(tmp_path, 1) as archive:
        assert archive.name_of(url) == name


def test_two_persons_of_one_name_have_two_folders_also_after_a_restart(tmp_path: Path) -> None:
    with PhotoArchive(tmp_path, 1) as archive:
        archive.set_state(PersonState(name=archive.name_of("http://h/a/ada"), url="http://h/a/ada"))
        other = archive.name_of("http://h/b/ada")
        archive.set_state(PersonState(name=other, url="http://h/b/ada"))
    with PhotoArchive(tmp_path, 1) as again:
        assert (again.name_of("http://h/a/ada"), again.name_of("http://h/b/ada")) == ("ada", other)
    assert other != "ada"
