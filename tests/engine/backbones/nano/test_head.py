"""Small heads are drawn again as portraits and blended into the picture; nothing else of it changes."""

from __future__ import annotations

import numpy as np
import pytest

from engine.backbones.nano.head import EARS_AT, HeadWindow, head_window, portrait_of, with_head
from engine.backbones.nano.request import NanoRequest
from engine.identity.body import BodyPart


def figure(ears: float = 0.15, shoulders: float = 0.25) -> np.ndarray:
    """Joints [17, 3] of somebody who stands in the middle of the picture."""
    joints = np.full((17, 3), (0.5, 0.6, 1.0), np.float32)
    joints[:5, 1], joints[5:7, 1] = ears, shoulders
    joints[[3, 5], 0], joints[[4, 6], 0] = 0.54, 0.46
    return joints


def test_the_window_shows_the_head_as_portraits_do() -> None:
    window = head_window(figure())

    assert window is not None and window.enlarged == pytest.approx(4.97, abs=0.01)
    left, top, right, bottom = window.box
    assert (0.5 - left) / (right - left) == pytest.approx(EARS_AT[0])
    assert (0.15 - top) / (bottom - top) == pytest.approx(EARS_AT[1])
    assert bottom - top == pytest.approx(1 / window.enlarged)


def test_the_portrait_has_the_joints_of_the_figure_in_its_own_frame() -> None:
    window = head_window(figure())
    assert window is not None
    portrait = portrait_of(NanoRequest({"place": "beach"}, figure(), (), 1), window)

    assert portrait.attributes == {"place": "beach", "framing": "portrait"}
    assert portrait.joints[3, :2] == pytest.approx((0.49 + 0.04 * window.enlarged, 0.45), abs=1e-3)
    assert portrait.joints[3, 2] == 1
    assert portrait.joints[11, 2] == 0  # hips are below the frame


@pytest.mark.parametrize(
    "joints",
    [
        figure(0.1, 0.5),  # a portrait already
        figure(0.15, 0.18),  # a head of a few pixels
        figure(0.3, 0.2),  # upside down
        figure() * np.array([1, 1, 0], np.float32),  # nothing of it in the picture
    ],
)
def test_other_heads_are_left_as_they_are(joints: np.ndarray) -> None:
    assert head_window(joints) is None


def test_only_the_head_is_laid_over_the_picture() -> None:
    layout = np.zeros((240, 160), np.int64)
    layout[60:130, 50:110] = int(BodyPart.SKIN)
    layout[200:, :] = int(BodyPart.TOP)
    portrait = np.full((240, 160, 3), 250, np.uint8)
    picture = np.full((960, 640, 3), 20, np.uint8)
    window = HeadWindow((0.4, 0.1, 0.65, 0.35), 4.0)
    found = with_head(picture, portrait, layout, window)

    changed = np.argwhere(found[..., 0] > 100)
    top, left = changed.min(0)
    bottom, right = changed.max(0)
    assert (left, right) == pytest.approx((256 + 50, 256 + 110), abs=2)
    assert (top, bottom) == pytest.approx((96 + 60, 96 + 130), abs=2)
    assert (found[: top - 8] == 20).all() and (found[bottom + 8 :] == 20).all()
