"""Observations and profiles survive being stored as bytes."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import Image

from engine.errors import BadReference
from engine.identity.profile import IdentityProfile, Observation, View

FULL = Observation(
    width=640,
    height=960,
    face_box=(10.5, 20.25, 50.0, 70.0),
    face_landmarks=np.arange(10, dtype=np.float32).reshape(5, 2),
    face_embedding=np.eye(1, 512, dtype=np.float32)[0],
    body_box=(0.0, 5.0, 200.0, 900.0),
    quality=0.75,
    keypoints=np.arange(51, dtype=np.float32).reshape(17, 3),
    parts=np.arange(24, dtype=np.uint8).reshape(6, 4) % 8,
    parts_box=(-3.0, 0.0, 50.0, 80.0),
    body_embedding=np.eye(1, 128, dtype=np.float32)[0],
    version="2/cascades/person_parser-abc-7",
)


def test_an_observation_comes_out_of_bytes_as_it_went_in() -> None:
    read = Observation.from_bytes(FULL.to_bytes())
    assert (read.width, read.height, read.quality) == (640, 960, 0.75)
    assert (read.face_box, read.body_box) == (FULL.face_box, FULL.body_box)
    assert read.face_landmarks is not None and np.array_equal(read.face_landmarks, np.asarray(FULL.face_landmarks))
    assert read.face_embedding is not None and np.array_equal(read.face_embedding, np.asarray(FULL.face_embedding))
    for name in ("keypoints", "parts", "body_embedding"):
        assert np.array_equal(getattr(read, name), getattr(FULL, name))
    assert (read.parts_box, read.version) == (FULL.parts_box, FULL.version)


def test_what_was_stored_before_anybody_looked_for_joints_is_still_read() -> None:
    import io

    buffer = io.BytesIO()
    np.savez_compressed(buffer, size=np.array([3.0, 4.0]), quality=np.array([0.5]), face_box=np.array([1.0, 1, 2, 2]))
    old = Observation.from_bytes(buffer.getvalue())
    assert (old.width, old.height, old.face_box, old.version) == (3, 4, (1, 1, 2, 2), "")
    assert old.keypoints is None and old.parts is None


def test_a_profile_comes_out_of_bytes_as_it_went_in() -> None:
    photos = [Image.fromarray(np.full((9, 8, 3), shade, np.uint8)) for shade in (10, 200)]
    profile = IdentityProfile((View(photos[0], FULL), View(photos[1], Observation(8, 9))))
    read = IdentityProfile.from_bytes(profile.to_bytes())
    assert [view.image.tobytes() for view in read.views] == [photo.tobytes() for photo in photos]
    assert read.views[0].observation.version == FULL.version
    with pytest.raises(BadReference, match="examine anew"):
        IdentityProfile.from_bytes(profile.to_bytes()[:-40])


def test_what_was_not_seen_stays_unseen() -> None:
    read = Observation.from_bytes(Observation(3, 4).to_bytes())
    assert (read.face_box, read.body_box, read.face_landmarks, read.face_embedding) == (None, None, None, None)


def test_damaged_bytes_are_refused_and_never_anything_else_happens() -> None:
    chance = random.Random(0)
    whole = FULL.to_bytes()
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(min(chance.randrange(1, 8), len(damaged))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            Observation.from_bytes(bytes(damaged))
        except BadReference:
            refused += 1
    assert refused > 200


def test_a_person_needs_a_photo() -> None:
    with pytest.raises(BadReference, match="at least one photo"):
        IdentityProfile(())
