"""The shape of a face and of a body's parts beyond the phenotype: anny's local changes, sampled moderately."""

from typing import Final

import numpy as np

SPREADS: Final[dict[str, float]] = {
    "head-scale-horiz-incr": 0.3,
    "head-scale-vert-incr": 0.25,
    "head-fat-incr": 0.35,
    "forehead-scale-vert-incr": 0.3,
    "forehead-trans-forward": 0.25,
    "chin-width-incr": 0.5,
    "chin-height-incr": 0.45,
    "chin-prominent-incr": 0.4,
    "chin-jaw-drop-incr": 0.3,
    "cheek-bones-incr": 0.45,
    "cheek-volume-incr": 0.45,
    "nose-scale-horiz-incr": 0.45,
    "nose-scale-vert-incr": 0.3,
    "nose-scale-depth-incr": 0.4,
    "nose-hump-incr": 0.45,
    "nose-point-up": 0.4,
    "nose-point-width-incr": 0.4,
    "nose-width2-incr": 0.4,
    "mouth-scale-horiz-incr": 0.35,
    "mouth-scale-vert-incr": 0.35,
    "mouth-upperlip-height-incr": 0.4,
    "mouth-lowerlip-height-incr": 0.4,
    "mouth-angles-up": 0.3,
    "eye-scale-incr": 0.3,
    "eye-height2-incr": 0.35,
    "eye-corner1-up": 0.35,
    "eye-corner2-up": 0.35,
    "eyebrows-trans-up": 0.35,
    "eyebrows-angle-up": 0.35,
    "ear-scale-incr": 0.4,
    "ear-wing-incr": 0.35,
    "neck-scale-horiz-incr": 0.25,
    "measure-shoulder-dist-incr": 0.3,
    "hip-scale-horiz-incr": 0.3,
    "upperleg-scale-vert-incr": 0.2,
    "lowerleg-scale-vert-incr": 0.2,
}
"""Standard deviations. A paired part of the face is named once: both sides move alike."""
PAIRED: Final = ("cheek", "ear", "eye-", "upperleg", "lowerleg")
LARGEST: Final = 0.75

Shape = tuple[tuple[str, float], ...]
"""Names of SPREADS with their strength in -1..1, sorted as SPREADS is."""


def sample_shape(random: np.random.Generator) -> Shape:
    """The deviations of one person's face and proportions from the average."""
    return tuple(
        (name, float(np.clip(random.normal(0, spread), -LARGEST, LARGEST))) for name, spread in SPREADS.items()
    )


def sided(name: str) -> tuple[str, ...]:
    """anny's labels of a change: one, or the left and the right."""
    return (f"l-{name}", f"r-{name}") if name.startswith(PAIRED) else (name,)
