"""Draws and measures every method on the same held-out people, prompts and seeds, per person. The pictures are stored
for inspection, and so that an interrupted run resumes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from engine.identity.body import PersonParser
from engine.identity.parsers import open_person_parser
from trainer.errors import DataError
from trainer.evaluation.evaluators import COLOURED, Evaluators, load_evaluators
from trainer.evaluation.metrics import (
    Floats,
    colour_difference,
    copy_paste_gap,
    cosine,
    frechet,
    kernel_distance,
    oks,
    pck,
    rank1,
)
from trainer.evaluation.published import NONE_AT_HAND, Published
from trainer.files import load_array
from trainer.shards import PeopleShards, read_shards
from trainer.study.methods.photos import poses_of, reference_of
from trainer.study.methods.request import Picture, Request, Sampler, Variation
from trainer.study.methods.sampler import load_sampler
from trainer.synthetic import BACKGROUNDS, scene_prompt
from trainer.synthetic.shot import FRAMINGS, POSES
from trainer.synthetic.words import Language

POSES_ASKED: Final = ("standing", "walking", "sitting")
NEW_TOPS: Final = (("red", "красной"), ("blue", "синей"), ("yellow", "жёлтой"), ("green", "зелёной"))
VIEWS_MAX: Final = 4
TASKS: Final = ("scene", "portrait", "clothes", "pose")
TRUE, STRANGER = "true photos", "a stranger's photos"


class EvaluationPlan(BaseModel):
    """people: the number of people of the test split (None: all); guidance, steps: of every method."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    people: int | None = None
    steps: int = 8
    guidance: float = 2.0
    seed: int = 0

    def usual(self) -> Variation:
        return Variation(self.steps, self.guidance)

    def variations(self) -> dict[str, Variation]:
        """The inference-time ablations of bolid, by name."""
        usual = self.usual()
        steps = {f"steps {count}": replace(usual, steps=count) for count in (1, 2, 4, 30)}
        views = {f"views {count}": replace(usual, views=count) for count in (1, 2, 4)}
        return (
            steps
            | views
            | {
                "without body": replace(usual, body=False),
                "without face": replace(usual, face=False),
            }
        )


@dataclass(frozen=True)
class EvaluationCase:
    """A person: the reference photos, a held-out one in the same clothes, another real photo, and the prompts."""

    identity: int
    references: tuple[int, ...]
    held_out: int
    other: int
    background: int
    top: str
    prompts: dict[str, str]


def cases_of(people: PeopleShards, plan: EvaluationPlan) -> list[EvaluationCase]:
    """A pure function of shards and plan. Raises DataError where no person has enough photos."""
    cases: list[EvaluationCase] = []
    for identity, photos in people.siblings().items():
        usual_clothes = [int(photo) for photo in photos if people.outfit[photo] == 0]
        full = sorted(usual_clothes, key=lambda photo: int(people.framing[photo]))  # full-length first
        if len(full) < 4:
            continue
        cases.append(_case(people, len(cases), identity, full))
    if len(cases) < 2:
        raise DataError("expected people with at least 4 photos in their first outfit: render more with --photos 8")
    return cases[: plan.people]


def _case(people: PeopleShards, number: int, identity: int, photos: list[int]) -> EvaluationCase:
    held_out, other, *references = photos
    background, pose = number % len(BACKGROUNDS), POSES_ASKED[number % len(POSES_ASKED)]
    language: Language = "ru" if number % 2 else "en"
    scene = scene_prompt(BACKGROUNDS[background], pose, "full", language)
    colour, russian = NEW_TOPS[number % len(NEW_TOPS)]
    worn = f", в {russian} футболке" if language == "ru" else f", wearing a {colour} t-shirt"
    prompts = {
        "scene": scene,
        "portrait": scene_prompt(BACKGROUNDS[background], pose, "portrait", language),
        "clothes": scene + worn,
        "pose": scene_prompt(
            BACKGROUNDS[background],
            POSES[people.pose[held_out]],  # words and skeleton agree
            FRAMINGS[people.framing[held_out]],
            language,
        ),
    }
    return EvaluationCase(identity, tuple(references[:VIEWS_MAX]), held_out, other, background, colour, prompts)


def requests_of(
    people: PeopleShards, cases: Sequence[EvaluationCase], task: str, plan: EvaluationPlan
) -> list[Request]:
    """The requests of a task, equal for every method; in "pose", with the held-out photo's pose."""
    poses = poses_of(people)
    return [
        Request(
            references=tuple(reference_of(people, photo) for photo in case.references),
            prompt=case.prompts[task],
            seed=plan.seed + case.identity,
            pose=poses[case.held_out] if task == "pose" else None,
        )
        for case in cases
    ]


def evaluate(
    study: Path, plan: EvaluationPlan, test: Path, names: Sequence[str], published: Published = NONE_AT_HAND
) -> dict[str, Any]:
    """Draws and measures; writes STUDY/evaluation/<name>.json for each method, variation and yardstick.

    Raises DataError without test people, CheckpointError for what was not trained."""
    console = Console()
    people = read_shards(test)
    cases, evaluators, reader = cases_of(people, plan), load_evaluators(study / "evaluators"), open_person_parser()
    meter = StudyMeter(people, cases, evaluators, reader, published)
    out, results = study / "evaluation", {}
    out.mkdir(exist_ok=True)
    results[TRUE] = ceiling(meter, plan)
    strangers = people.images[_shifted([case.held_out for case in cases])]
    results[STRANGER] = meter.measure(dict.fromkeys(TASKS, strangers), None, plan)
    for name in (TRUE, STRANGER):
        _write(out / f"{name}.json", results[name])
    for name in names:
        console.print(f"evaluating {name}")
        sampler = load_sampler(study, name)
        drawn = {task: _drawn(study, sampler, meter, task, plan.usual(), plan, "usual") for task in TASKS}
        results[name] = meter.measure(drawn, sampler, plan)
        _write(out / f"{name}.json", results[name])
        for label, variation in (plan.variations() if name == "bolid" else {}).items():
            scene = _drawn(study, sampler, meter, "scene", variation, plan, label)
            results[f"{name}, {label}"] = meter.measure({"scene": scene}, None, plan)
            _write(out / f"{name}, {label}.json", results[f"{name}, {label}"])
    return results


def ceiling(meter: StudyMeter, plan: EvaluationPlan) -> dict[str, Any]:
    """The figures of real photos: of another photo of the person, with its own caption; for the pose, of the held-out
    photo itself, so that the figure is the accuracy of the joint reader."""
    people = meter.people
    requests = [_self_request(people, case) for case in meter.cases]
    others, close = [case.other for case in requests], _closest(people, requests)
    photos = {"scene": others, "portrait": close, "clothes": others, "pose": [case.held_out for case in requests]}
    drawn = {task: people.images[rows] for task, rows in photos.items()}
    figures = StudyMeter(people, requests, meter.evaluators, meter.reader, meter.published).measure(drawn, None, plan)
    framings = {"portrait_right": (close, "portrait"), "framing_right": (others, "full")}
    for name, (rows, framing) in framings.items():
        matches = people.framing[rows] == FRAMINGS.index(framing)
        figures[name] = [value if so else None for value, so in zip(figures[name], matches, strict=True)]
    return figures


def _self_request(people: PeopleShards, case: EvaluationCase) -> EvaluationCase:
    other = case.other
    top = str(people.attributes[other]["top"]["colour"])
    prompts = case.prompts | {"scene": people.captions[other]["en_scene"]}
    return replace(case, background=int(people.background[other]), top=top, prompts=prompts)


def _closest(people: PeopleShards, cases: Sequence[EvaluationCase]) -> list[int]:
    """Each person's closest photo beside the one that faces are compared with and the first reference."""
    siblings, compared = people.siblings(), closest_photos(people, cases)
    chosen = []
    for case, taken in zip(cases, compared, strict=True):
        rest = [int(photo) for photo in siblings[case.identity] if photo not in (taken, case.references[0])]
        chosen.append(max(rest, key=lambda photo: int(people.framing[photo])))
    return chosen


def closest_photos(people: PeopleShards, cases: Sequence[EvaluationCase]) -> list[int]:
    """For each person the closest real photo that is no reference, for the comparison of faces."""
    siblings = people.siblings()
    others = [[int(p) for p in siblings[case.identity] if p not in case.references] for case in cases]
    return [max(photos, key=lambda photo: int(people.framing[photo])) for photos in others]


def _drawn(
    study: Path, sampler: Sampler, meter: StudyMeter, task: str, variation: Variation, plan: EvaluationPlan, label: str
) -> Picture:
    """The pictures, from the cache where people, prompts, seeds and weights are unchanged."""
    path = study / "pictures" / sampler.name / f"{task}-{label}.npy"
    stamp = _stamp(study, sampler.name, meter, task, variation, plan)
    note = path.with_suffix(".txt")
    if note.exists() and note.read_text("utf-8") == stamp and (cached := load_array(path)) is not None:
        return cached
    note.unlink(missing_ok=True)
    pictures = sampler.draw(requests_of(meter.people, meter.cases, task, plan), variation)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, pictures)
    note.write_text(stamp, "utf-8")
    return pictures


def _stamp(study: Path, name: str, meter: StudyMeter, task: str, variation: Variation, plan: EvaluationPlan) -> str:
    """A hash of all inputs of the pictures."""
    digest = hashlib.sha256()
    inputs = [(case.identity, case.references, case.held_out, case.prompts[task]) for case in meter.cases]
    digest.update(repr((inputs, task, variation, plan.seed, meter.people.manifest.get("hash"))).encode())
    digest.update(weights_digest(study, name).encode())
    return digest.hexdigest()


def weights_digest(study: Path, name: str) -> str:
    """A hash of all weights that a method draws with."""
    digest = hashlib.sha256()
    folders = (study / "base", study / "encoders", study / "methods" / name)
    for weights in sorted(path for folder in folders for path in folder.rglob("*.safetensors")):
        digest.update(weights.read_bytes())
    return digest.hexdigest()


def _shifted(values: list[int]) -> list[int]:
    return values[1:] + values[:1]


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value) + "\n", "utf-8")


class StudyMeter:
    """Measures pictures of the cases' people, in their order."""

    def __init__(
        self,
        people: PeopleShards,
        cases: Sequence[EvaluationCase],
        evaluators: Evaluators,
        reader: PersonParser | None,
        published: Published = NONE_AT_HAND,
    ) -> None:
        self.people, self.cases, self.evaluators, self.reader = people, cases, evaluators, reader
        self.published = published
        self.held_out = people.images[[case.held_out for case in cases]]
        self.reference = people.images[[case.references[0] for case in cases]]
        self.true_parts = people.parts[[case.held_out for case in cases]]

    def measure(self, drawn: dict[str, Picture], sampler: Sampler | None, plan: EvaluationPlan) -> dict[str, Any]:
        """By task, pictures [n, H, W, 3] -> figure -> one value per person (None where unknown), or one for the set."""
        figures: dict[str, Floats | float] = {}
        figures |= self._scene(drawn["scene"])
        if "portrait" in drawn:
            figures |= self._portrait(drawn["portrait"])
        if "clothes" in drawn:
            figures |= self._clothes(drawn["clothes"])
        if "pose" in drawn and self.reader is not None:
            figures |= self._pose(drawn["pose"], self.reader)
        if sampler is not None:
            requests = requests_of(self.people, self.cases, "scene", plan)
            captions = [self.people.captions[case.held_out]["en_scene"] for case in self.cases]
            pairs = [Request(r.references, caption, r.seed) for r, caption in zip(requests, captions, strict=True)]
            figures["diffusion_loss"], figures["first_guess_error"] = sampler.errors(pairs, self.held_out)
        return {name: _plain(value) for name, value in figures.items()}

    def _scene(self, pictures: Picture) -> dict[str, Floats | float]:
        see = self.evaluators
        body, to_reference, to_truth = (see.body(images) for images in (pictures, self.reference, self.held_out))
        sim_ref, sim_gt = cosine(body, to_reference), cosine(body, to_truth)
        reading = see.read(pictures)
        backgrounds = np.array([case.background for case in self.cases])
        full = see.names.framing.index("full")
        scene = see.text([case.prompts["scene"] for case in self.cases])
        return {
            "sim_ref_body": sim_ref,
            "sim_gt_body": sim_gt,
            "copy_paste_gap": copy_paste_gap(sim_ref, sim_gt),
            "reid_rank1": rank1(body, to_truth),
            "garment_rank1": rank1(see.garments(pictures), see.garments(self.held_out)),
            "text_agreement_here": cosine(see.picture(pictures), scene),
            "image_agreement_here": cosine(see.picture(pictures), see.picture(self.held_out)),
            "background_right": (reading.classes["background"] == backgrounds).astype(np.float64),
            "framing_right": (reading.classes["framing"] == full).astype(np.float64),
            "frechet_here": frechet(see.features(pictures), see.features(self.held_out)),
            "kid_here": kernel_distance(see.features(pictures), see.features(self.held_out)),
            **self._colours(pictures, reading.parts),
            **self.published.measure(pictures, self.held_out, [case.prompts["scene"] for case in self.cases]),
        }

    def _colours(self, pictures: Picture, parts: NDArray[np.uint8]) -> dict[str, Floats | float]:
        figures: dict[str, Floats | float] = {}
        for name, part in COLOURED.items():
            rows = [
                colour_difference(image, part_map, truth, true, part)
                for image, part_map, truth, true in zip(pictures, parts, self.held_out, self.true_parts, strict=True)
            ]
            measured = [row for row in rows if row is not None]
            figures[f"{name}_de2000"] = np.array([np.nan if row is None else row for row in rows])
            figures[f"{name}_missing"] = float(np.mean(np.isnan(measured))) if measured else float("nan")
        return figures

    def _portrait(self, pictures: Picture) -> dict[str, Floats | float]:
        see = self.evaluators
        face = see.face(pictures)
        portrait = see.names.framing.index("portrait")
        return {
            "sim_ref_face": cosine(face, self._true_faces([case.references[0] for case in self.cases])),
            "sim_gt_face": cosine(face, self._true_faces(closest_photos(self.people, self.cases))),
            "face_found": (~np.isnan(face).any(1)).astype(np.float64),
            "portrait_right": (see.read(pictures).classes["framing"] == portrait).astype(np.float64),
        }

    def _true_faces(self, photos: Sequence[int]) -> NDArray[np.float32]:
        """The face embeddings of real photos by their labelled face boxes."""
        rows = list(photos)
        return self.evaluators.face(self.people.images[rows], self.people.face_box[rows])

    def _clothes(self, pictures: Picture) -> dict[str, Floats | float]:
        colours = self.evaluators.names.top_colour
        predicted = self.evaluators.read(pictures).classes["top_colour"]
        requested = [colours.index(case.top) if case.top in colours else -1 for case in self.cases]
        return {"clothes_right": (predicted == np.array(requested)).astype(np.float64)}

    def _pose(self, pictures: Picture, reader: PersonParser) -> dict[str, Floats | float]:
        """The joints that the shipped person parser reads on the picture, compared with the requested ones."""
        height, width = pictures.shape[1:3]
        rows, poses = [], poses_of(self.people).astype(np.float64)
        for picture, case in zip(pictures, self.cases, strict=True):
            pose = poses[case.held_out]
            target, visible = pose[:, :2] * (width, height), pose[:, 2] > 0
            body = reader.parse(Image.fromarray(picture), (0.0, 0.0, float(width), float(height)))
            found = target + 1e6 if body is None else body.keypoints[:, :2].astype(np.float64)
            area = float(np.prod(np.ptp(target[visible], axis=0))) if visible.any() else 1.0
            rows.append((pck(found, target, visible), oks(found, target, visible, max(area, 1.0))))
        values = np.array(rows)
        return {"pose_pck": values[:, 0], "pose_oks": values[:, 1]}


def _plain(value: Floats | float) -> Any:
    if isinstance(value, float):
        return None if np.isnan(value) else value
    return [None if np.isnan(item) else float(item) for item in value]
