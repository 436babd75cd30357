"""Contact sheets to look at: identities as rows, their photos and styles as columns."""

from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from trainer.synthetic.record import decode_picture, read_samples
from trainer.synthetic.styles import STYLES, apply_style

GAP_PX: Final = 4
CONTACT_IDENTITIES: Final = 12
CONTACT_PHOTOS: Final = 8


def draw_sheet(path: Path, first: int, identities: int, photos: int, height: int, width: int) -> None:
    """Writes a PNG: two identities a row, then a row of every style on the first photos."""
    from trainer.synthetic.render import photos_of

    strips = []
    drawn = []
    for seed in range(first, first + identities):
        pictures = [photo.image for photo in photos_of(seed, photos, height, width)]
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


def draw_contact(folder: Path) -> Path:
    """Writes DIR/contact.png from the finished shards: one row per identity of the first shard."""
    people: dict[str, list[npt.NDArray[np.uint8]]] = {}
    for key, files in read_samples(sorted(folder.glob("shard-*.tar"))[0], frozenset({"png"})):
        people.setdefault(key.split("-")[0], []).append(decode_picture(files["png"]))
        if len(people) > CONTACT_IDENTITIES:
            break
    rows = [np.concatenate(photos[:CONTACT_PHOTOS], axis=1) for photos in islice(people.values(), CONTACT_IDENTITIES)]
    path = folder / "contact.png"
    Image.fromarray(np.concatenate(rows)).save(path)
    return path
