"""The losses of the compared methods, each from its paper: functions of predictions and targets."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

TEMPERATURE = 0.1
"""Temperature of the contrastive losses."""


def v_target(clean: Tensor, noise: Tensor, alpha_bar: Tensor) -> tuple[Tensor, Tensor]:
    """clean, noise [B, C, h, w], alpha_bar [B] -> the noisy latents and v = sqrt(a) noise - sqrt(1 - a) clean
    (Salimans & Ho, 2022)."""
    signal, spread = roots(alpha_bar)
    return signal * clean + spread * noise, signal * noise - spread * clean


def clean_and_noise(noisy: Tensor, v: Tensor, alpha_bar: Tensor) -> tuple[Tensor, Tensor]:
    """The clean latents and the noise by a prediction v of noisy latents."""
    signal, spread = roots(alpha_bar)
    return signal * noisy - spread * v, signal * v + spread * noisy


def roots(alpha_bar: Tensor) -> tuple[Tensor, Tensor]:
    """[B] -> sqrt(a) and sqrt(1 - a), each [B, 1, 1, 1]."""
    shaped = alpha_bar[:, None, None, None]
    return shaped.sqrt(), (1 - shaped).sqrt()


def min_snr_weight(alpha_bar: Tensor, gamma: float | None) -> Tensor:
    """Weights [B] of the v loss after min-SNR (Hang et al., 2023); None means 1.

    In v, the loss of the clean latents counts SNR + 1 times; it is clipped at gamma: min(SNR + 1, gamma) / (SNR + 1).
    Clipping SNR itself would give the pure noise of a zero-SNR schedule, where a few-step sampler starts, no weight."""
    if gamma is None:
        return torch.ones_like(alpha_bar)
    truncated = 1 / (1 - alpha_bar).clamp(min=1e-8)
    return truncated.clamp(max=gamma) / truncated


def min_snr_weight_of_noise(alpha_bar: Tensor, gamma: float | None) -> Tensor:
    """Weights [B] of the loss of a predicted noise: min(SNR, gamma) / SNR (Hang et al., 2023); None means 1."""
    if gamma is None:
        return torch.ones_like(alpha_bar)
    snr = alpha_bar / (1 - alpha_bar).clamp(min=1e-8)
    return (gamma / snr.clamp(min=1e-8)).clamp(max=1)


def diffusion_loss(predicted: Tensor, target: Tensor, weight: Tensor, snr_weight: Tensor) -> Tensor:
    """L_diff with weights [B, 1 or C, h, w] and one weight per picture [B]; the weights' mean is divided out."""
    weights = weight * snr_weight[:, None, None, None]
    return (weights * (predicted - target).square()).mean() / weights.mean()


def keypoint_loss(found: Tensor, target: Tensor, visible: Tensor) -> Tensor:
    """BoLID's L_id: squared distance of joints, found and target [B, 17, 2] in 0..1 of the picture, over those of
    seen [B, 17] (0 or 1); summed over the joints, averaged over the pictures."""
    distance = (found - target).square().sum(-1)
    return (distance * visible).sum(1).mean()


def agreement_loss(first: Tensor, second: Tensor) -> Tensor:
    """1 - cosine of [B, D] and [B, D], averaged: BoLID's L_CLIP of picture and prompt, PuLID's L_id of two faces."""
    return (1 - F.cosine_similarity(first, second, dim=-1)).mean()


def semantic_alignment(with_identity: Tensor, without: Tensor, text_keys: Tensor) -> Tensor:
    """PuLID's L_align-sem (Guo et al., 2024, equation 5), which penalises changes of the text's responses to the UNet's
    queries when an identity is added.

    Queries with and without [B, heads, L, d], text_keys [B, heads, M, d]; the responses are softmax(K Q^T / sqrt(d)) Q.
    """
    scale = text_keys.shape[-1] ** -0.5

    def response(query: Tensor) -> Tensor:
        return torch.softmax(scale * text_keys @ query.transpose(-1, -2), dim=-1) @ query

    return F.mse_loss(response(with_identity), response(without))


def layout_alignment(with_identity: Tensor, without: Tensor) -> Tensor:
    """PuLID's L_align-layout (equation 6), which penalises changes of the queries."""
    return F.mse_loss(with_identity, without)


def pairs_loss(embeddings: Tensor) -> Tensor:
    """Unit vectors [2B, E], pairs in adjacent rows -> the contrastive loss of finding each row's partner (Khosla et
    al., 2020)."""
    scores = embeddings @ embeddings.T / TEMPERATURE
    scores = scores.masked_fill(torch.eye(len(scores), dtype=torch.bool, device=scores.device), -1e9)
    return F.cross_entropy(scores, torch.arange(len(scores), device=scores.device) ^ 1)


def matching_loss(pictures: Tensor, words: Tensor) -> Tensor:
    """Unit vectors [B, E] each -> CLIP's symmetric contrastive loss between pictures and texts (Radford et al.,
    2021)."""
    scores = pictures @ words.T / TEMPERATURE
    diagonal = torch.arange(len(scores), device=scores.device)
    return (F.cross_entropy(scores, diagonal) + F.cross_entropy(scores.T, diagonal)) / 2
