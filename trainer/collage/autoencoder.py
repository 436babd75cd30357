"""Fitting nano's autoencoder, which is linear, and measuring it on people whom it was not fitted on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from engine.backbones.autoencoder import NanoAutoencoder
from engine.pixels import to_tensor
from trainer.collage.training_set import TrainingSet
from trainer.errors import DataError


@dataclass(frozen=True)
class AutoencoderRun:
    """So many principal components of patches, of so many photos."""

    out: Path
    channels: int = 192
    patch_px: int = 16
    fitted_on: int = 2000


def fit(run: AutoencoderRun, people: TrainingSet) -> dict[str, Any]:
    """Writes `out/vae` (diffusers layout), `out/autoencoder.json`, which is returned, and a picture to look at.

    Measured on the last people, who are left out, plain and stylised pictures apart. Raises DataError where there is
    but one."""
    held_out = people.identity >= np.unique(people.identity)[-max(1, len(np.unique(people.identity)) // 50)]
    fitted = np.nonzero(~held_out)[0]
    if not len(fitted):
        raise DataError("expected at least two people, one of them to measure on, got one: render more identities")
    model = NanoAutoencoder(run.channels, patch_px=run.patch_px)
    model.fit(to_tensor(people.images[fitted[:: max(1, len(fitted) // run.fitted_on)]]))
    run.out.mkdir(parents=True, exist_ok=True)
    facts = _measure(model, people, np.nonzero(held_out)[0], run.out)
    model.save_pretrained(run.out / "vae")
    (run.out / "autoencoder.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    return facts


@torch.no_grad()
def _measure(model: NanoAutoencoder, people: TrainingSet, held_out: NDArray[np.int64], out: Path) -> dict[str, Any]:
    facts: dict[str, Any] = {"channels": int(model.config.latent_channels)}
    for name, rows in (("", held_out[~people.styled[held_out]]), ("_styled", held_out[people.styled[held_out]])):
        if not len(rows):
            continue
        batch = to_tensor(people.images[rows[:: max(1, len(rows) // 256)]])
        decoded = model.decode(model.encode(batch).latents).sample.clamp(-1, 1)
        facts[f"psnr_db{name}"] = float(10 * torch.log10(4 / F.mse_loss(decoded, batch)))
        if not name:
            _show(batch, decoded, out / "autoencoder.png")
    return facts


def _show(photos: Tensor, decoded: Tensor, path: Path) -> None:
    """A dozen photos above what became of them."""
    rows = torch.cat([torch.cat(list(photos[:12]), -1), torch.cat(list(decoded[:12]), -1)], 1)
    Image.fromarray(((rows.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()).save(path)
