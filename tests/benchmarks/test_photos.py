"""The measurement of reading photos: the ground truth holds for changed copies, and wrong readings count as wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks.photos import JOINTS, Box, PhotoCase, PhotoReading, load_cases, measure, summary
from benchmarks.read_photos import as_markdown

CHANGES = {"", "grey", "dark", "small", "mirrored", "rotated", "beside its mirror image"}


@pytest.fixture(scope="module")
def cases() -> list[PhotoCase]:
    return load_cases()


def _knowing(cases: list[PhotoCase]) -> Callable[[Image.Image, Box | None], PhotoReading]:
    """Returns the ground truth."""

    def read(image: Image.Image, chosen: Box | None) -> PhotoReading:
        case = next(case for case in cases if case.image is image)
        verdict = {0: "no_person", 1: "accepted"}.get(case.people, "several_people")
        persons = [person for person in case.persons if chosen is None or person.box == chosen]
        if not persons:
            return PhotoReading(verdict, case.people, next(iter(case.framings), None))
        keypoints = np.zeros((17, 3), np.float32)
        for name, at in persons[0].joints.items():
            keypoints[JOINTS.index(name)] = (*at, 1)
        drawn = Image.new("1", image.size)
        ImageDraw.Draw(drawn).polygon([tuple(point) for point in persons[0].outline.tolist()], fill=1)
        return PhotoReading(verdict, case.people, next(iter(case.framings), None), keypoints, np.asarray(drawn))

    return read


def test_every_photo_of_people_comes_with_changed_copies(cases: list[PhotoCase]) -> None:
    changes = {case.change for case in cases if case.name == "astronaut"}
    assert changes == CHANGES
    assert {case.change for case in cases if case.people == 0} == {""}
    assert {case.name for case in cases} >= {"astronaut", "cameraman", "officer", "poker", "coffee"}


def test_the_truth_lies_on_the_photo(cases: list[PhotoCase]) -> None:
    for case in cases:
        for person in case.persons:
            points = np.array([*person.joints.values(), *person.outline])
            slack = 0.15 * max(case.image.size) if case.change == "rotated" else 1
            assert (points >= -slack).all() and (points <= np.array(case.image.size) + slack).all(), case.name


def test_a_mirrored_persons_left_is_right(cases: list[PhotoCase]) -> None:
    plain, mirrored = (
        next(case for case in cases if (case.name, case.change) == ("officer", change)) for change in ("", "mirrored")
    )
    left, right = plain.persons[0].joints["left_eye"], mirrored.persons[0].joints["right_eye"]
    assert right == pytest.approx((plain.image.width - left[0], left[1]))


def test_the_truth_read_back_is_all_right(cases: list[PhotoCase]) -> None:
    figures = summary(measure(cases, _knowing(cases)))
    assert {
        figures[name] for name in ("people counted", "one person, accepted", "framing", "joints within a tenth")
    } == {1}
    assert figures["mask IoU, median"] == 1


def test_wrong_readings_count_as_wrong(cases: list[PhotoCase]) -> None:
    right = _knowing(cases)

    def wrong(image: Image.Image, chosen: Box | None) -> PhotoReading:
        result = right(image, chosen)
        moved = None if result.keypoints is None else result.keypoints + np.float32(400)
        empty = None if result.mask is None else np.zeros_like(result.mask)
        return replace(result, verdict="too_dark", people=9, framing="sideways", keypoints=moved, mask=empty)

    figures = summary(measure(cases, wrong))
    assert {value for name, value in figures.items() if name not in ("photos", "CPU seconds, median")} == {0}


def test_the_tables_hold_both_versions(cases: list[PhotoCase]) -> None:
    rows = measure(cases[:3], _knowing(cases))
    text = as_markdown(rows, rows)
    assert "| people counted | 1 | 1 |" in text and text.count("\n| astronaut |") == 3
    assert "before" not in as_markdown(rows, None)
