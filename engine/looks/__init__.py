"""Styles as filters of a finished picture, for backbones that cannot draw a style by words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image

from engine.looks.canvas import Colour, to_bytes, to_unit
from engine.looks.drawn import comic, pop_art, sketch
from engine.looks.painted import oil, watercolor
from engine.looks.shot import film, pixel

Filter = Callable[[Colour, np.random.Generator], Colour]

LOOKS: Final[dict[str, Filter]] = {
    "film": film,
    "sketch": sketch,
    "watercolor": watercolor,
    "oil": oil,
    "pop_art": pop_art,
    "comic": comic,
    "pixel": pixel,
}


def apply_look(picture: Image.Image, name: str, seed: int = 0) -> Image.Image:
    """The filtered RGB picture, of the same size. Equal pictures, names and seeds give equal results. Raises KeyError
    for an unknown name."""
    pixels = to_unit(np.asarray(picture.convert("RGB")))
    return Image.fromarray(to_bytes(LOOKS[name](pixels, np.random.default_rng(seed))))
