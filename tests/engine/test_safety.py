"""Prompts, photos and pictures are checked behind one interface, and no photorealistic backbone goes unchecked."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.config import Config
from engine.errors import SetupError
from engine.identity.faces import CascadeFinder, Face
from engine.safety import Guard, open_guard
from engine.wording import Concern

RED, BLUE = Image.new("RGB", (80, 80), "red"), Image.new("RGB", (80, 80), "blue")


class Reddish:
    """As sure as the picture is red; remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, int]] = []

    def probability(self, image: Image.Image) -> float:
        self.shown.append(image.size)
        return float(np.asarray(image.convert("RGB"))[..., 0].mean() / 255)


class NoFaces:
    name = "none"

    def find(self, image: Image.Image) -> list[Face]:
        return []


def test_words_are_checked_without_any_classifier() -> None:
    guard = Guard(NoFaces())
    assert guard.check_prompt("a woman in a forest") is None
    assert guard.check_prompt("девочка в лесу") is Concern.MINOR
    assert guard.check_prompt("a nude") is Concern.NUDITY
    assert guard.check_photo(RED) is None and guard.check_picture(RED) is None


def test_photos_and_pictures_are_refused_from_the_threshold_on() -> None:
    guard = Guard(NoFaces(), nudity=Reddish(), nudity_threshold=1.0)
    for check in (guard.check_photo, guard.check_picture):
        assert check(RED) is Concern.NUDITY
        assert check(Image.new("RGB", (80, 80), (254, 0, 0))) is None


def test_a_photo_that_comes_again_is_not_looked_at_again() -> None:
    nudity = Reddish()
    guard = Guard(NoFaces(), nudity=nudity)
    assert [guard.check_photo(photo.copy()) for photo in (RED, BLUE, RED)] == [Concern.NUDITY, None, Concern.NUDITY]
    assert len(nudity.shown) == 2


def test_ages_are_judged_by_heads_and_come_before_nudity(cascades: CascadeFinder, astronaut: Image.Image) -> None:
    age, nudity = Reddish(), Reddish()
    guard = Guard(cascades, nudity, age, nudity_threshold=0.01, age_threshold=0.01)
    assert guard.check_photo(astronaut) is Concern.MINOR
    assert all(max(size) < astronaut.width for size in age.shown) and age.shown
    assert nudity.shown == []


def test_where_there_is_no_face_no_age_is_guessed() -> None:
    age = Reddish()
    assert Guard(NoFaces(), age=age).check_photo(RED) is None
    assert age.shown == []


def test_a_backbone_with_photorealistic_pictures_needs_a_classifier(
    slow_backbone: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    plain = slow_backbone.capabilities
    with caplog.at_level(logging.INFO):
        assert open_guard(Config(), plain, NoFaces()).check_photo(RED) is None
    assert "no safety classifier" in caplog.text
    photorealistic = dataclasses.replace(plain, name="sdxl", photorealistic=True)
    with pytest.raises(SetupError, match="doctor --backbone sdxl --download") as raised:
        open_guard(Config(), photorealistic, NoFaces())
    assert "\n" not in str(raised.value)


def test_a_classifier_that_is_named_must_be_there(
    slow_backbone: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(SetupError, match=r"ENGINE_AGE_MODEL: expected a folder.*got somebody/ages"):
        open_guard(Config(age_model="somebody/ages"), slow_backbone.capabilities, NoFaces())
