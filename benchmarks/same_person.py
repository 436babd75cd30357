"""The comparison of faces: two photos of one person taken for two people, and photos of two people taken for one.

`python -m benchmarks.same_person --shards FOLDER`: the photos of photos.json with their changed copies, and rendered
people out of shards that `python -m trainer.synthetic` wrote.
"""

from __future__ import annotations

import argparse
import tarfile
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Described = tuple[str, NDArray[np.float32]]
"""The name of a person and the numbers of a face."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a row per set."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same_person", description=__doc__)
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="downloaded wheels whose photos are compared too")
    parser.add_argument(
        "--shards", type=Path, metavar="FOLDER", help="rendered people, as trainer.synthetic writes them"
    )
    options = parser.parse_args(arguments)
    print("| faces | pairs of one person | taken for two | pairs of two people | taken for one |")
    print("| --- " * 5 + "|")
    print(row("photos and copies", list(_described(_photos(options.wheels)))))
    if options.shards:
        print(row("renders", list(_described(_renders(options.shards)))))
    return 0


def row(title: str, faces: list[Described]) -> str:
    """Of the table: all pairs of faces; those of two people are counted once for every pair of faces."""
    pairs = [(a == b, float(np.linalg.norm(x - y))) for (a, x), (b, y) in combinations(faces, 2)]
    same, other = ([distance for alike, distance in pairs if alike is is_same] for is_same in (True, False))
    apart, mixed = sum(distance > 1 for distance in same), sum(distance <= 1 for distance in other)
    return f"| {title}: {len(faces)} | {len(same)} | {apart} | {len(other)} | {mixed} |"


def _described(photos: Iterator[tuple[str, Image.Image]]) -> Iterator[Described]:
    """The largest face of each photo."""
    from engine.config import load_config
    from engine.identity.faces import open_finder
    from engine.vision.face_descriptor import FaceDescriptor

    config = load_config()
    finder, descriptor = open_finder(config.face_root, config.face_pack, config.state), FaceDescriptor(config.state)
    for name, image in photos:
        for face in finder.find(image)[:1]:
            if (numbers := descriptor.describe(image, face)) is not None:
                yield name, numbers


def _photos(wheels: Path | None) -> Iterator[tuple[str, Image.Image]]:
    """Photos of one person, and each person of the group photo cut out."""
    from benchmarks.photos import load_cases

    for case in load_cases(wheels):
        if case.people == 1:
            yield case.name, case.image
        for number, person in enumerate(case.persons if case.people > 2 else ()):
            x0, y0, x1, y1 = person.box
            yield f"{case.name} {number}", case.image.crop((int(x0), int(y0), int(x1), int((y0 + y1) / 2)))


def _renders(shards: Path) -> Iterator[tuple[str, Image.Image]]:
    """The files of a person are named alike up to the hyphen."""
    for shard in sorted(shards.glob("*.tar")):
        with tarfile.open(shard) as opened:
            for member in opened:
                content = opened.extractfile(member)
                if (
                    content is not None
                    and Path(member.name).suffix in (".jpg", ".png")
                    and "." not in Path(member.name).stem
                ):
                    with Image.open(content, formats=("JPEG", "PNG")) as picture:
                        yield Path(member.name).stem.partition("-")[0], picture.convert("RGB")


if __name__ == "__main__":
    raise SystemExit(main())
