"""Autoencoder and denoiser on three people: each stage learns, resumes and says what it comes from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano import NanoBackbone
from engine.backbones.nano_model import load_model
from trainer.data import PAINTED, part_colours
from trainer.errors import CheckpointError
from trainer.nano import autoencoder, train
from trainer.nano.architecture import train_tokenizer
from trainer.nano.training_set import TrainingSet
from trainer.people.parts import Part
from trainer.shards import pixels

LONG = 60.0


def test_the_autoencoder_learns_and_says_how_well(people: TrainingSet, vae_run: Path) -> None:
    facts = json.loads((vae_run / "autoencoder.json").read_text("utf-8"))
    untrained = ((people.images.astype(float) - people.images.mean()) ** 2).mean()
    assert facts["psnr_db"] > 10 * np.log10(255**2 / untrained), "worse than one grey for all"


@pytest.mark.parametrize("patch", [8, 16])
def test_the_encoder_is_the_principal_components(people: TrainingSet, patch: int) -> None:
    images = pixels(people.images)
    vae = NanoAutoencoder(latent_channels=12, patch_px=patch)
    vae.fit(images)
    latents = vae.encode(images).latents
    assert latents.shape == (len(images), 12, 192 // patch, 128 // patch)
    channels = latents.transpose(0, 1).flatten(1)
    assert channels.mean(1).abs().max() < 0.01, "not centred"
    covariance = channels.cov()
    assert (covariance - covariance.diag().diag()).abs().max() < 0.01, "correlated"
    assert (covariance.diag().diff() < 1e-4).all(), "not from coarse to fine"
    assert vae.decode(latents).sample.shape == images.shape


def test_an_autoencoder_that_was_cut_off_goes_on_with_the_encoder_it_had(people: TrainingSet, tmp_path: Path) -> None:
    run = autoencoder.AutoencoderRun(tmp_path, minutes=LONG, batch=2, channels=12, until=0.0)
    assert not autoencoder.train(run, people)
    before = torch.load(tmp_path / "autoencoder.pt", weights_only=True)
    assert not (tmp_path / "vae").exists()
    assert autoencoder.train(replace(run, steps=3, until=None), people)
    after = torch.load(tmp_path / "autoencoder.pt", weights_only=True)
    assert (before["step"], after["step"]) == (1, 3)
    assert torch.equal(before["model"]["encoder.weight"], after["model"]["encoder.weight"])


def test_the_encoders_learn_alone_first_and_the_unet_waits(people: TrainingSet, vae_run: Path, tmp_path: Path) -> None:
    run = train.TrainingRun(vae_run / "vae", tmp_path, minutes=LONG, steps=1, batch=4, condition_minutes=LONG)
    train.train(run, people)
    before = torch.load(tmp_path / "state.pt", weights_only=True)
    train.train(replace(run, steps=2), people)
    after = torch.load(tmp_path / "state.pt", weights_only=True)
    changed = {name for name, value in after["denoiser"].items() if not torch.equal(value, before["denoiser"][name])}
    assert {name.partition(".")[0] for name in changed} == {
        "text_encoder",
        "adapter",
        "layout",
        "colours",
        "prior",
        "scenes",
    }
    assert all(value.isfinite().all() for value in after["denoiser"].values() if value.is_floating_point())


def test_all_but_the_poses_examples_learns(people: TrainingSet, vae_run: Path, tmp_path: Path) -> None:
    run = train.TrainingRun(vae_run / "vae", tmp_path, minutes=LONG, steps=1, batch=4)
    train.train(run, people)
    before = torch.load(tmp_path / "state.pt", weights_only=True)
    train.train(replace(run, steps=2), people)
    after = torch.load(tmp_path / "state.pt", weights_only=True)
    kept = {name for name, value in after["denoiser"].items() if torch.equal(value, before["denoiser"][name])}
    assert {"prior.poses", "prior.full", "prior.known"} <= kept
    assert {name.partition(".")[0] for name in set(after["denoiser"]) - kept} >= {
        *("unet", "text_encoder", "adapter", "guide", "prior", "scenes", "layout", "colours", "parts")
    }


def test_times_are_mostly_those_that_a_sampler_visits() -> None:
    torch.manual_seed(0)
    times = train.times_of(20_000, 1000, torch.device("cpu"))
    visited = torch.isin(times, torch.tensor([124, 249, 374, 499, 624, 749, 874, 999]))
    assert 0.79 < float(visited.float().mean()) < 0.83
    assert 0.38 < float((times == 999).float().mean()) < 0.44
    assert int(times.min()) >= 80


def test_an_error_weighs_what_it_shows(vae_run: Path, people: TrainingSet) -> None:
    vae = NanoAutoencoder.from_pretrained(vae_run / "vae")
    importance = vae.variances().flatten()
    assert float(importance.mean()) == pytest.approx(1, abs=1e-5) and float(importance[0]) > 5 * float(importance[-1])
    latents = vae.encode(pixels(people.images[:2])).latents
    off = []
    for channel in (0, len(importance) - 1):
        moved = latents.clone()
        moved[:, channel] += 1
        off.append(float((vae.inverse(moved) - vae.inverse(latents)).square().mean()))
    assert off[0] / off[1] == pytest.approx(float(importance[0] / importance[-1]), rel=1e-3)


def test_no_text_ends_before_its_end(people: TrainingSet) -> None:
    tokenizer = train_tokenizer(text for row in people.words for texts in row.values() for text in texts)
    for text in ("4k photo!", "ada (2026) — «кафе»?", "日本 café 😀 x,y;z", "я ем ёж, щи и ъ"):
        ids = tokenizer(text).input_ids
        assert ids.index(tokenizer.eos_token_id) == len(ids) - 1, text


def test_a_parts_colour_is_its_mean_and_unknown_where_it_does_not_show() -> None:
    images, parts = torch.zeros(1, 3, 16, 16), torch.zeros(1, 16, 16, dtype=torch.uint8)
    parts[:, :8], images[:, 0, :8] = Part.TOP, 0.5
    parts[:, 15, 15] = Part.HAIR
    colours = part_colours(images, parts)[0]
    assert colours[PAINTED.index(Part.TOP)].tolist() == [0.5, 0.0, 0.0]
    assert colours[PAINTED.index(Part.HAIR)].isnan().all(), "one pixel says nothing"


def test_training_writes_a_checkpoint_that_carries_its_origin_and_draws(trained: Path) -> None:
    model = load_model(trained / "nano")
    assert model.metadata["step"] == 2
    assert len(model.metadata["data"]["hash"]) == 64
    assert model.metadata["recipe"]["batch"] == 4
    capabilities = NanoBackbone(model).capabilities
    assert (capabilities.width, capabilities.height) == (128, 192)


def test_a_run_that_was_cut_off_goes_on_where_it_stood(people: TrainingSet, vae_run: Path, tmp_path: Path) -> None:
    run = train.TrainingRun(vae_run / "vae", tmp_path, minutes=LONG, batch=4, until=0.0)
    assert not train.train(run, people)
    before = torch.load(tmp_path / "state.pt", weights_only=True)
    assert not (tmp_path / "done.json").exists()
    assert train.train(replace(run, steps=3, until=None), people)
    after = torch.load(tmp_path / "state.pt", weights_only=True)
    assert (before["step"], after["step"]) == (1, 3)
    assert after["spent_s"] > before["spent_s"] > 0
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text("utf-8").splitlines()]
    assert steps == [1, 3]
    assert (tmp_path / "done.json").exists()


def test_a_run_may_begin_with_the_weights_of_another(people: TrainingSet, trained: Path, tmp_path: Path) -> None:
    run = train.TrainingRun(None, tmp_path, minutes=LONG, steps=1, batch=4, learning_rate=1e-9)
    train.train(replace(run, start_from=trained / "nano"), people)
    before, after = load_model(trained / "nano"), load_model(tmp_path / "nano")
    for old, new in zip(before.modules(), after.modules(), strict=True):
        for name, value in old.state_dict().items():
            assert torch.allclose(value, new.state_dict()[name], atol=1e-3), name


def test_a_run_needs_latents_of_one_origin(people: TrainingSet, vae_run: Path, trained: Path, tmp_path: Path) -> None:
    for vae, start in ((None, None), (vae_run / "vae", trained / "nano")):
        with pytest.raises(CheckpointError, match="--start-from"):
            train.train(train.TrainingRun(vae, tmp_path, minutes=LONG, start_from=start), people)
