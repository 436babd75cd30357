"""A synthetic photo, the shipped person parser, and an observation with only a box."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from engine.identity.person_parser import ShippedParser
from engine.identity.profile import View


@pytest.fixture(scope="session")
def standing() -> Image.Image:
    """A synthetic woman in a forest, from head to feet, 128 x 192 (python -m trainer.synthetic --sheet)."""
    with Image.open(Path(__file__).with_name("standing.png")) as picture:
        return picture.convert("RGB")


@pytest.fixture(scope="session")
def shipped() -> ShippedParser:
    return ShippedParser()


@pytest.fixture
def headless(paper_doll: View) -> View:
    """The same photo with an observation of only the box."""
    observation = replace(paper_doll.observation, face_box=None, keypoints=None, parts=None, parts_box=None)
    return View(paper_doll.image, observation)
