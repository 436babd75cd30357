"""Tiny random bases of the true layouts, a few rendered people, and their caches: made once."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

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
    """Each tiny layout in turn."""
    found: TinyBase = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def cache(tiny: TinyBase) -> AdapterCache:
    return AdapterCache(tiny.cache)


@pytest.fixture(scope="session")
def write_recognition() -> Callable[..., Path]:
    return _write_recognition


def _write_recognition(path: Path, size: tuple[int, int] = (112, 112), dim: int = 512, seed: int = 0) -> Path:
    """Writes a recognition network with random weights as an ONNX file, with the operators of insightface's networks;
    `size`: height and width of its input in px."""
    rng = np.random.default_rng(seed)
    cells = 8 * (size[0] // 8) * (size[1] // 8)
    weights = {
        "kernel": rng.normal(0, 0.1, (8, 3, 8, 8)),
        "bias": rng.normal(0, 0.1, 8),
        "scale": rng.uniform(0.5, 1.5, 8),
        "shift": rng.normal(0, 0.1, 8),
        "mean": rng.normal(0, 0.1, 8),
        "variance": rng.uniform(0.5, 1.5, 8),
        "slope": rng.uniform(0.1, 0.3, (8, 1, 1)),
        "linear": rng.normal(0, cells**-0.5, (dim, cells)),
        "offset": rng.normal(0, 0.1, dim),
    }
    nodes = [
        helper.make_node("Conv", ["image", "kernel", "bias"], ["conv"], strides=[8, 8], pads=[0, 0, 0, 0]),
        helper.make_node("BatchNormalization", ["conv", "scale", "shift", "mean", "variance"], ["norm"]),
        helper.make_node("PRelu", ["norm", "slope"], ["act"]),
        helper.make_node("Add", ["act", "conv"], ["sum"]),
        helper.make_node("Flatten", ["sum"], ["flat"]),
        helper.make_node("Gemm", ["flat", "linear", "offset"], ["embedding"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "recognition",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, *size])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", dim])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path
