"""Screenshots of pages side by side, for the documentation: $DOC_PICTURES names the folder that they are written to."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

FOLDER = os.environ.get("DOC_PICTURES")
HEIGHT_PX = 780
GAP_PX = 16
QUALITY = 82


def keep(name: str, shots: Sequence[bytes]) -> None:
    """PNGs of one size as one picture, in a row, if the folder is named."""
    if not FOLDER:
        return
    phones = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]
    width = round(phones[0].width * HEIGHT_PX / phones[0].height)
    row = Image.new("RGB", (len(phones) * (width + GAP_PX) - GAP_PX, HEIGHT_PX), "white")
    for number, phone in enumerate(phones):
        row.paste(phone.resize((width, HEIGHT_PX), Image.Resampling.LANCZOS), (number * (width + GAP_PX), 0))
    row.save(Path(FOLDER) / f"{name}.webp", "WEBP", quality=QUALITY, method=6)
