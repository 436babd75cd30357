"""IdentityNet: begins without effect, reads the person and never the text, and is exported as a ControlNet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel
from safetensors.torch import load_file

from engine.adapter.region_tokens import reading_of
from trainer.adapter.batches import AdapterBatch, PairedPhotos
from trainer.adapter.cache import AdapterCache
from trainer.adapter.control import identity_net, skeleton_of
from trainer.adapter.export import export_run
from trainer.adapter.learner import AdapterLearner, FrozenBase, predict
from trainer.adapter.memory import memory_need
from trainer.adapter.methods import build_branches, conditions, plan_of
from trainer.adapter.recipe import Pairing, Recipe
from trainer.adapter.run import AdapterRun, encoder_sizes, train_adapter
from trainer.errors import DataError

SMALL: dict[str, Any] = {
    "steps": 2, "batch": 2, "face_tokens": 4, "body_tokens": 2, "precision": "no", "base_precision": "fp32",
    "sheet_every": 2, "sheet_people": 1, "sheet_steps": 2, "ema_decay": 0.0,
}  # fmt: skip

OUTPUTS = ("controlnet_down_blocks", "controlnet_mid_block")


def learner_of(tiny: Any, method: str) -> AdapterLearner:
    torch.manual_seed(0)
    recipe, unet = Recipe.model_validate({**SMALL, "method": method}), tiny.base.unet()
    branches = build_branches(plan_of(recipe), unet, **encoder_sizes(tiny.base))
    base = FrozenBase(unet, tiny.base.scheduler().alphas_cumprod, "epsilon", 0.18)
    return AdapterLearner(base, branches, recipe, identity_net(unet, vae_factor=2).requires_grad_(True))


def a_batch(tiny: Any, method: str) -> AdapterBatch:
    """A batch with embeddings of faces, which rendered people lack."""
    plan, pairing = plan_of(Recipe(method=method)), Pairing(text=0, person=0, both=0, region=0, head_only=0)
    photos = PairedPhotos(AdapterCache(tiny.cache), "train", pairing, plan.regions, plan.points)
    batch = photos.batch(2, np.random.default_rng(0)).to(torch.device("cpu"))
    faces = torch.randn(batch.references.face_embeds.shape, generator=torch.Generator().manual_seed(7))
    references = replace(batch.references, face_embeds=faces, embedded=torch.ones(len(faces), dtype=torch.bool))
    return replace(batch, references=references)


@pytest.mark.parametrize("method", ["instantid", "instantid_body"])
def test_it_begins_without_effect_and_learns_from_the_first_step(tiny: Any, method: str) -> None:
    learner, batch = learner_of(tiny, method), a_batch(tiny, method)
    noisy, time = torch.randn(batch.mean.shape), torch.tensor([100, 700])
    with torch.no_grad():
        identity = conditions(learner.branches, batch.references)
        bare = predict(learner.base.unet, noisy, time, batch, identity)
        assert torch.allclose(learner.predicted(noisy, time, batch, identity), bare, atol=1e-5)
    learner(batch, torch.Generator().manual_seed(5))["loss"].backward()
    silent = [name for name, p in learner.branches.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert silent == []
    outputs = [p for name, p in learner.control.named_parameters() if name.startswith(OUTPUTS)]
    assert outputs and all(p.grad is not None and p.grad.abs().sum() for p in outputs)
    assert all(parameter.grad is None for parameter in learner.base.unet.parameters())


@pytest.mark.parametrize("method", ["instantid", "instantid_body"])
def test_it_reads_the_person_and_the_points_but_not_the_text(sd15: Any, method: str) -> None:
    learner, batch = learner_of(sd15, method), a_batch(sd15, method)
    for name, parameter in learner.control.named_parameters():
        if name.startswith("controlnet_"):
            torch.nn.init.normal_(parameter, std=0.1)
    noisy, time = torch.randn(batch.mean.shape), torch.tensor([100, 700])

    def added(changed: AdapterBatch) -> torch.Tensor:
        """The effect of IdentityNet on a prediction whose branches and text are `batch`'s."""
        identity = conditions(learner.branches, changed.references)
        calls: list[torch.Tensor] = []
        handle = learner.control.register_forward_hook(lambda module, given, result: calls.append(result[1]))
        with torch.no_grad():
            learner.predicted(noisy, time, changed, identity)
        handle.remove()
        return calls[0]

    usual = added(batch)
    assert batch.skeleton is not None
    assert torch.equal(usual, added(replace(batch, text=batch.text + 1)))
    assert not torch.allclose(usual, added(replace(batch, skeleton=batch.skeleton.flip(-1))))
    references = batch.references
    other = replace(references, face_embeds=references.face_embeds + 1, hidden=references.hidden + 1)
    assert not torch.allclose(usual, added(replace(batch, references=other)))


def test_only_the_heads_points_are_drawn_for_faces() -> None:
    joints = np.full((17, 3), 0.9, np.float32)
    joints[:, 0], joints[:, 1] = 0.5, np.linspace(0.1, 0.9, 17)
    head, body = (skeleton_of(joints, (32, 64), points) for points in ("head", "body"))  # type: ignore[arg-type]
    assert head.shape == body.shape == (3, 64, 32)
    assert head[:, 32:].sum() == 0 < head[:, :32].sum() and body[:, 48:].sum() > 0


def test_a_run_exports_a_controlnet_beside_the_branch(sd15: Any, tmp_path: Path) -> None:
    recipe = Recipe.model_validate({**SMALL, "method": "instantid_body"})
    weights = train_adapter(AdapterRun(sd15.base, sd15.cache, tmp_path, recipe))
    assert [path.name for path in weights] == ["body.safetensors", "controlnet"]
    assert reading_of(weights[0]) == plan_of(recipe).branches["body"].reading
    assert (tmp_path / "validation" / "000002.png").is_file()
    stored = ControlNetModel.from_pretrained(weights[1]).state_dict()
    average = torch.load(tmp_path / "state.pt", weights_only=True)["average"]
    assert all(torch.equal(average[f"control.{name}"], value) for name, value in stored.items())
    again = export_run(tmp_path, tmp_path / "again")
    assert all(torch.equal(load_file(weights[0])[name], value) for name, value in load_file(again[0]).items())


def test_faces_without_embeddings_are_one_line(sd15: Any, tmp_path: Path) -> None:
    recipe = Recipe.model_validate({**SMALL, "method": "instantid"})
    with pytest.raises(DataError, match="run python -m trainer precompute with --face-root"):
        train_adapter(AdapterRun(sd15.base, sd15.cache, tmp_path, recipe))
    with pytest.raises(DataError, match="its memory is not calculated"):
        memory_need("sd15", recipe)
