"""A few people at nano's size, unpacked and prepared with a body mapper after a few steps of training."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.body.mapper import BodyMapper
from engine.networks import save_network
from trainer.nano.batches import ARRAYS
from trainer.nano.preparing import prepare_store
from trainer.nano.store import Store, build_store
from trainer.synthetic.shards import ShardPlan, write_shards


@pytest.fixture(scope="session")
def nano_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nano-people")
    write_shards(folder, ShardPlan(1_000_000, 3, 4, 240, 160), workers=1)
    return folder


@pytest.fixture(scope="session")
def untrained_mapper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mapper")
    save_network(BodyMapper(), folder, {})
    return folder


@pytest.fixture(scope="session")
def store(nano_shards: Path, untrained_mapper: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("store")
    assert build_store(nano_shards, folder) == 1
    assert prepare_store(folder, untrained_mapper, workers=1) == 1
    return Store(folder, (*ARRAYS, "joints", "build"))
