"""The evaluation distinguishes good pictures from bad ones: samplers of known quality get figures in the right
order."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.identity.parsers import open_person_parser
from trainer.evaluation.evaluators import EvaluatorReading, Evaluators, Names, Trunk
from trainer.evaluation.metrics import paired
from trainer.shards import PeopleShards, read_shards
from trainer.study import evaluate as evaluation
from trainer.study.answers import values_of, verdict
from trainer.study.evaluate import (
    STRANGER,
    TRUE,
    EvaluationCase,
    EvaluationPlan,
    StudyMeter,
    cases_of,
    ceiling,
    evaluate,
)
from trainer.study.methods.request import AS_USUAL, Picture, Request, Variation
from trainer.synthetic import BACKGROUNDS
from trainer.synthetic.shards import ShardPlan, write_shards
from trainer.synthetic.shot import FRAMINGS, POSES

PLAN = EvaluationPlan()
TASKS = ("scene", "portrait", "clothes", "pose")
Figures = dict[str, Any]


class KnowingEyes(Evaluators):
    """Reads what is known of the shards' photos off their records; a body is the colours of its parts, garments are
    those from the third on."""

    def __init__(self, people: PeopleShards) -> None:
        colours = tuple(sorted({str(row["top"]["colour"]) for row in people.attributes}))
        names = Names(tuple(BACKGROUNDS), FRAMINGS, POSES, colours, (), (), ())
        super().__init__(Trunk({}), names, (32, 48), {})
        self.people = people
        self.known = {photo.tobytes(): row for row, photo in enumerate(people.images)}
        bodies = np.stack([self._colours(row) for row in range(len(people.images))])
        self.bodies = unit(bodies - bodies.mean(0))

    def rows(self, images: NDArray[np.uint8]) -> list[int]:
        return [self.known[image.tobytes()] for image in images]

    def _colours(self, row: int) -> NDArray[np.float32]:
        worn = self.people.attributes[row]
        bottom = worn["bottom"] or worn["top"]
        colours = [worn["skin_rgb"], worn["hair_rgb"], worn["top"]["rgb"], bottom["rgb"], worn["shoes"]["rgb"]]
        return np.array(colours, np.float32).ravel()

    def body(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.bodies[self.rows(images)]

    def garments(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return unit(self.bodies[self.rows(images), 6:])

    def face(self, images: NDArray[np.uint8], boxes: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        return self.body(images)

    def picture(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.text([self.people.captions[row]["en_scene"] for row in self.rows(images)])

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.bodies[self.rows(images)]

    def text(self, captions: Sequence[str]) -> NDArray[np.float32]:
        return unit(np.array([[caption.count(letter) for letter in "abcdefghijklmnopу"] for caption in captions]))

    def read(self, images: NDArray[np.uint8]) -> EvaluatorReading:
        people, rows = self.people, self.rows(images)
        tops = [self.names.top_colour.index(str(people.attributes[row]["top"]["colour"])) for row in rows]
        classes = {"background": people.background[rows], "framing": people.framing[rows], "top_colour": np.array(tops)}
        return EvaluatorReading(people.parts[rows], classes)


def unit(values: NDArray[Any]) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = values.astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-6)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    write_shards(folder, ShardPlan(2_000_000, 8, 8, 96, 64), workers=1)
    return folder


@pytest.fixture(scope="module")
def meter(shards: Path) -> StudyMeter:
    people = read_shards(shards)
    return StudyMeter(people, cases_of(people, PLAN), KnowingEyes(people), open_person_parser())


@pytest.fixture(scope="module")
def truth(meter: StudyMeter) -> Figures:
    return ceiling(meter, PLAN)


def measured(meter: StudyMeter, photos: Sequence[int]) -> Figures:
    """A sampler who draws these photos, without the slow look at joints."""
    with_people = StudyMeter(meter.people, meter.cases, meter.evaluators, None)
    return with_people.measure(dict.fromkeys(TASKS, meter.people.images[list(photos)]), None, PLAN)


def strangers(meter: StudyMeter) -> list[int]:
    return [case.other for case in (*meter.cases[1:], meter.cases[0])]


def mean(figures: Figures, name: str) -> float:
    return float(np.nanmean(values_of({"it": figures}, "it", name)))


def test_another_photo_of_the_person_is_at_the_ceiling_and_a_strangers_is_not(
    meter: StudyMeter, truth: Figures
) -> None:
    real_photos = measured(meter, [case.other for case in meter.cases])
    wrong = measured(meter, strangers(meter))
    for name in ("sim_gt_body", "garment_rank1", "reid_rank1", "sim_ref_body"):
        assert mean(real_photos, name) == mean(truth, name) == pytest.approx(1)
        assert mean(wrong, name) < 0.5
    assert mean(wrong, "top_de2000") > 2 * mean(real_photos, "top_de2000")
    assert verdict(paired(*(values_of({"it": row}, "it", "sim_gt_body") for row in (real_photos, wrong)))) == "more"


def test_whoever_draws_one_person_for_everybody_finds_one_in_n(meter: StudyMeter) -> None:
    always = measured(meter, [meter.cases[0].other] * len(meter.cases))
    assert mean(always, "garment_rank1") == pytest.approx(1 / len(meter.cases))


def test_two_painters_who_ignore_the_reference_differ_by_nothing(meter: StudyMeter) -> None:
    rng = np.random.default_rng(0)
    drawn = [rng.permutation([case.other for case in meter.cases]).tolist() for _ in range(2)]
    first, second = (values_of({"it": measured(meter, photos)}, "it", "sim_gt_body") for photos in drawn)
    assert verdict(paired(first, second)) == "no difference shown"


def test_true_photos_are_asked_for_what_they_show(meter: StudyMeter, truth: Figures) -> None:
    for name in ("background_right", "clothes_right", "text_agreement_here", "framing_right"):
        assert mean(truth, name) == pytest.approx(1)
    assert mean(truth, "pose_pck") > 0.7  # the reader's own accuracy, on photos of half its usual size
    wrong = measured(meter, strangers(meter))
    assert mean(wrong, "background_right") < 0.5
    assert mean(wrong, "clothes_right") < 0.5


class Stick:
    """A sampler that draws a certain photo of the case's person; counts what it was asked."""

    name, size = "bolid", (64, 96)

    def __init__(
        self, people: PeopleShards, cases: Sequence[EvaluationCase], photo: Callable[[EvaluationCase], int]
    ) -> None:
        self.calls = 0
        self.of = {case.identity: people.images[photo(case)] for case in cases}

    def draw(self, requests: Sequence[Request], variation: Variation = AS_USUAL) -> Picture:
        self.calls += 1
        return np.stack([self.of[request.seed - PLAN.seed] for request in requests])

    def errors(self, requests: Sequence[Request], targets: Picture) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        of_noise = np.array([float(np.square(image / 255.0).mean()) for image in targets])
        return of_noise, of_noise + 1


def test_a_run_that_was_cut_off_goes_on_and_new_weights_are_drawn_with(
    meter: StudyMeter, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick = Stick(meter.people, meter.cases, lambda case: case.other)
    monkeypatch.setattr(evaluation, "load_sampler", lambda study, name: stick)
    monkeypatch.setattr(evaluation, "load_evaluators", lambda folder: meter.evaluators)
    monkeypatch.setattr(evaluation, "open_person_parser", lambda: None)
    monkeypatch.setattr(EvaluationPlan, "variations", lambda plan: {"without body": Variation(body=False)})
    weights = tmp_path / "methods" / "bolid" / "model.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"first")
    results = evaluate(tmp_path, PLAN, shards, ["bolid"])
    assert set(results) == {TRUE, STRANGER, "bolid", "bolid, without body"}
    assert (
        mean(results["bolid"], "sim_gt_body")
        == mean(results[TRUE], "sim_gt_body")
        > mean(results[STRANGER], "sim_gt_body")
    )
    first = stick.calls
    (tmp_path / "pictures" / "bolid" / "pose-usual.npy").unlink()
    evaluate(tmp_path, PLAN, shards, ["bolid"])
    assert stick.calls == first + 1
    weights.write_bytes(b"second")
    evaluate(tmp_path, PLAN, shards, ["bolid"])
    assert stick.calls == 2 * first + 1
