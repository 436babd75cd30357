"""Does the picture show the right person in the right place? `python -m trainer gates`.

For each identity a picture is drawn from that person's photo and, with the same words and seed, from the photo of the
next person in the list. The words name only the scene. The judge finds hair, skin, top and bottom in both pictures;
the right reference wins when their colours (CIE Lab, mean distance over the parts) are closer to a third, held-out
photo of the person than those of the other picture. A part that the picture does not show counts as far away. Where
the backbone draws poses, a third picture is asked for in the held-out photo's pose (`trainer.posing`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track
from skimage.color import rgb2lab

from engine.backbones.base import Backbone, Drawing
from engine.contract import Settings
from engine.identity.body import BodyObserver
from engine.identity.examine import observe
from engine.identity.faces import FaceFinder
from engine.identity.profile import IdentityProfile, View
from trainer.judge import Judge, Reading, read
from trainer.people import BACKGROUNDS, scene_prompt
from trainer.people.identity import sample_identity
from trainer.people.parts import Part
from trainer.people.render import Photo, render
from trainer.people.shot import sample_shot
from trainer.people.words import Language
from trainer.posing import pose_of_photo, share_right

JUDGED = {"hair": (Part.HAIR,), "skin": (Part.SKIN, Part.FACE), "top": (Part.TOP,), "bottom": (Part.BOTTOM,)}
PART_PIXELS_MIN = 12
MISSING_DISTANCE = 100.0
POSES_ASKED = ("standing", "walking", "sitting")


@dataclass(frozen=True)
class Case:
    """One identity: the photo to go by, a held-out photo to compare with, and the scene that is asked for."""

    identity: int
    reference: Photo
    held_out: Photo
    background: str
    prompt: str


@dataclass(frozen=True)
class GateFigures:
    """What `gates` reports; fractions of `identities` in 0..1, distances in CIE Lab.

    pose_pck: of the joints asked for; pose_pck_unasked: of the same joints in pictures for which no pose was asked."""

    identities: int
    first_identity: int
    reference_wins: float
    background_accuracy: float
    wins_by_part: dict[str, float]
    pose_pck: float | None
    pose_pck_unasked: float | None
    distance_right: float
    distance_other: float
    steps: int
    guidance: float


def make_case(identity_seed: int, number: int, size: tuple[int, int]) -> Case:
    """Photos in full length where the person has such a shot among the first eight; scenes go round robin."""
    identity = sample_identity(identity_seed)
    shots = [sample_shot(identity_seed, index) for index in range(8)]
    full = [shot for shot in shots if shot.framing == "full"] + shots
    width, height = size
    background = BACKGROUNDS[number % len(BACKGROUNDS)]
    language: Language = "ru" if number % 2 else "en"
    prompt = scene_prompt(background, POSES_ASKED[number % len(POSES_ASKED)], "full", language)
    reference, held_out = (render(identity, shot, height, width) for shot in full[:2])
    return Case(identity_seed, reference, held_out, background, prompt)


def measure(
    backbone: Backbone,
    finder: FaceFinder,
    judge: Judge,
    background_names: Sequence[str],
    first_identity: int,
    identities: int,
    settings: Settings,
    sheet: Path | None = None,
    reader: BodyObserver | None = None,
) -> GateFigures:
    """Draws two pictures an identity and compares; `sheet` gets a picture of the first dozen cases. With a `reader` of
    joints, and a backbone that draws poses, a third."""
    size = (backbone.capabilities.width, backbone.capabilities.height)
    seeds = range(first_identity, first_identity + identities)
    cases = [make_case(seed, n, size) for n, seed in enumerate(track(seeds, description="photos"))]
    people = [_profile(case.reference, finder, reader) for case in cases]
    others = people[1:] + people[:1]
    right = _draw(backbone, cases, people, settings, "right reference")
    other = _draw(backbone, cases, others, settings, "other reference")
    right_reading, other_reading = read(judge, right), read(judge, other)
    distances = {
        "right": [_distances(c, right[n], right_reading.parts[n]) for n, c in enumerate(cases)],
        "other": [_distances(c, other[n], other_reading.parts[n]) for n, c in enumerate(cases)],
    }
    posed: NDArray[np.uint8] | None = None
    pck: tuple[float | None, float | None] = (None, None)
    if reader is not None and backbone.capabilities.pose:
        poses = [pose_of_photo(case.held_out) for case in cases]
        posed = _draw(backbone, cases, people, settings, "poses", poses)
        pck = share_right(posed, poses, reader)[0], share_right(right, poses, reader)[0]
    if sheet is not None:
        _sheet(cases[:12], [right, other] if posed is None else [right, other, posed], sheet)
    return _figures(cases, distances, right_reading, background_names, backbone, settings, pck)


def _figures(
    cases: list[Case],
    distances: dict[str, list[dict[str, float]]],
    reading: Reading,
    background_names: Sequence[str],
    backbone: Backbone,
    settings: Settings,
    pck: tuple[float | None, float | None],
) -> GateFigures:
    mean = {side: np.array([np.mean(list(row.values())) for row in rows]) for side, rows in distances.items()}
    pairs = list(zip(distances["right"], distances["other"], strict=True))
    by_part = {
        part: float(np.mean([right[part] < other[part] for right, other in pairs if part in right])) for part in JUDGED
    }
    asked = np.array([background_names.index(case.background) for case in cases])
    defaults = backbone.capabilities
    return GateFigures(
        identities=len(cases),
        first_identity=cases[0].identity,
        reference_wins=float(np.mean(mean["right"] < mean["other"])),
        background_accuracy=float(np.mean(reading.background == asked)),
        wins_by_part=by_part,
        pose_pck=pck[0],
        pose_pck_unasked=pck[1],
        distance_right=float(mean["right"].mean()),
        distance_other=float(mean["other"].mean()),
        steps=settings.steps or defaults.steps_default,
        guidance=defaults.guidance_default if settings.guidance is None else settings.guidance,
    )


def _profile(photo: Photo, finder: FaceFinder, reader: BodyObserver | None) -> IdentityProfile:
    image = Image.fromarray(photo.image)
    return IdentityProfile((View(image, observe(image, finder, reader)),))


def _draw(
    backbone: Backbone,
    cases: list[Case],
    people: list[IdentityProfile],
    settings: Settings,
    what: str,
    poses: Sequence[NDArray[np.float32]] | None = None,
) -> NDArray[np.uint8]:
    size, pictures = backbone.capabilities.batch_max, []
    asked: Sequence[NDArray[np.float32] | None] = [None] * len(cases) if poses is None else poses
    for first in track(range(0, len(cases), size), description=what):
        drawings = [
            Drawing(person, case.prompt, "", case.identity, settings, pose)
            for person, case, pose in zip(people, cases, asked, strict=True)
        ][first : first + size]
        pictures += [np.asarray(picture, np.uint8) for picture in backbone.draw(drawings)]
    return np.stack(pictures)


def _distances(case: Case, image: NDArray[np.uint8], parts: NDArray[np.uint8]) -> dict[str, float]:
    """Part -> Lab distance between the picture and the held-out photo, for the parts that the photo shows."""
    wanted, drawn = rgb2lab(case.held_out.image), rgb2lab(image)
    distances = {}
    for name, values in JUDGED.items():
        truth, seen = np.isin(case.held_out.parts, values), np.isin(parts, values)
        if truth.sum() < PART_PIXELS_MIN:
            continue
        if seen.sum() < PART_PIXELS_MIN:
            distances[name] = MISSING_DISTANCE
            continue
        gap = np.median(wanted[truth], axis=0) - np.median(drawn[seen], axis=0)
        distances[name] = float(np.linalg.norm(gap))
    return distances


def _sheet(cases: list[Case], drawn: Sequence[NDArray[np.uint8]], path: Path) -> None:
    """Rows: reference, held-out photo, picture from the right reference, from the next person's, in the pose asked."""
    rows = [
        np.concatenate([case.reference.image for case in cases], 1),
        np.concatenate([case.held_out.image for case in cases], 1),
        *(np.concatenate(list(pictures[: len(cases)]), 1) for pictures in drawn),
    ]
    Image.fromarray(np.concatenate(rows)).save(path)


def write_figures(figures: GateFigures, path: Path, extra: dict[str, Any]) -> None:
    """One JSON object with the keys of GateFigures and `extra`."""
    path.write_text(json.dumps(asdict(figures) | extra, indent=1, ensure_ascii=False) + "\n", "utf-8")
