"""A reference laid along another pose shows what it showed, where that belongs now."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.adapter.reposing import LIMBS, Reposed, _bent, repose
from engine.contract import PosePreset
from engine.identity.profile import View
from engine.pose import preset

ROWS, COLUMNS = 240, 160
NOSE, LEFT_ELBOW, LEFT_WRIST = 0, 7, 9


def pose(name: PosePreset = PosePreset.STANDING) -> Tensor:
    return torch.from_numpy(preset(name))[None]


def star() -> Tensor:
    """Arms and legs spread, so that no limb is near another."""
    spread = pose()
    for joint, x, y in (
        (7, 0.78, 0.2),
        (9, 0.95, 0.12),
        (8, 0.22, 0.2),
        (10, 0.05, 0.12),
        (13, 0.7, 0.7),
        (15, 0.82, 0.92),
        (14, 0.3, 0.7),
        (16, 0.18, 0.92),
    ):
        spread[0, joint, :2] = torch.tensor([x, y])
    return spread


def spot(joints: Tensor, joint: int, size: tuple[int, int] = (ROWS, COLUMNS), radius: float = 0.025) -> Tensor:
    """A black photo [1, 3, H, W] that is red about one joint."""
    rows, columns = size
    y, x = torch.meshgrid(torch.arange(rows) + 0.5, torch.arange(columns) + 0.5, indexing="ij")
    at = joints[0, joint]
    near = ((x / columns - at[0]) * columns / rows) ** 2 + (y / rows - at[1]) ** 2 < radius**2
    photo = torch.full((1, 3, rows, columns), -1.0)
    photo[0, 0][near] = 1.0
    return photo


def everything(photo: Tensor) -> Tensor:
    return torch.ones(1, 1, *photo.shape[2:])


def middle_of_red(reposed: Reposed) -> tuple[float, float]:
    """x, y in 0..1."""
    red = (reposed.picture[0, 0] > 0).nonzero().float().mean(0) + 0.5
    return float(red[1]) / COLUMNS, float(red[0]) / ROWS


def test_in_its_own_pose_a_person_stays_as_they_are() -> None:
    torch.manual_seed(0)
    photo = torch.nn.functional.interpolate(torch.rand(1, 3, 30, 20) * 2 - 1, (ROWS, COLUMNS), mode="bilinear")
    reposed = repose(photo, everything(photo), pose(), pose(), (ROWS, COLUMNS))
    shown = reposed.shown.expand_as(photo) == 1
    assert 0.1 < shown.float().mean() < 0.7
    assert (reposed.picture - photo)[shown].abs().max() < 0.02


@pytest.mark.parametrize("joint", [NOSE, LEFT_ELBOW, LEFT_WRIST, 10, 13, 15])
@pytest.mark.parametrize("wanted", [PosePreset.WAVING, PosePreset.SITTING, PosePreset.WALKING])
def test_what_is_at_a_joint_goes_where_the_joint_goes(joint: int, wanted: PosePreset) -> None:
    photo = spot(star(), joint)
    x, y = middle_of_red(repose(photo, everything(photo), star(), pose(wanted), (ROWS, COLUMNS)))
    at = pose(wanted)[0, joint]
    assert abs(x - float(at[0])) * COLUMNS / ROWS < 0.06 and abs(y - float(at[1])) < 0.06


def test_photos_of_any_size_and_aspect_serve() -> None:
    wide = pose()
    wide[..., 0] = 0.5 + (wide[..., 0] - 0.5) / 3
    photo = spot(wide, LEFT_WRIST, (120, 240))
    x, y = middle_of_red(repose(photo, everything(photo), wide, pose(), (ROWS, COLUMNS)))
    at = pose()[0, LEFT_WRIST]
    assert abs(x - float(at[0])) < 0.05 and abs(y - float(at[1])) < 0.05


def test_a_smaller_person_is_laid_as_large_as_they_are_wanted() -> None:
    small = pose()
    small[..., :2] = 0.5 + (small[..., :2] - 0.5) / 2
    photo = spot(small, NOSE, radius=0.02)
    reposed = repose(photo, everything(photo), small, pose(), (ROWS, COLUMNS))
    share = float((reposed.picture[0, 0] > 0).sum()) / float((photo[0, 0] > 0).sum())
    assert share == pytest.approx(4, rel=0.25)


def test_what_is_not_the_person_is_not_taken_along() -> None:
    photo = torch.ones(1, 3, ROWS, COLUMNS)
    figure = everything(photo)
    figure[:, :, ROWS // 2 :] = 0
    reposed = repose(photo, figure, pose(), pose(), (ROWS, COLUMNS))
    assert not reposed.shown[:, :, ROWS // 2 + 2 :].any() and reposed.shown[:, :, : ROWS // 2].any()
    assert torch.equal(reposed.picture[reposed.shown.expand(-1, 3, -1, -1) == 0].unique(), torch.zeros(1))


@pytest.mark.parametrize("lacking", ["source", "wanted"])
def test_a_limb_that_one_of_the_poses_lacks_is_left_out(lacking: str) -> None:
    poses = {"source": star(), "wanted": star()}
    photo = spot(star(), LEFT_WRIST)
    assert (repose(photo, everything(photo), **poses, size=(ROWS, COLUMNS)).picture[0, 0] > 0).any()
    poses[lacking][0, [LEFT_ELBOW, LEFT_WRIST], 2] = 0
    assert not (repose(photo, everything(photo), **poses, size=(ROWS, COLUMNS)).picture[0, 0] > 0).any()
    nobody = torch.zeros(1, 17, 3)
    assert not repose(photo, everything(photo), pose(), nobody, (ROWS, COLUMNS)).shown.any()


def test_a_head_alone_is_laid_and_known_as_a_head() -> None:
    portrait = pose()
    portrait[0, 7:, 2] = 0
    photo = spot(pose(), NOSE)
    reposed = repose(photo, everything(photo), portrait, pose(), (ROWS, COLUMNS))
    red = reposed.picture[:, :1] > 0
    assert red.any() and reposed.head[red].all()
    assert not reposed.shown[:, :, int(ROWS * 0.75) :].any()


def test_a_back_becomes_no_front() -> None:
    """The person's left stays their left: seen from behind it is on the other side."""
    turned = pose()
    turned[0, :, 0] = 1 - turned[0, :, 0]
    photo = torch.full((1, 3, ROWS, COLUMNS), -1.0)
    torso = preset(PosePreset.STANDING)
    left = float(torso[5, 0] + 3 * torso[11, 0]) / 4
    middle = float(np.mean(torso[[5, 6, 11, 12], 1]))
    photo[0, 0, int(middle * ROWS) - 8 : int(middle * ROWS) + 8, int(left * COLUMNS) - 4 : int(left * COLUMNS) + 4] = 1
    x, _ = middle_of_red(repose(photo, everything(photo), pose(), turned, (ROWS, COLUMNS)))
    assert abs((1 - x) - left) * COLUMNS / ROWS < 0.05


def test_rows_do_not_meet() -> None:
    photos = torch.cat([spot(pose(), NOSE), spot(pose(), LEFT_WRIST)])
    wanted = torch.cat([pose(PosePreset.WAVING), pose(PosePreset.SITTING)])
    figure = everything(photos).expand(2, -1, -1, -1)
    together = repose(photos, figure, pose().repeat(2, 1, 1), wanted, (ROWS, COLUMNS))
    for row in range(2):
        alone = repose(photos[row : row + 1], figure[:1], pose(), wanted[row : row + 1], (ROWS, COLUMNS))
        assert torch.allclose(together.picture[row], alone.picture[0], atol=1e-5)


def test_fine_limbs_are_the_same_but_for_their_edges(paper_doll: View) -> None:
    seen = paper_doll.observation
    assert seen.keypoints is not None
    joints = torch.from_numpy((seen.keypoints / (seen.width, seen.height, 1)).astype(np.float32))[None]
    photo = torch.from_numpy(np.array(paper_doll.image)).permute(2, 0, 1)[None].float() / 127.5 - 1
    whole = torch.ones(1, 1, *photo.shape[2:])
    rough, fine = (repose(photo, whole, joints, joints, (240, 160), fine=fine) for fine in (False, True))
    differs = (rough.shown != fine.shown).float().mean()
    assert 0 < float(differs) < 0.03
    both = ((rough.shown > 0) & (fine.shown > 0)).expand_as(fine.picture)
    assert float((rough.picture - fine.picture).abs()[both].mean()) < 0.03


def test_joined_limbs_bend_into_each_other_and_others_do_not() -> None:
    maps = torch.zeros(1, len(LIMBS) + 1, 2, 3)
    maps[0, :, 0, 2] = torch.arange(len(LIMBS) + 1)
    distances = torch.full((1, len(LIMBS) + 1, 1, 3), torch.inf)
    distances[0, 1, 0], distances[0, 3, 0] = torch.tensor([0.2, 0.5, 0.5]), torch.tensor([1.5, 0.5, 3.0])
    distances[0, 4, 0, 2] = 0.5
    mixed = _bent(maps, distances, distances.argmin(1))[0, 0, :, 0, 2]
    assert float(mixed[0]) == pytest.approx(1, abs=0.01), "far from the elbow"
    assert float(mixed[1]) == pytest.approx(2, abs=0.01), "at the elbow, half of either"
    assert float(mixed[2]) == pytest.approx(1, abs=0.01), "the other arm has no part in it"
