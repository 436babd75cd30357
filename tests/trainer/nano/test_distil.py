"""A student learns to draw in few unguided steps what its teacher draws in many guided ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.adapter.guide import draft_of, nobody
from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano import NanoBackbone
from engine.backbones.nano_model import load_model, predict_v, save_model
from trainer.errors import CheckpointError
from trainer.nano.architecture import build, prior_of, scenes_of, train_tokenizer
from trainer.nano.distil import TOLD, DistilRun, Schedule, distil, leading, noise_like, step, tell, trajectory
from trainer.nano.photos import TrainingPhotos
from trainer.nano.training_set import TrainingSet

LONG = 60.0


@pytest.fixture(scope="module")
def teacher(people: TrainingSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    torch.manual_seed(0)
    captions = [phrase for row in people.words for phrases in row.values() for phrase in phrases]
    vae = NanoAutoencoder(latent_channels=12, width_quarter=16, width_eighth=16, width_sixteenth=16, patch_px=16)
    model = build(train_tokenizer(captions), vae, 128, 192, prior_of(people), scenes_of(people))
    torch.nn.init.normal_(model.unet.conv_out.weight, std=0.05)
    save_model(model, folder)
    return folder


def test_a_step_is_that_of_the_scheduler_and_can_be_led_anywhere(teacher: Path) -> None:
    model = load_model(teacher)
    schedule = Schedule.of(model, 4)
    noisy, v = torch.randn(2, 1, 12, 12, 8, generator=torch.Generator().manual_seed(0))
    for number, time in enumerate(schedule.times):
        ours = step(noisy, v, schedule, number, number + 1)
        assert torch.allclose(ours, model.scheduler.step(v, time, noisy).prev_sample, atol=1e-4)
    for start, end in ((0, 1), (0, 2), (1, 3), (3, 4)):
        reached = step(noisy, v, schedule, start, end)
        assert torch.allclose(leading(noisy, reached, schedule, start, end), v, atol=1e-3)


def test_a_guided_trajectory_is_the_prediction_led_away_from_being_told_nothing(
    people: TrainingSet, teacher: Path
) -> None:
    model = load_model(teacher)
    photos = TrainingPhotos(people, model.vae, model.tokenizer, model.adapter.config, teacher / "cache")
    batch = photos.batch(2, replace(TOLD, pose=1.0), 0.0, np.random.default_rng(0))
    scales = {f"{name}_scale": torch.zeros(2) for name in ("face", "body")}
    black, nowhere = torch.zeros_like(batch.skeleton), torch.tensor([False] * 2)
    grey = draft_of(nobody(2, (192, 128)), black, nowhere, torch.zeros(2, 17, 3), nowhere)
    nothing = replace(batch, tokens=photos.nothing.long().repeat(2, 1), skeleton=black, draft=grey, **scales)
    schedule, noise = Schedule.of(model, 2), noise_like(model, 2)
    path = trajectory(model, tell(model, batch), noise, schedule, 3.0)
    with torch.no_grad():
        told, bare = (predict_v(model, noise, schedule.times[0], tell(model, b)) for b in (batch, nothing))
    assert torch.allclose(path[1], step(noise, bare + 3 * (told - bare), schedule, 0, 1), atol=1e-4)
    assert not torch.allclose(told, bare, atol=1e-2)


def test_the_student_comes_closer_resumes_and_draws_as_it_learned(
    people: TrainingSet, teacher: Path, tmp_path: Path
) -> None:
    run = DistilRun(teacher, tmp_path, LONG, steps=1, student_steps=2, batch=4, learning_rate=5e-5)
    run = replace(run, guidance=6.0, stride=1, warmup_steps=1, ema_decay=0.8, held_out=2)
    assert distil(replace(run, until=0.0, steps=9), people) is None
    first = distil(replace(run, steps=2), people)
    second = distil(replace(run, steps=8), people)
    assert first is not None and second is not None
    assert second["step"] == 8
    assert second["before"] == first["before"]
    assert second["after"] < 0.98 * second["before"]
    assert json.loads((tmp_path / "distil.json").read_text("utf-8")) == second
    old, new = load_model(teacher), load_model(tmp_path / "nano")
    assert old.guide is not None and new.guide is not None
    for part in ("text_encoder", "guide", "vae"):
        mine = getattr(new, part).state_dict()
        assert all(torch.equal(value, mine[name]) for name, value in getattr(old, part).state_dict().items())
    assert not torch.equal(old.unet.conv_out.weight, new.unet.conv_out.weight)
    defaults = NanoBackbone(new).capabilities
    assert (defaults.steps_default, defaults.guidance_default) == (2, 1.0)
    assert new.metadata["distilled"]["teacher"]["sampling"] == old.metadata["sampling"]
    assert new.metadata["distilled"]["difference"] == second


def test_steps_that_do_not_divide_the_schedule_are_refused(people: TrainingSet, teacher: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="divide 1000"):
        distil(DistilRun(teacher, tmp_path, LONG, student_steps=3), people)
