"""Good pictures of known quality get better figures than bad ones, with the shipped evaluators."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trainer.evaluation.evaluators import Evaluators
from trainer.gates import measuring
from trainer.gates.cases import Case
from trainer.gates.figures import FAR, GateFigure
from trainer.gates.flaws import with_seams, with_second_head
from trainer.gates.measures import everybody, figures_of
from trainer.gates.measuring import Meter, overlaps
from trainer.gates.people_reader import PeopleReader, Reader
from trainer.gates.variants import Shown, true_photos
from trainer.synthetic.parts import Part

STEPS = 2


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "STEPS_OF_CLASSIFIER", STEPS)


@pytest.fixture(scope="module")
def meter(cases: list[Case], evaluators: Evaluators, one_person: Reader) -> Meter:
    return Meter(cases, evaluators, one_person)


def measured(meter: Meter, shown: Shown, true: bool = False) -> dict[str, GateFigure]:
    return figures_of(meter.measure(shown, true), everybody(len(meter.cases)))


def test_true_photos_beat_strangers_in_other_poses_places_and_clothes(meter: Meter, cases: list[Case]) -> None:
    true = true_photos(cases)
    swapped = Shown(
        posed=np.roll(true.posed, 1, axis=0),
        again=None,
        likeness=true.stranger,
        stranger=true.likeness,
        typed=np.roll(true.typed, 1, axis=0),
        places=true.places,
        garment=true.posed,
    )
    own, other = measured(meter, true, true=True), measured(meter, swapped)
    for name in ("reid_rank1", "reference_wins", "background_accuracy_typed", "garment_asked", "part_iou"):
        assert own[name].value >= 0.7 > 0.4 >= other[name].value, name
    assert own["reference_wins"].value == pytest.approx(1 - other["reference_wins"].value)
    for name in ("top_de2000", "hair_de2000"):
        assert own[name].value < other[name].value
    assert own["part_iou"].value == pytest.approx(1) and own["part_iou_exact"].value < 1
    assert own["reid_rank1"].low <= own["reid_rank1"].value <= own["reid_rank1"].high


def test_true_photos_pass_mediapipe_and_second_heads_do_not(
    cases: list[Case], evaluators: Evaluators, mediapipe: PeopleReader
) -> None:
    meter = Meter(cases, evaluators, mediapipe)
    true = true_photos(cases)
    flawed = replace(true, posed=np.stack([with_second_head(case.held_out) for case in cases]))
    good, bad = measured(meter, true, true=True), measured(meter, flawed)
    facing = sum(meter.faces)
    assert good["one_person"].value == 1 and bad["one_person"].value <= 1 - 0.7 * facing / len(cases)
    assert good["pose_pck_mediapipe"].value > 0.8 and good["pose_pck_ratio"].value == pytest.approx(1)
    checks = figures_of(meter.check_evaluators(), everybody(len(cases)))
    assert checks["second_head_refused"].count == facing and checks["second_head_refused"].value >= 0.7


def test_a_picture_with_moved_blocks_has_another_part_map(meter: Meter, cases: list[Case]) -> None:
    rng = np.random.default_rng(0)
    true = true_photos(cases)
    torn = replace(true, posed=np.stack([with_seams(case.held_out, rng) for case in cases]))
    assert measured(meter, torn)["part_iou"].value < measured(meter, true)["part_iou"].value - 0.05


def test_colours_count_where_the_reference_shows_the_part(meter: Meter, cases: list[Case]) -> None:
    colours = meter.colours(meter.held_out)
    for case, value in zip(cases, colours["bottom"], strict=True):
        if (case.reference.parts == Part.BOTTOM).sum() == 0:
            assert np.isnan(value)
    assert np.nanmedian(colours["top"]) < 10


def test_a_part_that_the_picture_does_not_show_counts_as_far_away(
    meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = meter.colours(meter.held_out)["top"]
    seen = meter.evaluators.read(meter.held_out)
    nothing = type(seen)(np.zeros_like(seen.parts), seen.classes)
    monkeypatch.setattr(meter.evaluators, "read", lambda images: nothing)
    colours = meter.colours(meter.held_out)["top"]
    assert (colours[~np.isnan(usual)] == FAR).all() and (np.isnan(colours) == np.isnan(usual)).all()


def test_another_picture_of_the_same_request_changes_more_than_the_same_one(meter: Meter, cases: list[Case]) -> None:
    true = true_photos(cases)
    same = measured(meter, replace(true, again=true.posed))["seed_change"]
    other = measured(meter, replace(true, again=true.likeness))["seed_change"]
    assert same.value == pytest.approx(0, abs=1e-6) and other.value > 0.1


def test_overlaps_are_of_the_parts_that_the_truth_shows() -> None:
    truth = np.zeros((1, 20, 20), np.uint8)
    truth[:, :10] = Part.TOP
    half = truth.copy()
    half[:, :5] = Part.BOTTOM
    assert overlaps(truth, truth).tolist() == [1] and overlaps(half, truth).tolist() == [0.5]
    assert np.isnan(overlaps(truth, np.zeros_like(truth))).all()
