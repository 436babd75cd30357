"""Curated photos (`python -m trainer.curate`) as training reads people: cropped around the body, all of one size."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.identity.crops import body_crop, body_window
from engine.identity.observation import Box
from trainer.curate.dataset import METADATA, read_curated
from trainer.curate.records import CuratedPhoto
from trainer.errors import DataError
from trainer.part_colours import FACE_OF_HEAD
from trainer.shards import PeopleShards

FIRST_IDENTITY: Final = 10_000_000
"""Numbers of real people; those of rendered ones are below (trainer.synthetic.identity.SPLITS)."""
KEYPOINT_CONFIDENCE_MIN: Final = 0.5
UNKNOWN: Final = -1
"""Background, pose and framing of a real photo."""


def curated_people(folder: Path, width: int, height: int) -> PeopleShards:
    """The curated photos with a detected face and body, width x height px each.

    Photos of an unknown outfit each count as a separate outfit, so that methods get the caption that names the clothes.
    Raises DataError where the folder is absent or damaged, or has no person with two photos."""
    read = read_curated(folder)
    photos = [photo for photo in read if photo.body_box and photo.face_box and photo.keypoints and photo.parts]
    numbers = {person: number for number, person in enumerate(dict.fromkeys(photo.person for photo in photos))}
    if len(photos) == len(numbers):
        raise DataError(f"expected people with two photos of their body in {folder}, found none: curate more photos")
    rows = [_row(folder, photo, width, height) for photo in photos]
    identity = np.array([FIRST_IDENTITY + numbers[photo.person] for photo in photos])
    names = [photo.outfit or f"photo {row}" for row, photo in enumerate(photos)]
    numbered = {name: number for number, name in enumerate(dict.fromkeys(names))}
    unknown = np.full(len(photos), UNKNOWN, np.int64)
    return PeopleShards(
        **{name: np.stack([row[name] for row in rows]) for name in rows[0]},
        identity=identity,
        background=unknown,
        pose=unknown,
        framing=unknown,
        outfit=np.array([numbered[name] for name in names], np.int64),
        captions=[_captions(photo) for photo in photos],
        attributes=[{} for _ in photos],
        styled=[],
        manifest={"hash": hashlib.sha256((folder / METADATA).read_bytes()).hexdigest(), "photos": len(photos)},
    )


def joined(first: PeopleShards, second: PeopleShards) -> PeopleShards:
    """Both, of one size; depth and alpha are left out. Styled copies are `first`'s."""
    both: dict[str, Any] = {}
    for field in fields(first):
        one, other = getattr(first, field.name), getattr(second, field.name)
        if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
            both[field.name] = np.concatenate([one, other])
        elif isinstance(one, list) and field.name != "styled":
            both[field.name] = one + other
    hashes = f"{first.manifest['hash']} {second.manifest['hash']}"
    manifest = first.manifest | {"hash": hashlib.sha256(hashes.encode()).hexdigest()}
    return replace(first, **both | {"manifest": manifest, "alpha": None, "depth": None})


def _row(folder: Path, photo: CuratedPhoto, width: int, height: int) -> dict[str, NDArray[Any]]:
    assert photo.body_box and photo.face_box and photo.keypoints and photo.parts
    x0, y0, x1, y1 = cut = body_window(photo.body_box, width / height)
    scale = np.array([width / (x1 - x0), height / (y1 - y0)])
    with Image.open(folder / photo.file_name) as image:
        picture = body_crop(image.convert("RGB"), photo.body_box, width, height)
    with Image.open(folder / photo.parts) as image:
        parts = image.transform((width, height), Image.Transform.EXTENT, cut, Image.Resampling.NEAREST)
    joints = np.array(photo.keypoints, np.float64)
    joints[:, :2] = (joints[:, :2] - (x0, y0)) * scale
    joints[:, 2] = joints[:, 2] >= KEYPOINT_CONFIDENCE_MIN
    boxes = {"face_box": photo.face_box, "body_box": photo.body_box, "head_box": _head_box(photo.face_box)}
    moved = {name: ((np.reshape(box, (2, 2)) - (x0, y0)) * scale).ravel() for name, box in boxes.items()}
    return {
        "images": np.asarray(picture),
        "parts": np.asarray(parts),
        "keypoints": joints.astype(np.float32),
        **{name: box.astype(np.float32) for name, box in moved.items()},
    }


def _head_box(face: Box) -> Box:
    """The box of the skull for a detected face, the inverse of trainer.part_colours.face_of_head."""
    x0, y0, x1, y1 = face
    side = (y1 - y0) / FACE_OF_HEAD
    middle = (x0 + x1) / 2
    return middle - side / 2, y1 - side, middle + side / 2, y1


def _captions(photo: CuratedPhoto) -> dict[str, str]:
    """A missing language gets the other's caption, a missing scene the full caption; without any, they are empty."""
    any_words = next(iter(photo.captions.values()), "")
    full = {language: photo.captions.get(language, any_words) for language in ("en", "ru")}
    scene = {language: photo.captions.get(f"{language}_scene", full[language]) for language in full}
    return {f"{language}_full": words for language, words in full.items()} | {
        f"{language}_scene": words for language, words in scene.items()
    }
