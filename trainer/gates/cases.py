"""The cases of the gates: people that no model has learned from, each with a reference of one framing, true photos and
prompts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from trainer.errors import DataError
from trainer.files import replacing
from trainer.gates.garments import GarmentChange, change_for, dressed
from trainer.synthetic import BACKGROUNDS, SPLITS, scene_prompt
from trainer.synthetic.identity import sample_identity
from trainer.synthetic.phrasing import Facts, as_typed, say
from trainer.synthetic.render import render_shots
from trainer.synthetic.shards import ShardPlan, generator_hash
from trainer.synthetic.shot import Framing, Shot, sample_shot
from trainer.synthetic.wardrobe import Garment
from trainer.synthetic.words import Language

SIZE: Final = (160, 240)
"""Width and height px at which true photos are rendered and all pictures are read: nano's own."""
REFERENCE_FRAMINGS: Final[tuple[Framing, ...]] = ("full", "waist", "full", "portrait")
"""The framings of the references of every four people in a row: half of what users send are portraits and half
lengths."""
TYPED_POSES: Final = ("standing", "walking", "sitting")
PEOPLE_MIN: Final = 4
SELECTION: Final = 2
"""The version of the choice of photos: raise it when the choice changes."""
PHOTO_FIELDS: Final = ("image", "parts", "keypoints")


@dataclass(frozen=True)
class TruePhoto:
    """A rendered photo. image uint8 [H, W, 3]; parts uint8 [H, W]; keypoints float32 [17, 3]: x, y in px and
    visibility; names of place, pose and framing."""

    image: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    keypoints: NDArray[np.float32]
    background: str
    pose: str
    framing: Framing


@dataclass(frozen=True)
class Case:
    """One person. The backbone gets `reference` and words; all other photos are for comparison.

    held_out: the photo whose pose, place and framing are asked for in `prompt`; other: one more photo in the same
    clothes; changed: the person in the garment that `garment_prompt` names. typed: a full-length scene in
    `typed_background` as a user types it, with synonyms, fillers and typing errors."""

    identity: int
    reference: TruePhoto
    held_out: TruePhoto
    other: TruePhoto
    changed: TruePhoto
    prompt: str
    typed: str
    typed_background: str
    change: GarmentChange
    garment_prompt: str


def check_people(first: int, identities: int) -> None:
    """Raises DataError unless these are enough people of one split that no model has learned from."""
    last = first + identities - 1
    if identities < PEOPLE_MIN:
        raise DataError(f"expected at least {PEOPLE_MIN} people, got {identities}: give a larger --identities")
    unseen_splits = {name: seeds for name, seeds in SPLITS.items() if name != "train"}
    if any(first in seeds and last in seeds for seeds in unseen_splits.values()):
        return
    ranges = ", ".join(f"{name} {seeds.start} to {seeds.stop - 1}" for name, seeds in unseen_splits.items())
    raise DataError(f"expected people of one unseen split ({ranges}), got {first} to {last}: move --first-identity")


def cases_of(first: int, identities: int, folder: Path, size: tuple[int, int] = SIZE) -> list[Case]:
    """The cases of the people. Framings, places and languages alternate with the number of the person. Photos of width
    x height `size` px are kept in `folder`; only missing ones are rendered."""
    check_people(first, identities)
    return [_case(seed, photos) for seed, photos in _photos_of(range(first, first + identities), size, folder)]


def _case(identity: int, photos: list[TruePhoto]) -> Case:
    reference, held_out, other, changed = photos
    language: Language = "ru" if identity // len(REFERENCE_FRAMINGS) % 2 else "en"
    place, pose = BACKGROUNDS[identity % len(BACKGROUNDS)], TYPED_POSES[identity % len(TYPED_POSES)]
    change, rng = change_for(identity), np.random.default_rng([identity, 47])
    return Case(
        identity=identity,
        reference=reference,
        held_out=held_out,
        other=other,
        changed=changed,
        prompt=scene_prompt(held_out.background, held_out.pose, held_out.framing, language),
        typed=as_typed(say(_facts(identity, place, pose), language, rng), language, rng),
        typed_background=place,
        change=change,
        garment_prompt=say(_facts(identity, changed.background, changed.pose, change.garment), language, rng),
    )


def _facts(identity: int, place: str, pose: str, garment: Garment | None = None) -> Facts:
    """The facts of a full-length scene, without the person's looks except the garment."""
    who = sample_identity(identity)
    garments = () if garment is None else (garment,)
    return Facts(who.woman, who.age_group, False, None, False, False, garments, None, pose, place, "full")


def shots_of(identity: int) -> list[Shot]:
    """Four shots: the reference in the framing of this person's number; the next one, which is held out; another of the
    same framing, so that it shows the same parts; and the first in full length that is not the reference, for the
    changed garment (it may be one of the two)."""
    framing = REFERENCE_FRAMINGS[identity % len(REFERENCE_FRAMINGS)]
    reference = next(shot for shot in _shots(identity) if shot.framing == framing)
    others = (shot for shot in _shots(identity) if shot.photo != reference.photo)
    held_out = next(others)
    other = next(shot for shot in others if shot.framing == held_out.framing)
    full = next(shot for shot in _shots(identity) if shot.framing == "full" and shot.photo != reference.photo)
    return [reference, held_out, other, full]


def _shots(identity: int) -> Iterator[Shot]:
    return (sample_shot(identity, index) for index in count())


def _photos_of(people: Iterable[int], size: tuple[int, int], folder: Path) -> Iterator[tuple[int, list[TruePhoto]]]:
    """The photos of `shots_of` by person, rendered where `folder` has none by this generator."""
    width, height = size
    generator = generator_hash(ShardPlan(first=0, identities=1, photos=4, height=height, width=width))
    version = hashlib.sha256(f"{generator} {SELECTION}".encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    for identity in track(list(people), description="photos"):
        path, shots = folder / f"{identity}-{version}.npz", shots_of(identity)
        if not path.exists():
            _render(identity, shots, size, path)
        yield identity, _read(path, shots)


def _render(identity: int, shots: list[Shot], size: tuple[int, int], path: Path) -> None:
    photos = render_shots(sample_identity(identity), shots[:3], size[1], size[0])
    photos += render_shots(dressed(identity, change_for(identity)), shots[3:], size[1], size[0])
    for old in path.parent.glob(f"{identity}-*.npz"):
        old.unlink()
    with replacing(path) as draft:
        np.savez_compressed(
            draft,
            image=np.stack([photo.image for photo in photos]),
            parts=np.stack([photo.parts for photo in photos]),
            keypoints=np.stack([photo.keypoints for photo in photos]).astype(np.float32),
        )


def _read(path: Path, shots: list[Shot]) -> list[TruePhoto]:
    with np.load(path) as arrays:
        rows = zip(*(arrays[name] for name in PHOTO_FIELDS), shots, strict=True)
        return [
            TruePhoto(image, parts, keypoints, shot.background, shot.pose.name, shot.framing)
            for image, parts, keypoints, shot in rows
        ]
