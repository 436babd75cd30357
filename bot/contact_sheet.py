"""The contact sheet above a page of buttons: a small picture per preset, side by side, numbered as the buttons. Pure.

`python -m engine presets` draws the pictures into `bot/previews`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

PICTURES = Path(__file__).with_name("previews")
TILE_PX = (240, 360)
GAP_PX = 8
LABEL_PX = 52
BACKGROUND = "#d9dbe0"
QUALITY = 85
CACHED = 64


@lru_cache(CACHED)
def contact_sheet(names: tuple[str, ...], first: int = 1, folder: Path = PICTURES) -> bytes | None:
    """A JPEG of one row, numbered from `first`; `None` for a folder without pictures.

    `names`: of the files, such as "style-film". A preset without a picture, such as an admin's style, gets an empty
    tile."""
    if not any(folder.glob("*.webp")):
        return None
    found = [_read(folder / f"{name}.webp") for name in names]
    width, height = TILE_PX
    sheet = Image.new("RGB", (len(names) * (width + GAP_PX) - GAP_PX, height), "white")
    brush, font = ImageDraw.Draw(sheet), ImageFont.load_default(LABEL_PX * 0.7)
    for place, tile in enumerate(found):
        left = place * (width + GAP_PX)
        sheet.paste(_fitted(tile), (left, 0))
        top = height - LABEL_PX  # at the bottom, where no heads are
        brush.rectangle((left, top, left + LABEL_PX, height), fill="#202124")
        middle = (left + LABEL_PX / 2, top + LABEL_PX / 2)
        brush.text(middle, str(first + place), fill="white", font=font, anchor="mm")
    written = io.BytesIO()
    sheet.save(written, "JPEG", quality=QUALITY)
    return written.getvalue()


def _read(path: Path) -> Image.Image | None:
    if not path.is_file():
        return None
    with Image.open(path, formats=("WEBP",)) as opened:
        return opened.convert("RGB")


def _fitted(picture: Image.Image | None) -> Image.Image:
    """The whole picture within a tile."""
    tile = Image.new("RGB", TILE_PX, BACKGROUND)
    if picture is not None:
        small = picture.copy()
        scale = min(TILE_PX[0] / small.width, TILE_PX[1] / small.height)
        small = small.resize((round(small.width * scale), round(small.height * scale)), Image.Resampling.LANCZOS)
        tile.paste(small, ((TILE_PX[0] - small.width) // 2, (TILE_PX[1] - small.height) // 2))
    return tile


def file_names(kind: str, names: Sequence[str]) -> tuple[str, ...]:
    """The presets `names` of a kind, "style" or "pose", as the files are named."""
    return tuple(f"{kind}-{name}" for name in names)
