"""nano as a diffusers pipeline: its parts in one folder (model_index.json), and drawing from prepared conditions."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from diffusers import DiffusionPipeline, UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor

from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano.appearance import Appearance
from engine.backbones.nano.asked import Asked
from engine.backbones.nano.attributes import encoded
from engine.backbones.nano.background import BackgroundDenoiser
from engine.backbones.nano.flow import Prediction, sample
from engine.backbones.nano.head_alignment import aligned_head
from engine.backbones.nano.layout import LayoutPredictor, without_fragments
from engine.backbones.nano.network import (
    PATCH_PX,
    AttributeEncoder,
    Conditioning,
    NanoNetwork,
    Palette,
    ReferenceEncoder,
)
from engine.backbones.nano.pose_examples import PoseExamples
from engine.backbones.nano.references import palette_of, stacked_heads, stacked_views
from engine.body.atlas import Atlas, shipped_atlas
from engine.body.body_map import BodyMaps
from engine.body.mapper import BodyMapper
from engine.body.texture import SURENESS, laid_texture, merged
from engine.errors import WeightsError
from engine.pixels import to_uint8

SHARD_SIZE_MAX: Final = "16MB"
"""Of one file of weights: they are kept in a repository."""
METADATA: Final = "metadata.json"
DEFAULT_STEPS: Final = 1
"""Half of the training is at time 0. At later times the denoiser has learned too little: more steps make blotches of
the background and shift the colours of clothes (trainer/LOG.md 28)."""


class NanoPipeline(DiffusionPipeline):  # type: ignore[misc]
    """The parts and how they draw. `from_pretrained(folder)` and `save_pretrained(folder)` as in diffusers."""

    def __init__(
        self,
        unet: UNet2DConditionModel,
        vae: NanoAutoencoder,
        words: AttributeEncoder,
        references: ReferenceEncoder,
        palette: Palette,
        layout: LayoutPredictor,
        background: BackgroundDenoiser,
        mapper: BodyMapper,
        poses: PoseExamples,
    ) -> None:
        super().__init__()
        self.register_modules(
            unet=unet,
            vae=vae,
            words=words,
            references=references,
            palette=palette,
            layout=layout,
            background=background,
            mapper=mapper,
            poses=poses,
        )
        self.atlas: Atlas = shipped_atlas()
        self.network = NanoNetwork(unet, words, references, palette, vae, self.atlas)
        self.network.eval().requires_grad_(False)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of its pictures in px."""
        rows, columns = self.unet.config.sample_size
        return rows * PATCH_PX, columns * PATCH_PX

    @torch.inference_mode()
    def condition(self, asked: Sequence[Asked]) -> tuple[Conditioning, Tensor]:
        """The UNet's inputs for all steps, with keys and values computed, and the layouts int64 [B, H, W]."""
        device = self.device
        joints = torch.from_numpy(np.stack([one.joints for one in asked])).to(device)
        maps = self.mapper.maps(joints, torch.tensor([one.build for one in asked], device=device), self.atlas)
        values = torch.tensor([encoded(one.attributes) for one in asked], device=device)
        appearance = self._appearance(asked, maps)
        likeliest = self.layout(values, appearance, maps.channels(self.atlas)).argmax(1)
        layout = without_fragments(likeliest, np.stack([one.joints for one in asked]))
        background = self.background.draw(values, [one.seed for one in asked])
        conditioning = self.network.condition(values, appearance, maps, layout, background)
        return self.network.cached(conditioning), layout

    def _appearance(self, asked: Sequence[Asked], maps: BodyMaps) -> Appearance:
        first = [one.references[0] for one in asked]
        texture = torch.stack([merged([r.texture[None] for r in one.references])[0] for one in asked])
        palette = torch.stack([palette_of(one.references) for one in asked])
        for row, one in enumerate(asked):
            texture[row, SURENESS] *= min(one.body_scale, 1.0)
            palette[row] *= min(one.body_scale, 1.0)
        scales = torch.tensor(
            [
                [one.face_scale * (reference.face is not None) for one, reference in zip(asked, first, strict=True)],
                [one.body_scale for one in asked],
            ]
        )
        laid = laid_texture(texture.to(self.device), maps.surface)
        heads = [aligned_head([photo.head for photo in one.references], one.joints, self.size) for one in asked]
        views = stacked_views(first, self.atlas)
        appearance = Appearance(views, scales, laid, palette, *stacked_heads(heads)).to(self.device)
        return appearance.with_head(torch.tensor([min(one.face_scale, 1.0) for one in asked], device=self.device))

    @torch.inference_mode()
    def __call__(
        self,
        asked: Sequence[Asked],
        steps: int = DEFAULT_STEPS,
        on_step: Callable[[int, Callable[[], NDArray[np.uint8]]], None] | None = None,
    ) -> DrawnBatch:
        """Pictures from noise in so many steps; equal requests give equal pictures on one device. on_step is called
        with the number of steps done and a function that gives the pictures as predicted so far."""
        conditioning, layout = self.condition(asked)
        channels, (rows, columns) = self.vae.config.latent_channels, self.unet.config.sample_size
        sources = [np.random.default_rng(one.seed) for one in asked]

        def draw() -> Tensor:
            noise = [source.standard_normal((channels, rows, columns), np.float32) for source in sources]
            return torch.from_numpy(np.stack(noise)).to(self.device)

        def predict(z: Tensor, time: Tensor) -> Prediction:
            return self.network.predict(z, time, conditioning)

        def done(number: int, prediction: Prediction) -> None:
            if on_step is not None:
                on_step(number, lambda: to_uint8(prediction.picture))

        return DrawnBatch(to_uint8(sample(predict, draw, steps, done).picture), layout.cpu().numpy())


@dataclass(frozen=True)
class DrawnBatch:
    """pictures uint8 [B, H, W, 3]; layouts int64 [B, H, W] of BodyPart."""

    pictures: NDArray[np.uint8]
    layouts: NDArray[np.int64]


def save_nano(pipeline: NanoPipeline, folder: Path, metadata: dict[str, Any]) -> None:
    """Writes the pipeline's folder with float16 weights and what is known of its training."""
    parts = {name: deepcopy(part).half() for name, part in pipeline.components.items()}
    for part in parts.values():
        part.register_to_config(_name_or_path=None)
    halves = NanoPipeline.__new__(NanoPipeline)
    DiffusionPipeline.__init__(halves)
    halves.register_modules(**parts)
    halves.save_pretrained(folder, max_shard_size=SHARD_SIZE_MAX)
    (folder / METADATA).write_text(json.dumps(metadata, indent=1, ensure_ascii=False) + "\n", "utf-8")


def load_nano(folder: Path) -> tuple[NanoPipeline, dict[str, Any]]:
    """A pipeline in float32 on the CPU, and its metadata. Raises WeightsError for a folder that is none."""
    if not (folder / "model_index.json").exists():
        raise WeightsError(f"expected a nano pipeline in {folder}, found no model_index.json: set ENGINE_WEIGHTS")
    parts = {
        "unet": UNet2DConditionModel,
        "vae": NanoAutoencoder,
        "words": AttributeEncoder,
        "references": ReferenceEncoder,
        "palette": Palette,
        "layout": LayoutPredictor,
        "background": BackgroundDenoiser,
        "mapper": BodyMapper,
        "poses": PoseExamples,
    }
    try:
        loaded = {
            name: kind.from_pretrained(folder / name, torch_dtype=torch.float32, low_cpu_mem_usage=False)
            for name, kind in parts.items()
        }
    except OSError as error:
        raise WeightsError(f"expected a nano pipeline in {folder}, got {error}".partition("\n")[0]) from error
    for part in loaded.values():
        part.eval().requires_grad_(False)
    return NanoPipeline(**loaded), json.loads((folder / METADATA).read_text("utf-8"))
