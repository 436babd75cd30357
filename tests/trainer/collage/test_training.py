"""Autoencoder and denoiser on three people: each stage learns, resumes and says what it comes from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.adapter.guide import Guide
from engine.adapter.pose_prior import PosePrior
from engine.adapter.scene_prior import ScenePrior
from engine.adapter.stand_in import StandIns
from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.base import GenerationInput
from engine.backbones.collage import NanoBackbone
from engine.backbones.collage_model import load_model, save_model
from engine.contract import Settings
from engine.identity.observation import Observation
from engine.identity.profile import IdentityProfile, View
from engine.pixels import to_tensor
from trainer.collage import train
from trainer.collage.architecture import stand_ins_from, stand_ins_of, train_tokenizer
from trainer.collage.training_set import TrainingSet
from trainer.errors import CheckpointError
from trainer.part_colours import PAINTED, part_colours
from trainer.synthetic.parts import Part

LONG = 60.0


def test_the_autoencoder_says_how_well_it_shows_others(people: TrainingSet, vae_run: Path) -> None:
    facts = json.loads((vae_run / "autoencoder.json").read_text("utf-8"))
    untrained = ((people.images.astype(float) - people.images.mean()) ** 2).mean()
    assert facts["psnr_db"] > 6 + 10 * np.log10(255**2 / untrained), "hardly better than one grey for all"
    assert facts["channels"] == 24 and (vae_run / "autoencoder.png").exists()


@pytest.mark.parametrize("patch", [8, 16])
def test_the_encoder_is_the_principal_components(people: TrainingSet, patch: int) -> None:
    images = to_tensor(people.images)
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
        "stand_ins",
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
        *("unet", "text_encoder", "adapter", "guide", "prior", "scenes", "layout", "parts", "stand_ins")
    }


def test_times_are_mostly_those_that_a_sampler_visits() -> None:
    torch.manual_seed(0)
    times = train.times_of(20_000, torch.device("cpu"))
    assert 0.58 < float((times == 1).float().mean()) < 0.62
    assert 0.88 < float(torch.isin(times, torch.tensor([0.25, 0.5, 0.75, 1.0])).float().mean()) < 0.92
    assert float(times.min()) >= 0 and float(times.max()) == 1


def test_a_pictures_error_is_that_of_its_pixels_and_edges() -> None:
    drawn, photo, weight = torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8), torch.ones(1, 1, 2, 2)
    drawn[..., :4] = 0.25
    edges = 0.25 / 7
    wanted = train.PIXELS_WEIGHT * (0.25 / 2 + train.EDGES_WEIGHT * edges)
    assert float(train.picture_error(drawn, photo, weight)) == pytest.approx(wanted, rel=1e-5)
    weight[..., 0] = 5
    assert float(train.picture_error(drawn, photo, weight)) > 1.3 * wanted


def test_an_error_weighs_what_it_shows(vae_run: Path, people: TrainingSet) -> None:
    vae = NanoAutoencoder.from_pretrained(vae_run / "vae")
    importance = vae.variances().flatten()
    assert float(importance.mean()) == pytest.approx(1, abs=1e-5) and float(importance[0]) > 5 * float(importance[-1])
    latents = vae.encode(to_tensor(people.images[:2])).latents
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


def test_all_of_a_run_that_begins_with_the_weights_of_another_learns(
    people: TrainingSet, trained: Path, tmp_path: Path
) -> None:
    run = train.TrainingRun(None, tmp_path, minutes=LONG, steps=2, batch=4, start_from=trained / "nano")
    train.train(run, people)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    before = load_model(trained / "nano")
    for name in ("stand_ins", "scenes", "prior"):
        part = getattr(before, name).state_dict()
        moved = [key for key, value in part.items() if not torch.equal(value, state["denoiser"][f"{name}.{key}"])]
        assert any(key.endswith("weight") for key in moved), name


def test_a_run_needs_latents_of_one_origin(people: TrainingSet, vae_run: Path, trained: Path, tmp_path: Path) -> None:
    for vae, start in ((None, None), (vae_run / "vae", trained / "nano")):
        with pytest.raises(CheckpointError, match="--start-from"):
            train.train(train.TrainingRun(vae, tmp_path, minutes=LONG, start_from=start), people)


def test_what_is_shipped_is_all_there_and_another_seed_is_another_picture(
    people: TrainingSet, trained: Path, tmp_path: Path
) -> None:
    whole = np.nonzero(~people.styled & (people.inside.sum(1) > 12))[0]
    model = replace(load_model(trained / "nano"), stand_ins=stand_ins_from(people, [int(row) for row in whole]))
    save_model(model, tmp_path)
    again = load_model(tmp_path)
    assert {type(module) for module in again.modules()} >= {StandIns, ScenePrior, PosePrior, Guide}
    assert again.stand_ins is not None and len(again.stand_ins.images) == len(whole)
    assert not any(parameter.requires_grad for module in again.modules() for parameter in module.parameters())
    person = IdentityProfile((View(Image.new("RGB", (64, 96), "grey"), Observation(64, 96)),))
    drawn = [
        NanoBackbone(again)
        .draw([GenerationInput(person, "a woman on a beach", "", seed, Settings(steps=1))])[0]
        .tobytes()
        for seed in (1, 1, 2, 3, 4, 5)
    ]
    assert drawn[0] == drawn[1] and len(set(drawn)) > 1


def test_stand_ins_show_their_front_and_differ(people: TrainingSet) -> None:
    rows = np.zeros(len(people.images), bool)
    rows[:4] = True
    standing = next(number for number, name in enumerate(people.asked_names) if name == "standing, full")
    poses = people.poses.copy()
    poses[:, 5, :2], poses[:, 6, :2], poses[:, 11:13, 1], poses[..., 2] = (0.7, 0.3), (0.3, 0.3), 0.55, 1
    poses[3, 5, 0], poses[3, 6, 0] = 0.3, 0.7
    posed = replace(
        people, poses=poses, inside=np.ones_like(people.inside), asked=np.where(rows, standing, standing + 1)
    )
    found = stand_ins_of(posed)
    plain = [row for row in range(3) if not people.styled[row]]
    assert len(found.images) == len(plain), "neither the back nor another stance"
    assert sorted(found.woman.tolist()) == sorted(people.woman[plain].astype(float).tolist())
