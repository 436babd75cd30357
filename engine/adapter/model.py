"""The BoLID adapter: photos of a person -> face and body tokens -> K and V in every cross-attention layer of a UNet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.adapter.attention import (
    BRANCHES,
    BranchCondition,
    BranchedAttention,
    BranchProjections,
    IdentityCondition,
    PlainAttention,
    merge_heads,
    split_heads,
)


@dataclass(frozen=True)
class AdapterConfig:
    """Sizes of the image branches. Crops are RGB; width and height in px must be multiples of the patch."""

    token_dim: int = 192
    depth: int = 2
    heads: int = 6
    face_size: tuple[int, int] = (32, 32)
    face_patch: int = 8
    body_size: tuple[int, int] = (64, 96)
    body_patch: int = 16

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> AdapterConfig:
        """The configuration that `to_dict` gave, as it comes back from JSON."""
        sizes = {name: tuple(fields[name]) for name in ("face_size", "body_size")}
        return cls(**fields | sizes)


class ViewEncoder(nn.Module):
    """Convolutions down to patches, then a small transformer over them; trained together with the adapter.

    Patches embedded linearly learn several times slower in runs as short as ours (trainer/LOG.md).
    """

    def __init__(
        self, size: tuple[int, int], patch: int, token_dim: int, depth: int, heads: int, channels: int = 3
    ) -> None:
        super().__init__()
        width, height = size
        fine = patch // 4
        self.stem = nn.Sequential(
            nn.PixelUnshuffle(fine),
            _convolution(channels * fine * fine, token_dim // 2, 1),
            _convolution(token_dim // 2, 2 * token_dim // 3, 2),
            _convolution(2 * token_dim // 3, token_dim, 2),
        )
        self.position = nn.Parameter(torch.randn((height // patch) * (width // patch), token_dim) * 0.02)
        layer = nn.TransformerEncoderLayer(
            token_dim, heads, 4 * token_dim, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(token_dim)

    def forward(self, crop: Tensor) -> Tensor:
        """crop [B, channels, H, W] in [-1, 1] -> tokens [B, N, token_dim]."""
        patches = self.stem(crop).flatten(2).transpose(1, 2)
        tokens: Tensor = self.norm(self.blocks(patches + self.position))
        return tokens


def _convolution(channels: int, out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, stride=stride, padding=1), nn.GroupNorm(math.gcd(8, out), out), nn.GELU()
    )


class AttentionPool(nn.Module):
    """Pools a branch's tokens into one vector; each head has a learned query."""

    def __init__(self, token_dim: int, heads: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(heads, 1, token_dim // heads))
        self.to_k = nn.Linear(token_dim, token_dim)
        self.to_v = nn.Linear(token_dim, token_dim)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """tokens [B, N, token_dim], mask bool [B, N] -> [B, token_dim]."""
        heads = self.query.shape[0]
        key, value = split_heads(self.to_k(tokens), heads), split_heads(self.to_v(tokens), heads)
        query = self.query.expand(len(tokens), -1, -1, -1)
        mask = None if mask is None else mask[:, None, None, :]
        return merge_heads(F.scaled_dot_product_attention(query, key, value, attn_mask=mask)).squeeze(1)


class BranchLayers(nn.Module):
    """K and V of the image branches for the cross-attention layers of one UNet layout; `attach` hooks them in, `detach`
    takes them out."""

    def __init__(
        self,
        token_dim: int,
        layers: dict[str, tuple[int, int]],
        branches: Sequence[str] = BRANCHES,
        position_dim: int = 0,
    ) -> None:
        """layers: cross-attention layer name -> (inner_dim, heads), as `cross_attention_layers` lists them;
        position_dim: of `BranchCondition.positions`, 0 for branches that read none."""
        super().__init__()
        self.projections = nn.ModuleDict(
            {
                _module_key(name): BranchProjections(token_dim, inner_dim, heads, branches, position_dim)
                for name, (inner_dim, heads) in layers.items()
            }
        )
        self.layer_names = tuple(layers)

    def begin_as_text(self, unet: nn.Module) -> None:
        """Initialises every branch with the base's K and V projections of text, as IP-Adapter does (Ye et al., 2023),
        so that its output lies in the space that the base's output projection reads."""
        for name in self.layer_names:
            attention, branch_projections = unet.get_submodule(name.removesuffix(".processor")), self.layer(name)
            for kind in ("to_k", "to_v"):
                words = attention.get_submodule(kind).state_dict()["weight"]
                for branch in branch_projections.get_submodule(kind).children():
                    branch.load_state_dict({"weight": words})

    def attach(self, unet: Any) -> dict[str, Any]:
        """Gives every attention layer of `unet` our processor; returns the earlier ones, for `detach`."""
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

    def cache(self, identity: IdentityCondition) -> dict[str, BranchCondition]:
        """The same condition with tokens replaced by K and V of every layer where a branch acts."""
        cached = {}
        for name, branch in identity.items():
            if branch.tokens is None:
                continue
            keys_values = {
                layer: self.layer(layer).keys_values(name, branch.tokens)
                for layer in self.layer_names
                if branch.factor_in(layer) != 0
            }
            cached[name] = replace(branch, tokens=None, keys_values=keys_values)
        return cached


def condition_of(
    encoded: Tensor, counts: Sequence[int], scales: Sequence[float], shown: Tensor | None = None
) -> BranchCondition:
    """encoded [photos, N, token_dim]: the photos of all people; counts: the number of photos of each person. Returns
    each person's tokens in one row, padded to the longest. shown: bool [photos, N], which tokens count (all by
    default). People without a token that counts have scale zero."""
    most = max(counts)
    tokens = encoded.new_zeros(len(counts), most, *encoded.shape[1:])
    mask = torch.zeros(*tokens.shape[:3], dtype=torch.bool, device=encoded.device)
    if shown is None:
        shown = torch.ones(encoded.shape[:2], dtype=torch.bool, device=encoded.device)
    per_person = zip(torch.split(encoded, list(counts)), torch.split(shown, list(counts)), strict=True)
    for row, (count, (own_tokens, own_shown)) in enumerate(zip(counts, per_person, strict=True)):
        tokens[row, :count] = own_tokens
        mask[row, :count] = own_shown
    mask = mask.flatten(1)
    present = mask.any(1)
    mask[:, 0] |= ~present  # each row needs a token that counts
    return BranchCondition(
        scale=torch.tensor(scales, device=encoded.device, dtype=torch.float32) * present,
        tokens=tokens.flatten(1, 2),
        mask=None if bool(mask.all()) else mask,
    )


def cross_attention_layers(unet: Any) -> dict[str, tuple[int, int]]:
    """Processor name -> (inner_dim, heads) of every cross-attention layer of a diffusers UNet."""
    modules = dict(unet.named_modules())
    layers = {}
    for name in unet.attn_processors:
        attention = modules[name.removesuffix(".processor")]
        if attention.is_cross_attention:
            layers[name] = (attention.to_k.out_features, attention.heads)
    return layers


def text_keys_values(unet: Any, text: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """text [B, M, D] -> K and V of every cross-attention layer by processor name, exactly as the layer computes them.

    Goes into `cross_attention_kwargs` as "text" beside "identity", with the same text as `encoder_hidden_states`.
    """
    keys_values = {}
    for name in unet.attn_processors:
        attention = unet.get_submodule(name.removesuffix(".processor"))
        if attention.is_cross_attention:
            key, value = attention.to_k(text), attention.to_v(text)
            keys_values[name] = split_heads(key, attention.heads), split_heads(value, attention.heads)
    return keys_values


def _module_key(name: str) -> str:
    return name.removesuffix(".processor").replace(".", "/")
