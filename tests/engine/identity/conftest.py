"""A person of coloured rectangles whose joints and parts are known, and the shipped observer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.identity.body import BodyPart
from engine.identity.observer import NetworkObserver
from engine.identity.profile import Observation, View

COLOURS = {
    BodyPart.BACKGROUND: (90, 160, 90),
    BodyPart.HAIR: (60, 40, 20),
    BodyPart.FACE: (230, 190, 160),
    BodyPart.SKIN: (225, 185, 155),
    BodyPart.TOP: (200, 30, 40),
    BodyPart.BOTTOM: (30, 40, 200),
    BodyPart.SHOES: (20, 20, 20),
}
JOINTS = (
    (50, 24), (54, 20), (46, 20), (58, 22), (42, 22), (66, 46), (34, 46), (74, 70), (26, 70),
    (76, 92), (24, 92), (60, 100), (40, 100), (60, 140), (40, 140), (60, 180), (40, 180),
)  # fmt: skip


@pytest.fixture(scope="session")
def standing() -> Image.Image:
    """A synthetic woman in a forest, from head to feet, 128 x 192 (python -m trainer.people --sheet)."""
    with Image.open(Path(__file__).with_name("standing.png")) as picture:
        return picture.convert("RGB")


@pytest.fixture(scope="session")
def shipped() -> NetworkObserver:
    return NetworkObserver()


@pytest.fixture
def paper_doll() -> View:
    """100 x 200 px; the part map shows the whole photo at half its size."""
    parts = np.zeros((200, 100), np.uint8)
    for part, (x0, y0, x1, y1) in (
        (BodyPart.HAIR, (40, 6, 60, 16)),
        (BodyPart.FACE, (40, 16, 60, 36)),
        (BodyPart.SKIN, (20, 60, 30, 100)),
        (BodyPart.SKIN, (70, 60, 80, 100)),
        (BodyPart.TOP, (30, 40, 70, 100)),
        (BodyPart.BOTTOM, (34, 100, 66, 180)),
        (BodyPart.SHOES, (34, 180, 66, 190)),
    ):
        parts[y0:y1, x0:x1] = part
    picture = np.zeros((200, 100, 3), np.uint8)
    for part, colour in COLOURS.items():
        picture[parts == part] = colour
    seen = Observation(
        width=100,
        height=200,
        face_box=(40, 14, 60, 36),
        body_box=(20, 6, 80, 190),
        keypoints=np.array([(x, y, 0.9) for x, y in JOINTS], np.float32),
        parts=parts[::2, ::2].copy(),
        parts_box=(0, 0, 100, 200),
    )
    return View(Image.fromarray(picture), seen)


@pytest.fixture
def headless(paper_doll: View) -> View:
    """The same, of whom nothing but the box is known."""
    seen = replace(paper_doll.observation, face_box=None, keypoints=None, parts=None, parts_box=None)
    return View(paper_doll.image, seen)
