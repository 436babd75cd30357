"""Training nano's denoiser: `python -m torch.distributed.run --nproc-per-node 2 -m trainer nano ...`, or one process.

The store is built and prepared beforehand; a run that was cut off goes on where it stood.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch

from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano.network import PATCH_PX, build_network
from engine.body.atlas import load_atlas
from trainer.fitting import Fit, fit
from trainer.nano.batches import ARRAYS, Batches
from trainer.nano.learner import NanoLearner, Validation, fit_autoencoder
from trainer.nano.store import Store


@dataclass(frozen=True)
class NanoRun:
    """pictures: the whole budget; batch: rows per process and step; validation: a store of other people."""

    store: Path
    out: Path
    pictures: int
    validation: Path
    batch: int = 24
    learning_rate: float = 6e-4
    sheet_every: int = 25_000
    save_every: int = 4_000
    compile: bool = True
    threads: int = 1
    seed: int = 0


def train_nano(run: NanoRun) -> None:
    """Trains until `pictures` were seen; state, log, sheets and `vae/` lie in `run.out`."""
    torch.set_num_threads(run.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(run.seed)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    atlas, store = load_atlas(), Store(run.store, ARRAYS)
    vae = _autoencoder(store, run)
    network = build_network(vae.variances().flatten().sqrt(), atlas)
    network.unet.to(memory_format=torch.channels_last)
    if run.compile:
        network.unet.compile()
    learner = NanoLearner(network, vae)
    batches = Batches(store, atlas, PATCH_PX)
    seen = processes * run.batch
    validation = Validation(learner, Batches(Store(run.validation, ARRAYS), atlas, PATCH_PX, False), run.out, seen)
    plan = Fit(
        out=run.out,
        steps=run.pictures // seen,
        batch=run.batch,
        learning_rate=run.learning_rate,
        warmup_steps=300,
        ema_decay=0.999,
        hold=0.7,
        save_every=max(1, run.save_every // seen),
        validate_every=max(1, run.sheet_every // seen),
        seed=run.seed,
    )
    fit(
        plan, learner, lambda count, rng: batches.of(rng.choice(batches.targets, count, replace=False), rng), validation
    )


def _autoencoder(store: Store, run: NanoRun) -> NanoAutoencoder:
    """That of the run's folder; fitted where there is none yet."""
    folder = run.out / "vae"
    if not (folder / "config.json").exists():
        if int(os.environ.get("RANK", "0")) == 0:
            fit_autoencoder(store, run.seed).save_pretrained(folder)
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise SystemExit("the autoencoder is fitted: run the same command again")
    vae: NanoAutoencoder = NanoAutoencoder.from_pretrained(folder, low_cpu_mem_usage=False)
    vae.eval().requires_grad_(False)
    return vae
