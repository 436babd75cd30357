"""Contact sheets: one picture per preset that a button offers, whole sheets, and pages that go round."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from bot.contact_sheet import GAP_PX, PICTURES, TILE_PX, contact_sheet, file_names
from bot.styles import load_styles
from bot.telegram.preset_pages import PER_PAGE, page_at, page_with
from engine.contract import PosePreset

BYTES_MAX = 60_000
PHOTO_SIDES_MAX = 10_000


def test_every_preset_has_a_small_picture():
    names = {*file_names("style", load_styles().names), *file_names("pose", [*PosePreset])}
    assert {path.stem for path in PICTURES.glob("*.webp")} == names
    assert max(path.stat().st_size for path in PICTURES.glob("*.webp")) < BYTES_MAX


def test_a_sheet_shows_its_pictures_side_by_side(tmp_path: Path):
    for name, colour in (("style-a", "red"), ("style-b", "blue")):
        Image.new("RGB", (100, 150), colour).save(tmp_path / f"{name}.webp")
    sheet = contact_sheet(file_names("style", ["a", "b"]), 5, tmp_path)
    assert sheet is not None
    with Image.open(io.BytesIO(sheet)) as picture:
        width, height = TILE_PX
        assert picture.size == (2 * width + GAP_PX, height)
        red, blue = (picture.getpixel((middle, height // 3)) for middle in (width // 2, width + GAP_PX + width // 2))
    assert isinstance(red, tuple) and isinstance(blue, tuple)
    assert red[0] > 200 > red[2] and blue[2] > 200 > blue[0]


def test_a_preset_without_a_picture_has_an_empty_tile(tmp_path: Path):
    assert contact_sheet(("style-new",), 1, tmp_path) is None, "no tile at all: the buttons stand alone"
    Image.new("RGB", (100, 150), "red").save(tmp_path / "style-old.webp")
    assert contact_sheet(("style-new", "style-old"), 1, tmp_path) is not None
    sheet = contact_sheet(("style-new",), 2, tmp_path)
    assert sheet is not None, "a message that shows a sheet cannot become a text when its page is turned"


def test_the_number_is_drawn_from_the_first(tmp_path: Path):
    Image.new("RGB", (100, 150), "red").save(tmp_path / "style-a.webp")
    assert contact_sheet(("style-a",), 1, tmp_path) != contact_sheet(("style-a",), 2, tmp_path)


@pytest.mark.parametrize("count", [1, PER_PAGE, PER_PAGE + 1, 15])
def test_pages_go_round_and_miss_none(count: int):
    names = [str(number) for number in range(count)]
    pages = [page_at("style", names, number) for number in range(page_at("style", names, 0).pages)]
    assert [name for page in pages for name in page.names] == names
    assert pages[-1].after == 0 and pages[0].before == len(pages) - 1
    assert all(name in page_with("style", names, name).names for name in names)
    assert page_with("style", names, "gone").number == 0
    assert page_at("style", names, len(pages)) == pages[0], "an old button of a longer list"
