"""Drawing styles laid over a rendered photo, so that a model can learn the words for them."""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from trainer.synthetic.words import Language

Image = npt.NDArray[np.uint8]


def apply_style(image: Image, name: str) -> Image:
    """The image [H, W, 3] uint8 in a named style, same shape. KeyError on an unknown name."""
    return np.asarray(_STYLES[name][0](np.ascontiguousarray(image)), dtype=np.uint8)


def style_phrase(name: str, language: Language) -> str:
    """The words for a style, to follow a caption after a comma."""
    return _STYLES[name][1][language]


def _grey(image: Image) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.float32)


def _edges(image: Image, low: int, high: int) -> Image:
    smooth = cv2.bilateralFilter(image, 5, 40, 3)
    found = [cv2.Canny(smooth[:, :, channel], low, high) for channel in range(3)]
    return np.asarray(np.maximum.reduce(found), dtype=np.uint8)


def _sketch(image: Image) -> npt.NDArray[np.float32]:
    grey = _grey(image)
    blurred = cv2.GaussianBlur(255 - grey, (0, 0), image.shape[1] / 40)
    dodge = np.clip(grey * 256 / np.maximum(256 - blurred, 1), 0, 255)
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    hatch = ((rows + columns) % 4 < 2) & (grey < 95)
    lines = cv2.GaussianBlur(_edges(image, 50, 120).astype(np.float32), (0, 0), 0.6)
    drawn = 250 - (255 - dodge) * 1.25 - 45 * hatch - lines * 0.75
    return np.repeat(np.clip(drawn, 25, 250)[:, :, None], 3, axis=2).astype(np.float32)


def _film(image: Image) -> npt.NDArray[np.float32]:
    grey = _grey(image) / 255
    curve = np.clip((grey - 0.5) * 1.35 + 0.48, 0, 1)
    height, width = grey.shape
    rows, columns = np.mgrid[0:height, 0:width]
    away = np.hypot((rows - height / 2) / height, (columns - width / 2) / width)
    toned = np.clip(curve * (1.05 - 0.55 * away**2) * 255, 0, 255)
    return np.asarray(np.repeat(toned[:, :, None], 3, axis=2), dtype=np.float32)


def _watercolor(image: Image) -> npt.NDArray[np.float32]:
    flat = image
    for _ in range(3):
        flat = cv2.bilateralFilter(flat, 9, 45, 5).astype(np.uint8)
    flat = cv2.medianBlur(flat, 5).astype(np.uint8)
    tone = flat.astype(np.float32) / 255
    washed = 1 - (1 - tone) * 0.72
    random = np.random.default_rng(5)
    size = (image.shape[0] // 6 + 1, image.shape[1] // 6 + 1)
    paper = cv2.resize(random.random(size, dtype=np.float32), (image.shape[1], image.shape[0]))
    outline = cv2.GaussianBlur(_edges(image, 60, 140), (0, 0), 1.0).astype(np.float32) / 255
    painted = washed + (paper[:, :, None] - 0.5) * 0.10 - outline[:, :, None] * 0.22
    return np.asarray(np.clip(painted, 0, 1) * 255)


def _pop_art(image: Image) -> npt.NDArray[np.float32]:
    grey = _grey(cv2.bilateralFilter(cv2.bilateralFilter(image, 9, 60, 5), 9, 60, 5))
    levels = 0.5 * np.quantile(grey, (0.2, 0.5, 0.8)) + 0.5 * np.array([55.0, 110.0, 175.0])
    inks = np.array([(48, 12, 110), (225, 25, 115), (255, 150, 20), (255, 232, 60)], np.float32)
    picture = inks[np.digitize(grey, levels)]
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    dots = ((rows % 4 < 2) & ((columns + rows // 4 % 2 * 2) % 4 < 2)) & (grey > levels[1]) & (grey <= levels[2])
    picture[dots] = (40, 205, 220)
    picture[_edges(image, 60, 150) > 0] = (25, 5, 60)
    return np.asarray(picture)


def _comic(image: Image) -> npt.NDArray[np.float32]:
    flat = cv2.bilateralFilter(cv2.bilateralFilter(image, 7, 50, 5), 7, 50, 5)
    hsv = cv2.cvtColor(flat, cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[:, :, 1] = np.clip(hsv[:, :, 1] * 1.35, 0, 255)
    hsv[:, :, 2] = np.clip((np.floor(hsv[:, :, 2] / 52) + 0.8) * 55, 0, 255)
    vivid = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB).astype(np.float32)
    ink = cv2.dilate(_edges(image, 45, 110), np.ones((2, 2), np.uint8)) > 0
    vivid[ink] = 12
    return np.asarray(vivid)


def _neon(image: Image) -> npt.NDArray[np.float32]:
    found = _edges(image, 40, 100).astype(np.float32) / 255
    hsv = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 2), cv2.COLOR_RGB2HSV)
    hsv[:, :, 1], hsv[:, :, 2] = 255, 255
    colour = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32)
    line = colour * np.clip(cv2.GaussianBlur(found, (0, 0), 0.6)[:, :, None] * 1.8, 0, 1)
    glow = cv2.GaussianBlur(line, (0, 0), 2.5) * 1.1
    return np.asarray(np.clip(image.astype(np.float32) * 0.10 + line + glow + (6, 2, 16), 0, 255))


def _pixel_art(image: Image) -> npt.NDArray[np.float32]:
    height, width = image.shape[:2]
    block = max(width // 32, 2)
    small = cv2.resize(image, (width // block, height // block), interpolation=cv2.INTER_AREA)
    coarse = np.round(small.astype(np.float32) / 255 * 5) / 5 * 255
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST))


_STYLES: Final[dict[str, tuple[Callable[[Image], npt.NDArray[np.float32]], dict[Language, str]]]] = {
    "pencil sketch": (_sketch, {"en": "pencil sketch", "ru": "карандашный рисунок"}),
    "black and white film": (_film, {"en": "black and white film", "ru": "чёрно-белая плёнка"}),
    "watercolor": (_watercolor, {"en": "watercolor painting", "ru": "акварель"}),
    "pop art": (_pop_art, {"en": "pop art", "ru": "поп-арт"}),
    "comic book": (_comic, {"en": "comic book", "ru": "комикс"}),
    "neon": (_neon, {"en": "neon", "ru": "неон"}),
    "pixel art": (_pixel_art, {"en": "pixel art", "ru": "пиксельная графика"}),
}
STYLES: Final[tuple[str, ...]] = tuple(_STYLES)
