"""A contact sheet to look at: identities as rows, their photos and styles as columns."""

from pathlib import Path

import numpy as np
from PIL import Image

from trainer.people.identity import sample_identity
from trainer.people.render import render_shots
from trainer.people.shot import sample_shot
from trainer.people.styles import STYLES, apply_style

GAP_PX = 4


def draw_sheet(path: Path, first: int, identities: int, photos: int, height: int, width: int) -> None:
    """Writes a PNG: two identities a row, then a row of every style on the first photos."""
    strips = []
    drawn = []
    for seed in range(first, first + identities):
        shots = [sample_shot(seed, index) for index in range(photos)]
        pictures = [photo.image for photo in render_shots(sample_identity(seed), shots, height, width)]
        drawn.extend(pictures)
        strips.append(np.concatenate(pictures, axis=1))
    gap = np.full((height, GAP_PX, 3), 255, np.uint8)
    if len(strips) % 2:
        strips.append(np.full_like(strips[0], 255))
    rows = [np.concatenate([a, gap, b], axis=1) for a, b in zip(strips[::2], strips[1::2], strict=True)]
    styled = [apply_style(drawn[i % len(drawn)], name) for i, name in enumerate(STYLES)]
    last = np.concatenate(styled, axis=1)[:, : rows[0].shape[1]]
    fill = np.full((height, max(rows[0].shape[1] - last.shape[1], 0), 3), 255, np.uint8)
    rows.append(np.concatenate([last, fill], axis=1))
    Image.fromarray(np.concatenate(rows)).save(path)
