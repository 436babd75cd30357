"""Photos: reproducible, and their ground truth agrees with the picture."""

from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pytest

from trainer.synthetic import sample_identity
from trainer.synthetic.parts import KEYPOINTS, Part
from trainer.synthetic.render import Photo, photos_of, render_shots
from trainer.synthetic.shot import Framing, Shot, sample_pose, sample_shot
from trainer.synthetic.stance import STANCES

SEEDS = (3, 5, 20)
Pixel = TypeVar("Pixel", bound=np.generic)
PAIRS = ("eye", "shoulder", "elbow", "hip", "knee", "ankle")


def posed(seed: int, name: str, yaw_deg: float = 10.0, framing: Framing = "full") -> Shot:
    shot = sample_shot(seed, 0)
    pose = sample_pose(np.random.default_rng(seed), name, framing)
    pose = replace(pose, yaw_deg=yaw_deg, head_yaw_deg=0.0, head_pitch_deg=0.0, twist_deg=0.0)
    return replace(shot, framing=framing, pose=pose, background="studio")


@pytest.fixture(scope="module")
def standing() -> list[Photo]:
    return [render_shots(sample_identity(seed), [posed(seed, "standing")], 96, 64)[0] for seed in SEEDS]


@pytest.fixture(scope="module")
def photos(standing: list[Photo]) -> list[Photo]:
    """People standing, in every stance, from the side, and in all framings as they are sampled."""
    shots = [posed(7, name) for name in STANCES]
    shots += [posed(7, "standing", yaw_deg=yaw) for yaw in (-80.0, 80.0)]
    sampled = [photo for seed in (1, 2, 6) for photo in photos_of(seed, 4, 96, 64)]
    return [*standing, *render_shots(sample_identity(7), shots, 96, 64), *sampled]


def around(values: npt.NDArray[Pixel], x: float, y: float, reach: int = 1) -> npt.NDArray[Pixel]:
    """The pixels of a map [H, W] at most `reach` from a point."""
    rows = slice(max(int(y) - reach, 0), int(y) + reach + 1)
    return values[rows, max(int(x) - reach, 0) : int(x) + reach + 1]


def test_the_same_shot_gives_the_same_pixels(standing: list[Photo]) -> None:
    again = render_shots(sample_identity(SEEDS[0]), [posed(SEEDS[0], "standing")], 96, 64)[0]
    for name in ("image", "parts", "alpha", "depth", "keypoints"):
        assert np.array_equal(getattr(again, name), getattr(standing[0], name))


def test_visible_joints_lie_on_the_person(photos: list[Photo]) -> None:
    inside = [
        bool((around(photo.parts, x, y, 2) != Part.BACKGROUND).any())
        for photo in photos
        for x, y, visible in photo.keypoints
        if visible
    ]
    assert len(inside) > 200 and np.mean(inside) > 0.98


def test_visible_joints_lie_in_the_frame(photos: list[Photo]) -> None:
    for photo in photos:
        visible = photo.keypoints[photo.keypoints[:, 2] > 0]
        assert (visible[:, :2] >= 0).all() and (visible[:, 0] < 64).all() and (visible[:, 1] < 96).all()


def test_visible_joints_lie_on_a_part_that_covers_them(photos: list[Photo]) -> None:
    covers = {
        "nose": {Part.FACE, Part.SKIN},
        "eye": {Part.FACE, Part.SKIN, Part.HAIR, Part.ACCESSORY},
        "ankle": {Part.SHOES, Part.SKIN, Part.BOTTOM},
        "knee": {Part.BOTTOM, Part.SKIN, Part.TOP, Part.SHOES},
        "shoulder": {Part.TOP, Part.SKIN, Part.HAIR, Part.ACCESSORY},
    }
    right = [
        bool(set(around(photo.parts, *photo.keypoints[row, :2]).ravel().tolist()) & covers[name.split("_")[-1]])
        for photo in photos
        for row, name in enumerate(KEYPOINTS)
        if photo.keypoints[row, 2] and name.split("_")[-1] in covers
    ]
    assert len(right) > 100 and np.mean(right) > 0.97


def test_the_person_covers_just_the_pixels_of_its_parts(photos: list[Photo]) -> None:
    for photo in photos:
        assert (photo.alpha[photo.mask] >= 64).all()
        assert (photo.alpha[~photo.mask] < 192).all()
        edge = (photo.alpha > 0) & (photo.alpha < 255)
        assert edge.mean() < 0.12


def test_depth_is_finite_just_on_the_person_and_within_reach(photos: list[Photo]) -> None:
    for photo in photos:
        assert np.array_equal(np.isfinite(photo.depth), photo.mask)
        depth = photo.depth[photo.mask].astype(np.float32)
        assert np.abs(np.median(depth) - photo.shot.distance_m) < 0.9
        assert np.ptp(depth) < 2.3


def test_depth_at_a_visible_joint_is_that_of_the_joint(photos: list[Photo]) -> None:
    gaps = []
    for photo in photos:
        depth = photo.depth.astype(np.float32)
        for (x, y, visible), joint_m in zip(photo.keypoints, photo.keypoint_depth, strict=True):
            near = around(depth, x, y)
            if visible and np.isfinite(near).any():
                gaps.append(np.abs(near[np.isfinite(near)] - joint_m).min())
    assert len(gaps) > 200
    assert np.quantile(gaps, 0.97) < 0.18 and np.median(gaps) < 0.08


def test_a_hidden_joint_has_something_before_it(photos: list[Photo]) -> None:
    for photo in photos:
        depth = photo.depth.astype(np.float32)
        for (x, y, visible), joint_m in zip(photo.keypoints, photo.keypoint_depth, strict=True):
            inside = 0 <= x < 64 and 0 <= y < 96
            if not visible and inside and photo.shot.pose.name != "sitting":
                assert around(depth, x, y).min() < joint_m


def test_the_left_of_a_person_who_faces_us_is_on_our_right(standing: list[Photo]) -> None:
    for photo in standing:
        for joint in PAIRS:
            left = photo.keypoints[KEYPOINTS.index(f"left_{joint}"), 0]
            right = photo.keypoints[KEYPOINTS.index(f"right_{joint}"), 0]
            assert left > right


@pytest.mark.parametrize(("yaw_deg", "far", "near"), [(80.0, "left", "right"), (-80.0, "right", "left")])
def test_a_person_seen_from_the_side_shows_one_side(photos: list[Photo], yaw_deg: float, far: str, near: str) -> None:
    photo = next(photo for photo in photos if photo.shot.pose.yaw_deg == yaw_deg)
    ears = {side: photo.keypoints[KEYPOINTS.index(f"{side}_ear")] for side in ("left", "right")}
    assert ears[near][2] == 1 and ears[far][2] == 0
    row = {side: KEYPOINTS.index(f"{side}_shoulder") for side in ("left", "right")}
    assert photo.keypoint_depth[row[near]] < photo.keypoint_depth[row[far]] - 0.2


def test_a_mirrored_stance_lifts_the_other_arm() -> None:
    shot = posed(5, "waving")
    lifted = {}
    for mirrored in (False, True):
        photo = render_shots(sample_identity(5), [replace(shot, pose=replace(shot.pose, mirrored=mirrored))], 96, 64)[0]
        left, right = (photo.keypoints[KEYPOINTS.index(f"{side}_wrist"), 1] for side in ("left", "right"))
        lifted[mirrored] = "left" if left < right else "right"
    assert lifted == {False: "left", True: "right"}


def test_a_standing_body_is_upright_and_whole(standing: list[Photo]) -> None:
    for photo in standing:
        nose, hip, ankle = (photo.keypoints[KEYPOINTS.index(name)] for name in ("nose", "left_hip", "left_ankle"))
        assert nose[1] < hip[1] < ankle[1]
        assert nose[2] == 1
        x0, y0, x1, y1 = photo.body_box
        assert 0 < x0 < x1 < 64 and 0 < y0 < y1 < 96
        found = set(np.unique(photo.parts))
        assert {Part.BACKGROUND, Part.SKIN, Part.TOP, Part.SHOES} <= found


def test_the_face_lies_in_the_head_and_holds_nose_and_eyes(photos: list[Photo]) -> None:
    framed = [photo for photo in photos if np.isfinite(photo.face_box).all()]
    assert len(framed) > 10
    for photo in framed:
        (x0, y0, x1, y1), head = photo.face_box, photo.head_box
        assert head[0] <= x0 < x1 <= head[2] and head[1] <= y0 < y1 <= head[3]
        for x, y, visible in photo.keypoints[:3]:
            assert not visible or (x0 - 1 <= x <= x1 + 1 and y0 - 1 <= y <= y1 + 1)


def test_a_person_who_turns_away_has_no_face_box() -> None:
    photo = render_shots(sample_identity(5), [posed(5, "standing", yaw_deg=180.0)], 96, 64)[0]
    assert np.isnan(photo.face_box).all() and np.isfinite(photo.head_box).all()


@pytest.mark.parametrize("part", ["top", "bottom"])
def test_a_part_has_the_colour_of_its_garment(part: str) -> None:
    """Light changes how bright cloth is, not which of its channels lead."""
    seeds = [seed for seed in range(300) if _is_plain(seed, part)][:3]
    for seed in seeds:
        photo = render_shots(sample_identity(seed), [posed(seed, "arms_spread")], 96, 64)[0]
        garment = getattr(sample_identity(seed), part)
        median = np.median(photo.image[photo.parts == Part[part.upper()]], axis=0)
        hue = median / np.linalg.norm(median)
        true = np.array(garment.rgb) / np.linalg.norm(garment.rgb)
        assert hue @ true > 0.97, (seed, garment, median)


def _is_plain(seed: int, part: str) -> bool:
    identity = sample_identity(seed)
    garment = getattr(identity, part)
    strong = garment is not None and max(garment.rgb) - min(garment.rgb) > 0.4
    simple = identity.top.kind in ("t-shirt", "long-sleeved shirt") and identity.bag is None
    return bool(simple and strong and garment.pattern == "plain" and not garment.motif)


def test_the_picture_is_shown_behind_the_person(photos: list[Photo]) -> None:
    for photo in photos:
        assert photo.image[~photo.mask].std() > 0
        assert 0.03 < photo.mask.mean() < 0.95
