"""A few real shards, made once: small enough for a test, made by the real generator."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer.synthetic.shards import ShardPlan, write_shards

VALIDATION_FIRST = 1_000_000


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    write_shards(folder, ShardPlan(VALIDATION_FIRST, 3, 3, 192, 128), workers=1)
    return folder
