"""Looks made with a brush: watercolour and oil painting."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.looks.canvas import (
    Colour,
    Grey,
    blurred,
    flattened,
    grey_of,
    ink_lines,
    inset,
    local_contrast,
    noise,
    saturated,
    smoothstep,
    stretched,
    to_bytes,
    to_unit,
    unit_of,
)

PAPER: Final = (0.985, 0.98, 0.96)
BRUSHES: Final = ((26, 1.0), (13, 0.34), (7, 0.20), (4, 0.30))
"""Width in design pixels, and the least detail (0..1) at which the brush is used beyond the first layer."""
SPACING: Final = 0.75
"""The distance between strokes, in widths."""


def watercolor(picture: Colour, random: np.random.Generator) -> Colour:
    """Thin washes on rough paper: flat, light, uneven, darker at their rims, ending before the paper's border."""
    unit = unit_of(picture)
    shape = (picture.shape[0], picture.shape[1])
    flat = flattened(_wobbled(picture, 4 * unit, random), 9, 0.13, times=4)
    tone = grey_of(flat)
    lightness = 0.65 * stretched(tone, 1, 96) + 0.35 * local_contrast(tone, 2.5)
    wash = saturated(flat, 1.45) * (lightness / np.maximum(tone, 0.04)).clip(0.7, 1.6)[:, :, None]
    density = -0.85 * np.log(wash.clip(0.05, 1))
    pools = 1 + 0.15 * noise(shape, 90 * unit, random) + 0.07 * noise(shape, 26 * unit, random)
    grains = 1 + 0.05 * noise(shape, 2.6 * unit, random)
    rims = np.abs(tone - blurred(tone, 3.5 * unit)).clip(0, 0.10)
    density = density * (pools * grains * (1 + 5 * rims))[:, :, None]
    line = ink_lines(stretched(grey_of(picture)), 1.3, 0.01, 0.06)
    density = density + 0.5 * line[:, :, None]
    distance = (
        inset(shape) / max(unit, 1e-6) + 9 * noise(shape, 70 * unit, random) + 1.5 * noise(shape, 12 * unit, random)
    )
    painted = smoothstep(distance, 25, 31)
    rim = 1 + 0.35 * (1 - smoothstep(distance, 31, 42))
    density = density * (painted * rim)[:, :, None]
    tooth = 1 + 0.018 * noise(shape, 1.8 * unit, random)
    return np.asarray(np.array(PAPER) * np.exp(-density) * tooth[:, :, None], np.float32)


def oil(picture: Colour, random: np.random.Generator) -> Colour:
    """Opaque strokes along the forms, finer where there is detail, with the relief of thick paint."""
    unit = unit_of(picture)
    grey = grey_of(picture)
    angle = _flow(grey, 6 * unit)
    detail = blurred(np.abs(grey - blurred(grey, 5 * unit)), 7 * unit) * 14
    palette = saturated(picture, 1.25)
    painted = to_bytes(np.dstack([blurred(palette, 10 * unit), np.full(grey.shape, 0.5, np.float32)]))
    for width, least_detail in BRUSHES:
        _paint(painted, palette, angle, detail if least_detail < 1 else None, (width * unit, least_detail), random)
    colour, height = to_unit(painted[:, :, :3]), to_unit(painted[:, :, 3])
    bristles = _along(noise((grey.shape[0], grey.shape[1]), 1.2 * unit, random), angle, 9 * unit)
    relief = blurred(height, 0.8 * unit) * 0.9 + 0.10 * bristles
    light = cv2.Sobel(relief, -1, 1, 0, ksize=3) + cv2.Sobel(relief, -1, 0, 1, ksize=3)
    shaded = colour * (1 + 0.035 * bristles[:, :, None]) + np.clip(light, -0.5, 0.5)[:, :, None] * 0.13
    curve = shaded.clip(0, 1)
    return np.asarray(curve + 0.12 * (curve - 0.5) * (1 - np.abs(2 * curve - 1)), np.float32)


def _paint(
    canvas: NDArray[np.uint8],
    palette: Colour,
    angle: Grey,
    detail: Grey | None,
    brush: tuple[float, float],
    random: np.random.Generator,
) -> None:
    """One layer of strokes onto `canvas` [H, W, 4]: colour, and in the last channel a random height per stroke."""
    width, least_detail = brush
    width = max(width, 1.5)
    rows, columns = np.mgrid[0 : canvas.shape[0] : width * SPACING, 0 : canvas.shape[1] : width * SPACING]
    spots = np.stack([columns.ravel(), rows.ravel()], 1) + random.uniform(-0.4, 0.4, (rows.size, 2)) * width
    spots = np.rint(spots).astype(int).clip(0, (canvas.shape[1] - 1, canvas.shape[0] - 1))
    if detail is not None:
        spots = spots[detail[spots[:, 1], spots[:, 0]] > least_detail]
    spots = spots[random.permutation(len(spots))]
    x, y = spots[:, 0], spots[:, 1]
    soft = blurred(palette, width * 0.22)
    tint = soft[y, x] * (1 + random.normal(0, 0.035, (len(spots), 1))) + random.normal(0, 0.006, (len(spots), 3))
    colours = np.rint(np.column_stack([tint.clip(0, 1), random.uniform(0, 1, len(spots))]) * 255)
    turn = angle[y, x] + random.normal(0, 0.16, len(spots))
    reach = np.stack([np.cos(turn), np.sin(turn)], 1) * width * random.uniform(0.8, 1.7, (len(spots), 1))
    starts, ends = np.rint((spots - reach) * 8).astype(int), np.rint((spots + reach) * 8).astype(int)
    thickness = max(round(width * 0.9), 1)
    for start, end, colour in zip(starts.tolist(), ends.tolist(), colours.tolist(), strict=True):
        cv2.line(canvas, start, end, colour, thickness, cv2.LINE_8, 3)


def _flow(grey: Grey, sigma_px: float) -> Grey:
    """The direction of the forms in radians: along edges, by the smoothed structure tensor."""
    across, down = cv2.Sobel(grey, -1, 1, 0, ksize=3), cv2.Sobel(grey, -1, 0, 1, ksize=3)
    xx, yy, xy = (blurred(product, sigma_px) for product in (across * across, down * down, across * down))
    return np.asarray(0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2, np.float32)


def _along(grain: Grey, angle: Grey, reach_px: float) -> Grey:
    """Noise averaged along the flow, normalised to a deviation of 1."""
    rows, columns = np.mgrid[0 : grain.shape[0], 0 : grain.shape[1]].astype(np.float32)
    cosine, sine = np.cos(angle), np.sin(angle)
    steps = np.linspace(-reach_px, reach_px, 7, dtype=np.float32)
    drawn = sum(
        cv2.remap(grain, columns + s * cosine, rows + s * sine, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        for s in steps
    )
    return np.asarray(drawn / (np.std(drawn) + 1e-6), np.float32)


def _wobbled(picture: Colour, reach_px: float, random: np.random.Generator) -> Colour:
    """The picture with irregular outlines, as if drawn by hand."""
    shape = (picture.shape[0], picture.shape[1])
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    aside, below = (reach_px * 0.4 * noise(shape, reach_px * 4, random) for _ in range(2))
    moved = cv2.remap(picture, columns + aside, rows + below, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.float32)
