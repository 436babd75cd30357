"""Painters of places under a roof."""

import cv2
import numpy as np

from trainer.synthetic.canvas import Canvas, Rgb


def studio(c: Canvas) -> None:
    """A grey sweep with a soft spot of light."""
    level = c.random.uniform(0.58, 0.78)
    tone = c.tinted((level, level, level), 0.015)
    dark = (tone[0] * 0.80, tone[1] * 0.80, tone[2] * 0.80)
    c.gradient(dark, tone, 0, c.height)
    rows, columns = np.mgrid[0 : c.height, 0 : c.width].astype(np.float32)
    away = np.hypot((columns - c.width / 2) / c.width, (rows - c.height * 0.45) / c.height)
    c.pixels *= (1.12 - 0.45 * away)[:, :, None]


def room(c: Canvas) -> None:
    """A room with a window and a picture."""
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


def red_wall(c: Canvas) -> None:
    """A red brick wall."""
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


def cafe(c: Canvas) -> None:
    """A dark green wall with a board, hanging lamps, tables."""
    wall = c.tinted((0.20, 0.36, 0.31), 0.05)
    c.gradient(wall, (wall[0] * 0.85, wall[1] * 0.85, wall[2] * 0.85), 0, c.height)
    floor = c.horizon + int((c.height - c.horizon) * 0.40)
    c.gradient((0.46, 0.32, 0.23), (0.36, 0.24, 0.17), floor, c.height)
    left = c.width * c.random.uniform(0.05, 0.45)
    _block(c, left, floor * 0.22, left + c.width * 0.46, floor * 0.52, (0.10, 0.10, 0.10))
    for row in range(4):
        y = floor * (0.27 + 0.06 * row)
        _block(c, left + c.width * 0.05, y, left + c.width * c.random.uniform(0.2, 0.4), y + 3, (0.88, 0.88, 0.82))
    for share in (0.15, 0.5, 0.85):
        x, y = c.width * float(share + c.random.uniform(-0.06, 0.06)), floor * c.random.uniform(0.10, 0.17)
        _block(c, x - 1, 0, x + 1, y, (0.08, 0.08, 0.08))
        c.disc(x, y, c.width * 0.055, (1.0, 0.84, 0.48))
    for share in (0.05, 0.95):
        x, y = c.width * float(share), floor - c.height * 0.10
        _block(c, x - c.width * 0.17, y, x + c.width * 0.17, y + c.height * 0.02, (0.72, 0.50, 0.30))
        _block(c, x - c.width * 0.02, y, x + c.width * 0.02, floor + c.height * 0.05, (0.20, 0.15, 0.12))


def library(c: Canvas) -> None:
    """Shelves of books from wall to wall."""
    c.gradient((0.34, 0.22, 0.13), (0.28, 0.17, 0.10), 0, c.height)
    floor = c.horizon + int((c.height - c.horizon) * 0.45)
    tall = floor / c.random.integers(5, 8)
    for top in np.arange(0, floor - tall * 0.5, tall):
        x = 0.0
        while x < c.width:
            wide = c.width * c.random.uniform(0.018, 0.05)
            high = tall * c.random.uniform(0.62, 0.86)
            base = float(top) + tall * 0.92
            if c.random.random() < 0.92:
                _block(c, x, base - high, x + wide, base, c.tinted((0.50, 0.36, 0.30), 0.28))
            x += wide + 1
        _block(c, 0, float(top) + tall * 0.92, c.width, float(top) + tall, (0.50, 0.33, 0.19))
    c.gradient((0.52, 0.17, 0.16), (0.42, 0.12, 0.12), floor, c.height)


def kitchen(c: Canvas) -> None:
    """White tiles, cupboards, a worktop and a tiled floor."""
    c.gradient((0.93, 0.95, 0.94), (0.88, 0.91, 0.90), 0, c.height)
    floor = c.horizon + int((c.height - c.horizon) * 0.45)
    tile = c.width / 9
    for row in np.arange(0, floor, tile):
        _block(c, 0, float(row), c.width, float(row) + 1, (0.74, 0.80, 0.80))
    for column in np.arange(0, c.width, tile):
        _block(c, float(column), 0, float(column) + 1, floor, (0.74, 0.80, 0.80))
    doors = c.tinted((0.36, 0.58, 0.62), 0.14)
    wide = c.width * 0.26
    start = -c.random.uniform(0, 0.2) * c.width
    for column in np.arange(start, c.width, wide):
        x = float(column)
        _block(c, x + 2, 0, x + wide - 2, floor * 0.24, doors)
        _block(c, x + 2, floor * 0.70, x + wide - 2, floor * 0.97, doors)
        _block(c, x + wide * 0.4, floor * 0.74, x + wide * 0.6, floor * 0.76, (0.94, 0.94, 0.94))
    _block(c, 0, floor * 0.64, c.width, floor * 0.69, (0.45, 0.31, 0.21))
    x = c.width * c.random.uniform(0.1, 0.8)
    _block(c, x, floor * 0.52, x + c.width * 0.14, floor * 0.64, (0.80, 0.16, 0.14))
    c.gradient((0.30, 0.31, 0.33), (0.22, 0.23, 0.25), floor, c.height)


def gym(c: Canvas) -> None:
    """Wall bars, a yellow wall and a marked sports floor."""
    wall = c.tinted((0.95, 0.80, 0.30), 0.04)
    floor = c.horizon + int((c.height - c.horizon) * 0.30)
    c.gradient((0.92, 0.92, 0.90), (0.86, 0.86, 0.84), 0, int(floor * 0.35))
    c.gradient(wall, (wall[0] * 0.92, wall[1] * 0.92, wall[2] * 0.92), int(floor * 0.35), floor)
    left = c.width * c.random.uniform(0.0, 0.1)
    for start in (left, left + c.width * 0.55):
        end = start + c.width * 0.36
        for row in np.arange(floor * 0.12, floor * 0.96, floor * 0.075):
            _block(c, start, float(row), end, float(row) + max(floor * 0.016, 1), (0.56, 0.34, 0.16))
        for post in (start, end):
            _block(c, post - 2, floor * 0.10, post + 2, floor, (0.42, 0.25, 0.12))
    c.gradient((0.20, 0.44, 0.66), (0.13, 0.33, 0.55), floor, c.height)
    x = c.width * c.random.uniform(0.2, 0.7)
    c.polygon([(x, floor), (x + 5, floor), (x + c.width * 0.3, c.height), (x + c.width * 0.24, c.height)], (1, 1, 1))


def _block(c: Canvas, left: float, top: float, right: float, low: float, colour: Rgb) -> None:
    """Fills an upright rectangle."""
    c.polygon([(left, top), (right, top), (right, low), (left, low)], colour)
