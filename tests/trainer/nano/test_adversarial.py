"""The critic's stage: each network learns from its own loss alone."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch

from engine.backbones.nano.network import PATCH_PX, NetworkSize, build_network
from engine.body.atlas import shipped_atlas
from trainer.nano.adversarial import AdversarialLearner
from trainer.nano.batches import Batch, Batches
from trainer.nano.learner import fit_autoencoder
from trainer.nano.store import Store


@pytest.fixture(scope="module")
def learner(store: Store) -> AdversarialLearner:
    torch.manual_seed(0)
    vae = fit_autoencoder(store)
    size = NetworkSize((16, 32, 32), (1, 1, 1), 64, 1)
    return AdversarialLearner(build_network(vae, shipped_atlas(), size=size))


@pytest.fixture(scope="module")
def batch(store: Store) -> Batch:
    batches = Batches(store, shipped_atlas(), PATCH_PX, augment=False)
    return batches.of(batches.targets[:4], np.random.default_rng(0))


def test_the_critic_learns_to_tell_predictions_from_photos(learner: AdversarialLearner, batch: Batch) -> None:
    learner = deepcopy(learner)
    torch.nn.init.normal_(learner.network.unet.conv_out.weight, std=0.1)  # untrained, flat colours pass for a photo
    optimizer = torch.optim.AdamW(learner.critic.parameters(), lr=5e-3)
    losses = []
    for number in range(24):
        found = learner(batch, torch.Generator().manual_seed(number))
        learner.zero_grad()
        found["loss"].backward()
        optimizer.step()
        losses.append(found["critic"].item())

    assert losses[0] == pytest.approx(2.0, abs=0.3)  # two hinge losses of an untrained critic
    assert np.mean(losses[-6:]) < 0.8 * losses[0]


def test_the_denoiser_hears_the_critic_and_does_not_change_it(learner: AdversarialLearner, batch: Batch) -> None:
    def gradients(share: float) -> tuple[torch.Tensor, torch.Tensor]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("trainer.nano.adversarial.PULL", share)
            learner.zero_grad()
            learner(batch, torch.Generator().manual_seed(7))["loss"].backward()
        critic = next(learner.critic.parameters()).grad
        unet = learner.network.unet.conv_out.weight.grad
        assert critic is not None and unet is not None
        return unet.clone(), critic.clone()

    learner.critic.eval()  # spectral norms stay as they are
    (alone, critic_before), (pulled, critic_after) = gradients(0.0), gradients(1.0)

    assert not torch.allclose(alone, pulled, rtol=1e-2)
    assert torch.allclose(critic_before, critic_after)
