"""Framing and posture of the person on a photo, and hints at what another photo should show."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.contract import Framing, Hint
from engine.identity.observation import Observation
from engine.identity.skeleton import ANKLES, HIPS, KNEES, LEFT_SHOULDER, RIGHT_SHOULDER, SHOULDERS, Keypoints

CONFIDENCE_MIN: Final = 0.5
"""The confidence from which a joint counts for the framing: the place of an occluded joint is a guess."""
LYING_MIN_DEG: Final = 55.0
"""The angle in degrees between the trunk and the vertical from which a person lies."""
SITTING_MAX: Final = 0.5
"""The distance of the knees below the hips under which a person sits, in trunk lengths: about .9 standing, .2 on a
chair."""
SMALL_FACE_PX: Final = 40.0
HEAD_CUT_OFF: Final = 0.02
"""The distance of the face from the photo's upper edge, in photo heights, below which the hair is cut off."""


class Posture(StrEnum):
    """The posture by the joints; UPRIGHT also where they do not determine it."""

    UPRIGHT = "upright"
    SITTING = "sitting"
    LYING = "lying"


def framing_of(observation: Observation) -> Framing | None:
    """The framing of a photo; None where no joints were read."""
    if observation.keypoints is None:
        return None
    points = observation.keypoints
    if _are_visible(points, ANKLES).any():
        return Framing.FULL_LENGTH
    return (
        Framing.HALF_LENGTH
        if _are_visible(points, HIPS).any() or _are_visible(points, KNEES).any()
        else Framing.PORTRAIT
    )


def posture_of(observation: Observation) -> Posture:
    """The posture of the person on the photo."""
    if observation.keypoints is None:
        return Posture.UPRIGHT
    points = observation.keypoints
    shoulders, hips, knees = (_middle(points, joints) for joints in (SHOULDERS, HIPS, KNEES))
    if shoulders is None or hips is None:
        return Posture.UPRIGHT
    trunk = hips - shoulders
    length = max(float(np.hypot(*trunk)), 1.0)
    if np.degrees(np.arctan2(abs(trunk[0]), trunk[1])) > LYING_MIN_DEG:
        return Posture.LYING
    if knees is not None and float(knees[1] - hips[1]) < SITTING_MAX * length:
        return Posture.SITTING
    return Posture.UPRIGHT


def is_from_behind(observation: Observation) -> bool:
    """Whether no face was found and the left shoulder lies left of the right one in the photo, as seen from behind."""
    if (
        observation.keypoints is None
        or observation.face_box is not None
        or not _are_visible(observation.keypoints, SHOULDERS).all()
    ):
        return False
    return bool(observation.keypoints[LEFT_SHOULDER, 0] < observation.keypoints[RIGHT_SHOULDER, 0])


def hints_of(observation: Observation) -> tuple[Hint, ...]:
    """The hints for a photo, the most important first; empty for a full-length photo with a clear face."""
    framing, posture, hints = framing_of(observation), posture_of(observation), []
    if observation.face_box is None and framing is not None:
        hints.append(Hint.FROM_BEHIND if is_from_behind(observation) else Hint.NO_FACE)
    elif observation.face_box is not None:
        x0, y0, x1, y1 = observation.face_box
        if max(x1 - x0, y1 - y0) < SMALL_FACE_PX:
            hints.append(Hint.SMALL_FACE)
        if y0 <= HEAD_CUT_OFF * observation.height and posture is not Posture.LYING:
            hints.append(Hint.HEAD_CUT_OFF)
    if posture is Posture.LYING:
        hints.append(Hint.LYING)
    elif framing is Framing.PORTRAIT:
        hints.append(Hint.PORTRAIT)
    elif framing is Framing.HALF_LENGTH:
        hints.append(Hint.HALF_LENGTH)
    elif posture is Posture.SITTING:
        hints.append(Hint.SITTING)
    return tuple(hints)


def _are_visible(points: Keypoints, joints: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.asarray(points[list(joints), 2] >= CONFIDENCE_MIN)


def _middle(points: Keypoints, joints: tuple[int, ...]) -> NDArray[np.float32] | None:
    """The mean [2] px of the visible joints; None without any."""
    chosen = points[list(joints)]
    visible = chosen[chosen[:, 2] >= CONFIDENCE_MIN, :2]
    return np.asarray(visible.mean(0), np.float32) if len(visible) else None
