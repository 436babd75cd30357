"""Chooses the person parser: the operator's models, MediaPipe's networks, or the shipped one."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

from engine.errors import SetupError
from engine.identity.body import PersonParser
from engine.identity.person_parser import ShippedParser

log = logging.getLogger(__name__)


def open_person_parser(
    pose_model: Path | None = None,
    person_detector: Path | None = None,
    device: str = "cpu",
    state: Path | None = None,
) -> PersonParser:
    """ViTPose with RT-DETR where both folders are given, else MediaPipe's networks where their weights are below
    `state` (ENGINE_STATE), else the shipped network alone, with one log line.

    Raises SetupError when only one of the two folders is given, WeightsError for a folder that cannot be loaded."""
    if (pose_model is None) != (person_detector is None):
        raise SetupError(
            "expected both ENGINE_POSE_MODEL and ENGINE_PERSON_DETECTOR or neither, got one: set the other, or unset it"
        )
    shipped = ShippedParser()
    if pose_model is not None and person_detector is not None:
        from engine.identity.vitpose import VitPoseParser

        return VitPoseParser(pose_model, person_detector, shipped, device)
    if state is None:
        return shipped
    from engine.identity.pretrained_parser import PretrainedParser

    try:
        return PretrainedParser(state, shipped)
    except SetupError as error:
        _say_fallback(str(error))
        return shipped


@cache
def _say_fallback(reason: str) -> None:
    log.warning("photos are read by the shipped parser, which has seen renders alone: %s", reason)
