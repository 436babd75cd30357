"""Fitting nano's encoder and training its decoder.

The encoder is fitted at once and never changes, so the denoiser can learn before or beside the decoder. Random crops
keep a step cheap; the loss is L1 plus L1 of the differences between neighbouring pixels, which keeps edges. The decoder
sees latents disturbed by noise of varying strength, so that it forgives what a few-step sampler leaves.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from rich.progress import Progress
from torch import Tensor

from engine.backbones.autoencoder import NanoAutoencoder
from trainer.errors import DataError
from trainer.nano.state import accelerator_of
from trainer.nano.training_set import TrainingSet
from trainer.shards import pixels


@dataclass(frozen=True)
class AutoencoderRun:
    """How to train: the budget is wall-clock minutes of training, and steps if given, across resumptions."""

    out: Path
    minutes: float
    steps: int | None = None
    batch: int = 32
    crop_px: int = 64
    learning_rate: float = 1e-3
    latent_noise_max: float = 0.15
    channels: int = 192
    patch_px: int = 16
    fitted_on: int = 2000
    seed: int = 0
    until: float | None = None


def train(run: AutoencoderRun, people: TrainingSet) -> bool:
    """Trains until the budget is spent (True) or it is time to stop (False).

    When the budget is spent, writes `out/vae` (diffusers layout) and `out/autoencoder.json`, measured on the last
    people, who are not learned from, plain and stylised pictures apart. Raises DataError where there is but one."""
    torch.manual_seed(run.seed)
    rng = np.random.default_rng(run.seed)
    device = accelerator_of(False).device
    held_out = people.identity >= np.unique(people.identity)[-max(1, len(np.unique(people.identity)) // 50)]
    learned, finished = np.nonzero(~held_out)[0], False
    if not len(learned):
        raise DataError("expected at least two people, one of them to measure on, got one: render more identities")
    model = NanoAutoencoder(latent_channels=run.channels, patch_px=run.patch_px).to(memory_format=torch.channels_last)
    model.fit(pixels(people.images[learned[:: max(1, len(learned) // run.fitted_on)]]))
    model.to(device)
    optimizer = torch.optim.AdamW(model.decoder.parameters(), lr=run.learning_rate, weight_decay=1e-4)
    state_path = run.out / "autoencoder.pt"
    run.out.mkdir(parents=True, exist_ok=True)
    spent_s, step = 0.0, 0
    if state_path.exists():
        state = torch.load(state_path, weights_only=True, map_location=device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        spent_s, step = state["spent_s"], state["step"]
    budget_s, saved_at = run.minutes * 60, time.monotonic()
    with Progress() as progress:
        bar = progress.add_task("autoencoder", total=budget_s, completed=int(spent_s))
        last = time.monotonic()
        for batch in (crops.to(device) for crops in _crops(people.images, learned, run, rng)):
            for group in optimizer.param_groups:
                group["lr"] = run.learning_rate * _schedule(spent_s / budget_s, step)
            output = model.decode(_disturbed(model.encode(batch).latents, run.latent_noise_max)).sample
            loss = F.l1_loss(output, batch) + 0.5 * _edge_loss(output, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            now = time.monotonic()
            spent_s, last = spent_s + now - last, now
            if step % 20 == 0:
                progress.update(bar, completed=spent_s, description=f"autoencoder step {step} loss {loss.item():.4f}")
            finished = spent_s >= budget_s or (run.steps is not None and step >= run.steps)
            done = finished or (run.until is not None and now >= run.until)
            if done or now - saved_at > 120:
                _save(state_path, model, optimizer, spent_s, step)
                saved_at = now
            if done:
                break
    if finished:
        _finish(model.cpu(), people, np.nonzero(held_out)[0], run, step)
    return finished


def _disturbed(latents: Tensor, most: float) -> Tensor:
    """Adds noise of a standard deviation drawn for every row from 0 to `most`."""
    return latents + most * torch.rand(len(latents), 1, 1, 1, device=latents.device) * torch.randn_like(latents)


def _save(path: Path, model: NanoAutoencoder, optimizer: torch.optim.Optimizer, spent_s: float, step: int) -> None:
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "spent_s": spent_s, "step": step}
    torch.save(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def _schedule(fraction: float, step: int) -> float:
    warm = min(1.0, (step + 1) / 100)
    return warm * max(0.02, 0.5 * (1 + math.cos(math.pi * min(1.0, fraction))))


def _crops(
    images: NDArray[np.uint8], learned: NDArray[np.int64], run: AutoencoderRun, rng: np.random.Generator
) -> Iterator[Tensor]:
    """Endless batches [B, 3, crop, crop] in [-1, 1]: random crops, flips and exposure, so that photos fare well too."""
    while True:
        crops = []
        for row in rng.choice(learned, run.batch):
            image = images[row]
            top = rng.integers(image.shape[0] - run.crop_px + 1)
            left = rng.integers(image.shape[1] - run.crop_px + 1)
            crop = image[top : top + run.crop_px, left : left + run.crop_px]
            crops.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
        batch = pixels(np.stack(crops))
        gain = torch.from_numpy(rng.uniform(0.85, 1.15, (run.batch, 3, 1, 1)).astype(np.float32))
        yield (batch * gain).clamp(-1, 1).contiguous(memory_format=torch.channels_last)


def _edge_loss(output: Tensor, target: Tensor) -> Tensor:
    difference = output - target
    rows = (difference[:, :, 1:] - difference[:, :, :-1]).abs().mean()
    columns = (difference[:, :, :, 1:] - difference[:, :, :, :-1]).abs().mean()
    return rows + columns


@torch.no_grad()
def _finish(
    model: NanoAutoencoder, people: TrainingSet, held_out: NDArray[np.int64], run: AutoencoderRun, step: int
) -> None:
    model.eval()
    facts = {"step": step, "minutes": run.minutes}
    for name, rows in (("", held_out[~people.styled[held_out]]), ("_styled", held_out[people.styled[held_out]])):
        if not len(rows):
            continue
        batch = pixels(people.images[rows[:: max(1, len(rows) // 256)]])
        latents = model.encode(batch).latents
        decoded = model.decode(latents).sample.clamp(-1, 1)
        facts[f"psnr_db{name}"] = float(10 * torch.log10(4 / F.mse_loss(decoded, batch)))
        if not name:
            facts["latent_std"] = float(latents.std())
            _show(batch, decoded, run.out / "autoencoder.png")
    model.save_pretrained(run.out / "vae")
    (run.out / "autoencoder.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(facts)


def _show(photos: Tensor, decoded: Tensor, path: Path) -> None:
    """A dozen photos above what became of them."""
    rows = torch.cat([torch.cat(list(photos[:12]), -1), torch.cat(list(decoded[:12]), -1)], 1)
    Image.fromarray(((rows.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()).save(path)
