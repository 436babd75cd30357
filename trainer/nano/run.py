"""Training nano's denoiser: `python -m trainer nano`.

Shards are unpacked, what is derived from them is derived, and the denoiser learns, in one process or several whose
gradients are averaged. A run that was cut off goes on where it stood; shards rendered meanwhile join it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch
from safetensors.torch import load_file
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano.network import LAYERS, PATCH_PX, SIZES, NanoNetwork, build_network
from engine.body.atlas import load_atlas
from engine.body.mapper import SHIPPED_MAPPER
from trainer.errors import DataError
from trainer.loop import TrainConfig, fit
from trainer.nano.adversarial import AdversarialLearner
from trainer.nano.batches import ARRAYS, Batches
from trainer.nano.bundle import unpack_bundle
from trainer.nano.feed import Feed
from trainer.nano.learner import NanoLearner, Validation, fit_autoencoder
from trainer.nano.preparing import prepare_store
from trainer.nano.store import Store, build_store
from trainer.nano.widening import widened


@dataclass(frozen=True)
class NanoRun:
    """people or bundle, and validation: shards of different identities, or files of `trainer.nano.bundle`; pictures:
    the whole budget, with `minutes` of training time where given; batch: rows per process and step; workers: processes
    that make batches (0: a thread), as a GPU needs; start_from: a pipeline folder whose weights a new run begins with;
    adversarial: the last stage, with a critic; only_behind: of the weights of start_from nothing but the outputs for
    what is behind the person learns on, at a third of the cost; size: a name of SIZES.
    State, log, sheets, `vae/` and the unpacked photos lie in `out`."""

    validation: Path
    out: Path
    people: Path | None = None
    bundle: Path | None = None
    pictures: int = 1_000_000
    mapper: Path = SHIPPED_MAPPER
    processes: int = 2
    batch: int = 24
    learning_rate: float = 6e-4
    sheet_every: int = 25_000
    save_every: int = 4_000
    compile: bool = True
    minutes: float | None = None
    workers: int = 0
    start_from: Path | None = None
    adversarial: bool = False
    only_behind: bool = False
    size: str = "small"
    seed: int = 0

    @property
    def store(self) -> Path:
        return self.out / "store"

    @property
    def validation_store(self) -> Path:
        return self.out / "store-validation"


def train_nano(run: NanoRun) -> None:
    """Trains until `pictures` were seen. Raises DataError unless exactly one of people and bundle is given, and for
    settings that exclude each other."""
    if (run.people is None) == (run.bundle is None):
        raise DataError("expected either people or a bundle to learn from: give --people or --bundle")
    if run.only_behind and (run.start_from is None or run.adversarial):
        raise DataError(
            "expected weights to keep and no critic with --only-behind: give --start-from, not --adversarial"
        )
    for photos, store in ((run.people or run.bundle, run.store), (run.validation, run.validation_store)):
        assert photos is not None
        if photos.is_file():
            unpack_bundle(photos, store, run.mapper)
        else:
            build_store(photos, store)
        prepare_store(store, run.mapper, run.processes)
    if not (run.out / "vae" / "config.json").exists():
        # weights know the latents of their own autoencoder only
        if run.start_from:
            vae: NanoAutoencoder = NanoAutoencoder.from_pretrained(run.start_from / "vae", torch_dtype=torch.float32)
        else:
            vae = fit_autoencoder(Store(run.store, ARRAYS), run.seed)
        vae.save_pretrained(run.out / "vae")
    # compiled code is kept beside the state: compiling takes minutes on two cores
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(run.out / "compiled"))
    if run.processes == 1:
        train_denoiser(run)
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=run.processes,
        run_id="nano",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        start_method="spawn",
        max_restarts=0,
    )
    elastic_launch(config, train_denoiser)(run)


def train_denoiser(run: NanoRun) -> None:
    """The part of one process in the training; the store must be complete."""
    torch.set_num_threads(1 if run.processes > 1 else os.cpu_count() or 1)
    cv2.setNumThreads(1)
    torch.manual_seed(run.seed)
    atlas, store = load_atlas(), Store(run.store, ARRAYS)
    vae: NanoAutoencoder = NanoAutoencoder.from_pretrained(run.out / "vae", low_cpu_mem_usage=False).eval()
    network = build_network(vae, load_atlas(), size=SIZES[run.size])  # an atlas of its own: it goes to the GPU
    if run.start_from is not None:
        begin_with(network, run.start_from)
    if run.only_behind:
        keep_all_but_behind(network)
    if torch.cuda.is_available():  # on the CPU torch's group norm is ten times slower in this layout
        network.unet.to(memory_format=torch.channels_last)
    if run.compile:
        network.unet.compile()
    learner = AdversarialLearner(network) if run.adversarial else NanoLearner(network)
    batches = Batches(store, atlas, PATCH_PX)
    rows = run.processes * run.batch
    validation_batches = Batches(Store(run.validation_store, ARRAYS), atlas, PATCH_PX, augment=False)
    plan = TrainConfig(
        out=run.out,
        steps=run.pictures // rows,
        batch=run.batch,
        learning_rate=run.learning_rate,
        momentum=0.5 if run.adversarial else 0.9,
        warmup_steps=20 if run.only_behind else 300,
        weight_decay=0.0 if run.only_behind else 1e-2,  # it would also move weights that have no gradient
        ema_decay=0.999,
        hold=0.7,
        save_every=max(1, run.save_every // rows),
        validate_every=max(1, run.sheet_every // rows),
        minutes=run.minutes,
        seed=run.seed,
        compare=f"{run.size} adversarial" if run.adversarial else run.size + " only behind" * run.only_behind,
    )
    validation = Validation(learner, validation_batches, run.out, rows)
    fit(plan, learner, Feed(batches, run.workers), validation)


def keep_all_but_behind(network: NanoNetwork) -> None:
    """Freezes all weights except those outputs of the last convolution that give the background layer. The features
    before it contain light and shadow already, and the person stays unchanged."""
    network.requires_grad_(False)
    for parameter in network.unet.conv_out.parameters():
        mask = torch.zeros_like(parameter)
        mask[1:-1:LAYERS] = 1
        parameter.requires_grad_(True)
        parameter.register_hook(lambda gradient, mask=mask: gradient * mask)


def begin_with(network: NanoNetwork, folder: Path) -> None:
    """Copies the weights of a pipeline folder of the same or half the width; a palette that it lacks begins at random.
    Raises DataError for others, and where a part is missing."""
    for name in ("unet", "words", "references", "palette"):
        files = sorted((folder / name).glob("*.safetensors"))  # large parts are kept in several files
        if not files and name == "palette":
            continue
        if not files:
            raise DataError(f"expected weights of nano in {folder}, found no {name}: give another --start-from")
        weights = {key: value.float() for file in files for key, value in load_file(file).items()}
        part = network.get_submodule(name)
        part.load_state_dict(widened(weights, {key: value.shape for key, value in part.state_dict().items()}))
