"""The weights that a run can go on from fit the network that is trained."""

from __future__ import annotations

from pathlib import Path

import torch

import trainer
from engine.backbones.nano.network import SIZES, build_network
from engine.backbones.nano.pipeline import load_nano
from engine.body.atlas import shipped_atlas
from trainer.nano.run import begin_with

START = Path(trainer.__file__).parent / "weights" / "nano"


def test_a_run_can_begin_with_the_weights_that_are_kept() -> None:
    pipeline, _ = load_nano(START)
    network = build_network(pipeline.vae.variances().flatten().sqrt(), shipped_atlas(), size=SIZES["small"])

    begin_with(network, pipeline.network)

    learned = pipeline.network.state_dict()
    assert all(torch.equal(value, learned[name]) for name, value in network.state_dict().items())
