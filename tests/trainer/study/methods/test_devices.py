"""Training on another device than the CPU. torch's meta device has no values, but refuses tensors of other devices."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainer.loop import TrainConfig, fit, training_device
from trainer.study.methods.base import StudyBase, fitted_autoencoder, new_base
from trainer.study.methods.base_training import BaseLearner
from trainer.study.methods.encoding import EncoderBatch
from trainer.study.methods.identity_features import IDENTITY_DIM, IdentityFeatures
from trainer.study.methods.photos import StudyBatch
from trainer.study.methods.registry import METHODS, build

WIDTH, HEIGHT, ROWS = 64, 128, 2
LATENTS = (192, HEIGHT // 16, WIDTH // 16)
READS_VALUES = ("pulid",)
"""Methods whose forward reads values of tensors, which the meta device does not have."""


@pytest.fixture(scope="module")
def loaded() -> StudyBase:
    torch.manual_seed(0)
    return new_base(fitted_autoencoder(torch.rand(8, 3, HEIGHT, WIDTH) * 2 - 1), WIDTH, HEIGHT).frozen()


@pytest.fixture
def base(loaded: StudyBase) -> StudyBase:
    """A base of its own for each test, which may move it."""
    return copy.deepcopy(loaded)


def some_batch() -> StudyBatch:
    every = torch.ones(ROWS, 1, dtype=torch.bool)
    features = IdentityFeatures(
        whole=torch.zeros(ROWS, 1, 24, 192),
        body=torch.zeros(ROWS, 1, 24, 192),
        weighted=torch.zeros(ROWS, 1, 24, 192),
        face=torch.zeros(ROWS, 1, 16, 192),
        identity=torch.zeros(ROWS, 1, IDENTITY_DIM),
        face_seen=every,
        present=every,
        face_points=torch.zeros(ROWS, 17, 3),
    )
    return StudyBatch(
        clean=torch.zeros(ROWS, *LATENTS),
        weight=torch.ones(ROWS, 1, *LATENTS[1:]),
        captions=["a person", ""],
        features=features,
        joints=torch.zeros(ROWS, 17, 2),
        seen=torch.ones(ROWS, 17),
        skeleton=torch.zeros(ROWS, 3, HEIGHT, WIDTH),
        pose_scale=torch.zeros(ROWS),
        known=torch.ones(ROWS),
    )


@pytest.mark.parametrize("name", [name for name in METHODS if name not in (*READS_VALUES, "text")])
def test_a_method_learns_where_its_base_and_its_batch_are(name: str, base: StudyBase) -> None:
    method = build(name, base, None, 1).to("meta")
    base.to("meta")
    losses = method(some_batch().to("meta"), None)
    assert {loss.device.type for loss in losses.values()} == {"meta"}


def test_the_base_learns_where_it_is(base: StudyBase) -> None:
    losses = BaseLearner(base.to("meta"))(some_batch().to("meta"), None)
    assert losses["loss"].device.type == "meta"


def test_pairs_of_photos_move_as_a_whole() -> None:
    batch = EncoderBatch(*(torch.zeros(2) for _ in range(4))).to("meta")
    assert {value.device.type for value in vars(batch).values()} == {"meta"}


@dataclass
class _Travelling:
    """A batch that notes where it was sent."""

    rows: int
    sent_to: list[torch.device]

    def to(self, device: torch.device, **how: Any) -> _Travelling:
        self.sent_to.append(torch.device(device))
        return self


class _Learner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, batch: _Travelling, generator: torch.Generator) -> dict[str, Tensor]:
        return {"loss": self.weight.square() * batch.rows}


def test_every_batch_is_sent_to_where_the_learner_is(tmp_path: Path) -> None:
    sent: list[torch.device] = []

    def draw(rows: int, rng: np.random.Generator) -> _Travelling:
        return _Travelling(rows, sent)

    fit(TrainConfig(tmp_path, steps=3, batch=2), _Learner(), draw)
    assert len(sent) == 3 and {device.type for device in sent} == {training_device().type}
