"""Tiny random bases of the true layouts, a few rendered people, and their caches: made once."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from trainer.adapter.base import PublicBase, open_base
from trainer.adapter.cache import AdapterCache
from trainer.adapter.precompute import PrecomputeRun, precompute
from trainer.synthetic.shards import ShardPlan, write_shards

TINY = Path(__file__).parents[2] / "engine" / "backbones" / "tiny_diffusion.py"
VALIDATION_FIRST = 1_000_000
PEOPLE, PHOTOS = 3, 4


@dataclass(frozen=True)
class TinyBase:
    """A base, its folders, the shards and the cache that it encoded them into."""

    base: PublicBase
    folders: Any
    shards: tuple[Path, ...]
    cache: Path


@pytest.fixture(scope="session")
def tiny_module() -> Any:
    spec = importlib.util.spec_from_file_location("tiny_diffusion_of_trainer", TINY)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Three people to learn from and one for validation, 64 x 96 px."""
    train, validation = (tmp_path_factory.mktemp(name) for name in ("train", "validation"))
    write_shards(train, ShardPlan(0, PEOPLE, PHOTOS, 96, 64), workers=1)
    write_shards(validation, ShardPlan(VALIDATION_FIRST, 1, PHOTOS, 96, 64), workers=1)
    return train, validation


def _encoded(
    layout: str, tiny_module: Any, rendered: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory
) -> TinyBase:
    folders = tiny_module.build(tmp_path_factory.mktemp(f"base-{layout}"), xl=layout == "sdxl")
    base = open_base(str(folders.pipeline), folders.image_encoder)
    cache = tmp_path_factory.mktemp(f"cache-{layout}")
    precompute(PrecomputeRun(rendered, base, cache))
    return TinyBase(base, folders, rendered, cache)


@pytest.fixture(scope="session")
def sd15(tiny_module: Any, rendered: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> TinyBase:
    return _encoded("sd15", tiny_module, rendered, tmp_path_factory)


@pytest.fixture(scope="session")
def sdxl(tiny_module: Any, rendered: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> TinyBase:
    return _encoded("sdxl", tiny_module, rendered, tmp_path_factory)


@pytest.fixture(params=["sd15", "sdxl"])
def tiny(request: pytest.FixtureRequest) -> TinyBase:
    """Each layout in turn."""
    found: TinyBase = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def cache(tiny: TinyBase) -> AdapterCache:
    return AdapterCache(tiny.cache)
