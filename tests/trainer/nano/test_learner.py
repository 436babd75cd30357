"""The denoiser learns, resumes, and shows what it draws."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.backbones import load_backbone
from engine.backbones.nano.background import BackgroundDenoiser
from engine.backbones.nano.layout import LayoutPredictor
from engine.backbones.nano.network import LAYERS, PATCH_PX, NetworkSize, build_network
from engine.backbones.nano.pipeline import load_nano
from engine.body.atlas import shipped_atlas
from engine.identity.body import BodyPart
from engine.networks import save_network
from trainer.errors import DataError
from trainer.nano.batches import Batches
from trainer.nano.export import export_nano
from trainer.nano.learner import (
    NO_FEATURES,
    ROUGH_FEATURES,
    TIME_MAX,
    NanoLearner,
    Validation,
    fit_autoencoder,
    times_of,
    with_wrong_features,
)
from trainer.nano.run import NanoRun, train_nano
from trainer.nano.store import Store

TINY = NetworkSize((16, 32, 32), (1, 1, 1), 64, 1)


def learner_of(store: Store) -> NanoLearner:
    torch.manual_seed(0)
    vae = fit_autoencoder(store)
    return NanoLearner(build_network(vae, shipped_atlas(), size=TINY))


def test_the_error_falls(store: Store) -> None:
    learner, batches = learner_of(store), Batches(store, shipped_atlas(), PATCH_PX, augment=False)
    batch = batches.of(batches.targets[:6], np.random.default_rng(0))
    optimizer = torch.optim.AdamW([p for p in learner.parameters() if p.requires_grad], lr=2e-3)
    errors = []
    for _ in range(25):
        loss = learner(batch, torch.Generator().manual_seed(0))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        errors.append(loss.item())

    assert errors[-1] < 0.7 * errors[0]


def test_times_begin_at_noise_and_stop_before_the_picture() -> None:
    times = times_of(4000, torch.Generator().manual_seed(0))

    assert 0.45 < (times == 0).float().mean() < 0.55
    outlines = ((times > 0.1) & (times < 0.4)).float().mean()
    assert outlines > 0.15
    assert times.min() == 0 and times.max() <= TIME_MAX


def test_layouts_lose_eyes_and_mouth_or_have_them_as_patches_on_the_skin() -> None:
    layout = torch.full((400, 40, 40), int(BodyPart.SKIN))
    layout[:, :12] = int(BodyPart.HAIR)
    layout[:, 14:17, 10:16] = int(BodyPart.FACE)

    found = with_wrong_features(layout, torch.Generator().manual_seed(0))

    sizes = (found == BodyPart.FACE).sum((1, 2))
    assert (sizes == 0).float().mean() == pytest.approx(NO_FEATURES, abs=0.07)
    assert (sizes > 18).float().mean() == pytest.approx(ROUGH_FEATURES, abs=0.07)
    assert torch.equal(found[sizes == 18], layout[sizes == 18])
    assert torch.equal(found == BodyPart.HAIR, layout == BodyPart.HAIR)


def test_a_sheet_shows_references_maps_texture_and_pictures(store: Store, tmp_path: Path) -> None:
    batches = Batches(store, shipped_atlas(), PATCH_PX, augment=False)
    sheet = Validation(learner_of(store), batches, tmp_path, 48)(10)

    assert sheet.dtype == np.uint8 and sheet.shape[0] == 8 * 240 and sheet.shape[1] % 160 == 0
    line = json.loads((tmp_path / "validation.jsonl").read_text())
    assert line["pictures"] == 480 and line["error_0.0"] > 0


@pytest.fixture(scope="module")
def finished(nano_shards: Path, untrained_mapper: Path, tmp_path_factory: pytest.TempPathFactory) -> NanoRun:
    """A finished run of two steps, from shards of photos; out/nano has the exported pipeline."""
    run = NanoRun(
        people=nano_shards,
        validation=nano_shards,
        out=tmp_path_factory.mktemp("run"),
        pictures=4,
        mapper=untrained_mapper,
        processes=1,
        batch=2,
        sheet_every=4,
        compile=False,
    )
    train_nano(run)
    save_network(LayoutPredictor((8, 16, 16), 32), run.out / "layout", {})
    save_network(BackgroundDenoiser(components=8, width=16, depth=1), run.out / "background", {})
    export_nano(run.out, run.out / "nano", run.out / "layout", run.out / "background", untrained_mapper)
    return run


def test_one_command_prepares_trains_and_resumes(finished: NanoRun) -> None:
    assert torch.load(finished.out / "state.pt", weights_only=True)["step"] == 2
    assert len(list((finished.out / "validation").glob("*.png"))) == 1

    backbone = load_backbone("nano", "cpu", finished.out / "nano")
    assert (backbone.capabilities.width, backbone.capabilities.height) == (640, 960)

    train_nano(finished)  # a finished run is only loaded
    assert torch.load(finished.out / "state.pt", weights_only=True)["step"] == 2


def test_a_run_begins_with_the_weights_of_a_pipeline(finished: NanoRun, tmp_path: Path) -> None:
    second = replace(finished, out=tmp_path, pictures=2, start_from=finished.out / "nano", learning_rate=0.0)
    for folder in (second.store, second.validation_store):
        shutil.copytree(finished.store, folder)  # the photos are prepared already
    train_nano(second)

    before, after = (torch.load(run.out / "state.pt", weights_only=True)["average"] for run in (finished, second))
    name = "network.unet.conv_in.weight"
    assert torch.allclose(before[name], after[name], atol=1e-3)


def test_only_the_background_layer_learns_and_all_other_weights_are_exported_unchanged(
    finished: NanoRun, untrained_mapper: Path, tmp_path: Path
) -> None:
    begun = finished.out / "nano"
    second = replace(finished, out=tmp_path, pictures=4, start_from=begun, only_behind=True)
    for folder in (second.store, second.validation_store):
        shutil.copytree(finished.store, folder)
    train_nano(second)
    export_nano(tmp_path, tmp_path / "nano", finished.out / "layout", finished.out / "background", untrained_mapper)

    before, after = (load_nano(folder)[0].network.state_dict() for folder in (begun, tmp_path / "nano"))
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed == {"unet.conv_out.weight", "unet.conv_out.bias"}
    rows = (before["unet.conv_out.weight"] != after["unet.conv_out.weight"]).any(3).any(2).any(1)
    assert rows.any() and not rows[::LAYERS].any()  # the person's, and the gate


@pytest.mark.parametrize("wrong", [{"start_from": None}, {"start_from": Path("nano"), "adversarial": True}])
def test_only_behind_needs_weights_to_keep_and_no_critic(wrong: dict[str, Any], tmp_path: Path) -> None:
    run = NanoRun(people=tmp_path, validation=tmp_path, out=tmp_path, only_behind=True)
    with pytest.raises(DataError, match="give --start-from"):
        train_nano(replace(run, **wrong))
