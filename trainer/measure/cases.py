"""The people that models are measured on: reference photos, a held-out real photo, and its caption as the prompt.

The photo with the lowest hash of its name is held out, so that portraits and full-length photos keep their shares of
the data. The references show the same clothes where the data has such photos; the prompt then does not describe the
person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.identity.body import person_mask
from engine.identity.faces import FaceFinder
from engine.identity.profile import View
from trainer.adapter.buckets import crop_to_bucket, joints_in_box
from trainer.adapter.sources import SourcePhoto, open_source
from trainer.errors import DataError

PEOPLE_MIN = 2
"""Similarities are also measured between two different people."""


@dataclass(frozen=True, eq=False)
class PersonCase:
    """One person. other: one more real photo, None where the data has none."""

    person: str
    references: tuple[SourcePhoto, ...]
    held_out: SourcePhoto
    other: SourcePhoto | None
    prompt: str


@dataclass(frozen=True, eq=False)
class Target:
    """A real photo at a model's picture size: image uint8 [H, W, 3]; mask float32 [H, W] in 0..1, the share of each
    pixel that the person covers, None for a photo without a mask; joints float32 [17, 3], x and y in 0..1, and
    confidence, None for a photo without joints."""

    image: NDArray[np.uint8]
    mask: NDArray[np.float32] | None
    joints: NDArray[np.float32] | None


def people_cases(
    folders: Sequence[Path], split: str, references: int = 1, limit: int | None = None
) -> list[PersonCase]:
    """The cases from curated folders or shards, ordered by name. Raises DataError where too few people have two photos
    in the split."""
    photos: dict[str, list[SourcePhoto]] = {}
    for folder in folders:
        for photo in open_source(folder).read():
            if photo.split == split:
                photos.setdefault(photo.person, []).append(photo)
    cases = [
        _case(person, photos_of_person, references)
        for person, photos_of_person in sorted(photos.items())
        if len(photos_of_person) > 1
    ][:limit]
    if len(cases) < PEOPLE_MIN:
        raise DataError(
            f"expected at least {PEOPLE_MIN} people with two photos in the split {split} of "
            f"{', '.join(map(str, folders))}, got {len(cases)}: run python -m trainer split, or give another --split"
        )
    return cases


def _case(person: str, photos: Sequence[SourcePhoto], count: int) -> PersonCase:
    held_out, *others = sorted(photos, key=lambda photo: hashlib.sha256(photo.key.encode()).digest())
    same = [photo for photo in others if photo.outfit is not None and photo.outfit == held_out.outfit]
    references = tuple((same or others)[:count])
    rest = [photo for photo in (*same, *others) if photo not in references]
    caption = held_out.captions["scene" if same else "full"]
    return PersonCase(person, references, held_out, next(iter(rest), None), caption)


def target_of(view: View, size: tuple[int, int]) -> Target:
    """The part of the photo that a picture of width x height `size` px shows, as training cuts it."""
    observation = view.observation
    crop = crop_to_bucket(observation.width, observation.height, observation.body_box, [size])
    image = view.image.convert("RGB").resize(size, Image.Resampling.LANCZOS, box=crop.box)
    mask = person_mask(observation)
    if mask is not None:
        mask = mask.resize(size, Image.Resampling.BOX, box=crop.box)
    joints = None if observation.keypoints is None else joints_in_box(observation.keypoints, crop.box)
    shares = None if mask is None else (np.asarray(mask) / 255).astype(np.float32)
    return Target(np.array(image, np.uint8), shares, joints)


def with_embedding(view: View, finder: FaceFinder | None) -> View:
    """The photo with the embedding of its largest face, where the data has none and the finder embeds faces."""
    if finder is None or view.observation.face_embedding is not None or view.observation.face_box is None:
        return view
    found = finder.find(view.image)
    embedding = found[0].embedding if found else None
    return View(view.image, replace(view.observation, face_embedding=embedding))
