"""Looks made of lines and printed ink: pencil sketch, comic book, pop art."""

from __future__ import annotations

import math
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
    smoothstep,
    stretched,
    strokes,
    unit_of,
)

PAPER: Final = (0.97, 0.965, 0.945)
GRAPHITE: Final = (0.17, 0.17, 0.19)
BLACK_INK: Final = (0.05, 0.04, 0.06)
POP_INKS: Final = ((0.27, 0.10, 0.58), (0.90, 0.10, 0.45), (1.0, 0.62, 0.10), (1.0, 0.93, 0.30))
"""RGB of the inks, from shadow to light."""
POP_WEIGHTS: Final = (0.55, 0.35, 0.10)
"""The weights of red, green and blue in the tone, by which skin contrasts with leaves and water."""
POP_DOT_INK: Final = (0.05, 0.70, 0.82)


def sketch(picture: Colour, random: np.random.Generator) -> Colour:
    """Graphite on paper: contours, and hatching that grows denser where the picture is darker."""
    unit, grey = unit_of(picture), stretched(grey_of(picture))
    shape = (grey.shape[0], grey.shape[1])
    tone = blurred(grey, 2.5 * unit)
    around = blurred(grey, 14 * unit)
    contour = np.clip(1 - grey / np.maximum(around, 0.05), 0, 1) * 1.3
    line = ink_lines(grey, 1.6, 0.006, 0.035)
    hatch = np.zeros(shape, np.float32)
    for angle, lightest in ((-50.0, 0.80), (-38.0, 0.50), (35.0, 0.24)):
        grain = strokes(shape, max(46 * unit, 9), angle, random)
        dark_enough = np.asarray((lightest - tone) / lightest - grain * 0.9, np.float32)
        hatch = np.maximum(hatch, smoothstep(dark_enough, -0.17, 0.30))
    tooth = 1 + 0.15 * noise(shape, 1.4 * unit, random)
    graphite = np.clip((hatch * (0.34 + 0.38 * (1 - tone)) + contour * 0.7 + line * 0.8) * tooth, 0, 1)
    return _laid(np.full_like(picture, PAPER), GRAPHITE, graphite)


def comic(picture: Colour, random: np.random.Generator) -> Colour:
    """Flat print colours in three tones, dots in the shade, black contours, a panel's frame."""
    unit = unit_of(picture)
    flat = flattened(picture, 9, 0.13, times=3)
    hsv = cv2.cvtColor(flat, cv2.COLOR_RGB2HSV)
    value = stretched(hsv[:, :, 2], 0.5, 98.0)
    steps = np.select([value < 0.14, value < 0.42, value < 0.72], [0.24, 0.44, 0.72], 1.0).astype(np.float32)
    hsv[:, :, 1] = np.clip(hsv[:, :, 1] * 1.45 + 0.02, 0, 1)
    hsv[:, :, 2] = blurred(steps, 0.7 * unit)
    print_ = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.float32)
    shade = np.clip(1.15 - value / 0.62, 0, 0.8).astype(np.float32)
    print_ = print_ * (1 - 0.42 * halftone(shade, max(9 * unit, 3.5), 45))[:, :, None]
    grey = stretched(grey_of(flattened(picture, 4, 0.08, times=1)))
    line = np.maximum(ink_lines(grey, 2.0, 0.012, 0.020), smoothstep(0.08 - grey, 0, 0.04))
    return _framed(_laid(print_, BLACK_INK, line), unit)


def pop_art(picture: Colour, random: np.random.Generator) -> Colour:
    """A screen print: four bright inks for four tones, independent of the true colours, with large dots and a dark
    outline."""
    unit = unit_of(picture)
    flat = flattened(picture, 7, 0.11, times=3)
    grey = stretched(np.asarray(flat @ np.array(POP_WEIGHTS, np.float32), np.float32))
    grey = 0.35 * grey + 0.65 * local_contrast(np.power(grey, 0.7))
    inks = np.array(POP_INKS, np.float32)
    print_ = inks[np.digitize(grey, (0.22, 0.46, 0.72))]
    dots = halftone(np.clip((0.84 - grey) / 0.42, 0, 0.7).astype(np.float32), max(15 * unit, 5), 20)
    print_ = _laid(print_, POP_DOT_INK, dots * ((grey > 0.46) & (grey <= 0.72)))
    print_ = _laid(print_, POP_INKS[0], dots * ((grey > 0.22) & (grey <= 0.33)))
    line = ink_lines(local_contrast(stretched(grey_of(flattened(picture, 5, 0.10, times=1)))), 2.2, 0.022, 0.02)
    return _laid(blurred(print_, 0.6 * unit), BLACK_INK, line)


def halftone(cover: Grey, pitch_px: float, angle_deg: float) -> Grey:
    """Round dots on a rotated grid, whose area per cell is `cover` (0..0.8); 1 inside a dot, falling at its rim."""
    rows, columns = np.mgrid[0 : cover.shape[0], 0 : cover.shape[1]].astype(np.float32)
    cosine, sine = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    across, along = (columns * cosine + rows * sine) / pitch_px, (rows * cosine - columns * sine) / pitch_px
    distance = np.hypot(across - np.rint(across), along - np.rint(along))
    radius = np.sqrt(cover / math.pi)
    rim = 0.7 / pitch_px
    inside = np.clip((radius - distance) / rim + 0.5, 0, 1)
    return np.where(cover > 0.01, inside, 0).astype(np.float32)


def _framed(picture: Colour, unit: float) -> Colour:
    """White gutter and black frame of a panel."""
    distance = inset((picture.shape[0], picture.shape[1])) / max(unit, 0.25)
    framed = _laid(picture, BLACK_INK, (distance < 22).astype(np.float32))
    return _laid(framed, PAPER, (distance < 16).astype(np.float32))


def _laid(ground: Colour, ink: tuple[float, float, float], cover: NDArray[np.float32]) -> Colour:
    """`ink` over `ground` where `cover` is 1."""
    share = np.asarray(cover, np.float32)[:, :, None]
    return ground * (1 - share) + np.array(ink, np.float32) * share
