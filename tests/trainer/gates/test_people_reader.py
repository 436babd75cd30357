"""One whole person counts as one, and a second head is found."""

from __future__ import annotations

import numpy as np

from trainer.gates.cases import SIZE, Case
from trainer.gates.flaws import with_second_head
from trainer.gates.joints import faces_camera, pose_of, shares_right
from trainer.gates.people_reader import PeopleReader, Sightings


def test_one_person_needs_one_body_and_one_face() -> None:
    people, faces = np.array([1, 1, 1, 2, 0, 1]), np.array([1, 2, 0, 1, 0, 0])
    seen = Sightings(people, faces, np.zeros((6, 17, 2)))
    facing = np.array([True, True, True, True, True, False])
    assert seen.one_person(facing).tolist() == [1, 0, 0, 0, 0, 1]


def test_true_photos_show_one_person_and_with_a_second_head_they_do_not(
    cases: list[Case], mediapipe: PeopleReader
) -> None:
    photos = [case.held_out for case in cases if faces_camera(pose_of(case.held_out.keypoints, SIZE))]
    assert len(photos) >= 2
    face = np.ones(len(photos), bool)
    assert mediapipe.read(np.stack([photo.image for photo in photos])).one_person(face).all()
    flawed = mediapipe.read(np.stack([with_second_head(photo) for photo in photos]))
    assert flawed.one_person(face).mean() <= 0.3
    nobody = mediapipe.read(np.full((1, *photos[0].image.shape), 128, np.uint8))
    assert nobody.people.tolist() == [0] and np.isinf(nobody.joints).all()


def test_joints_of_true_photos_lie_at_the_pose_and_not_at_another(cases: list[Case], mediapipe: PeopleReader) -> None:
    poses = [pose_of(case.held_out.keypoints, SIZE) for case in cases]
    joints = mediapipe.read(np.stack([case.held_out.image for case in cases])).joints
    right = shares_right(joints, poses, SIZE)
    wrong = shares_right(joints, [*poses[1:], poses[0]], SIZE)
    assert right.mean() > 0.7 > wrong.mean() + 0.2
