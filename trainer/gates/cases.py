"""Whom the gates ask for: unseen people with three true photos each, and a scene for every one of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from trainer.errors import DataError
from trainer.people import BACKGROUNDS, SPLITS, scene_prompt
from trainer.people.identity import sample_identity
from trainer.people.phrasing import Facts, as_typed, say
from trainer.people.render import render_shots
from trainer.people.shards import ShardPlan, generator_hash
from trainer.people.shot import Shot, sample_shot
from trainer.people.words import Language

POSES_ASKED: Final = ("standing", "walking", "sitting")
SHOTS: Final = 8
"""So many of a person's shots are chosen from."""
PHOTOS: Final = 3
PEOPLE_MIN: Final = 2


@dataclass(frozen=True)
class TruePhoto:
    """image uint8 [H, W, 3]; parts uint8 [H, W]; keypoints float32 [17, 3] px and visibility; face_box float32 [4] px,
    NaN where no face shows; background: the name of the place."""

    image: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    keypoints: NDArray[np.float32]
    face_box: NDArray[np.float32]
    background: str


@dataclass(frozen=True)
class Case:
    """A person: the photo to go by, the held-out one to compare with, another true one, and the scene asked for; typed:
    the same scene as some user would type it, with synonyms, idle words and slips."""

    identity: int
    reference: TruePhoto
    held_out: TruePhoto
    other: TruePhoto
    background: str
    prompt: str
    typed: str


def check_people(first: int, identities: int) -> None:
    """Raises DataError unless these are enough people of one split that no model has learned from."""
    last = first + identities - 1
    if identities < PEOPLE_MIN:
        raise DataError(f"expected at least {PEOPLE_MIN} people, got {identities}: give a larger --identities")
    unseen = {name: seeds for name, seeds in SPLITS.items() if name != "train"}
    if any(first in seeds and last in seeds for seeds in unseen.values()):
        return
    ranges = ", ".join(f"{name} {seeds.start} to {seeds.stop - 1}" for name, seeds in unseen.items())
    raise DataError(f"expected people of one unseen split ({ranges}), got {first} to {last}: move --first-identity")


def cases_of(first: int, identities: int, size: tuple[int, int], folder: Path) -> list[Case]:
    """Scenes go round robin, in both languages; photos of width x height `size` are kept in `folder`."""
    check_people(first, identities)
    return [
        _case(seed, number, photos)
        for number, (seed, photos) in enumerate(photos_of_all(range(first, first + identities), size, folder).items())
    ]


def _case(identity: int, number: int, photos: list[TruePhoto]) -> Case:
    background = BACKGROUNDS[number % len(BACKGROUNDS)]
    language: Language = "ru" if number % 2 else "en"
    pose = POSES_ASKED[number % len(POSES_ASKED)]
    prompt = scene_prompt(background, pose, "full", language)
    reference, held_out, other = photos
    return Case(identity, reference, held_out, other, background, prompt, _typed(identity, background, pose, language))


def _typed(identity: int, background: str, pose: str, language: Language) -> str:
    """Nothing is said of the person; place and pose always are."""
    rng, who = np.random.default_rng([identity, 47]), sample_identity(identity)
    facts = Facts(who.woman, who.age_group, False, None, False, False, (), None, pose, background, "full")
    return as_typed(say(facts, language, rng), language, rng)


def shots_of(identity: int) -> list[Shot]:
    """Three different shots in the person's first clothes, those in full length first."""
    shots = [sample_shot(identity, index) for index in range(SHOTS)]
    return sorted(shots, key=lambda shot: shot.framing != "full")[:PHOTOS]


def photos_of_all(people: Iterable[int], size: tuple[int, int], folder: Path) -> dict[int, list[TruePhoto]]:
    """Photos by person, rendered where `folder` has none by this generator."""
    width, height = size
    version = generator_hash(ShardPlan(first=0, identities=1, photos=PHOTOS, height=height, width=width))[:12]
    folder.mkdir(parents=True, exist_ok=True)
    photos = {}
    for identity in track(list(people), description="photos"):
        path = folder / f"{identity}-{version}.npz"
        if not path.exists():
            _render(identity, size, path)
        photos[identity] = _read(identity, path)
    return photos


def _render(identity: int, size: tuple[int, int], path: Path) -> None:
    taken = render_shots(sample_identity(identity), shots_of(identity), size[1], size[0])
    for old in path.parent.glob(f"{identity}-*.npz"):
        old.unlink()
    draft = path.with_suffix(".tmp")
    with draft.open("wb") as stream:
        np.savez_compressed(
            stream,
            image=np.stack([photo.image for photo in taken]),
            parts=np.stack([photo.parts for photo in taken]),
            keypoints=np.stack([photo.keypoints for photo in taken]).astype(np.float32),
            face_box=np.stack([photo.face_box for photo in taken]).astype(np.float32),
        )
    draft.replace(path)


def _read(identity: int, path: Path) -> list[TruePhoto]:
    names = [shot.background for shot in shots_of(identity)]
    with np.load(path) as kept:
        rows = zip(*(kept[name] for name in ("image", "parts", "keypoints", "face_box")), names, strict=True)
        return [TruePhoto(*row) for row in rows]
