"""The chat as one picture: nothing is cut off, nothing is illegible."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from bot.local import chat_picture
from bot.local.chat_picture import Bubble, draw_chat, legible, wrap


def blank_photo(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), (200, 30, 30))


def red_share(picture: Image.Image) -> int:
    pixels = np.asarray(picture).astype(int)
    return int(((abs(pixels - (200, 30, 30))).sum(axis=2) < 12).sum())


def test_cyrillic_is_kept_and_colour_emoji_are_left_out_without_a_gap() -> None:
    assert legible("🎨 Акварель 🏔 и\n🚀 Space") == "Акварель и\nSpace"


def test_lines_fit_and_no_word_is_lost() -> None:
    text = "Пришлите фотографию человека and a sentence about what you want to see"
    lines = wrap(text, 200)
    assert len(lines) > 3
    assert " ".join(lines) == text
    assert max(chat_picture._font(chat_picture.TEXT_PX).getlength(line) for line in lines) <= 200


def test_a_word_wider_than_the_bubble_is_cut_into_lines() -> None:
    lines = wrap("w" * 200, 200)
    assert "".join(lines) == "w" * 200
    assert len(lines) > 5


def test_paragraphs_and_empty_lines_stay() -> None:
    assert wrap("one\n\ntwo", 300) == ["one", "", "two"]


def test_a_small_photo_is_shown_large_and_a_strip_beside_it() -> None:
    alone = draw_chat([Bubble("BoLID", mine=False, photo=blank_photo(64, 96))], "chat")
    with_strip = draw_chat(
        [Bubble("BoLID", mine=False, photo=blank_photo(64, 96), strip=(blank_photo(64, 96),))], "chat"
    )
    assert red_share(alone) > 300 * 400
    assert red_share(with_strip) > red_share(alone) + 80 * 120


@pytest.mark.parametrize("size", [(1, 1), (5000, 20), (20, 5000)])
def test_photos_of_any_shape_stay_within_the_bubble(size: tuple[int, int]) -> None:
    sheet = draw_chat([Bubble("Ben", mine=True, photo=blank_photo(*size))], "chat")
    assert sheet.width < 2 * chat_picture.COLUMN_PX


def test_a_long_chat_goes_into_columns_of_about_equal_length() -> None:
    bubbles = [Bubble("Ben", mine=bool(number % 2), text="words\n" * 10) for number in range(20)]
    sheet = draw_chat(bubbles, "chat")
    assert sheet.width > 3 * chat_picture.COLUMN_PX
    assert sheet.height < chat_picture.COLUMN_HEIGHT_PX + 200
    right = np.asarray(sheet)[64:, -chat_picture.COLUMN_PX :]
    filled_rows = (right != np.array(chat_picture.WALL)).any(axis=(1, 2))
    assert filled_rows.nonzero()[0].max() > sheet.height / 2


def test_own_messages_stand_right_and_the_other_ones_left() -> None:
    def middle(mine: bool) -> float:
        pixels = np.asarray(draw_chat([Bubble("x", mine=mine, text="hello")], "chat"))[80:]
        columns = (pixels != np.array(chat_picture.WALL)).any(axis=(0, 2)).nonzero()[0]
        return float(columns.mean())

    assert middle(mine=True) > chat_picture.COLUMN_PX * 0.7
    assert middle(mine=False) < chat_picture.COLUMN_PX * 0.3


def test_a_button_text_too_long_for_its_button_ends_in_an_ellipsis() -> None:
    sheet = draw_chat([Bubble("BoLID", mine=False, text="x", buttons=(("long " * 40, "short"),))], "chat")
    assert sheet.width == chat_picture.COLUMN_PX + chat_picture.MARGIN_PX
