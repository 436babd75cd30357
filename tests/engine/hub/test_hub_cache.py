"""A backbone draws with the files that `doctor --download` puts into the hub's cache when only its name is set."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from PIL import Image

from engine.backbones import load_backbone
from engine.backbones.base import GenerationInput
from engine.contract import PosePreset
from engine.hub.catalogue import load_catalogue
from engine.identity.profile import IdentityProfile, Observation, View
from engine.pose import preset

LAID = {
    "sd15": {"lcm-lora-sd15": "lora", "ip-adapter-sd15": "body", "faceid-sd15": "face"},
    "sdxl": {"sdxl-lightning": "lora", "ip-adapter-sdxl": "body", "faceid-sdxl": "face"},
}
"""Entries of the catalogue that are one file -> its counterpart in the tiny folder."""
FOLDERS = {
    "sd15": {"pose-sd15": "controlnet", "preview-sd15": "preview"},
    "sdxl": {"pose-sdxl": "union", "preview-sdxl": "preview"},
}


class Cache:
    """A cache of the hub's layout, filled with the files that the catalogue lists and no others."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, repository: str) -> Path:
        home = self._root / f"models--{repository.replace('/', '--')}"
        (home / "refs").mkdir(parents=True, exist_ok=True)
        (home / "refs" / "main").write_text("abc")
        (home / "snapshots" / "abc").mkdir(parents=True, exist_ok=True)
        return home / "snapshots" / "abc"

    def lay(self, name: str, source: Path) -> None:
        """source: a file, or a folder of which the entry's files are taken."""
        (entry,) = (weights for weights in load_catalogue() if weights.name == name)
        folder = self.folder(entry.repository)
        for pattern in entry.files:
            target = folder / pattern
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_file():
                if target.suffix == source.suffix:
                    shutil.copy(source, target)
                continue
            found = list(source.glob(pattern)) or [_half(source, target.name)]
            for path in found:
                shutil.copy(path, target if "*" not in pattern else target.parent / path.name)


def _half(source: Path, name: str) -> Path:
    """Published in half precision under another name."""
    return source / name.replace(".fp16", "")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return Cache(tmp_path / "hub")


def fill(cache: Cache, name: str, tiny: Any, tmp_path: Path, optional: bool) -> None:
    kind = StableDiffusionXLPipeline if name == "sdxl" else StableDiffusionPipeline
    extra = {} if name == "sdxl" else {"safety_checker": None, "requires_safety_checker": False}
    kind.from_pretrained(tiny.pipeline, **extra).save_pretrained(tmp_path / "half", variant="fp16")
    cache.lay(name, tmp_path / "half")
    encoder = cache.folder("h94/IP-Adapter") / "models" / "image_encoder"
    shutil.copytree(tiny.image_encoder, encoder)
    for entry, part in LAID[name].items():
        if part != "face" or optional:
            cache.lay(entry, getattr(tiny, part))
    for entry, part in FOLDERS[name].items() if optional else ():
        cache.lay(entry, getattr(tiny, part))


def drawing() -> GenerationInput:
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 48, 3), dtype=np.uint8))
    embedding = np.full(512, 512**-0.5, np.float32)
    observation = Observation(48, 64, face_box=(10.0, 5.0, 30.0, 25.0), face_embedding=embedding)
    return GenerationInput(
        IdentityProfile((View(photo, observation),)), "a beach", "", 1, pose=preset(PosePreset.SITTING)
    )


@pytest.mark.parametrize("optional", [False, True], ids=["needed", "everything"])
@pytest.mark.parametrize("name", ["sd15", "sdxl"])
def test_the_name_alone_is_enough(
    name: str, optional: bool, cache: Cache, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    fill(cache, name, request.getfixturevalue(f"tiny_{name}"), tmp_path, optional)
    backbone = load_backbone(name, "cpu")
    capabilities = backbone.capabilities
    assert capabilities.steps_default == {"sd15": 6, "sdxl": 4}[name]
    assert capabilities.strength and capabilities.pose is optional
    assert capabilities.commercial_use is not optional
    assert capabilities.preview_decoder == ("linear" if not optional else f"madebyollin/tae{name.replace('15', '')}")
    steps: list[int] = []
    (picture,) = backbone.draw([drawing()], lambda step: steps.append(len(step.previews())))
    assert picture.size == (capabilities.width, capabilities.height)
    assert steps == [1] * capabilities.steps_default


def test_an_optional_part_that_arrived_in_part_does_not_stop_the_backbone(
    cache: Cache, tmp_path: Path, tiny_sd15: Any, caplog: pytest.LogCaptureFixture
) -> None:
    fill(cache, "sd15", tiny_sd15, tmp_path, optional=True)
    next(cache.folder("madebyollin/taesd").glob("*.safetensors")).unlink()
    assert load_backbone("sd15", "cpu").capabilities.preview_decoder == "linear"
    assert "madebyollin/taesd" in caplog.text
