"""The loss of a batch: the trained parameters get gradients, no others do; each method reads its own inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler
from torch import Tensor

from trainer.adapter.batches import AdapterBatch, PairedPhotos, TrainingRow
from trainer.adapter.cache import AdapterCache
from trainer.adapter.learner import AdapterLearner, FrozenBase, over_person
from trainer.adapter.methods import METHODS, build_branches, conditions, plan_of
from trainer.adapter.recipe import Pairing, Recipe
from trainer.adapter.run import encoder_sizes
from trainer.errors import DataError
from trainer.losses import min_snr_weight_of_noise

SMALL = {"face_tokens": 4, "body_tokens": 2, "precision": "no", "base_precision": "fp32", "sheet_every": 0}


def recipe_of(method: str, **changes: Any) -> Recipe:
    return Recipe.model_validate({"method": method, **SMALL, **changes})


def learner_of(tiny: Any, recipe: Recipe) -> AdapterLearner:
    torch.manual_seed(0)
    unet = tiny.base.unet()
    branches = build_branches(plan_of(recipe), unet, **encoder_sizes(tiny.base))
    return AdapterLearner(FrozenBase(unet, tiny.base.scheduler().alphas_cumprod, "epsilon", 0.18), branches, recipe)


def a_batch(tiny: Any, recipe: Recipe, rows: int = 2) -> AdapterBatch:
    pairing = Pairing(text=0, person=0, both=0, region=0, head_only=0)
    photos = PairedPhotos(AdapterCache(tiny.cache), "train", pairing, plan_of(recipe).regions)
    return photos.batch(rows, np.random.default_rng(0))


def noise() -> torch.Generator:
    return torch.Generator().manual_seed(5)


READ_PHOTOS = [name for name in METHODS if not plan_of(Recipe(method=name)).reads_embeddings]
"""Rendered people have no embeddings of faces; `test_control` and `test_identity_losses` give them some."""


@pytest.mark.parametrize("method", [name for name in READ_PHOTOS if plan_of(Recipe(method=name)).points is None])
def test_every_parameter_that_learns_gets_a_gradient_and_the_base_none(tiny: Any, method: str) -> None:
    recipe = recipe_of(method)
    learner = learner_of(tiny, recipe)
    losses = learner(a_batch(tiny, recipe, 4), noise())
    losses["loss"].backward()
    assert all(torch.isfinite(loss) for loss in losses.values())
    silent = [name for name, p in learner.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert silent == []
    assert all(parameter.grad is None for parameter in learner.base.unet.parameters())
    assert not any(name.startswith("base") for name in learner.state_dict())


def test_checkpointing_changes_memory_and_no_gradient(sd15: Any) -> None:
    batch, gradients = a_batch(sd15, recipe_of("bolid")), []
    for checkpointing in (False, True):
        learner = learner_of(sd15, recipe_of("bolid", gradient_checkpointing=checkpointing))
        assert learner.base.unet.is_gradient_checkpointing is checkpointing
        learner(batch, noise())["loss"].backward()
        gradients.append([p.grad for p in learner.parameters()])
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*gradients, strict=True) if a is not None)


def test_bolid_reads_the_head_by_its_face_branch_and_all_regions_by_its_body_branch(sd15: Any) -> None:
    recipe = recipe_of("bolid")
    learner, cache = learner_of(sd15, recipe), AdapterCache(sd15.cache)
    photos = PairedPhotos(cache, "train", Pairing(), plan_of(recipe).regions)
    whole = next(p for p in cache.photos if len(p.regions) == 5 and p.face)
    references = photos.encoded([TrainingRow(whole, (whole,), "full")], [[set()]]).to(torch.device("cpu")).references
    identity = conditions(learner.branches, references)
    tokens = {name: branch.tokens for name, branch in identity.items()}
    assert tokens["face"] is not None and tokens["face"].shape[1] == 4
    assert tokens["body"] is not None and tokens["body"].shape[1] == 5 * 2
    for number, region in enumerate(references.regions):
        hidden = references.hidden.clone()
        hidden[:, number] += 1
        changed = conditions(learner.branches, type(references)(**{**vars(references), "hidden": hidden}))
        same = {name: torch.equal(tokens[name], changed[name].tokens) for name in tokens}  # type: ignore[arg-type]
        assert same == {"face": region != "head", "body": False}


def test_without_a_face_the_face_branch_is_silent(sd15: Any) -> None:
    recipe = recipe_of("bolid")
    learner, batch = learner_of(sd15, recipe), a_batch(sd15, recipe_of("bolid"))
    references = batch.to(torch.device("cpu")).references
    faceless = type(references)(**{**vars(references), "faces": torch.zeros_like(references.faces)})
    assert conditions(learner.branches, faceless)["face"].scale.tolist() == [0.0, 0.0]
    assert conditions(learner.branches, faceless)["body"].scale.tolist() == [1.0, 1.0]


def test_equation_one_weighted_by_the_person() -> None:
    mask = torch.zeros(2, 1, 2, 2)
    mask[0, 0, 0] = 1
    error = torch.ones(2, 4, 2, 2)
    error[:, :, 1] = 3
    assert over_person(error, mask, 0.0).tolist() == [2.0, 2.0]
    assert over_person(error, mask, 2.0).tolist() == pytest.approx([(3 * 1 + 1 * 3) / 4, 2.0])
    assert over_person(torch.ones_like(error), mask, 9.0).tolist() == [1.0, 1.0]


def test_min_snr_of_noise_is_the_papers() -> None:
    alpha_bar = torch.tensor([0.999, 0.5, 0.01])
    snr = alpha_bar / (1 - alpha_bar)
    expected = torch.minimum(snr, torch.tensor(5.0)) / snr
    assert torch.allclose(min_snr_weight_of_noise(alpha_bar, 5.0), expected)
    assert min_snr_weight_of_noise(alpha_bar, None).tolist() == [1.0, 1.0, 1.0]


def test_the_target_is_the_noise_of_diffusers_own_schedule(sd15: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An oracle that predicts the noise from the clean latents has loss 0; so has an oracle of v for a base that
    predicts v."""
    scheduler = DDPMScheduler.from_pretrained(sd15.base.folder, subfolder="scheduler")
    recipe = recipe_of("ip_adapter")
    batch = a_batch(sd15, recipe)
    batch = AdapterBatch(**{**vars(batch), "std": torch.zeros_like(batch.std)})
    for prediction in ("epsilon", "v_prediction"):
        learner = learner_of(sd15, recipe)
        object.__setattr__(learner, "base", FrozenBase(learner.base.unet, scheduler.alphas_cumprod, prediction, 0.18))
        clean = 0.18 * batch.mean.float()

        def oracle(
            unet: Any, noisy: Tensor, timestep: Tensor, *rest: Any, clean: Tensor = clean, kind: str = prediction
        ) -> Tensor:
            alpha = scheduler.alphas_cumprod[timestep][:, None, None, None]
            added = (noisy - alpha.sqrt() * clean) / (1 - alpha).sqrt()
            assert torch.allclose(scheduler.add_noise(clean, added, timestep), noisy, atol=1e-5)
            return added if kind == "epsilon" else scheduler.get_velocity(clean, added, timestep)

        monkeypatch.setattr("trainer.adapter.learner.predict", oracle)
        losses = learner(batch, noise())
        assert losses["loss"] < 1e-6 and losses["person"] < 1e-6
    with pytest.raises(DataError, match="epsilon or v_prediction"):
        FrozenBase(None, scheduler.alphas_cumprod, "sample", 1.0)


def test_an_unknown_method_is_one_line() -> None:
    with pytest.raises(DataError, match=r"expected a --method out of ip_adapter, ip_adapter_plus, bolid, .*, got lora"):
        plan_of(recipe_of("lora"))
