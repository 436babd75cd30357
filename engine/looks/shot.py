"""Looks of a camera or a screen: black and white film, pixel art."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from engine.looks.canvas import Colour, blurred, noise, saturated, smoothstep, stretched, unit_of

FILM_WEIGHTS: Final = (0.36, 0.50, 0.14)
"""The weights of red, green and blue on panchromatic film behind a light yellow filter."""
PIXELS_ACROSS: Final = 80
PALETTE_COLOURS: Final = 20
BAYER: Final = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16 - 0.47


def film(picture: Colour, random: np.random.Generator) -> Colour:
    """Black and white: deep shadows, bright lights with a slight glow, grain that is strongest in the middle tones."""
    unit = unit_of(picture)
    grey = stretched(np.asarray(picture @ np.array(FILM_WEIGHTS, np.float32), np.float32), 0.5, 99.5)
    glow = blurred(np.maximum(grey - 0.7, 0), 14 * unit)
    toned = smoothstep(grey, -0.12, 1.08) * 0.75 + grey * 0.25 + 0.35 * glow
    shape = (grey.shape[0], grey.shape[1])
    grain = 0.75 * blurred(noise(shape, 1.0, random), 0.55) * 1.9 + 0.45 * noise(shape, 2.6 * unit, random)
    toned = toned + 0.050 * grain * (0.35 + 2.6 * toned.clip(0, 1) * (1 - toned.clip(0, 1)))
    rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in shape)
    squared_radius = rows[:, None] ** 2 + columns[None, :] ** 2
    toned = 0.03 + 0.95 * toned * (1 - 0.17 * squared_radius)
    return np.asarray(np.repeat(toned[:, :, None], 3, axis=2), np.float32)


def pixel(picture: Colour, random: np.random.Generator) -> Colour:
    """Large square pixels in a few colours, chosen from the picture, mixed by an ordered pattern."""
    height, width = picture.shape[:2]
    block = max(round(min(height, width) / PIXELS_ACROSS), 2)
    down, across = -(-height // block), -(-width // block)
    whole = cv2.copyMakeBorder(
        picture, 0, down * block - height, 0, across * block - width, borderType=cv2.BORDER_REPLICATE
    )
    small = np.asarray(cv2.resize(whole, (across, down), interpolation=cv2.INTER_AREA), np.float32)
    crisp = small + 0.6 * (small - np.asarray(cv2.GaussianBlur(small, (0, 0), 1.0), np.float32))
    vivid = saturated(np.clip((crisp - 0.5) * 1.12 + 0.5, 0, 1).astype(np.float32), 1.35)
    palette = _palette(vivid)
    pattern = np.tile(BAYER, (down // 4 + 1, across // 4 + 1))[:down, :across]
    mixed = vivid + 0.07 * pattern[:, :, None]
    nearest = ((mixed[:, :, None, :] - palette) ** 2).sum(3).argmin(2)
    large = cv2.resize(palette[nearest], None, fx=block, fy=block, interpolation=cv2.INTER_NEAREST)
    return np.asarray(large[:height, :width], np.float32)


def _palette(picture: Colour) -> Colour:
    """[N, 3]: the centres of k-means; they start at equal steps of lightness, so that no random numbers are needed."""
    spots = picture.reshape(-1, 3)
    order = np.argsort(spots.sum(1), kind="stable")
    darkest_to_lightest = order[np.linspace(0, len(order) - 1, PALETTE_COLOURS).astype(int)]
    centres: Colour = np.array(spots[darkest_to_lightest], np.float32)
    for _ in range(8):
        owner = ((spots[:, None, :] - centres) ** 2).sum(2).argmin(1)
        counts = np.bincount(owner, minlength=PALETTE_COLOURS)
        for channel in range(3):
            sums = np.bincount(owner, spots[:, channel], PALETTE_COLOURS)
            centres[counts > 0, channel] = (sums / np.maximum(counts, 1))[counts > 0]
    return centres
