"""Four people of the gates, rendered once, and readers of their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from engine.backbones.base import Capabilities, GenerationInput, StepCallback
from engine.config import load_config
from engine.hub.packaged import named, remedy
from engine.identity.faces import Face
from engine.vision.blazepose import DetectedPose
from trainer.evaluation.evaluators import SHIPPED_EVALUATORS, Evaluators, load_evaluators
from trainer.gates.cases import Case, cases_of
from trainer.gates.people_reader import PeopleReader, Sightings

FIRST = 2_000_040
PEOPLE = 4
CAN = Capabilities(
    name="plain",
    family="adapter",
    width=80,
    height=120,
    references_max=1,
    batch_max=4,
    steps_default=1,
    steps_range=(1, 1),
    guidance_default=1.0,
    guidance_range=(1.0, 1.0),
    pose=True,
    strength=True,
    styles="words",
    preview_decoder="own",
    languages=("en", "ru"),
    photorealistic=False,
    licence="",
    commercial_use=True,
)


class Plain:
    """Draws the mean colour of the reference; breaks before picture number `breaks_at`."""

    device = "cpu"

    def __init__(self, capabilities: Capabilities = CAN, breaks_at: int = 10_000) -> None:
        self.capabilities = capabilities
        self.drawn: list[GenerationInput] = []
        self.breaks_at = breaks_at

    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        if len(self.drawn) + len(drawings) > self.breaks_at:
            raise KeyboardInterrupt
        self.drawn += drawings
        size = (self.capabilities.width, self.capabilities.height)
        photos = [np.asarray(drawing.identity.views[0].image) for drawing in drawings]
        return [Image.new("RGB", size, tuple(int(c) for c in photo.mean((0, 1)))) for photo in photos]


class NoFaces:
    name = "nobody"

    def find(self, image: Image.Image) -> list[Face]:
        return []


class OnePerson:
    """Reads one person with one face on every picture, all joints at the middle, and no pose in detail."""

    def read(self, pictures: NDArray[np.uint8]) -> Sightings:
        ones = np.ones(len(pictures), np.int64)
        middle = np.array(pictures.shape[2:0:-1]) / 2
        return Sightings(ones, ones, np.tile(middle, (len(pictures), 17, 1)))

    def pose(self, picture: NDArray[np.uint8]) -> DetectedPose | None:
        return None


@pytest.fixture(scope="session")
def photos_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gates") / "photos"


@pytest.fixture(scope="session")
def cases(photos_folder: Path) -> list[Case]:
    return cases_of(FIRST, PEOPLE, photos_folder)


@pytest.fixture(scope="session")
def evaluators() -> Evaluators:
    return load_evaluators(SHIPPED_EVALUATORS)


@pytest.fixture(scope="session")
def mediapipe() -> PeopleReader:
    """Skips where the weights are absent."""
    folder = load_config().state
    if named("mediapipe").lacking(folder):
        pytest.skip(f"needs the weights mediapipe in {folder}: {remedy(named('mediapipe'))}")
    return PeopleReader(folder)


@pytest.fixture
def plain() -> type[Plain]:
    return Plain


@pytest.fixture
def no_faces() -> NoFaces:
    return NoFaces()


@pytest.fixture(scope="session")
def one_person() -> OnePerson:
    return OnePerson()
