"""Meshes that sit on the torso, in canonical coordinates: collars, hoods, bags."""

from typing import Final

import numpy as np
import numpy.typing as npt

from trainer.synthetic.headwear import Piece, grid_faces, tube

HOOD_PATH: Final = (
    (-0.045, -0.100, 0.700),
    (-0.095, -0.060, 0.745),
    (-0.112, -0.005, 0.775),
    (-0.085, 0.055, 0.775),
    (0.000, 0.085, 0.765),
    (0.085, 0.055, 0.775),
    (0.112, -0.005, 0.775),
    (0.095, -0.060, 0.745),
    (0.045, -0.100, 0.700),
)
HOOD_RADII: Final = (0.006, 0.016, 0.026, 0.036, 0.044, 0.036, 0.026, 0.016, 0.006)


def collar_pieces(kind: str) -> list[Piece]:
    """The collar of a shirt, jacket or coat, or the hood of a hoodie."""
    if kind == "hoodie":
        return [tube(list(HOOD_PATH), HOOD_RADII, 10)]
    if kind == "shirt":
        return [_collar(0.036, 0.012, 0.35)]
    if kind == "coat":
        return [_collar(0.055, 0.030, 0.85)]
    return []


def bag_pieces(kind: str) -> list[Piece]:
    """The body of a bag; its strap is drawn by the surface program."""
    if kind == "backpack":
        return [_box((0.0, 0.165, 0.50), (0.135, 0.075, 0.20)), _box((0.0, 0.245, 0.42), (0.095, 0.030, 0.085))]
    return [_box((0.225, -0.055, -0.02), (0.045, 0.125, 0.095))]


def _collar(height_m: float, gap_m: float, opening: float) -> Piece:
    """A band around the neck, folded outwards, open in front by `opening` radians to each side."""
    azimuth = np.linspace(opening, 2 * np.pi - opening, 33)
    across, along = np.sin(azimuth), -np.cos(azimuth)
    rings = []
    for rise, out in ((-0.012, 0.004), (height_m, 0.0), (height_m * 1.05, 0.006), (0.004, 0.022)):
        x = (0.063 + gap_m + out) * across
        y = -0.022 + (0.062 + gap_m + out) * along
        slope = 0.42 * (y + 0.03)
        rings.append(np.stack([x, y, 0.757 + slope + rise], axis=1))
    return Piece(np.concatenate(rings).astype(np.float32), grid_faces(len(rings), len(azimuth), closed=False))


def _box(centre: tuple[float, float, float], half: tuple[float, float, float]) -> Piece:
    """A box with rounded edges."""
    azimuth = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    rings = []
    for angle in np.linspace(0.02, np.pi - 0.02, 11):
        size, height = _square(np.sin(angle)), _square(np.cos(angle))
        ring = np.stack([size * _square(np.sin(azimuth)), size * _square(np.cos(azimuth))], axis=1)
        rings.append(np.concatenate([ring, np.full((len(azimuth), 1), height)], axis=1))
    vertices = np.concatenate(rings) * half + centre
    return Piece(vertices.astype(np.float32), grid_faces(len(rings), len(azimuth)))


def _square(value: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.sign(value) * np.abs(value) ** 0.4)
