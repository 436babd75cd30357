"""The last stage walks nano's own way, beside a critic, and says what came of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.backbones.base import GenerationInput
from engine.backbones.collage import NanoBackbone
from engine.backbones.collage_model import load_model, save_model
from engine.contract import Settings
from engine.identity.observation import Observation
from engine.identity.profile import IdentityProfile, View
from trainer.collage.finish import Critic, FinishRun, finish, tell, walk
from trainer.collage.photos import Conditions, TrainingPhotos
from trainer.collage.train import decoded
from trainer.collage.training_set import TrainingSet

LONG = 60.0


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> FinishRun:
    """From weights that draw worse than the draft."""
    model = load_model(trained / "nano")
    torch.manual_seed(0)
    torch.nn.init.normal_(model.unet.conv_out.weight, std=0.03)
    save_model(model, tmp_path / "begun")
    return FinishRun(tmp_path / "begun", tmp_path, LONG, batch=4, warmup_steps=1, critic_alone=6, compared=4)


def test_it_comes_closer_resumes_and_changes_only_the_unet(people: TrainingSet, run: FinishRun) -> None:
    run = replace(run, learning_rate=3e-4, ema_decay=0.5)
    assert finish(replace(run, until=0.0, steps=9), people) is None
    before = torch.load(run.out / "state.pt", weights_only=True)
    figures = finish(replace(run, steps=12), people)
    after = torch.load(run.out / "state.pt", weights_only=True)
    assert figures is not None and figures["step"] == 12 and before["step"] == 1
    assert json.loads((run.out / "finish.json").read_text("utf-8")) == figures
    assert figures["after"]["draft"] == figures["before"]["draft"], "measured on the same pictures"
    assert figures["after"]["4 steps"] < figures["before"]["4 steps"]
    critics = [state["companions"]["critic"] for state in (before, after)]
    assert any(not torch.equal(value, critics[1][name]) for name, value in critics[0].items())
    old, new = load_model(run.start_from), load_model(run.out / "nano")
    for part in ("text_encoder", "guide", "vae"):
        mine = getattr(new, part).state_dict()
        assert all(torch.equal(value, mine[name]) for name, value in getattr(old, part).state_dict().items())
    assert not torch.equal(old.unet.conv_in.weight, new.unet.conv_in.weight)
    assert NanoBackbone(new).capabilities.steps_default == 4
    assert new.metadata["begun"]["step"] == 2 and new.metadata["finished"] == figures


def test_only_the_last_step_of_a_walk_has_a_gradient(trained: Path, photos: TrainingPhotos) -> None:
    model = load_model(trained / "nano")
    model.unet.requires_grad_(True)
    told = tell(model, photos.batch(2, Conditions(), 0.0, np.random.default_rng(0)))
    counted = []
    hook = model.unet.register_forward_hook(lambda *_: counted.append(torch.is_grad_enabled()))
    walk(model, told, 4, 3).sum().backward()
    hook.remove()
    assert counted == [False, False, True]
    assert model.unet.conv_in.weight.grad is not None
    with torch.no_grad():
        assert not walk(model, told, 4).requires_grad


def test_a_walk_is_what_the_backbone_draws(trained: Path) -> None:
    model = load_model(trained / "nano")
    torch.manual_seed(0)
    torch.nn.init.normal_(model.unet.conv_out.weight, std=0.02)
    backbone = NanoBackbone(model)
    person = IdentityProfile((View(Image.new("RGB", (64, 96), "grey"), Observation(64, 96)),))
    drawing = GenerationInput(person, "a woman on a beach", "", 1, Settings())
    with torch.inference_mode():
        told = backbone.tell([drawing])
        one, four = (decoded(model.vae, walk(model, told, steps)) for steps in (1, 4))
    assert not torch.allclose(one, four)
    drawn = torch.from_numpy(np.array(backbone.draw([drawing])[0])).permute(2, 0, 1) / 127.5 - 1
    assert float((drawn - four[0].clamp(-1, 1)).abs().max()) < 0.01


def test_a_critic_judges_patches() -> None:
    judged = Critic()(torch.zeros(2, 3, 64, 48))
    assert judged.shape == (2, 1, 8, 6)
