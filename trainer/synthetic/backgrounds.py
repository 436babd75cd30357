"""Painted places behind a person: named, clearly distinct, different at every draw."""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from trainer.synthetic import indoors, outdoors
from trainer.synthetic.canvas import Atmosphere, Canvas, Picture

_PAINTERS: Final[dict[str, tuple[Callable[[Canvas], None], Atmosphere]]] = {
    "studio": (indoors.studio, Atmosphere((0.50, 0.50, 0.51), (0.36, 0.36, 0.36), (0.72, 0.71, 0.69))),
    "street": (outdoors.street, Atmosphere((0.48, 0.52, 0.58), (0.34, 0.33, 0.32), (0.74, 0.71, 0.65))),
    "night_city": (
        outdoors.night_city,
        Atmosphere((0.40, 0.39, 0.48), (0.32, 0.29, 0.29), (0.56, 0.50, 0.48), (0.35, 0.18, 0.38)),
    ),
    "forest": (outdoors.forest, Atmosphere((0.46, 0.49, 0.43), (0.30, 0.32, 0.27), (0.70, 0.69, 0.62))),
    "beach": (outdoors.beach, Atmosphere((0.50, 0.56, 0.62), (0.44, 0.40, 0.32), (0.80, 0.76, 0.66))),
    "sunset": (
        outdoors.sunset,
        Atmosphere((0.46, 0.37, 0.39), (0.32, 0.24, 0.25), (0.78, 0.62, 0.50), (0.60, 0.30, 0.12)),
    ),
    "mountains": (
        outdoors.mountains,
        Atmosphere((0.50, 0.56, 0.66), (0.48, 0.52, 0.60), (0.72, 0.71, 0.68)),
    ),
    "room": (indoors.room, Atmosphere((0.46, 0.43, 0.38), (0.34, 0.28, 0.22), (0.70, 0.65, 0.56))),
    "desert": (outdoors.desert, Atmosphere((0.48, 0.50, 0.52), (0.42, 0.36, 0.29), (0.80, 0.74, 0.63))),
    "flowers": (outdoors.flowers, Atmosphere((0.50, 0.55, 0.58), (0.34, 0.42, 0.26), (0.76, 0.73, 0.66))),
    "space": (
        outdoors.space,
        Atmosphere((0.41, 0.41, 0.47), (0.30, 0.29, 0.35), (0.72, 0.72, 0.78), (0.25, 0.25, 0.5), False),
    ),
    "red_wall": (indoors.red_wall, Atmosphere((0.48, 0.42, 0.42), (0.34, 0.26, 0.26), (0.70, 0.67, 0.64))),
    "cafe": (indoors.cafe, Atmosphere((0.44, 0.42, 0.38), (0.32, 0.27, 0.22), (0.74, 0.66, 0.54))),
    "library": (indoors.library, Atmosphere((0.46, 0.43, 0.40), (0.32, 0.26, 0.23), (0.72, 0.67, 0.60))),
    "kitchen": (indoors.kitchen, Atmosphere((0.52, 0.53, 0.54), (0.36, 0.36, 0.36), (0.70, 0.69, 0.67))),
    "gym": (indoors.gym, Atmosphere((0.50, 0.50, 0.48), (0.32, 0.35, 0.38), (0.72, 0.70, 0.66))),
    "park": (outdoors.park, Atmosphere((0.50, 0.55, 0.56), (0.34, 0.40, 0.28), (0.76, 0.73, 0.66))),
    "winter_street": (outdoors.winter_street, Atmosphere((0.52, 0.55, 0.60), (0.46, 0.48, 0.52), (0.60, 0.60, 0.62))),
    "stadium": (outdoors.stadium, Atmosphere((0.50, 0.54, 0.58), (0.40, 0.32, 0.30), (0.78, 0.74, 0.68))),
}
"""New places come last: trained models know the others by number."""
BACKGROUNDS: Final[tuple[str, ...]] = tuple(_PAINTERS)


def atmosphere(name: str) -> Atmosphere:
    """The light of a named place."""
    return _PAINTERS[name][1]


def paint(name: str, seed: int, height: int, width: int, horizon_row: float, blur: float) -> Picture:
    """The place as float32 [height, width, 3] in 0..1. `blur` is the lens blur in shares of the width."""
    scale = 2
    horizon = int(np.clip(horizon_row / height, 0.28, 0.72) * height * scale)
    random = np.random.default_rng(seed)
    canvas = Canvas(np.zeros((height * scale, width * scale, 3), np.float32), horizon, random)
    _PAINTERS[name][0](canvas)
    picture = canvas.pixels
    if blur > 0:
        picture = cv2.GaussianBlur(picture, (0, 0), blur * width * scale)
    if random.random() < 0.5:
        picture = picture[:, ::-1]
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    brightness = random.uniform(0.92, 1.06)
    return np.asarray(np.clip(small * brightness, 0, 1), dtype=np.float32)
