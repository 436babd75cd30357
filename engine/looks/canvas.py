"""Tools that the filters share: units relative to the picture, edge-preserving smoothing, ink lines, noise."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = NDArray[np.float32]
"""[H, W, 3] RGB in 0..1."""
Grey = NDArray[np.float32]
"""[H, W] in 0..1."""

DESIGN_SIDE_PX: Final = 640
"""The shorter side for which all sizes in the filters are stated."""


def unit_of(picture: Colour | Grey) -> float:
    """Pixels of this picture per pixel of the design size."""
    return float(min(picture.shape[:2])) / DESIGN_SIDE_PX


def grey_of(picture: Colour) -> Grey:
    return _f32(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))


def blurred(picture: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Blurs with a Gaussian. A wide one is computed on a smaller picture, which gives the same within rounding."""
    factor = int(sigma_px // 6)
    if factor < 2:
        return _f32(cv2.GaussianBlur(picture, (0, 0), max(sigma_px, 0.3)))
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (max(width // factor, 1), max(height // factor, 1)), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), sigma_px / factor)
    return _f32(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR))


def stretched(grey: Grey, low: float = 1.0, high: float = 99.0) -> Grey:
    """The picture scaled so that these percentiles become 0 and 1; a flat picture is returned unchanged."""
    bottom, top = np.percentile(grey[::2, ::2], (low, high))
    if top - bottom < 0.05:
        return grey
    return _f32(np.clip((grey - bottom) / (top - bottom), 0, 1))


def local_contrast(grey: Grey, limit: float = 4.0) -> Grey:
    """Histogram equalisation by regions, so that dark skin and bright clothes both show their forms."""
    return to_unit(cv2.createCLAHE(limit, (3, 3)).apply(to_bytes(grey)))


def flattened(picture: Colour, radius: float, contrast: float, times: int = 2) -> Colour:
    """Texture removed, edges above `contrast` (0..1) kept; `radius` in design pixels. Computed at half size at most."""
    height, width = picture.shape[:2]
    scale = min(1.0, 360 / min(height, width))
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    bytes_ = to_bytes(_f32(small))
    sigma = max(radius * unit_of(_f32(small)), 1.0)
    for _ in range(times):
        bytes_ = cv2.bilateralFilter(bytes_, 2 * math.ceil(sigma * 1.2) + 1, contrast * 255, sigma)
    return _f32(cv2.resize(to_unit(bytes_), (width, height), interpolation=cv2.INTER_CUBIC)).clip(0, 1)


def ink_lines(grey: Grey, sigma: float, threshold: float, softness: float) -> Grey:
    """Extended difference of Gaussians (Winnemoeller 2012): 1 on a line, 0 beside it. `sigma` in design pixels."""
    sigma_px = max(sigma * unit_of(grey), 0.6)
    sharp, wide = blurred(grey, sigma_px), blurred(grey, 1.6 * sigma_px)
    return _f32(np.clip((wide - sharp - threshold) / softness, 0, 1))


def noise(shape: tuple[int, int], cell_px: float, random: np.random.Generator) -> Grey:
    """Smooth noise with spots of about `cell_px`, mean 0, deviation 1."""
    cell_px = max(cell_px, 1.0)
    height, width = (math.ceil(side / cell_px) + 2 for side in shape)
    coarse = random.standard_normal((height, width), np.float32)
    if cell_px > 1:
        fine = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    else:
        fine = coarse[: shape[0], : shape[1]]
    return _f32((fine - fine.mean()) / (fine.std() + 1e-6))


def strokes(shape: tuple[int, int], length_px: float, angle_deg: float, random: np.random.Generator) -> Grey:
    """Noise drawn out along one direction, equalised: every value of 0..1 is as frequent as any other."""
    side = 2 * math.ceil(length_px / 2) + 1
    kernel = np.zeros((side, side), np.float32)
    reach = np.array([math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))]) * side / 2
    centre = np.array([side // 2, side // 2])
    start, end = (tuple(int(v) for v in np.rint(centre + sign * reach)) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0, 1)
    drawn = cv2.filter2D(noise(shape, 1.0, random), -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
    spread = drawn.std() + 1e-6
    return _f32(1 / (1 + np.exp(-1.7 * (drawn - drawn.mean()) / spread)))


def saturated(picture: Colour, factor: float) -> Colour:
    grey = grey_of(picture)[:, :, None]
    return _f32(np.clip(grey + (picture - grey) * factor, 0, 1))


def smoothstep(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    share = np.clip((values - low) / (high - low), 0, 1)
    return _f32(share * share * (3 - 2 * share))


def inset(shape: tuple[int, int]) -> NDArray[np.float32]:
    """Distance of each pixel from the nearest border, in pixels."""
    rows = np.minimum(np.arange(shape[0]), np.arange(shape[0])[::-1]).astype(np.float32)
    columns = np.minimum(np.arange(shape[1]), np.arange(shape[1])[::-1]).astype(np.float32)
    return _f32(np.minimum(rows[:, None], columns[None, :]))


def to_bytes(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def to_unit(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return _f32(picture) / np.float32(255)


def _f32(values: object) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)
