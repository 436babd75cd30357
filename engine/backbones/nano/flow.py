"""Flow matching between noise and a picture's latents, with a prediction that is preconditioned by time.

z_t = t x + (1 - t) n for latents x, noise n and time t in 0..1 (Lipman et al., 2023; Liu et al., 2023). The network's
output F gives the clean latents as c_skip z_t + c_out F, with the coefficients of Karras et al. (2022, table 1) for
sigma = (1 - t) / t: at time 0 it predicts the picture, near time 1 what little is still missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

TIMESTEPS = 1000
"""diffusers' UNets embed timesteps of 0..1000: time t is embedded as TIMESTEPS * t."""


@dataclass(frozen=True)
class Coefficients:
    """c_skip, c_out, c_in [B, C, 1, 1] for times [B] and latents whose channels have the standard deviation spread
    [1, C, 1, 1].

    c_in z_t is the Wiener estimate of the clean latents in units of their spread: it fades with the share of noise in
    a channel. With Karras's c_in, which gives unit variance at every time, the network had to learn first that the
    finest channels are noise at early times, and drew blotches from it (trainer/LOG.md 25)."""

    skip: Tensor
    out: Tensor
    into: Tensor


def coefficients(time: Tensor, spread: Tensor) -> Coefficients:
    """The `Coefficients` at times [B]."""
    t = time[:, None, None, None]
    total = (t * spread).square() + (1 - t).square()
    return Coefficients(t * spread.square() / total, spread * (1 - t) * total.rsqrt(), t * spread / total)


@dataclass(frozen=True)
class Prediction:
    """clean: the clean latents [B, C, h, w]; output: F that gives them, of unit variance; picture [B, 3, H, W]: RGB in
    about [-1, 1], with edges that are finer than latents hold."""

    clean: Tensor
    output: Tensor
    picture: Tensor


def add_noise(clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """z_t of clean latents and noise [B, C, h, w] at times [B]."""
    t = time[:, None, None, None]
    return t * clean + (1 - t) * noise


def sample_times(steps: int) -> list[float]:
    """The times that a sampler of `steps` steps visits, from 0; the last step ends at 1."""
    return [number / steps for number in range(steps)]


def sample(
    predict: Callable[[Tensor, Tensor], Prediction],
    draw: Callable[[], Tensor],
    steps: int,
    on_step: Callable[[int, Prediction], None] = lambda number, prediction: None,
) -> Prediction:
    """The last prediction of `steps` steps from noise. predict(z, time [B]), draw() gives standard normal noise [B, C,
    h, w], once per step; `on_step` is called with the number of steps done and the prediction of each.

    Each step adds new noise to the prediction, as samplers of consistency models do (Song et al., 2023, algorithm 1):
    steps of Euler keep the noise of the first and add up their errors to blotches (trainer/LOG.md 24)."""
    z = draw()
    times = [*sample_times(steps), 1.0]
    for number, (now, then) in enumerate(pairwise(times), 1):
        prediction = predict(z, torch.full((len(z),), now, device=z.device))
        on_step(number, prediction)
        if number < steps:
            z = add_noise(prediction.clean, draw(), torch.full((len(z),), then, device=z.device))
    return prediction
