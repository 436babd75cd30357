"""Which pose a prompt gets where nobody gave one."""

import numpy as np
import pytest
import torch

from engine.adapter.pose_prior import PosePrior


@pytest.fixture
def prior() -> PosePrior:
    """Word 0 asks for class 0, word 1 for class 1 (full length), word 2 for class 2, which has no examples."""
    prior = PosePrior(3, 3, 4)
    torch.nn.init.zeros_(prior.classify.bias)
    prior.classify.weight.data.copy_(20 * torch.eye(3))
    for number in range(2):
        for example in range(4):
            prior.poses[number, example] = number + example / 10
        prior.known[number] = 1
    prior.full[1] = 1
    return prior


def test_words_choose_the_class_and_the_seed_an_example(prior: PosePrior) -> None:
    words = torch.eye(3)[[0, 1] * 20]
    poses = prior.suggest(words, range(40))
    assert all(pose.shape == (17, 3) and pose.dtype == np.float32 for pose in poses)
    assert [int(pose[0, 0]) for pose in poses] == [0, 1] * 20
    assert len({float(pose[0, 0]) for pose in poses}) == 8
    again = prior.suggest(words, range(40))
    assert all((one == other).all() for one, other in zip(poses, again, strict=True))


def test_who_names_no_framing_is_drawn_in_full(prior: PosePrior) -> None:
    assert all(int(pose[0, 0]) == 1 for pose in prior.suggest(torch.zeros(30, 3), range(30)))


def test_a_class_without_examples_is_never_taken(prior: PosePrior) -> None:
    assert all(int(pose[0, 0]) in (0, 1) for pose in prior.suggest(torch.eye(3)[[2] * 20], range(20)))
