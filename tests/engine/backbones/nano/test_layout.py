"""A layout becomes a picture in flat colours with smooth edges, and an edge of its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.backbones.nano.layout import LayoutPredictor, flat_picture, softened, without_fragments
from engine.backbones.nano.pipeline import NanoPipeline
from engine.body.texture import PARTS
from engine.identity.body import BodyPart
from engine.networks import load_network, save_network


def test_parts_have_their_colours_and_the_background_none() -> None:
    layout = torch.zeros(1, 40, 30, dtype=torch.int64)
    layout[:, 5:20, 5:25] = BodyPart.TOP
    layout[:, 20:38, 5:25] = BodyPart.BOTTOM
    colours = torch.zeros(1, PARTS, 3)
    colours[0, BodyPart.TOP] = torch.tensor([1.0, -1.0, -1.0])
    colours[0, BodyPart.BOTTOM] = torch.tensor([-1.0, -1.0, 1.0])
    colours[0, BodyPart.BACKGROUND] = 0.7

    picture, alpha = flat_picture(layout, colours)

    assert picture[0, :, 12, 15].tolist() == pytest.approx([1, -1, -1])
    assert picture[0, :, 30, 15].tolist() == pytest.approx([-1, -1, 1])
    assert alpha[0, 0, 12, 15] == pytest.approx(1) and alpha[0, 0, 1, 1] == 0
    assert picture[0, :, 12, 4].tolist() == pytest.approx([1, -1, -1])  # continued beyond the edge
    assert 0 < alpha[0, 0, 12, 4] < 0.5 < alpha[0, 0, 12, 5] < 1
    assert picture[0, :, 1, 1].tolist() == [0, 0, 0]


def test_pieces_without_a_joint_are_left_out() -> None:
    layout = torch.zeros(1, 40, 30, dtype=torch.int64)
    layout[:, 5:30, 8:20] = BodyPart.TOP
    layout[:, 10:14, 25:28] = BodyPart.SKIN  # a hand, with its wrist
    layout[:, 34:38, 2:6] = BodyPart.BOTTOM
    joints = np.zeros((1, 17, 3), np.float32)
    joints[0, 9] = (26 / 30, 12 / 40, 1)
    joints[0, 15] = (3 / 30, 36 / 40, 0)  # not in the picture

    figure = without_fragments(layout, joints)

    assert (figure[:, 34:38, 2:6] == BodyPart.BACKGROUND).all()
    assert figure[:, :34].equal(layout[:, :34])


def test_a_blur_keeps_the_mean() -> None:
    picture = torch.rand(1, 2, 20, 20)

    assert softened(torch.ones(1, 1, 8, 8)).sub(1).abs().max() < 1e-6
    assert softened(picture)[..., 4:-4, 4:-4].std() < picture.std()


def test_a_predictor_is_read_back(pipeline: NanoPipeline, tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    save_network(pipeline.layout, folder, {"pictures": 3})
    loaded = load_network(LayoutPredictor, folder)

    expected = pipeline.layout.state_dict()
    assert all(torch.allclose(value, expected[name], atol=1e-3) for name, value in loaded.state_dict().items())
