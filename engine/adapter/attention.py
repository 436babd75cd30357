"""Attention with text, face and body branches over one shared query.

Z = Attn(Q, K_text, V_text) + l_face Attn(Q, K_face, V_face) + l_body Attn(Q, K_body, V_body)

The text branch is the base model's own; the image branches add projections of their own. Tokens do not depend on the
denoising step, so K and V of the image branches are computed once a request (`BranchProjections.keys_values`) and
reused exactly at every step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BRANCHES = ("face", "body")


@dataclass(frozen=True)
class BranchCondition:
    """What one image branch attends to, for a batch of B pictures.

    tokens: [B, N, token_dim], or None once `keys_values` holds K and V, each [B, heads, N, head_dim], by layer name.
    scale: [B]; zero where this picture has no such branch. mask: bool [B, N], True where a token counts; a row must
    hold at least one True.
    """

    scale: Tensor
    tokens: Tensor | None = None
    mask: Tensor | None = None
    keys_values: Mapping[str, tuple[Tensor, Tensor]] | None = None


IdentityCondition = Mapping[str, BranchCondition]
"""Branch name -> its condition; an absent branch costs nothing."""


class BranchProjections(nn.Module):
    """K and V of the image branches for one cross-attention layer."""

    def __init__(self, token_dim: int, inner_dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_k = nn.ModuleDict({name: nn.Linear(token_dim, inner_dim, bias=False) for name in BRANCHES})
        self.to_v = nn.ModuleDict({name: nn.Linear(token_dim, inner_dim, bias=False) for name in BRANCHES})

    def keys_values(self, branch: str, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """tokens [B, N, token_dim] -> K, V, each [B, heads, N, head_dim]."""
        return (
            split_heads(self.to_k[branch](tokens), self.heads),
            split_heads(self.to_v[branch](tokens), self.heads),
        )


class BranchedAttention:
    """A diffusers attention processor for a cross-attention layer. Holds no parameters of its own."""

    def __init__(self, layer: str, projections: BranchProjections) -> None:
        self.layer = layer
        self.projections = projections

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        identity: IdentityCondition | None = None,
    ) -> Tensor:
        """hidden_states [B, L, C], encoder_hidden_states (text) [B, M, D] -> [B, L, C]."""
        query, key, value = project(attn, hidden_states, encoder_hidden_states)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=attention_mask)
        for name, branch in (identity or {}).items():
            mixed = mixed + self._branch(query, name, branch)
        return output(attn, mixed)

    def _branch(self, query: Tensor, name: str, branch: BranchCondition) -> Tensor:
        if branch.keys_values is not None:
            key, value = branch.keys_values[self.layer]
        else:
            assert branch.tokens is not None, f"the {name} branch has neither tokens nor cached keys and values"
            key, value = self.projections.keys_values(name, branch.tokens)
        mask = None if branch.mask is None else branch.mask[:, None, None, :]
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return branch.scale.to(attended.dtype)[:, None, None, None] * attended


class PlainAttention:
    """The processor of self-attention layers: stock attention that lets the identity pass by."""

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        identity: IdentityCondition | None = None,
    ) -> Tensor:
        """hidden_states [B, L, C] -> [B, L, C]."""
        query, key, value = project(attn, hidden_states, encoder_hidden_states)
        return output(attn, F.scaled_dot_product_attention(query, key, value, attn_mask=attention_mask))


def project(attn: Any, hidden_states: Tensor, source: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Q of hidden_states [B, L, C], K, V of `source` [B, M, D] or of hidden_states; each [B, heads, ., head_dim]."""
    read = hidden_states if source is None else source
    query, key, value = attn.to_q(hidden_states), attn.to_k(read), attn.to_v(read)
    return split_heads(query, attn.heads), split_heads(key, attn.heads), split_heads(value, attn.heads)


def output(attn: Any, mixed: Tensor) -> Tensor:
    """mixed [B, heads, L, head_dim] -> [B, L, C]."""
    projected: Tensor = attn.to_out[1](attn.to_out[0](merge_heads(mixed)))
    return projected


def split_heads(flat: Tensor, heads: int) -> Tensor:
    """[B, L, heads * head_dim] -> [B, heads, L, head_dim]."""
    batch, length, width = flat.shape
    return flat.view(batch, length, heads, width // heads).transpose(1, 2)


def merge_heads(split: Tensor) -> Tensor:
    """[B, heads, L, head_dim] -> [B, L, heads * head_dim]."""
    return split.transpose(1, 2).flatten(2)


def pooled_condition(text: Tensor, identity: IdentityCondition) -> Tensor:
    """text [B, D] and the mean token of every branch at its scale -> [B, (1 + branches) * D].

    Joins the time embedding, as the image embedding does in Stable unCLIP: what holds for the whole picture is learned
    far sooner that way than through attention alone. An absent branch is zero.
    """
    parts = [text]
    for name in BRANCHES:
        branch = identity.get(name)
        if branch is None or branch.tokens is None:
            parts.append(torch.zeros_like(text))
            continue
        mask = torch.ones_like(branch.tokens[..., 0]) if branch.mask is None else branch.mask.to(text.dtype)
        mean = (branch.tokens * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        parts.append(branch.scale.to(text.dtype)[:, None] * mean)
    return torch.cat(parts, dim=1)


def repeat_condition(identity: IdentityCondition, negative_scale: float = 0.0) -> dict[str, BranchCondition]:
    """The condition for a doubled batch [negative; positive] of classifier-free guidance; K and V are shared."""

    def doubled(branch: BranchCondition) -> BranchCondition:
        assert branch.keys_values is not None, "compute keys and values before doubling"
        return replace(
            branch,
            scale=torch.cat([negative_scale * branch.scale, branch.scale]),
            mask=None if branch.mask is None else torch.cat([branch.mask, branch.mask]),
            keys_values={
                layer: (torch.cat([key, key]), torch.cat([value, value]))
                for layer, (key, value) in branch.keys_values.items()
            },
        )

    return {name: doubled(branch) for name, branch in identity.items()}
