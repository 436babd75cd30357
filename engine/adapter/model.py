"""The BoLID adapter: photos of a person -> face and body tokens -> K and V in every cross-attention layer of a UNet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.adapter.attention import (
    BRANCHES,
    BranchCondition,
    BranchedAttention,
    BranchProjections,
    IdentityCondition,
    PlainAttention,
)


@dataclass(frozen=True)
class AdapterConfig:
    """Sizes of the image branches. Crops are RGB; width and height in px must be multiples of the patch."""

    token_dim: int = 192
    depth: int = 2
    heads: int = 6
    face_size: tuple[int, int] = (32, 32)
    face_patch: int = 8
    body_size: tuple[int, int] = (128, 192)
    body_patch: int = 16

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class ViewEncoder(nn.Module):
    """A small vision transformer over the patches of one crop, trained together with the adapter."""

    def __init__(self, size: tuple[int, int], patch: int, token_dim: int, depth: int, heads: int) -> None:
        super().__init__()
        width, height = size
        self.unshuffle = nn.PixelUnshuffle(patch)
        self.embed = nn.Linear(3 * patch * patch, token_dim)
        self.position = nn.Parameter(torch.randn((height // patch) * (width // patch), token_dim) * 0.02)
        layer = nn.TransformerEncoderLayer(
            token_dim, heads, 4 * token_dim, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(token_dim)

    def forward(self, crop: Tensor) -> Tensor:
        """crop [B, 3, H, W] in [-1, 1] -> tokens [B, N, token_dim]."""
        patches = self.unshuffle(crop).flatten(2).transpose(1, 2)
        tokens: Tensor = self.norm(self.blocks(self.embed(patches) + self.position))
        return tokens


class Adapter(nn.Module):
    """Encoders and projections for one UNet layout; `attach` hooks them in, `detach` takes them out again."""

    def __init__(self, config: AdapterConfig, layers: dict[str, tuple[int, int]]) -> None:
        """layers: cross-attention layer name -> (inner_dim, heads), as `cross_attention_layers` lists them."""
        super().__init__()
        self.config = config
        self.encoders = nn.ModuleDict(
            {
                "face": ViewEncoder(config.face_size, config.face_patch, config.token_dim, config.depth, config.heads),
                "body": ViewEncoder(config.body_size, config.body_patch, config.token_dim, config.depth, config.heads),
            }
        )
        self.projections = nn.ModuleDict(
            {
                _module_key(name): BranchProjections(config.token_dim, inner_dim, heads)
                for name, (inner_dim, heads) in layers.items()
            }
        )
        self.layer_names = tuple(layers)

    def attach(self, unet: Any) -> dict[str, Any]:
        """Gives every attention layer of `unet` its processor; returns those that were there, for `detach`."""
        before = dict(unet.attn_processors)
        unet.set_attn_processor(
            {
                name: BranchedAttention(name, self.layer(name)) if name in self.layer_names else PlainAttention()
                for name in before
            }
        )
        return before

    @staticmethod
    def detach(unet: Any, before: dict[str, Any]) -> None:
        """Puts back the processors that `attach` returned: the base is bit-equal to what it was."""
        unet.set_attn_processor(dict(before))

    def layer(self, name: str) -> BranchProjections:
        projections = self.projections[_module_key(name)]
        assert isinstance(projections, BranchProjections)
        return projections

    def tokens(self, branch: str, views: Sequence[Tensor]) -> Tensor:
        """views: crops [B, 3, H, W], one entry a photo -> [B, photos * N, token_dim], read jointly by attention."""
        return torch.cat([self.encoders[branch](view) for view in views], dim=1)

    def cache(self, identity: IdentityCondition) -> dict[str, BranchCondition]:
        """The same condition with K and V of every layer in place of tokens."""
        cached = {}
        for name in BRANCHES:
            if (branch := identity.get(name)) is None or branch.tokens is None:
                continue
            keys_values = {layer: self.layer(layer).keys_values(name, branch.tokens) for layer in self.layer_names}
            cached[name] = BranchCondition(branch.scale, None, branch.mask, keys_values)
        return cached


def cross_attention_layers(unet: Any) -> dict[str, tuple[int, int]]:
    """Processor name -> (inner_dim, heads) of every cross-attention layer of a diffusers UNet."""
    modules = dict(unet.named_modules())
    layers = {}
    for name in unet.attn_processors:
        attention = modules[name.removesuffix(".processor")]
        if attention.is_cross_attention:
            layers[name] = (attention.to_k.out_features, attention.heads)
    return layers


def _module_key(name: str) -> str:
    return name.removesuffix(".processor").replace(".", "/")
