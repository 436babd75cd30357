"""Flow matching: coefficients, and a sampler that ends where a perfect prediction points."""

from __future__ import annotations

import pytest
import torch

from engine.backbones.nano.flow import Prediction, add_noise, coefficients, sample, sample_times

SPREAD = torch.tensor([0.5, 1.0, 2.0]).view(1, -1, 1, 1)


def test_at_time_zero_the_network_predicts_the_picture_alone() -> None:
    c = coefficients(torch.zeros(1), SPREAD)

    assert torch.equal(c.skip, torch.zeros_like(SPREAD))
    assert torch.allclose(c.out, SPREAD)
    assert torch.equal(c.into, torch.zeros_like(SPREAD))


def test_what_the_network_has_to_give_has_unit_variance_at_every_time() -> None:
    generator = torch.Generator().manual_seed(0)
    clean = SPREAD * torch.randn(64, 3, 16, 16, generator=generator)
    noise = torch.randn(clean.shape, generator=generator)
    for time in (0.0, 0.3, 0.7, 0.95):
        times = torch.full((64,), time)
        c, z = coefficients(times, SPREAD), add_noise(clean, noise, times)
        wanted = (clean - c.skip * z) / c.out
        assert torch.allclose(wanted.std((0, 2, 3)), torch.ones(3), atol=0.02)
        assert torch.allclose(SPREAD * c.into, c.skip)


def test_a_perfect_prediction_is_reached_in_any_number_of_steps() -> None:
    truth = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    for steps in (1, 4, 30):
        visited: list[float] = []

        def predict(z: torch.Tensor, time: torch.Tensor, visited: list[float] = visited) -> Prediction:
            visited.append(float(time[0]))
            return Prediction(truth, truth, truth)

        done: list[int] = []
        end = sample(
            predict, lambda: torch.randn(2, 3, 4, 4), steps, lambda number, clean, done=done: done.append(number)
        )
        assert torch.equal(end.clean, truth)
        assert visited == pytest.approx(sample_times(steps))
        assert done == list(range(1, steps + 1))


def test_every_step_reads_new_noise_about_the_last_prediction() -> None:
    noises = [torch.full((1, 1, 1, 1), float(number)) for number in (1, 10, 100)]
    read: list[float] = []

    def predict(z: torch.Tensor, time: torch.Tensor) -> Prediction:
        read.append(float(z))
        return Prediction(*[torch.full_like(z, 6.0)] * 3)

    left = iter(noises)
    sample(predict, lambda: next(left), 3)

    assert read == pytest.approx([1.0, 6 / 3 + 10 * 2 / 3, 6 * 2 / 3 + 100 / 3])


def test_times_begin_at_noise() -> None:
    assert sample_times(1) == [0.0]
    assert sample_times(4) == [0.0, 0.25, 0.5, 0.75]
