"""A tiny base, people to measure on, and tiny networks of the public layouts."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Dinov2Config, Dinov2Model

from tests.tiny_clip import write_tiny_clip
from trainer.evaluation.inception import WEIGHTS, Inception
from trainer.evaluation.published import ALEXNET, LPIPS_LAYERS, Lpips
from trainer.synthetic.identity import SPLITS
from trainer.synthetic.shards import ShardPlan, write_shards

TINY = Path(__file__).parents[2] / "engine" / "backbones" / "tiny_diffusion.py"
PEOPLE, PHOTOS, CAPTIONS = 3, 4, 3


@dataclass(frozen=True)
class TinyNetworks:
    """Folders of networks that measure."""

    clip: Path
    dino: Path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A TinyFolder in Stable Diffusion 1.5's layout."""
    spec = importlib.util.spec_from_file_location("tiny_diffusion_of_measures", TINY)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module.build(tmp_path_factory.mktemp("sd15"), xl=False)


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered people of the test split, 64 x 96 px."""
    folder = tmp_path_factory.mktemp("people")
    write_shards(folder, ShardPlan(SPLITS["test"].start, PEOPLE, PHOTOS, 96, 64), workers=1)
    return folder


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> TinyNetworks:
    torch.manual_seed(0)
    folders = TinyNetworks(*(tmp_path_factory.mktemp(name) for name in ("clip", "dino")))
    write_tiny_clip(folders.clip, 16)
    config = Dinov2Config(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14)
    Dinov2Model(config).save_pretrained(folders.dino)
    return folders


@dataclass(frozen=True)
class PublishedFolders:
    """Random weights under the published names and in the published shapes: those of a network are read by shape."""

    inception: Path
    lpips: Path


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> PublishedFolders:
    torch.manual_seed(0)
    folders = PublishedFolders(*(tmp_path_factory.mktemp(name) for name in ("inception", "lpips")))
    torch.save(Inception().state_dict(), folders.inception / WEIGHTS)
    stages = Lpips().stages.state_dict()
    torch.save({f"features.{name}": value for name, value in stages.items()}, folders.lpips / ALEXNET)
    linear = {f"lin{n}.model.1.weight": torch.rand(1, c, 1, 1) for n, c in enumerate(Lpips.CHANNELS)}
    torch.save(linear, folders.lpips / LPIPS_LAYERS)
    return folders


@pytest.fixture(scope="session")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some captioned photos in the official layout."""
    folder, images, captions = tmp_path_factory.mktemp("coco"), [], []
    (folder / "annotations").mkdir()
    (folder / "val2017").mkdir()
    rng = np.random.default_rng(3)
    for number in range(CAPTIONS):
        name = f"{number:012d}.png"
        small = Image.fromarray(rng.integers(0, 255, (6, 5, 3), np.uint8))
        small.resize((80, 96), Image.Resampling.BICUBIC).save(folder / "val2017" / name)
        images.append({"id": number, "file_name": name})
        captions.append({"id": number, "image_id": number, "caption": f"a {'bcd'[number]}at"})
    content = {"images": images, "annotations": captions}
    (folder / "annotations" / "captions_val2017.json").write_text(json.dumps(content))
    return folder
