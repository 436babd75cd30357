"""Painters of places under the sky; one file, because they read better side by side."""

import cv2
import numpy as np

from trainer.synthetic.canvas import Canvas, Rgb, fractal


def street(c: Canvas) -> None:
    """A city street by day."""
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


def night_city(c: Canvas) -> None:
    """Lit windows and glowing signs."""
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


def forest(c: Canvas) -> None:
    """Trunks, leaves and grass."""
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


def beach(c: Canvas) -> None:
    """Sea, foam and sand."""
    c.gradient((0.30, 0.62, 0.95), (0.80, 0.92, 0.99), 0, c.horizon)
    _clouds(c, (1.0, 1.0, 1.0), 0.75)
    shore = c.horizon + int((c.height - c.horizon) * c.random.uniform(0.18, 0.32))
    c.gradient((0.07, 0.42, 0.66), (0.30, 0.74, 0.80), c.horizon, shore)
    c.gradient((0.88, 0.79, 0.58), (0.93, 0.85, 0.66), shore, c.height)
    wave = shore + np.sin(np.arange(c.width) / c.width * c.random.uniform(8, 16)) * c.height * 0.006
    line = [(float(i), float(row)) for i, row in enumerate(wave)]
    foam = [(x, y + c.height * 0.014) for x, y in reversed(line)]
    c.polygon([*line, *foam], (0.98, 0.99, 1.0))


def sunset(c: Canvas) -> None:
    """A low sun behind hills."""
    c.gradient(c.tinted((0.28, 0.14, 0.42)), (0.95, 0.38, 0.24), 0, int(c.horizon * 0.6))
    c.gradient((0.95, 0.38, 0.24), (1.0, 0.76, 0.28), int(c.horizon * 0.6), c.horizon)
    column = c.width * c.random.uniform(0.15, 0.85)
    c.disc(column, c.horizon - c.height * 0.04, c.width * 0.13, (1.0, 0.90, 0.55))
    _clouds(c, (0.98, 0.50, 0.42), 0.5)
    c.ridge(c.horizon, c.height * 0.10, 4, (0.30, 0.12, 0.26))
    c.gradient((0.36, 0.15, 0.22), (0.16, 0.07, 0.14), c.horizon, c.height)


def mountains(c: Canvas) -> None:
    """Snowy peaks."""
    c.gradient((0.35, 0.58, 0.90), (0.80, 0.90, 0.98), 0, c.horizon)
    for rise, rock in ((0.42, (0.56, 0.63, 0.74)), (0.28, (0.38, 0.44, 0.55))):
        crest = c.ridge(c.horizon, c.height * rise, 5, rock)
        peak = min(row for _, row in crest)
        line = peak + (c.horizon - peak) * 0.55
        wobble = fractal(c.random, c.width + 1, 6) * c.height * 0.06
        lower = [(x, max(y, line + float(wobble[i]) - c.height * 0.04)) for i, (x, y) in enumerate(crest)]
        c.polygon([*crest, *reversed(lower)], (0.97, 0.98, 1.0))
    c.gradient((0.90, 0.94, 0.99), (0.80, 0.87, 0.96), c.horizon, c.height)
    drift = c.noise(max(c.width // 5, 2))
    drift[: c.horizon] = 0
    c.blend((0.68, 0.78, 0.92), np.clip((drift - 0.55) * 1.2, 0, 0.5).astype(np.float32))


def desert(c: Canvas) -> None:
    """Dunes and a cactus."""
    c.gradient((0.36, 0.62, 0.90), (0.97, 0.90, 0.74), 0, c.horizon)
    c.ridge(c.horizon, c.height * 0.13, 2, (0.86, 0.60, 0.33))
    c.gradient((0.93, 0.69, 0.38), (0.82, 0.54, 0.26), c.horizon, c.height)
    for share in (0.15, 0.45, 0.8):
        base = c.horizon + (c.height - c.horizon) * share
        wave = fractal(c.random, c.width + 1, 2)
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


def flowers(c: Canvas) -> None:
    """A meadow of flowers."""
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


def space(c: Canvas) -> None:
    """Stars, a cloud and a planet."""
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


def _clouds(c: Canvas, colour: Rgb, amount: float) -> None:
    puffs = cv2.resize(c.noise(max(c.width // 5, 2)), (c.width * 2, c.height))[:, : c.width]
    puffs = puffs * 0.7 + 0.3 * c.noise(max(c.width // 14, 2))
    puffs[int(c.horizon * 0.85) :] = 0
    c.blend(colour, np.clip((puffs - 0.55) * 4, 0, amount).astype(np.float32))


def park(c: Canvas) -> None:
    """A lawn, a path and round trees."""
    c.gradient((0.48, 0.74, 0.96), (0.88, 0.95, 0.98), 0, c.horizon)
    _clouds(c, (1.0, 1.0, 1.0), 0.7)
    c.gradient((0.46, 0.70, 0.26), (0.30, 0.55, 0.17), c.horizon, c.height)
    for share in np.linspace(0.02, 0.98, 7):
        column = c.width * float(share + c.random.uniform(-0.05, 0.05))
        radius = c.width * c.random.uniform(0.08, 0.15)
        base = c.horizon - radius * 1.3
        c.polygon(
            [
                (column - radius * 0.14, base),
                (column + radius * 0.14, base),
                (column + radius * 0.14, c.horizon + 2),
                (column - radius * 0.14, c.horizon + 2),
            ],
            (0.40, 0.27, 0.16),
        )
        c.disc(column, base, radius, c.tinted((0.28, 0.55, 0.20), 0.08))
        c.disc(column - radius * 0.3, base - radius * 0.3, radius * 0.6, c.tinted((0.40, 0.66, 0.27), 0.06))
    far, near = c.width * c.random.uniform(0.3, 0.7), c.width * c.random.uniform(0.2, 0.8)
    c.polygon(
        [
            (far - c.width * 0.05, c.horizon),
            (far + c.width * 0.05, c.horizon),
            (near + c.width * 0.34, c.height),
            (near - c.width * 0.34, c.height),
        ],
        (0.86, 0.77, 0.60),
    )


def winter_street(c: Canvas) -> None:
    """Houses under snow, white ground, falling flakes."""
    c.gradient((0.66, 0.72, 0.80), (0.86, 0.88, 0.92), 0, c.horizon)
    left = -c.random.uniform(0, 0.2) * c.width
    while left < c.width:
        wide = c.width * c.random.uniform(0.24, 0.40)
        top = c.horizon * c.random.uniform(0.30, 0.55)
        wall = c.tinted((0.62, 0.44, 0.36), 0.14)
        c.polygon([(left, top), (left + wide, top), (left + wide, c.horizon + 1), (left, c.horizon + 1)], wall)
        c.polygon(
            [(left - 4, top), (left + wide / 2, top - c.horizon * 0.22), (left + wide + 4, top)], (0.96, 0.97, 1.0)
        )
        size = wide * 0.2
        for column in (left + wide * 0.18, left + wide * 0.60):
            for row in np.arange(top + size * 0.6, c.horizon - size * 1.4, size * 2.0):
                y = float(row)
                corners = [(column, y), (column + size, y), (column + size, y + size * 1.3), (column, y + size * 1.3)]
                c.polygon(corners, (0.99, 0.86, 0.50))
        left += wide * 1.05
    c.gradient((0.90, 0.92, 0.96), (0.80, 0.84, 0.91), c.horizon, c.height)
    for _ in range(130):
        size = c.width * c.random.uniform(0.003, 0.009)
        c.disc(c.random.uniform(0, c.width), c.random.uniform(0, c.height), size, (1.0, 1.0, 1.0))


def stadium(c: Canvas) -> None:
    """Stands full of people above a red running track."""
    c.gradient((0.42, 0.64, 0.90), (0.74, 0.86, 0.96), 0, c.horizon)
    top = int(c.horizon * c.random.uniform(0.25, 0.4))
    c.gradient((0.34, 0.36, 0.42), (0.48, 0.50, 0.56), top, c.horizon)
    step = max(c.height / 48, 3)
    for row in np.arange(top + step, c.horizon - step * 1.5, step):
        for column in np.arange(step / 2, c.width, step):
            if c.random.random() < 0.75:
                c.disc(float(column), float(row), step * 0.36, c.tinted((0.55, 0.5, 0.5), 0.4))
    c.polygon(
        [(0, c.horizon - step), (c.width, c.horizon - step), (c.width, c.horizon), (0, c.horizon)], (0.95, 0.95, 0.93)
    )
    grass = c.horizon + int((c.height - c.horizon) * 0.22)
    c.gradient((0.30, 0.60, 0.24), (0.34, 0.66, 0.28), c.horizon, grass)
    c.gradient((0.74, 0.32, 0.22), (0.66, 0.25, 0.17), grass, c.height)
    middle = c.width * c.random.uniform(0.3, 0.7)
    for lane in range(-5, 6):
        far, near = middle + lane * c.width * 0.10, middle + lane * c.width * 0.32
        width = c.width * 0.008
        c.polygon(
            [(far - width / 2, grass), (far + width / 2, grass), (near + width, c.height), (near - width, c.height)],
            (0.96, 0.93, 0.90),
        )
