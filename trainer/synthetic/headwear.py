"""Meshes that sit on the head, in canonical coordinates: hair, hats, glasses."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from trainer.synthetic.identity import Hair

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]

CENTRE: Final = np.array([0.0, -0.05, 0.92])
"""Middle of the skull's equator; azimuth 0 about it looks out of the face."""
SKULL: Final = np.array([0.078, 0.106, 0.101])
"""Half axes of the skull about CENTRE, metres."""


@dataclass(frozen=True)
class Piece:
    """A mesh: vertices [V, 3] in canonical metres and triangles [F, 3]."""

    vertices: Floats
    faces: Integers


@dataclass(frozen=True)
class Hairline:
    """Lowest height of hair by azimuth, metres in canonical z: over the forehead, beside, behind."""

    front: float
    side: float
    back: float
    turn: tuple[float, float]


def hairline(hair: Hair) -> Hairline:
    """The hairline of a style; `turn` is the azimuths (radians) between front and side."""
    front = 0.938 if hair.fringe else 0.982
    if hair.style == "bald":
        return Hairline(2.0, 2.0, 2.0, (0.8, 1.2))
    if hair.style == "bob":
        return Hairline(front, 0.80 - 0.02 * hair.volume, 0.80, (0.72, 1.12))
    if hair.style == "long":
        return Hairline(front, 0.63 - 0.06 * hair.volume, 0.58 - 0.06 * hair.volume, (0.72, 1.15))
    if hair.style == "curly":
        return Hairline(max(front, 0.955), 0.865, 0.82, (0.8, 1.25))
    return Hairline(front, 0.905, 0.835, (0.85, 1.35))


def hair_pieces(hair: Hair, pressed: bool = False) -> list[Piece]:
    """The cap of hair over the skull, flat when pressed by a hat, and, where the style has one, the bun or tail."""
    if hair.style == "bald":
        return []
    pieces = [_cap(hair, pressed)]
    if hair.style == "bun":
        pieces.append(ball((0.0, 0.055, 0.985), 0.045))
    if hair.style == "ponytail":
        points = [
            (0.0, 0.045, 0.965),
            (0.0, 0.115, 0.955),
            (0.0, 0.135, 0.87),
            (0.0, 0.125, 0.77),
            (0.0, 0.12, 0.68),
        ]
        pieces.append(tube(points, (0.018, 0.034, 0.040, 0.034, 0.006), 10))
    return pieces


def hat_pieces(kind: str) -> list[Piece]:
    """The crown of a hat and its brim."""
    lift = {"cap": 0.955, "beanie": 0.938, "hat": 0.965, "sun hat": 0.962}[kind]
    scale = {"beanie": 1.19, "hat": 1.28}.get(kind, 1.24)
    rise = {"cap": 1.18, "beanie": 1.30, "hat": 1.45, "sun hat": 1.28}[kind]
    crown = _dome(lift, scale, rise, 3.5 if kind == "hat" else 2.3)
    if kind == "beanie":
        return [crown]
    reach = (-1.15, 1.15) if kind == "cap" else (-np.pi, np.pi)
    return [crown, _brim(lift, scale, reach, {"cap": 0.075, "hat": 0.07, "sun hat": 0.135}[kind])]


def glasses_pieces() -> list[Piece]:
    """Two rims, a bridge and two temples."""
    turn = np.linspace(0, 2 * np.pi, 17)
    pieces = []
    for side in (-1.0, 1.0):
        rim = [(side * 0.034 + 0.023 * np.cos(a), -0.166, 0.898 + 0.019 * np.sin(a)) for a in turn]
        pieces.append(tube(rim, (0.0030,) * len(rim), 5))
        temple = [
            (side * 0.057, -0.161, 0.902),
            (side * 0.081, -0.12, 0.902),
            (side * 0.086, -0.055, 0.90),
        ]
        pieces.append(tube(temple, (0.0028,) * 3, 5))
    bridge = [(-0.012, -0.165, 0.901), (0.0, -0.167, 0.904), (0.012, -0.165, 0.901)]
    return [*pieces, tube(bridge, (0.0028,) * 3, 5)]


def _cap(hair: Hair, pressed: bool, columns: int = 44) -> Piece:
    line = hairline(hair)
    thickness = {
        "buzz": 0.004,
        "short": 0.012,
        "bun": 0.012,
        "ponytail": 0.012,
        "bob": 0.022,
        "long": 0.020,
        "curly": 0.036,
    }[hair.style] * (0.8 + 0.5 * hair.volume)
    if pressed:
        thickness = min(thickness, 0.014)
    loose = hair.style in ("bob", "long")
    crown = np.linspace(0.02, np.pi / 2, 10)
    low = min(line.side, line.back) - 0.03
    below = np.linspace(CENTRE[2], low, 10)[1:]
    azimuth = np.linspace(-np.pi, np.pi, columns, endpoint=False)
    rings = []
    for angle in crown:
        height = CENTRE[2] + (SKULL[2] + thickness) * _super(np.cos(angle))
        rings.append(_ring(azimuth, _super(np.sin(angle)), height, SKULL[:2] + thickness))
    for height in below:
        drop = CENTRE[2] - height
        if loose:
            axes = SKULL[:2] + thickness + np.array([0.10, 0.20]) * min(drop, 0.26)
        else:
            axes = SKULL[:2] + thickness - np.array([0.15, 0.38]) * drop
        rings.append(_ring(azimuth, 1.0, height, axes))
    vertices = np.concatenate(rings)
    if hair.style == "curly":
        vertices = _curls(vertices, hair.volume)
    return Piece(vertices.astype(np.float32), grid_faces(len(rings), columns))


def _super(value: float) -> float:
    """Rounds a dome towards a box, as skulls are."""
    return float(np.sign(value) * np.abs(value) ** 0.86)


def _curls(vertices: npt.NDArray[np.float64], volume: float) -> npt.NDArray[np.float64]:
    away = vertices - CENTRE
    waves = np.sin(vertices[:, 0] * 190) * np.sin(vertices[:, 1] * 170 + 1) + np.sin(vertices[:, 2] * 180)
    return np.asarray(CENTRE + away * (1 + (0.03 + 0.03 * volume) * waves[:, None]))


def _ring(
    azimuth: npt.NDArray[np.float64], size: float, height: float, axes: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    x = CENTRE[0] + axes[0] * size * np.sin(azimuth)
    y = CENTRE[1] - axes[1] * size * np.cos(azimuth)
    return np.stack([x, y, np.full_like(x, height)], axis=1)


def grid_faces(rows: int, columns: int, closed: bool = True) -> Integers:
    """Triangles of a grid of vertices, row by row, whose columns wrap around when closed."""
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    following = (column + 1) % columns
    a, b = row * columns + column, row * columns + following
    c, d = a + columns, b + columns
    triangles = np.concatenate([np.stack([a, c, b], -1), np.stack([b, c, d], -1)])
    return triangles.reshape(-1, 3).astype(np.int32)


def _dome(lift: float, scale: float, rise: float, squareness: float) -> Piece:
    azimuth = np.linspace(-np.pi, np.pi, 32, endpoint=False)
    rings = []
    for angle in np.linspace(0.02, np.pi / 2, 9):
        size = abs(np.sin(angle)) ** (2 / squareness)
        height = lift + (SKULL[2] * rise - (lift - CENTRE[2])) * abs(np.cos(angle)) ** (2 / squareness)
        rings.append(_ring(azimuth, size, height, SKULL[:2] * scale))
    rings.append(_ring(azimuth, 1.0, lift - 0.012, SKULL[:2] * scale))
    return Piece(np.concatenate(rings).astype(np.float32), grid_faces(len(rings), 32))


def _brim(lift: float, scale: float, reach: tuple[float, float], width: float) -> Piece:
    azimuth = np.linspace(reach[0], reach[1], 33)
    rings = []
    for share in (0.0, 0.5, 1.0):
        bend = 1.0 if reach[1] > 3 else np.cos(azimuth * np.pi / 2 / 1.15)
        ring = _ring(azimuth, 1.0, lift - 0.004, SKULL[:2] * scale)
        outward = ring - CENTRE
        outward[:, 2] = 0
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        ring = ring + outward * (width * share * bend * np.ones(len(azimuth)))[:, None]
        ring[:, 2] -= 0.012 * share
        rings.append(ring)
    return Piece(np.concatenate(rings).astype(np.float32), grid_faces(3, 33, closed=False))


def ball(centre: tuple[float, float, float], radius: float) -> Piece:
    """A sphere."""
    azimuth = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    rings = []
    for angle in np.linspace(0.05, np.pi - 0.05, 9):
        size, height = np.sin(angle) * radius, np.cos(angle) * radius
        ring = np.stack([size * np.sin(azimuth), size * np.cos(azimuth), np.full_like(azimuth, height)], axis=1)
        rings.append(ring + np.array(centre))
    return Piece(np.concatenate(rings).astype(np.float32), grid_faces(9, 14))


def tube(points: list[tuple[float, float, float]], radii: tuple[float, ...], columns: int) -> Piece:
    """A tube of varying radius along a path."""
    path = np.array(points)
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    reference = np.eye(3)[np.abs(tangent).max(axis=0).argmin()]
    first = np.cross(tangent, reference)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(tangent, first)
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    rings = [
        path[i] + radii[i] * (np.cos(turn)[:, None] * first[i] + np.sin(turn)[:, None] * second[i])
        for i in range(len(path))
    ]
    return Piece(np.concatenate(rings).astype(np.float32), grid_faces(len(rings), columns))
