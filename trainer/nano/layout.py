"""Training nano's LayoutPredictor: `python -m trainer layout`. Body maps, photos and words -> part maps of people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.backbones.nano.layout import LayoutPredictor
from engine.backbones.nano.network import PATCH_PX
from engine.body.atlas import Atlas, load_atlas
from engine.body.mapper import SHIPPED_MAPPER
from engine.body.texture import PARTS
from engine.identity.body import BodyPart
from engine.networks import save_network
from trainer.files import load_state
from trainer.loop import TrainConfig, fit
from trainer.nano.batches import ARRAYS, Batch, Batches
from trainer.nano.feed import Feed
from trainer.nano.preparing import prepare_store
from trainer.nano.store import Store, build_store
from trainer.nano.widening import widened
from trainer.precision import fast_precision
from trainer.version import commit

WEIGHTS: Final = {BodyPart.FACE: 4.0, BodyPart.ACCESSORY: 3.0, BodyPart.SHOES: 1.5, BodyPart.SKIN: 1.5}
"""The weights of pixels in the loss; 1 for parts that are not listed. Eyes are two pixels of a whole figure, and users
look at them first."""
WARMUP_PICTURES, SAVE_PICTURES, SHEET_PICTURES = 3200, 8000, 25_000
MEASURED_ON: Final = 192
SHEET_PEOPLE: Final = 12
COLOURS: Final = np.array(
    [
        (40, 40, 40),
        (255, 205, 175),
        (90, 50, 25),
        (255, 160, 60),
        (210, 40, 40),
        (50, 80, 220),
        (40, 160, 60),
        (240,) * 3,
    ],
    np.uint8,
)
"""The colours of parts on sheets, in the order of BodyPart."""


@dataclass(frozen=True)
class LayoutRun:
    """people, validation: folders of shards of different identities; `pictures` counts across resumptions, with
    `minutes` of training as a second budget; start_from: a folder that a run like this wrote, whose weights a new run
    begins with. Photos are unpacked to `out`."""

    people: Path
    validation: Path
    out: Path
    pictures: int = 300_000
    minutes: float | None = None
    mapper: Path = SHIPPED_MAPPER
    batch: int = 16
    learning_rate: float = 1e-3
    threads: int = 1
    compile: bool = True
    start_from: Path | None = None
    seed: int = 0


def train_layout(run: LayoutRun) -> dict[str, Any]:
    """Trains, resumes what `out/state.pt` holds, writes `out/layout`; returns its figures on `validation`."""
    torch.set_num_threads(run.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(run.seed)
    stores = run.out / "store", run.out / "store-validation"
    for shards, store in zip((run.people, run.validation), stores, strict=True):
        build_store(shards, store)
        prepare_store(store, run.mapper, run.threads)
    atlas = load_atlas()
    learner = LayoutLearner(LayoutPredictor(), load_atlas())
    if run.start_from is not None:
        weights = load_file(run.start_from / "diffusion_pytorch_model.safetensors")
        shapes = {name: value.shape for name, value in learner.predictor.state_dict().items()}
        learner.predictor.load_state_dict(widened({name: value.float() for name, value in weights.items()}, shapes))
    learner.predictor.to(memory_format=torch.channels_last)
    if run.compile:
        learner.predictor.compile()
    validation_batches = Batches(Store(stores[1], ARRAYS), atlas, PATCH_PX, augment=False)
    validation = LayoutValidation(learner, validation_batches, run.out, run.batch)
    plan = TrainConfig(
        out=run.out,
        steps=max(run.pictures // run.batch, 1),
        batch=run.batch,
        learning_rate=run.learning_rate,
        warmup_steps=WARMUP_PICTURES // run.batch,
        ema_decay=0.998,
        hold=0.5,
        save_every=SAVE_PICTURES // run.batch,
        validate_every=SHEET_PICTURES // run.batch,
        minutes=run.minutes,
        seed=run.seed,
    )
    fit(plan, learner, Feed(Batches(Store(stores[0], ARRAYS), atlas, PATCH_PX)), validation)
    learner.eval().requires_grad_(False)
    steps = load_state(run.out / "state.pt")["step"]  # a budget of minutes may have ended it
    facts = {"pictures": steps * run.batch, "commit": commit(), "validation": validation.overlaps()}
    save_network(learner.predictor, run.out / "layout", facts)
    return facts


class LayoutLearner(nn.Module):
    """Call with (batch, generator): returns the weighted cross entropy."""

    def __init__(self, predictor: LayoutPredictor, atlas: Atlas) -> None:
        super().__init__()
        self.predictor, self.atlas = predictor, atlas

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        batch = batch.to(generator.device)
        weights = torch.tensor([WEIGHTS.get(part, 1.0) for part in BodyPart], device=generator.device)
        return {"loss": F.cross_entropy(self.logits(batch), batch.layout, weights)}

    def logits(self, batch: Batch) -> Tensor:
        """The logits [B, PARTS, H, W]."""
        with fast_precision():
            logits: Tensor = self.predictor(batch.values, batch.appearance, batch.maps.channels(self.atlas))
        return logits.float()


@dataclass(frozen=True)
class LayoutValidation:
    """Layouts of people who are never learned from."""

    learner: LayoutLearner
    batches: Batches
    out: Path
    batch: int

    def __call__(self, step: int) -> NDArray[np.uint8]:
        """Appends to validation.jsonl and returns a sheet uint8 [H, W, 3]: references, photos, layouts of the photos,
        predicted layouts."""
        with torch.compiler.set_stance("force_eager"), torch.no_grad():
            line = {"step": step, "pictures": step * self.batch} | self.overlaps()
            with (self.out / "validation.jsonl").open("a") as lines:
                lines.write(json.dumps(line) + "\n")
            batch = self._batch(self._rows(SHEET_PEOPLE))
            predictions = self.learner.logits(batch).argmax(1)
        store = self.batches.store
        rows = [store.rows("image", batch.references), store.rows("image", batch.rows)]
        rows += [COLOURS[layout.numpy()] for layout in (batch.layout, predictions)]
        return np.concatenate([np.concatenate(list(row), 1) for row in rows], 0)

    @torch.no_grad()
    def overlaps(self) -> dict[str, float]:
        """Intersection over union of each part over MEASURED_ON photos, and of the person as a whole."""
        both, either = np.zeros(PARTS + 1), np.zeros(PARTS + 1)
        rows = self._rows(MEASURED_ON)
        with torch.compiler.set_stance("force_eager"):
            for start in range(0, len(rows), 16):
                batch = self._batch(rows[start : start + 16])
                prediction, truth = self.learner.logits(batch).argmax(1), batch.layout
                for part in range(PARTS):
                    both[part] += ((prediction == part) & (truth == part)).sum()
                    either[part] += ((prediction == part) | (truth == part)).sum()
                both[PARTS] += ((prediction > 0) & (truth > 0)).sum()
                either[PARTS] += ((prediction > 0) | (truth > 0)).sum()
        names = [*(part.name.lower() for part in BodyPart), "person"]
        return {f"{name}_iou": float(value) for name, value in zip(names, both / np.maximum(either, 1), strict=True)}

    def _rows(self, count: int) -> NDArray[np.int64]:
        targets = self.batches.targets
        rows: NDArray[np.int64] = targets[(self.batches.framing[targets] == 0) & self.batches.same_clothes(targets)]
        return rows[:: max(1, len(rows) // count)][:count]

    def _batch(self, rows: NDArray[np.int64]) -> Batch:
        return self.batches.of(rows, np.random.default_rng(5))
