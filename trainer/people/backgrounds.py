"""Painted places behind a person: named, clearly distinct, different at every draw.

One file because every place is a painter of its own; they read better side by side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.float32]
Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Atmosphere:
    """The light a place gives: ambient from above and below, tint of the key light, glow on edges.
    `floor` says whether a person's shadow falls on something."""

    sky: Rgb
    ground: Rgb
    key: Rgb
    rim: Rgb = (0.06, 0.06, 0.07)
    floor: bool = True


@dataclass
class Canvas:
    """A picture being painted, float32 [H, W, 3] in 0..1; `horizon` is a row."""

    pixels: Picture
    horizon: int
    random: np.random.Generator

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    def gradient(self, top: Rgb, bottom: Rgb, first: int, last: int) -> None:
        """Fills rows first..last with a vertical blend."""
        first, last = max(first, 0), min(last, self.height)
        if last > first:
            share = np.linspace(0, 1, last - first, dtype=np.float32)[:, None, None]
            blend = np.array(top) * (1 - share) + np.array(bottom) * share
            self.pixels[first:last] = blend

    def noise(self, size: int) -> Picture:
        """Smooth noise [H, W] in 0..1 whose blobs measure about `size` pixels."""
        rows, columns = self.height // max(size, 1) + 3, self.width // max(size, 1) + 3
        coarse = self.random.random((rows, columns), dtype=np.float32)
        large = cv2.resize(coarse, (self.width, self.height), interpolation=cv2.INTER_CUBIC)
        return np.asarray(np.clip(large, 0, 1), dtype=np.float32)

    def tinted(self, colour: Rgb, amount: float = 0.06) -> Rgb:
        """The colour with this draw's variation."""
        shift = self.random.uniform(-amount, amount, 3)
        values = np.clip(np.array(colour) + shift, 0, 1)
        return float(values[0]), float(values[1]), float(values[2])

    def polygon(self, points: list[tuple[float, float]], colour: Rgb) -> None:
        """Fills a polygon of (column, row) points."""
        corners = np.round(np.array(points)).astype(np.int32)
        cv2.fillPoly(self.pixels, [corners], colour, cv2.LINE_AA)

    def disc(self, column: float, row: float, radius: float, colour: Rgb) -> None:
        """Fills a circle."""
        cv2.circle(self.pixels, (int(column), int(row)), max(int(radius), 1), colour, -1, cv2.LINE_AA)

    def blend(self, colour: Rgb, mask: Picture) -> None:
        """Mixes a colour in where mask [H, W] is above zero."""
        weight = mask[:, :, None]
        self.pixels[:] = self.pixels * (1 - weight) + np.array(colour, np.float32) * weight

    def ridge(self, base: float, rise: float, roughness: int, colour: Rgb) -> list[tuple[float, float]]:
        """A jagged silhouette down to the horizon; returns its crest as (column, row)."""
        crest = _fractal(self.random, self.width + 1, roughness)
        points = [(float(i), base - rise * float(crest[i])) for i in range(self.width + 1)]
        self.polygon([(0, self.horizon + 1), *points, (self.width, self.horizon + 1)], colour)
        return points


def _fractal(random: np.random.Generator, length: int, octaves: int) -> npt.NDArray[np.float64]:
    positions = np.arange(length)
    total, weight = np.zeros(length), 1.0
    for octave in range(octaves):
        knots = 3 * 2**octave + 1
        total += weight * np.interp(positions, np.linspace(0, length, knots), random.random(knots))
        weight /= 2.1
    return np.asarray((total - total.min()) / max(float(np.ptp(total)), 1e-6))


def _studio(c: Canvas) -> None:
    level = c.random.uniform(0.58, 0.78)
    tone = c.tinted((level, level, level), 0.015)
    dark = (tone[0] * 0.80, tone[1] * 0.80, tone[2] * 0.80)
    c.gradient(dark, tone, 0, c.height)
    rows, columns = np.mgrid[0 : c.height, 0 : c.width].astype(np.float32)
    away = np.hypot((columns - c.width / 2) / c.width, (rows - c.height * 0.45) / c.height)
    c.pixels *= (1.12 - 0.45 * away)[:, :, None]


def _street(c: Canvas) -> None:
    c.gradient(c.tinted((0.45, 0.66, 0.92)), (0.82, 0.90, 0.97), 0, c.horizon)
    _towers(c, (0.72, 0.66, 0.60), (0.36, 0.46, 0.56), lit=False)
    c.gradient((0.50, 0.50, 0.51), (0.40, 0.40, 0.42), c.horizon, c.height)
    walk = c.width * c.random.uniform(0.15, 0.3)
    c.polygon([(0, c.horizon), (walk, c.horizon), (-walk, c.height), (0, c.height)], (0.68, 0.66, 0.63))
    middle = c.width * c.random.uniform(0.6, 0.8)
    for share in (0.1, 0.35, 0.68):
        low = c.horizon + (c.height - c.horizon) * share
        high = c.horizon + (c.height - c.horizon) * (share + 0.18)
        wide = c.width * 0.012 * (1 + 4 * share)
        c.polygon(
            [
                (middle, low),
                (middle + wide, low),
                (middle + wide * 1.4, high),
                (middle - wide * 0.2, high),
            ],
            (0.93, 0.92, 0.86),
        )


def _night(c: Canvas) -> None:
    c.gradient((0.02, 0.02, 0.07), (0.10, 0.08, 0.20), 0, c.horizon)
    _towers(c, (0.06, 0.06, 0.12), (0.98, 0.82, 0.38), lit=True)
    c.gradient((0.10, 0.09, 0.15), (0.04, 0.04, 0.08), c.horizon, c.height)
    for _ in range(9):
        colour = [(1.0, 0.65, 0.2), (0.9, 0.25, 0.5), (0.2, 0.7, 0.95)][int(c.random.integers(3))]
        column = c.random.uniform(0, c.width)
        glow = np.zeros((c.height, c.width), np.float32)
        length = int((c.height - c.horizon) * c.random.uniform(0.4, 0.9))
        wide = c.width * 0.02
        cv2.rectangle(glow, (int(column), c.horizon), (int(column + wide), c.horizon + length), 0.40, -1)
        c.blend(colour, cv2.GaussianBlur(glow, (0, 0), c.width * 0.02).astype(np.float32))


def _towers(c: Canvas, wall: Rgb, window: Rgb, lit: bool) -> None:
    left = -c.random.uniform(0, 0.15) * c.width
    while left < c.width:
        wide = c.width * c.random.uniform(0.16, 0.34)
        top = c.horizon * c.random.uniform(0.02, 0.62)
        tone = c.tinted(wall, 0.10 if not lit else 0.03)
        c.polygon(
            [(left, top), (left + wide, top), (left + wide, c.horizon + 1), (left, c.horizon + 1)],
            tone,
        )
        step, size = c.width * 0.062, c.width * 0.034
        for row in np.arange(top + step * 0.5, c.horizon - step, step * 1.25):
            for column in np.arange(left + step * 0.45, left + wide - size, step):
                if c.random.random() < (0.55 if lit else 1.0):
                    x, y = float(column), float(row)
                    tall = size * 1.3
                    c.polygon([(x, y), (x + size, y), (x + size, y + tall), (x, y + tall)], window)
        left += wide


def _forest(c: Canvas) -> None:
    c.gradient((0.55, 0.75, 0.62), (0.72, 0.86, 0.62), 0, c.horizon)
    leaves = c.noise(max(c.width // 16, 2))
    c.blend((0.16, 0.40, 0.14), np.clip((leaves - 0.40) * 4, 0, 0.9).astype(np.float32))
    c.gradient((0.24, 0.42, 0.14), (0.13, 0.25, 0.08), c.horizon, c.height)
    grass = c.noise(max(c.width // 40, 2))
    grass[: c.horizon] = 0
    c.blend((0.32, 0.50, 0.16), np.clip((grass - 0.5) * 1.6, 0, 0.6).astype(np.float32))
    for depth in (0.35, 0.65, 1.0):
        for _ in range(int(5 - 2 * depth)):
            x = c.random.uniform(0, c.width)
            wide = c.width * 0.075 * depth * c.random.uniform(0.7, 1.2)
            low = c.horizon + (c.height - c.horizon) * 0.25 * depth
            bark = c.tinted((0.30 - 0.12 * depth, 0.22 - 0.09 * depth, 0.13 - 0.06 * depth), 0.02)
            c.polygon(
                [
                    (x - wide * 0.35, 0),
                    (x + wide * 0.35, 0),
                    (x + wide * 0.6, low),
                    (x - wide * 0.6, low),
                ],
                bark,
            )
    crown = c.noise(max(c.width // 10, 2))
    crown[int(c.horizon * 0.45) :] = 0
    fade = np.linspace(1, 0, max(int(c.horizon * 0.45), 1), dtype=np.float32)[:, None]
    crown[: len(fade)] *= fade
    c.blend((0.10, 0.30, 0.09), np.clip((crown - 0.22) * 4, 0, 0.95).astype(np.float32))


def _beach(c: Canvas) -> None:
    c.gradient((0.30, 0.62, 0.95), (0.80, 0.92, 0.99), 0, c.horizon)
    _clouds(c, (1.0, 1.0, 1.0), 0.75)
    shore = c.horizon + int((c.height - c.horizon) * c.random.uniform(0.18, 0.32))
    c.gradient((0.07, 0.42, 0.66), (0.30, 0.74, 0.80), c.horizon, shore)
    c.gradient((0.88, 0.79, 0.58), (0.93, 0.85, 0.66), shore, c.height)
    wave = shore + np.sin(np.arange(c.width) / c.width * c.random.uniform(8, 16)) * c.height * 0.006
    line = [(float(i), float(row)) for i, row in enumerate(wave)]
    foam = [(x, y + c.height * 0.014) for x, y in reversed(line)]
    c.polygon([*line, *foam], (0.98, 0.99, 1.0))


def _sunset(c: Canvas) -> None:
    c.gradient(c.tinted((0.28, 0.14, 0.42)), (0.95, 0.38, 0.24), 0, int(c.horizon * 0.6))
    c.gradient((0.95, 0.38, 0.24), (1.0, 0.76, 0.28), int(c.horizon * 0.6), c.horizon)
    column = c.width * c.random.uniform(0.15, 0.85)
    c.disc(column, c.horizon - c.height * 0.04, c.width * 0.13, (1.0, 0.90, 0.55))
    _clouds(c, (0.98, 0.50, 0.42), 0.5)
    c.ridge(c.horizon, c.height * 0.10, 4, (0.30, 0.12, 0.26))
    c.gradient((0.36, 0.15, 0.22), (0.16, 0.07, 0.14), c.horizon, c.height)


def _mountains(c: Canvas) -> None:
    c.gradient((0.35, 0.58, 0.90), (0.80, 0.90, 0.98), 0, c.horizon)
    for rise, rock in ((0.42, (0.56, 0.63, 0.74)), (0.28, (0.38, 0.44, 0.55))):
        crest = c.ridge(c.horizon, c.height * rise, 5, rock)
        peak = min(row for _, row in crest)
        line = peak + (c.horizon - peak) * 0.55
        wobble = _fractal(c.random, c.width + 1, 6) * c.height * 0.06
        lower = [(x, max(y, line + float(wobble[i]) - c.height * 0.04)) for i, (x, y) in enumerate(crest)]
        c.polygon([*crest, *reversed(lower)], (0.97, 0.98, 1.0))
    c.gradient((0.90, 0.94, 0.99), (0.80, 0.87, 0.96), c.horizon, c.height)
    drift = c.noise(max(c.width // 5, 2))
    drift[: c.horizon] = 0
    c.blend((0.68, 0.78, 0.92), np.clip((drift - 0.55) * 1.2, 0, 0.5).astype(np.float32))


def _room(c: Canvas) -> None:
    wall = c.tinted((0.86, 0.80, 0.68), 0.05)
    c.gradient(wall, (wall[0] * 0.9, wall[1] * 0.9, wall[2] * 0.9), 0, c.height)
    floor = c.horizon + int((c.height - c.horizon) * 0.35)
    c.gradient((0.55, 0.36, 0.20), (0.46, 0.29, 0.16), floor, c.height)
    for i in range(-6, 14):
        x = c.width * i / 8
        cv2.line(
            c.pixels,
            (int(c.width / 2 + (x - c.width / 2) * 0.7), floor),
            (int(x), c.height),
            (0.36, 0.22, 0.12),
            1,
            cv2.LINE_AA,
        )
    c.pixels[max(floor - max(c.height // 50, 2), 0) : floor] = (0.96, 0.95, 0.92)
    side = c.random.random() < 0.5
    left = c.width * (0.04 if side else 0.60)
    right, top, low = left + c.width * 0.36, floor * 0.10, floor * 0.58
    c.polygon(
        [(left - 4, top - 4), (right + 4, top - 4), (right + 4, low + 4), (left - 4, low + 4)],
        (0.97, 0.96, 0.93),
    )
    c.polygon([(left, top), (right, top), (right, low), (left, low)], (0.66, 0.84, 0.97))
    middle = (left + right) / 2
    c.polygon(
        [(middle - 2, top), (middle + 2, top), (middle + 2, low), (middle - 2, low)],
        (0.97, 0.96, 0.93),
    )
    left = c.width * (0.64 if side else 0.06)
    right, top, low = left + c.width * 0.28, floor * 0.18, floor * 0.44
    frame = (0.30, 0.18, 0.10)
    c.polygon(
        [(left - 3, top - 3), (right + 3, top - 3), (right + 3, low + 3), (left - 3, low + 3)],
        frame,
    )
    c.polygon([(left, top), (right, top), (right, low), (left, low)], c.tinted((0.35, 0.55, 0.5), 0.3))


def _desert(c: Canvas) -> None:
    c.gradient((0.36, 0.62, 0.90), (0.97, 0.90, 0.74), 0, c.horizon)
    c.ridge(c.horizon, c.height * 0.13, 2, (0.86, 0.60, 0.33))
    c.gradient((0.93, 0.69, 0.38), (0.82, 0.54, 0.26), c.horizon, c.height)
    for share in (0.15, 0.45, 0.8):
        base = c.horizon + (c.height - c.horizon) * share
        wave = _fractal(c.random, c.width + 1, 2)
        crest = [(float(i), base - c.height * 0.06 * float(wave[i])) for i in range(c.width + 1)]
        shade = c.tinted((0.88 - 0.1 * share, 0.62 - 0.1 * share, 0.32 - 0.07 * share), 0.03)
        c.polygon([*crest, (c.width, c.height), (0, c.height)], shade)
    x = c.width * c.random.choice((0.1, 0.88))
    for left, top, low in ((0, 0.16, 0.03), (-0.05, 0.11, 0.06), (0.05, 0.12, 0.07)):
        column = int(x + left * c.width)
        cv2.line(
            c.pixels,
            (column, int(c.horizon - top * c.height)),
            (column, int(c.horizon + (0.03 if left == 0 else -low + 0.02) * c.height)),
            (0.16, 0.42, 0.20),
            max(c.width // 40, 2),
            cv2.LINE_AA,
        )


def _flowers(c: Canvas) -> None:
    c.gradient((0.40, 0.70, 0.98), (0.86, 0.95, 1.0), 0, c.horizon)
    _clouds(c, (1.0, 1.0, 1.0), 0.7)
    c.gradient((0.40, 0.68, 0.24), (0.24, 0.52, 0.14), c.horizon, c.height)
    kinds = (
        (0.92, 0.16, 0.22),
        (0.98, 0.86, 0.18),
        (0.94, 0.42, 0.74),
        (0.97, 0.97, 0.97),
        (0.55, 0.28, 0.82),
    )
    for depth in np.sort(c.random.random(260) ** 1.4):
        row = c.horizon + (c.height - c.horizon) * float(depth)
        radius = c.width * (0.006 + 0.024 * float(depth))
        colour = kinds[int(c.random.integers(len(kinds)))]
        c.disc(c.random.uniform(0, c.width), row, radius, colour)


def _space(c: Canvas) -> None:
    c.gradient((0.01, 0.01, 0.04), (0.03, 0.02, 0.08), 0, c.height)
    cloud = c.noise(max(c.width // 4, 2)) * c.noise(max(c.width // 12, 2))
    c.blend(c.tinted((0.45, 0.16, 0.62), 0.15), np.clip((cloud - 0.25) * 1.6, 0, 0.6).astype(np.float32))
    for _ in range(170):
        glow = c.random.uniform(0.5, 1.0)
        c.disc(
            c.random.uniform(0, c.width),
            c.random.uniform(0, c.height),
            c.width * c.random.choice((0.003, 0.005, 0.009), p=(0.6, 0.3, 0.1)),
            (glow, glow, min(glow * 1.1, 1.0)),
        )
    x, y = c.width * c.random.choice((0.14, 0.85)), c.height * c.random.uniform(0.10, 0.3)
    radius = c.width * c.random.uniform(0.13, 0.24)
    planet = c.tinted((0.75, 0.50, 0.32), 0.22)
    c.disc(x, y, radius, planet)
    c.disc(
        x + radius * 0.2,
        y + radius * 0.15,
        radius * 0.86,
        (planet[0] * 0.72, planet[1] * 0.72, planet[2] * 0.72),
    )


def _red_wall(c: Canvas) -> None:
    c.gradient(c.tinted((0.72, 0.10, 0.10), 0.05), (0.60, 0.07, 0.08), 0, c.height)
    tall, wide = max(c.height / 26, 4), max(c.width / 7, 8)
    for row, top in enumerate(np.arange(0, c.height, tall)):
        cv2.line(c.pixels, (0, int(top)), (c.width, int(top)), (0.46, 0.05, 0.06), 1, cv2.LINE_AA)
        for column in np.arange(-wide / 2 if row % 2 else 0, c.width, wide):
            cv2.line(
                c.pixels,
                (int(column), int(top)),
                (int(column), int(top + tall)),
                (0.46, 0.05, 0.06),
                1,
            )
    floor = c.horizon + int((c.height - c.horizon) * 0.62)
    c.gradient((0.34, 0.33, 0.33), (0.44, 0.43, 0.43), floor, c.height)
    c.pixels *= (0.92 + 0.16 * c.noise(max(c.width // 6, 2)))[:, :, None]


def _clouds(c: Canvas, colour: Rgb, amount: float) -> None:
    puffs = cv2.resize(c.noise(max(c.width // 5, 2)), (c.width * 2, c.height))[:, : c.width]
    puffs = puffs * 0.7 + 0.3 * c.noise(max(c.width // 14, 2))
    puffs[int(c.horizon * 0.85) :] = 0
    c.blend(colour, np.clip((puffs - 0.55) * 4, 0, amount).astype(np.float32))


_PAINTERS: Final[dict[str, tuple[Callable[[Canvas], None], Atmosphere]]] = {
    "studio": (_studio, Atmosphere((0.50, 0.50, 0.51), (0.36, 0.36, 0.36), (0.72, 0.71, 0.69))),
    "street": (_street, Atmosphere((0.48, 0.52, 0.58), (0.34, 0.33, 0.32), (0.74, 0.71, 0.65))),
    "night_city": (
        _night,
        Atmosphere((0.40, 0.39, 0.48), (0.32, 0.29, 0.29), (0.56, 0.50, 0.48), (0.35, 0.18, 0.38)),
    ),
    "forest": (_forest, Atmosphere((0.46, 0.49, 0.43), (0.30, 0.32, 0.27), (0.70, 0.69, 0.62))),
    "beach": (_beach, Atmosphere((0.50, 0.56, 0.62), (0.44, 0.40, 0.32), (0.80, 0.76, 0.66))),
    "sunset": (
        _sunset,
        Atmosphere((0.46, 0.37, 0.39), (0.32, 0.24, 0.25), (0.78, 0.62, 0.50), (0.60, 0.30, 0.12)),
    ),
    "mountains": (
        _mountains,
        Atmosphere((0.50, 0.56, 0.66), (0.48, 0.52, 0.60), (0.72, 0.71, 0.68)),
    ),
    "room": (_room, Atmosphere((0.46, 0.43, 0.38), (0.34, 0.28, 0.22), (0.70, 0.65, 0.56))),
    "desert": (_desert, Atmosphere((0.48, 0.50, 0.52), (0.42, 0.36, 0.29), (0.80, 0.74, 0.63))),
    "flowers": (_flowers, Atmosphere((0.50, 0.55, 0.58), (0.34, 0.42, 0.26), (0.76, 0.73, 0.66))),
    "space": (
        _space,
        Atmosphere((0.41, 0.41, 0.47), (0.30, 0.29, 0.35), (0.72, 0.72, 0.78), (0.25, 0.25, 0.5), False),
    ),
    "red_wall": (_red_wall, Atmosphere((0.48, 0.42, 0.42), (0.34, 0.26, 0.26), (0.70, 0.67, 0.64))),
}
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
