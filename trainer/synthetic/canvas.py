"""Tools that the painters of places share: a canvas, noise and ridges, and the light of a place."""

from dataclasses import dataclass

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
        crest = fractal(self.random, self.width + 1, roughness)
        points = [(float(i), base - rise * float(crest[i])) for i in range(self.width + 1)]
        self.polygon([(0, self.horizon + 1), *points, (self.width, self.horizon + 1)], colour)
        return points


def fractal(random: np.random.Generator, length: int, octaves: int) -> npt.NDArray[np.float64]:
    """A jagged line [length] in 0..1; more octaves make it rougher."""
    positions = np.arange(length)
    total, weight = np.zeros(length), 1.0
    for octave in range(octaves):
        knots = 3 * 2**octave + 1
        total += weight * np.interp(positions, np.linspace(0, length, knots), random.random(knots))
        weight /= 2.1
    return np.asarray((total - total.min()) / max(float(np.ptp(total)), 1e-6))
