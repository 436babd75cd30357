"""One nano pipeline with random weights for all tests of this folder."""

from __future__ import annotations

import pytest

from engine.backbones.nano.pipeline import NanoPipeline
from tests.random_nano import random_nano


@pytest.fixture(scope="session")
def pipeline() -> NanoPipeline:
    return random_nano()
