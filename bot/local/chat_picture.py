"""A chat drawn as one picture: bubbles, photos and buttons in columns, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

COLUMN_PX = 620
COLUMN_HEIGHT_PX = 1500
MARGIN_PX = 24
BUBBLE_PX = 480
PAD_PX = 14
GAP_PX = 10
PHOTO_PX = 400
PHOTO_HEIGHT_PX = 480
STRIP_HEIGHT_PX = 150
BUTTON_PX = 46
TEXT_PX, SMALL_PX, TITLE_PX = 21, 15, 26
LINE_PX = 28

WALL = (205, 219, 204)
HEADER = (66, 103, 120)
MINE, THEIRS = (226, 251, 205), (255, 255, 255)
INK, FAINT, LINK, WHITE = (24, 29, 34), (122, 134, 142), (47, 110, 165), (255, 255, 255)
BUTTON = (120, 142, 128)


@dataclass(frozen=True)
class Bubble:
    """One message as it is drawn. `strip` shows how it looked before, `note` stands small beside its time."""

    sender: str
    mine: bool
    text: str = ""
    photo: Image.Image | None = None
    strip: tuple[Image.Image, ...] = ()
    buttons: tuple[tuple[str, ...], ...] = ()
    note: str = ""


def draw_chat(bubbles: Sequence[Bubble], title: str) -> Image.Image:
    """The chat as an RGB picture: columns read downwards, then to the right."""
    blocks = [_draw_block(bubble) for bubble in bubbles]
    columns = _columns(blocks)
    header_px = 64
    height = header_px + max(sum(block.height + GAP_PX for block in column) for column in columns) + 2 * MARGIN_PX
    sheet = Image.new("RGB", ((COLUMN_PX + MARGIN_PX) * len(columns), height), WALL)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((0, 0, sheet.width, header_px), fill=HEADER)
    draw.text((MARGIN_PX, header_px // 2), legible(title), font=_font(TITLE_PX, bold=True), fill=WHITE, anchor="lm")
    for number, column in enumerate(columns):
        top = header_px + MARGIN_PX
        for block in column:
            sheet.paste(block, (number * (COLUMN_PX + MARGIN_PX) + MARGIN_PX, top), block)
            top += block.height + GAP_PX
    return sheet


def _columns(blocks: Sequence[Image.Image]) -> list[list[Image.Image]]:
    """The blocks in as few columns as COLUMN_HEIGHT_PX allows, about equally long."""
    fewest = len(_filled(blocks, COLUMN_HEIGHT_PX))
    height_px = sum(block.height + GAP_PX for block in blocks) // fewest
    while len(_filled(blocks, height_px)) > fewest:
        height_px += 10
    return _filled(blocks, height_px)


def _filled(blocks: Sequence[Image.Image], height_px: int) -> list[list[Image.Image]]:
    """The blocks in columns of at most `height_px`, or of one block that is longer."""
    columns: list[list[Image.Image]] = [[]]
    filled_px = 0
    for block in blocks:
        if columns[-1] and filled_px + block.height > height_px:
            columns.append([])
            filled_px = 0
        columns[-1].append(block)
        filled_px += block.height + GAP_PX
    return columns


def _draw_block(bubble: Bubble) -> Image.Image:
    """The bubble with its buttons, on a transparent ground as wide as a column."""
    photo = _fit(bubble.photo) if bubble.photo else None
    strip = _strip(bubble.strip) if bubble.strip else None
    lines = wrap(bubble.text, BUBBLE_PX - 2 * PAD_PX)
    inner = [_font(TEXT_PX).getlength(line) for line in lines] + [_font(SMALL_PX, bold=True).getlength(bubble.sender)]
    inner += [picture.width for picture in (photo, strip) if picture]
    inner += [_font(SMALL_PX).getlength(legible(bubble.note))]
    width = min(BUBBLE_PX, round(max(inner)) + 2 * PAD_PX)
    if bubble.buttons:
        width = BUBBLE_PX
    pictures_px = sum(picture.height + GAP_PX for picture in (photo, strip) if picture)
    body_px = 2 * PAD_PX + 22 + pictures_px + LINE_PX * len(lines) + (20 if bubble.note else 0)
    buttons_px = len(bubble.buttons) * (BUTTON_PX + 6)
    left = COLUMN_PX - MARGIN_PX - width if bubble.mine else 0
    block = Image.new("RGBA", (COLUMN_PX - MARGIN_PX, body_px + buttons_px), (0, 0, 0, 0))
    draw = ImageDraw.Draw(block)
    draw.rounded_rectangle((left, 0, left + width - 1, body_px - 1), 16, fill=MINE if bubble.mine else THEIRS)
    draw.text((left + PAD_PX, PAD_PX), legible(bubble.sender), font=_font(SMALL_PX, bold=True), fill=LINK)
    top = PAD_PX + 24
    for picture in (strip, photo):
        if picture:
            block.paste(picture, (left + PAD_PX, top), picture)
            top += picture.height + GAP_PX
    for line in lines:
        draw.text((left + PAD_PX, top), line, font=_font(TEXT_PX), fill=INK)
        top += LINE_PX
    if bubble.note:
        corner = (left + width - PAD_PX, body_px - PAD_PX)
        draw.text(corner, legible(bubble.note), font=_font(SMALL_PX), fill=FAINT, anchor="rs")
    _draw_buttons(draw, bubble.buttons, left, body_px + 6, width)
    return block


def _draw_buttons(draw: ImageDraw.ImageDraw, rows: Sequence[Sequence[str]], left: int, top: int, width: int) -> None:
    for row in rows:
        each = (width - 6 * (len(row) - 1)) // len(row)
        for number, text in enumerate(row):
            start = left + number * (each + 6)
            draw.rounded_rectangle((start, top, start + each - 1, top + BUTTON_PX - 1), 10, fill=BUTTON)
            font = _font(TEXT_PX - 3, bold=True)
            line = legible(text)
            while font.getlength(line) > each - 12:
                line = line.rstrip("…")[:-1] + "…"
            draw.text((start + each / 2, top + BUTTON_PX / 2), line, font=font, fill=WHITE, anchor="mm")
        top += BUTTON_PX + 6


def _fit(photo: Image.Image) -> Image.Image:
    """The photo at the size that a chat shows, with round corners; small ones are enlarged."""
    scale = min(PHOTO_PX / photo.width, PHOTO_HEIGHT_PX / photo.height)
    return _rounded(photo, (round(photo.width * scale), round(photo.height * scale)))


def _strip(pictures: Sequence[Image.Image]) -> Image.Image:
    """Small pictures side by side."""
    small = [_rounded(p, (round(p.width * STRIP_HEIGHT_PX / p.height), STRIP_HEIGHT_PX)) for p in pictures]
    fitting = [p for n, p in enumerate(small) if sum(q.width + 6 for q in small[: n + 1]) <= BUBBLE_PX - 2 * PAD_PX]
    strip = Image.new("RGBA", (max(1, sum(p.width + 6 for p in fitting)), STRIP_HEIGHT_PX), (0, 0, 0, 0))
    left = 0
    for picture in fitting:
        strip.paste(picture, (left, 0), picture)
        left += picture.width + 6
    return strip


def _rounded(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    resized = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), 12, fill=255)
    resized.putalpha(mask)
    return resized


def wrap(text: str, width_px: int) -> list[str]:
    """The text in lines no wider than `width_px`; words too long for a line are cut."""
    font = _font(TEXT_PX)
    lines: list[str] = []
    for paragraph in legible(text).splitlines():
        line = ""
        for word in paragraph.split(" "):
            candidate = f"{line} {word}" if line else word
            if font.getlength(candidate) <= width_px:
                line = candidate
                continue
            if line:
                lines.append(line)
            while font.getlength(word) > width_px:
                end = next(n for n in range(len(word), 0, -1) if n == 1 or font.getlength(word[:n]) <= width_px)
                lines.append(word[:end])
                word = word[end:]
            line = word
        lines.append(line)
    return lines


def legible(text: str) -> str:
    """The text without what the font cannot draw (colour emoji), and without the gaps that leaves."""
    drawable = _characters()
    legible_text = "".join(character for character in text if character == "\n" or ord(character) in drawable)
    return "\n".join(" ".join(line.split()) for line in legible_text.split("\n"))


def _font_file(bold: bool) -> Path:
    """DejaVu Sans, which comes with matplotlib: Latin, Cyrillic and many signs, the same on every machine."""
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"DejaVuSans{'-Bold' if bold else ''}.ttf"


@cache
def _font(size_px: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_font_file(bold)), size_px)


@cache
def _characters() -> frozenset[int]:
    return frozenset(FT2Font(_font_file(bold=False)).get_charmap())
