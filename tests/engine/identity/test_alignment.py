"""Alignment of faces for ArcFace."""

from __future__ import annotations

import numpy as np
import pytest
from insightface.utils import face_align
from PIL import Image

from engine.identity.alignment import aligned_face, similarity
from engine.identity.examine import observe
from engine.identity.faces import CascadeFinder, InsightFaceFinder
from engine.identity.profile import Observation, View


def test_a_turn_a_scale_and_a_shift_are_found_again() -> None:
    points = np.array([[0, 0], [4, 0], [2, 3], [1, 5], [3, 5]], np.float32)
    turn = 2.5 * np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
    matrix = similarity(points, (points @ turn.T + (7, -3)).astype(np.float32))
    assert matrix == pytest.approx(np.array([[*turn[0], 7], [*turn[1], -3]]), abs=1e-4)


@pytest.mark.filterwarnings("ignore:`estimate` is deprecated")
def test_the_crop_is_the_one_that_arcface_was_trained_on(
    astronaut: Image.Image, insightface_finder: InsightFaceFinder
) -> None:
    observation = observe(astronaut, insightface_finder)
    ours = aligned_face(View(astronaut, observation))
    theirs = face_align.norm_crop(np.asarray(astronaut), observation.face_landmarks)
    assert ours is not None and ours.size == (112, 112)
    assert np.abs(np.asarray(ours, int) - theirs).mean() < 4


def test_without_landmarks_the_head_is_cut_and_without_a_face_nothing(
    astronaut: Image.Image, cascades: CascadeFinder
) -> None:
    crop = aligned_face(View(astronaut, observe(astronaut, cascades)), 64)
    assert crop is not None and crop.size == (64, 64)
    assert aligned_face(View(astronaut, Observation(512, 512))) is None
