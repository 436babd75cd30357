"""The metrics with their published networks: CLIP-T, CLIP-I, LPIPS, FID and KID. Each network is read from a folder of
its public layout; nothing is downloaded. Without the folder the figure is absent; no other network replaces it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPModel, CLIPTokenizer

from engine.pixels import to_tensor
from trainer.errors import CheckpointError
from trainer.evaluation.inception import Inception, fit_weights, load_inception, read_weights
from trainer.evaluation.metrics import Floats, cosine, frechet, kernel_distance

BATCH: Final = 32
CLIP_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD: Final = (0.26862954, 0.26130258, 0.27577711)
ALEXNET: Final = "alexnet-owt-7be5be79.pth"
LPIPS_LAYERS: Final = "alex.pth"
LPIPS_SHIFT: Final = (-0.030, -0.088, -0.188)
LPIPS_SCALE: Final = (0.458, 0.448, 0.450)
LPIPS_SIDE_MIN: Final = 64
"""The side in px of the pictures that LPIPS was fitted to; AlexNet reduces much smaller ones to nothing."""


class Clip:
    """CLIP (Radford et al., 2021) as transformers saves it; the protocol requires ViT-L/14. Returns unit vectors."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        """Raises CheckpointError for a folder that holds no such model."""
        if not (folder / "config.json").is_file():
            raise CheckpointError(f"expected CLIP (config.json, weights, tokenizer) in {folder}, found none")
        model: Any = CLIPModel  # untyped in parts
        try:
            self.model = model.from_pretrained(folder, local_files_only=True)
            self.tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(
                f"expected CLIP in {folder}, got {reason}; download openai's ViT-L/14 again"
            ) from None
        self.model.requires_grad_(False).eval().to(device)
        self.device = device
        self.side = int(self.model.config.vision_config.image_size)
        stated = folder / "preprocessor_config.json"
        config = json.loads(stated.read_bytes()) if stated.is_file() else {}
        shape = (1, 3, 1, 1)
        self.mean = torch.tensor(config.get("image_mean", CLIP_MEAN)).view(shape)
        self.std = torch.tensor(config.get("image_std", CLIP_STD)).view(shape)

    @torch.inference_mode()
    def pictures(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Pictures uint8 [H, W, 3] of any sizes -> [n, D]."""
        rows = []
        for first in range(0, len(images), BATCH):
            squares = np.stack([square_middle(image, self.side) for image in images[first : first + BATCH]])
            pixels = ((to_tensor(squares) + 1) / 2 - self.mean) / self.std
            outputs = self.model.vision_model(pixel_values=pixels.to(self.device))
            rows.append(F.normalize(self.model.visual_projection(outputs.pooler_output), dim=-1))
        vectors: NDArray[np.float32] = torch.cat(rows).float().cpu().numpy()
        return vectors

    @torch.inference_mode()
    def texts(self, captions: Sequence[str]) -> NDArray[np.float32]:
        """Texts -> [n, D]; texts longer than the model's context are cut."""
        rows = []
        for first in range(0, len(captions), BATCH):
            tokens = self.tokenizer(
                list(captions[first : first + BATCH]),
                padding=True,
                truncation=True,
                max_length=self.model.config.text_config.max_position_embeddings,
                return_tensors="pt",
            ).to(self.device)
            outputs = self.model.text_model(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask)
            rows.append(F.normalize(self.model.text_projection(outputs.pooler_output), dim=-1))
        vectors: NDArray[np.float32] = torch.cat(rows).float().cpu().numpy()
        return vectors


def square_middle(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """uint8 [side, side, 3]: the shorter side scaled to `side`, bicubic, then the centre square, as in CLIP's
    training."""
    photo = Image.fromarray(image)
    share = side / min(photo.size)
    width, height = (max(round(length * share), side) for length in photo.size)
    left, top = (width - side) // 2, (height - side) // 2
    scaled = photo.resize((width, height), Image.Resampling.BICUBIC)
    return np.array(scaled.crop((left, top, left + side, top + side)), np.uint8)


class Lpips(nn.Module):
    """LPIPS v0.1 on AlexNet (Zhang et al., 2018): weighted squared differences of normalised features."""

    CHANNELS: Final = (64, 192, 384, 256, 256)

    def __init__(self) -> None:
        super().__init__()
        c = self.CHANNELS
        self.stages = nn.ModuleDict(
            {
                "0": nn.Conv2d(3, c[0], 11, 4, 2),
                "3": nn.Conv2d(c[0], c[1], 5, 1, 2),
                "6": nn.Conv2d(c[1], c[2], 3, 1, 1),
                "8": nn.Conv2d(c[2], c[3], 3, 1, 1),
                "10": nn.Conv2d(c[3], c[4], 3, 1, 1),
            }
        )
        self.weights = nn.ParameterList([torch.zeros(1, channels, 1, 1) for channels in c])
        self.register_buffer("shift", torch.tensor(LPIPS_SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(LPIPS_SCALE).view(1, 3, 1, 1), persistent=False)

    shift: Tensor
    scale: Tensor

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Both [B, 3, H, W] in [-1, 1] -> distances [B]."""
        x, y = ((picture - self.shift) / self.scale for picture in (first, second))
        distance = torch.zeros(len(first), device=first.device)
        for stage, (name, weight) in enumerate(zip(self.stages, self.weights, strict=True)):
            if stage in (1, 2):
                x, y = F.max_pool2d(x, 3, 2), F.max_pool2d(y, 3, 2)
            x, y = F.relu(self.stages[name](x)), F.relu(self.stages[name](y))
            distance = distance + (weight * (_unit(x) - _unit(y)).square()).sum(1).mean((1, 2))
        return distance

    @torch.inference_mode()
    def distances(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Floats:
        """Pictures of equal number; the second are averaged to the size of the first, both enlarged where a side is
        below LPIPS_SIDE_MIN."""
        rows, device = [], self.shift.device
        for start in range(0, len(first), BATCH):
            x = to_tensor(first[start : start + BATCH]).to(device)
            y = F.interpolate(to_tensor(second[start : start + BATCH]).to(device), size=x.shape[2:], mode="area")
            if (scale := LPIPS_SIDE_MIN / min(x.shape[2:])) > 1:
                size = [round(scale * side) for side in x.shape[2:]]
                x, y = (F.interpolate(picture, size=size, mode="bilinear", antialias=True) for picture in (x, y))
            rows.append(self(x, y).cpu())
        return torch.cat(rows).double().numpy()


def _unit(x: Tensor) -> Tensor:
    return x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)


def load_lpips(folder: Path) -> Lpips:
    """LPIPS with AlexNet. Raises CheckpointError where the weights of either are absent or others."""
    network = Lpips()
    alexnet = read_weights(folder / ALEXNET, "AlexNet (published with torchvision)")
    linear = read_weights(folder / LPIPS_LAYERS, "LPIPS v0.1 for AlexNet (published with lpips)")
    named = {f"stages.{k.removeprefix('features.')}": v for k, v in alexnet.items() if k.startswith("features.")}
    named |= {f"weights.{k[3:].split('.')[0]}": v for k, v in linear.items() if k.startswith("lin")}
    fit_weights(network, named, folder)
    return network.eval().requires_grad_(False)


@dataclass(frozen=True)
class Published:
    """The networks whose folders are given."""

    clip: Clip | None = None
    inception: Inception | None = None
    lpips: Lpips | None = None

    def measure(
        self, pictures: NDArray[np.uint8], truth: NDArray[np.uint8], prompts: Sequence[str], sets: bool = True
    ) -> dict[str, Floats | float]:
        """Metrics of pictures and real photos, both uint8 [n, H, W, 3], each set of one size: one value per picture,
        and with `sets` FID and KID of the set; only those whose network is present."""
        figures: dict[str, Floats | float] = {}
        if self.clip is not None:
            drawn = self.clip.pictures(list(pictures))
            figures["clip_t"] = cosine(drawn, self.clip.texts(prompts))
            figures["clip_i"] = cosine(drawn, self.clip.pictures(list(truth)))
        if self.lpips is not None:
            figures["lpips"] = self.lpips.distances(pictures, truth)
        if self.inception is not None and sets:
            features = self.inception.features(pictures), self.inception.features(truth)
            figures["fid"], figures["kid"] = frechet(*features), kernel_distance(*features)
        return figures


NONE_AT_HAND: Final = Published()


def load_published(clip: Path | None, inception: Path | None, lpips: Path | None, device: str = "cpu") -> Published:
    """Raises CheckpointError for a folder that lacks the expected files."""
    return Published(
        None if clip is None else Clip(clip, device),
        None if inception is None else load_inception(inception).to(device),
        None if lpips is None else load_lpips(lpips).to(device),
    )
