"""Photos: reproducible, and their ground truth agrees with the picture."""

from dataclasses import replace

import numpy as np
import pytest

from trainer.people import sample_identity
from trainer.people.parts import KEYPOINTS, Part
from trainer.people.render import Photo, render_shots
from trainer.people.shot import Shot, sample_shot

SEEDS = (3, 5, 20)


def facing_camera(seed: int, index: int) -> Shot:
    shot = sample_shot(seed, index)
    pose = replace(shot.pose, name="standing", yaw_deg=10.0, head_yaw_deg=0.0)
    return replace(shot, framing="full", pose=pose)


@pytest.fixture(scope="module")
def photos() -> list[Photo]:
    taken: list[Photo] = []
    for seed in SEEDS:
        shots = [facing_camera(seed, 0), sample_shot(seed, 1), sample_shot(seed, 2)]
        taken += render_shots(sample_identity(seed), shots, 96, 64)
    return taken


def test_the_same_shot_gives_the_same_pixels(photos: list[Photo]) -> None:
    again = render_shots(sample_identity(SEEDS[0]), [facing_camera(SEEDS[0], 0)], 96, 64)[0]
    assert np.array_equal(again.image, photos[0].image)
    assert np.array_equal(again.parts, photos[0].parts)


def test_visible_joints_lie_on_the_person(photos: list[Photo]) -> None:
    inside = []
    for photo in photos:
        grown = np.pad(photo.mask, 2)
        for x, y, visible in photo.keypoints:
            if visible:
                inside.append(grown[int(y) : int(y) + 5, int(x) : int(x) + 5].any())
    assert np.mean(inside) > 0.97


def test_visible_joints_lie_in_the_frame(photos: list[Photo]) -> None:
    for photo in photos:
        seen = photo.keypoints[photo.keypoints[:, 2] > 0]
        assert (seen[:, :2] >= 0).all() and (seen[:, 0] < 64).all() and (seen[:, 1] < 96).all()


def test_the_left_of_a_person_who_faces_us_is_on_our_right(photos: list[Photo]) -> None:
    for photo in photos[::3]:
        for joint in ("eye", "shoulder", "elbow", "hip", "knee", "ankle"):
            left = photo.keypoints[KEYPOINTS.index(f"left_{joint}"), 0]
            right = photo.keypoints[KEYPOINTS.index(f"right_{joint}"), 0]
            assert left > right


def test_a_standing_body_is_upright_and_whole(photos: list[Photo]) -> None:
    for photo in photos[::3]:
        nose, hip, ankle = (photo.keypoints[KEYPOINTS.index(name)] for name in ("nose", "left_hip", "left_ankle"))
        assert nose[1] < hip[1] < ankle[1]
        assert nose[2] == 1
        x0, y0, x1, y1 = photo.body_box
        assert 0 < x0 < x1 < 64 and 0 < y0 < y1 < 96
        found = set(np.unique(photo.parts))
        assert {Part.BACKGROUND, Part.SKIN, Part.TOP, Part.SHOES} <= found


def test_the_head_box_holds_the_nose(photos: list[Photo]) -> None:
    for photo in photos[::3]:
        x0, y0, x1, y1 = photo.head_box
        x, y, _ = photo.keypoints[0]
        assert x0 <= x <= x1 and y0 <= y <= y1


def test_the_top_has_the_colour_of_the_identity() -> None:
    seed = next(
        s for s in range(200) if sample_identity(s).top.colour == "red" and sample_identity(s).top.pattern == "plain"
    )
    shot = replace(facing_camera(seed, 0), background="studio")
    photo = render_shots(sample_identity(seed), [shot], 96, 64)[0]
    red, green, blue = photo.image[photo.parts == Part.TOP].mean(axis=0)
    assert red > 1.5 * max(green, blue)


def test_the_picture_is_shown_behind_the_person(photos: list[Photo]) -> None:
    for photo in photos:
        assert photo.image[~photo.mask].std() > 0
        assert 0.03 < photo.mask.mean() < 0.95
