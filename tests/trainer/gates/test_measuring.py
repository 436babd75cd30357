"""Do the gates tell good pictures from bad? Pictures of known quality are measured with the shipped examiners."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.identity.observer import open_observer
from trainer.errors import DataError
from trainer.evaluation.examiners import SHIPPED_EXAMINERS, load_examiners
from trainer.gates.cases import Case, cases_of, check_people
from trainer.gates.figures import FAR
from trainer.gates.measuring import Meter, Shown
from trainer.gates.run import GATES, ceiling_of, gates_of, told

PEOPLE = 8
FIRST = 1_000_040


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("photos")


@pytest.fixture(scope="module")
def cases(folder: Path) -> list[Case]:
    return cases_of(FIRST, PEOPLE, (64, 96), folder)


@pytest.fixture(scope="module")
def meter(cases: Sequence[Case]) -> Meter:
    return Meter(cases, load_examiners(SHIPPED_EXAMINERS), open_observer())


def test_true_photos_beat_strangers(meter: Meter, cases: Sequence[Case]) -> None:
    true = ceiling_of(cases)
    own, _ = meter.measure(true)
    swapped, _ = meter.measure(Shown(true.stranger, true.own, np.roll(true.own, 1, axis=0), true.backgrounds))
    for name in ("reid_rank1", "reference_wins", "reference_wins_colour", "pose_pck", "background_accuracy"):
        assert own[name].value >= 0.7 > 0.4 >= swapped[name].value, name
    assert own["reference_wins"].value == pytest.approx(1 - swapped["reference_wins"].value)
    assert own["sim_gt_body"].value > swapped["sim_gt_body"].value + 0.2
    assert own["top_de2000"].value < 0.7 * swapped["top_de2000"].value
    for name in ("top_de2000", "background_accuracy", "reid_rank1"):
        assert own[name].low <= own[name].value <= own[name].high


def test_a_typed_scene_says_the_same_in_other_words(cases: Sequence[Case], folder: Path) -> None:
    assert all(case.typed and case.typed != case.prompt for case in cases)
    assert [case.typed for case in cases] == [case.typed for case in cases_of(FIRST, PEOPLE, (64, 96), folder)]
    russian = [any("а" <= letter <= "я" for letter in case.typed.lower()) for case in cases]
    assert russian == [any("а" <= letter <= "я" for letter in case.prompt.lower()) for case in cases]


def test_pictures_like_true_photos_are_no_distance_from_them(meter: Meter, cases: Sequence[Case]) -> None:
    held_out = np.stack([case.held_out.image for case in cases])
    noise = np.random.default_rng(0).integers(0, 255, held_out.shape, np.uint8)
    same, grain = meter._sets(held_out), meter._sets(noise)
    assert same["frechet_here"].value == pytest.approx(0, abs=1e-3)
    assert grain["frechet_here"].value > 1 and grain["kid_here"].value > same["kid_here"].value


def test_a_part_that_the_picture_does_not_show_counts_as_far_away(
    meter: Meter, cases: Sequence[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = meter.examiners.read(meter.held_out)
    nothing = type(seen)(np.zeros_like(seen.parts), seen.classes)
    monkeypatch.setattr(meter.examiners, "read", lambda images: nothing)
    colours = meter.colours(meter.held_out)
    shown = np.array([(case.held_out.parts == 3).sum() >= 8 for case in cases])
    assert (colours["top"][shown] == FAR).all() and np.isnan(colours["top"][~shown]).all()
    figures, missing = meter.measure(ceiling_of(cases))
    assert missing["top"] == shown.sum() > 0
    assert figures["top_de2000"].value == FAR


def test_gates_are_met_by_the_value_and_never_by_what_is_unknown(meter: Meter, cases: Sequence[Case]) -> None:
    shown = ceiling_of(cases)
    figures, missing = meter.measure(Shown(shown.own, shown.stranger, None, shown.backgrounds))
    rows = {row["name"]: row for row in gates_of(figures)}
    assert list(rows) == [gate.name for gate in GATES]
    assert rows["pose_pck"]["value"] is None and not rows["pose_pck"]["met"]
    assert told(figures, missing)["pose_pck"] is None
    for row in rows.values():
        if row["value"] is not None:
            better = row["value"] <= row["wanted"] if row["at"] == "most" else row["value"] >= row["wanted"]
            assert row["met"] == better


def test_a_case_has_three_different_photos_of_one_person(cases: Sequence[Case], folder: Path) -> None:
    for case in cases:
        photos = [case.reference.image, case.held_out.image, case.other.image]
        assert len({photo.tobytes() for photo in photos}) == 3
    assert len({case.background for case in cases}) > 4
    assert {case.prompt.isascii() for case in cases} == {True, False}


def test_photos_are_rendered_once(cases: Sequence[Case], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.gates.cases.render_shots", None)
    again = cases_of(FIRST, PEOPLE, (64, 96), folder)
    for case, kept in zip(cases, again, strict=True):
        assert case.prompt == kept.prompt and case.other.background == kept.other.background
        assert (case.held_out.image == kept.held_out.image).all()
        assert (case.held_out.keypoints == kept.held_out.keypoints).all()


@pytest.mark.parametrize(("first", "identities"), [(0, 5), (999_999, 5), (1_099_999, 5), (2_000_000, 1)])
def test_people_that_something_was_trained_on_and_too_few_are_refused(first: int, identities: int) -> None:
    with pytest.raises(DataError, match="expected"):
        check_people(first, identities)
