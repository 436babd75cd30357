"""Cases: photos that differ, the shares of the framings, prompts in both languages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainer.errors import DataError
from trainer.gates.cases import REFERENCE_FRAMINGS, SIZE, Case, cases_of, check_people, shots_of


def test_a_case_has_different_photos_of_one_person(cases: list[Case]) -> None:
    for case in cases:
        photos = [case.reference, case.held_out, case.other, case.changed]
        assert len({photo.image.tobytes() for photo in photos}) == 4
        assert all(photo.image.shape == (SIZE[1], SIZE[0], 3) for photo in photos)
        assert case.changed.framing == "full"
        assert case.held_out.background and case.typed and case.garment_prompt
    assert len({case.typed_background for case in cases}) == len(cases)


def test_references_have_the_framings_that_users_send() -> None:
    framings = [shots_of(identity)[0].framing for identity in range(2_000_000, 2_000_008)]
    assert framings == [*REFERENCE_FRAMINGS] * 2
    for identity in range(2_000_000, 2_000_008):
        reference, held_out, other, full = shots_of(identity)
        assert len({reference.photo, held_out.photo, other.photo}) == 3 and full.photo != reference.photo
        assert other.framing == held_out.framing and full.framing == "full"


def test_words_are_of_both_languages(cases: list[Case]) -> None:
    assert {case.prompt.isascii() for case in cases} <= {True, False}
    assert all(case.typed.isascii() == case.prompt.isascii() for case in cases)


def test_photos_are_rendered_once(cases: list[Case], photos_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.gates.cases.render_shots", None)
    again = cases_of(cases[0].identity, len(cases), photos_folder)
    for case, kept in zip(cases, again, strict=True):
        assert (case.prompt, case.typed, case.garment_prompt) == (kept.prompt, kept.typed, kept.garment_prompt)
        assert (case.changed.image == kept.changed.image).all()
        assert np.array_equal(case.held_out.keypoints, kept.held_out.keypoints)


@pytest.mark.parametrize(("first", "identities"), [(0, 5), (999_999, 5), (1_099_999, 5), (2_000_000, 1)])
def test_people_that_something_was_trained_on_and_too_few_are_refused(first: int, identities: int) -> None:
    with pytest.raises(DataError, match="expected"):
        check_people(first, identities)
