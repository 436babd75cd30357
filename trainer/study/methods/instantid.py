"""InstantID (Wang et al., 2024): identity tokens for the attention, and a ControlNet on the face's keypoints that reads
those tokens instead of words."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Final

import torch
from diffusers import ControlNetModel
from torch import Tensor

from engine.adapter.attention import BranchCondition
from engine.adapter.model import cross_attention_layers
from trainer.study.methods.base import StudyBase
from trainer.study.methods.identity_features import FACE_POINTS, IdentityFeatures
from trainer.study.methods.method import Method, identity_projection, over_views, scales_of

TOKENS: Final = 4
DOT_SHARE: Final = 0.03
"""Radius of a keypoint's dot, in picture heights."""


class InstantID(Method):
    """If no face is seen, neither part adds anything."""

    branches: ClassVar[tuple[str, ...]] = ("face",)

    def __init__(self, base: StudyBase) -> None:
        super().__init__(base)
        dim = base.token_dim
        self.project = identity_projection(dim, TOKENS)
        self.control = identity_net(base)

    def tokens(self, features: IdentityFeatures) -> dict[str, BranchCondition]:
        identity = over_views(features.identity, features.face_seen)
        return {"face": BranchCondition(scales_of(features.face_seen), self.project(identity))}

    def controls(
        self, noisy: Tensor, timestep: Tensor, identity: dict[str, BranchCondition], features: IdentityFeatures
    ) -> dict[str, Any]:
        face = identity["face"]
        assert face.tokens is not None
        dots = face_dots(features.face_points, self.base.width, self.base.height)
        down, middle = self.control(
            noisy,
            timestep,
            face.tokens,
            controlnet_cond=dots,
            class_labels=face.tokens.mean(1),
            return_dict=False,
        )
        scale = (face.scale * (features.face_points[..., 2] > 0).any(1))[:, None, None, None]
        return {
            "down_block_additional_residuals": [scale * residual for residual in down],
            "mid_block_additional_residual": scale * middle,
        }


def identity_net(base: StudyBase) -> ControlNetModel:
    """A ControlNet begun as a copy of the base's encoder, with plain attention."""
    layers = cross_attention_layers(base.unet)
    assert layers
    halvings = int(math.log2(int(base.vae.config.patch_px)))  # of the keypoints' picture, to the latents' size
    embedded = (16, 32, *(64,) * (halvings - 1))
    control: ControlNetModel = ControlNetModel.from_unet(
        base.unet, conditioning_channels=3, conditioning_embedding_out_channels=embedded
    )
    control.set_default_attn_processor()
    return control.requires_grad_(True).train()


def face_dots(points: Tensor, width: int, height: int) -> Tensor:
    """Face keypoints [B, 17, 3] (x, y in 0..1, seen) as soft dots, one hue each: [B, 3, height, width] in 0..1."""
    device = points.device
    rows = (torch.arange(height, device=device) + 0.5)[:, None]
    columns = (torch.arange(width, device=device) + 0.5)[None, :]
    face = points[:, :FACE_POINTS]
    down = rows - face[..., 1, None, None] * height
    across = columns - face[..., 0, None, None] * width
    dots = torch.exp(-(down.square() + across.square()) / (2 * (DOT_SHARE * height) ** 2)) * face[..., 2, None, None]
    hues = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]], device=device)
    return torch.einsum("bphw,pc->bchw", dots, hues).clamp(max=1)
