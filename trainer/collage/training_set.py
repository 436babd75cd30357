"""What nano learns from, wherever it comes from: shards of this machine, or a bundle carried to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trainer.shards import PeopleShards, read_shards

LANGUAGES: Final = ("en", "ru")
KINDS: Final = tuple(f"{language}_{kind}" for language in LANGUAGES for kind in ("full", "scene"))
PHRASES: Final = 4
"""So many ways a photo is put into words, for each kind."""


@dataclass(frozen=True)
class TrainingSet:
    """n photos of H x W px, stylised copies last.

    images uint8 [n, H, W, 3]; places, the plain photos without their people, likewise; parts uint8 [n, H, W]; poses
    float32 [n, 17, 3]: x, y in 0..1, seen 0/1 (0 outside the picture); inside bool [n, 17]: joints in the picture,
    hidden ones too; head_box, body_box float32 [n, 4] px, NaN where unseen; identity, outfit int64 [n]; woman
    bool [n]; asked int64 [n]: stance and framing as one number, below len(asked_names); place int64 [n], an index into
    place_names; styled bool [n]; words: for each photo and kind of KINDS some phrases; hash: of what the photos were
    made by."""

    images: NDArray[np.uint8]
    places: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    poses: NDArray[np.float32]
    inside: NDArray[np.bool_]
    head_box: NDArray[np.float32]
    body_box: NDArray[np.float32]
    identity: NDArray[np.int64]
    outfit: NDArray[np.int64]
    woman: NDArray[np.bool_]
    asked: NDArray[np.int64]
    asked_names: tuple[str, ...]
    place: NDArray[np.int64]
    place_names: tuple[str, ...]
    styled: NDArray[np.bool_]
    words: list[dict[str, list[str]]]
    manifest: dict[str, Any]

    def siblings(self) -> dict[int, NDArray[np.int64]]:
        """Identity -> the plain photos of that person."""
        plain = np.nonzero(~self.styled)[0]
        order = plain[np.argsort(self.identity[plain], kind="stable")]
        people, starts = np.unique(self.identity[order], return_index=True)
        return {int(p): group for p, group in zip(people, np.split(order, starts[1:]), strict=True)}


def read_training_set(folder: Path, shards: Sequence[int] | None = None, seed: int = 0) -> TrainingSet:
    """A folder of shards, or only those from number shards[0] to before shards[1]. Raises DataError without any."""
    first, last = shards or (0, None)
    return training_set(read_shards(folder, last, first=first, places=True), seed)


def training_set(people: PeopleShards, seed: int = 0) -> TrainingSet:
    """Photos and stylised copies of shards, put into words anew as users would."""
    rows = np.concatenate([np.arange(len(people.images)), [copy.index for copy in people.styled]]).astype(np.int64)
    styled = np.arange(len(rows)) >= len(people.images)
    height, width = people.images.shape[1:3]
    poses = people.keypoints / np.array([width, height, 1], np.float32)
    inside: NDArray[np.bool_] = np.all((poses[..., :2] >= 0) & (poses[..., :2] <= 1), axis=-1)
    poses[..., 2] *= inside
    poses_named, framings = people.manifest["poses"], people.manifest["framings"]
    words = _words(people, seed)
    told = [*words, *(_styled_words(words[copy.index], copy.phrase) for copy in people.styled)]
    copies = [copy.image for copy in people.styled]
    assert people.places is not None, "read with places"
    return TrainingSet(
        images=np.concatenate([people.images, np.stack(copies)]) if copies else people.images,
        places=people.places[rows],
        parts=people.parts[rows],
        poses=poses.astype(np.float32)[rows],
        inside=inside[rows],
        head_box=people.head_box[rows],
        body_box=people.body_box[rows],
        identity=people.identity[rows],
        outfit=people.outfit[rows],
        woman=_women(people.identity)[rows],
        asked=(people.pose * len(framings) + people.framing)[rows],
        asked_names=tuple(f"{pose}, {framing}" for pose in poses_named for framing in framings),
        place=people.background[rows],
        place_names=tuple(people.manifest["backgrounds"]),
        styled=styled,
        words=told,
        manifest={key: people.manifest[key] for key in ("hash", "settings", "photos", "styled", "versions")},
    )


def _women(identity: NDArray[np.int64]) -> NDArray[np.bool_]:
    from trainer.synthetic.identity import sample_identity

    numbers, own = np.unique(identity, return_inverse=True)
    return np.array([sample_identity(int(number)).woman for number in numbers])[own]


def _words(people: PeopleShards, seed: int) -> list[dict[str, list[str]]]:
    """The caption of each photo and, besides, phrases as users type them."""
    from trainer.synthetic.identity import sample_identity
    from trainer.synthetic.phrasing import phrase
    from trainer.synthetic.shot import sample_shot

    rng, counted = np.random.default_rng([seed, 41]), dict.fromkeys(people.identity.tolist(), -1)
    told: list[dict[str, list[str]]] = []
    for row, (number, outfit) in enumerate(zip(people.identity.tolist(), people.outfit.tolist(), strict=True)):
        counted[number] += 1
        identity, shot = sample_identity(number, outfit), sample_shot(number, counted[number])
        told.append(
            {
                f"{language}_{kind}": [
                    people.captions[row][f"{language}_{kind}"],
                    *(phrase(identity, shot, language, kind == "full", rng) for _ in range(PHRASES - 1)),
                ]
                for language in LANGUAGES
                for kind in ("full", "scene")
            }
        )
    return told


def _styled_words(words: dict[str, list[str]], style: dict[str, str]) -> dict[str, list[str]]:
    """The same with the style before or after, in turn."""
    return {
        kind: [
            f"{style[kind[:2]]}, {text}" if number % 2 else f"{text}, {style[kind[:2]]}"
            for number, text in enumerate(phrases)
        ]
        for kind, phrases in words.items()
    }
