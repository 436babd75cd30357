"""Pairs of faces are counted by whether they are of one person; rendered people are named by their files."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.same_person import _renders, row


def _at(x: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array((x, 0.0), np.float32)


def test_a_row_counts_both_kinds_of_mistakes() -> None:
    faces = [("ann", _at(0)), ("ann", _at(0.9)), ("ann", _at(2.0)), ("ben", _at(2.5))]
    assert row("faces", faces) == "| faces: 4 | 3 | 2 | 3 | 1 |"


def test_rendered_photos_have_the_name_of_their_person(tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(picture, "PNG")
    with tarfile.open(tmp_path / "shard-0000007.tar", "w") as shard:
        for name in ("0000007-0000.png", "0000007-0000.parts.png", "0000007-0000.json", "0000008-0000.png"):
            entry = tarfile.TarInfo(name)
            entry.size = len(picture.getvalue())
            shard.addfile(entry, io.BytesIO(picture.getvalue()))
    assert [(name, image.size) for name, image in _renders(tmp_path)] == [("0000007", (8, 8)), ("0000008", (8, 8))]
