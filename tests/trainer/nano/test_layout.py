"""LayoutPredictor learns parts of people, resumes, and measures itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from engine.backbones.nano.layout import LayoutPredictor
from engine.backbones.nano.network import PATCH_PX
from engine.body.atlas import shipped_atlas
from engine.networks import load_network
from trainer.nano.batches import Batches
from trainer.nano.layout import LayoutLearner, LayoutRun, train_layout
from trainer.nano.store import Store


def test_the_error_falls(store: Store) -> None:
    torch.manual_seed(0)
    learner = LayoutLearner(LayoutPredictor((16, 32, 32), 64), shipped_atlas())
    batches = Batches(store, shipped_atlas(), PATCH_PX, augment=False)
    batch = batches.of(batches.targets[:4], np.random.default_rng(0))
    optimizer = torch.optim.AdamW(learner.parameters(), lr=3e-3)
    errors = []
    for _ in range(25):
        loss = learner(batch, torch.Generator())["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        errors.append(loss.item())

    assert errors[-1] < 0.6 * errors[0]


def test_one_command_trains_measures_and_goes_on_with_its_weights(
    nano_shards: Path, untrained_mapper: Path, tmp_path: Path
) -> None:
    run = LayoutRun(
        people=nano_shards,
        validation=nano_shards,
        out=tmp_path / "first",
        pictures=4,
        mapper=untrained_mapper,
        batch=2,
        compile=False,
    )
    facts = train_layout(run)

    assert facts["pictures"] == 4 and 0 <= facts["validation"]["person_iou"] <= 1
    written = json.loads((run.out / "layout" / "metadata.json").read_text())
    assert written["validation"] == facts["validation"]
    load_network(LayoutPredictor, run.out / "layout")

    second = replace(run, out=tmp_path / "second", learning_rate=0.0, start_from=run.out / "layout", pictures=2)
    for name in ("store", "store-validation"):
        second.out.mkdir(exist_ok=True)
        (second.out / name).symlink_to(run.out / name)
    train_layout(second)
    first, after = (load_network(LayoutPredictor, one.out / "layout").state_dict() for one in (run, second))
    assert all(torch.allclose(first[name], after[name], atol=2e-3) for name in first)
