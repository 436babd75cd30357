"""A sheet of one picture in every look, for judging the looks and for users."""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageDraw, ImageFont

from engine.looks import LOOKS, apply_look

COLUMNS: Final = 4
TILE_WIDTH_PX: Final = 320
LABEL_HEIGHT_PX: Final = 30
GAP_PX: Final = 8


def draw_sheet(picture: Image.Image, seed: int = 0) -> Image.Image:
    """The unfiltered picture, then each look in the order of LOOKS, with names below. Filtered at full size."""
    original = picture.convert("RGB")
    tiles = [("none", original), *((name, apply_look(original, name, seed)) for name in LOOKS)]
    tile_height = max(round(TILE_WIDTH_PX * picture.height / picture.width), 1)
    rows = -(-len(tiles) // COLUMNS)
    across, down = TILE_WIDTH_PX + GAP_PX, tile_height + LABEL_HEIGHT_PX + GAP_PX
    sheet = Image.new("RGB", (COLUMNS * across + GAP_PX, rows * down + GAP_PX), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    for number, (name, tile) in enumerate(tiles):
        left, top = GAP_PX + number % COLUMNS * across, GAP_PX + number // COLUMNS * down
        sheet.paste(tile.resize((TILE_WIDTH_PX, tile_height), Image.Resampling.LANCZOS), (left, top))
        middle = (left + TILE_WIDTH_PX // 2, top + tile_height + LABEL_HEIGHT_PX // 2)
        draw.text(middle, name.replace("_", " "), fill="black", font=font, anchor="mm")
    return sheet
