"""Named colours, RGB in 0..1, and their jitter."""

from typing import Final

import numpy as np

Rgb = tuple[float, float, float]

GARMENT_COLOURS: Final[dict[str, Rgb]] = {
    "black": (0.07, 0.07, 0.08),
    "white": (0.93, 0.93, 0.92),
    "grey": (0.50, 0.50, 0.51),
    "red": (0.80, 0.09, 0.10),
    "green": (0.12, 0.52, 0.20),
    "blue": (0.13, 0.33, 0.82),
    "yellow": (0.95, 0.80, 0.12),
    "orange": (0.95, 0.46, 0.07),
    "purple": (0.46, 0.17, 0.60),
    "pink": (0.96, 0.52, 0.68),
    "brown": (0.40, 0.24, 0.13),
    "beige": (0.83, 0.74, 0.58),
    "navy": (0.09, 0.13, 0.34),
    "turquoise": (0.11, 0.68, 0.68),
}
HAIR_COLOURS: Final[dict[str, Rgb]] = {
    "black": (0.06, 0.05, 0.05),
    "brown": (0.30, 0.17, 0.09),
    "blond": (0.86, 0.68, 0.36),
    "red": (0.66, 0.24, 0.08),
    "grey": (0.55, 0.55, 0.56),
    "white": (0.90, 0.90, 0.89),
    "blue": (0.13, 0.28, 0.80),
    "pink": (0.94, 0.40, 0.64),
}
IRIS_COLOURS: Final[dict[str, Rgb]] = {
    "brown": (0.24, 0.13, 0.07),
    "blue": (0.22, 0.42, 0.68),
    "green": (0.25, 0.45, 0.28),
    "grey": (0.40, 0.44, 0.48),
}
SKIN_TONES: Final[tuple[Rgb, ...]] = (
    (0.26, 0.16, 0.11),
    (0.36, 0.22, 0.15),
    (0.48, 0.31, 0.21),
    (0.62, 0.42, 0.29),
    (0.75, 0.54, 0.39),
    (0.85, 0.65, 0.50),
    (0.93, 0.75, 0.62),
    (0.97, 0.83, 0.73),
)
"""From darkest to lightest."""


def jittered(colour: Rgb, random: np.random.Generator, amount: float) -> Rgb:
    """The colour moved by up to `amount` in brightness and half of it in each channel."""
    shift = random.uniform(-amount, amount)
    channels = [float(np.clip(value + shift + random.uniform(-amount, amount) / 2, 0.02, 0.98)) for value in colour]
    return channels[0], channels[1], channels[2]


def skin_tone(position: float) -> Rgb:
    """The tone at `position` in 0 (darkest) .. 1 (lightest)."""
    scaled = position * (len(SKIN_TONES) - 1)
    index = min(int(scaled), len(SKIN_TONES) - 2)
    weight = scaled - index
    low, high = np.array(SKIN_TONES[index]), np.array(SKIN_TONES[index + 1])
    mixed = low * (1 - weight) + high * weight
    return float(mixed[0]), float(mixed[1]), float(mixed[2])
