"""Attention with a text branch and image branches over one shared query.

Z = Attn(Q, K_text, V_text) + l_face Attn(Q, K_face, V_face) + l_body Attn(Q, K_body, V_body)

A third image branch of the same form reads an image prompt. The text branch is the base model's own; the image branches
add projections of their own. Tokens do not depend on the denoising step, so K and V of the image branches are computed
once per request (`BranchProjections.keys_values`) and reused at every step. The same can be done for the text
(`engine.adapter.model.text_keys_values`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BRANCHES = ("face", "body")
"""The branches that read the photos of a person."""
IMAGE_PROMPT = "image_prompt"
"""The branch that reads a picture whose style or layout is to be followed."""


@dataclass(frozen=True)
class BranchCondition:
    """The condition of one image branch, for a batch of B pictures.

    tokens: [B, N, token_dim], or None once `keys_values` holds K and V, each [B, heads, N, head_dim], per name of a
    layer where the branch acts. scale: [B]; zero where this picture does not use the branch. mask: bool [B, N], True
    where a token counts; each row needs at least one True.

    block_scales: factors on the scale per block, "up_blocks.1" or finer; a layer takes the factor of the longest name
    that is a prefix of its own, 1.0 without one. regions: number of positions L of a layer -> bool [B, L, N], which
    tokens a position may read, so that the people of one picture do not mix (`region_masks`); the branch adds nothing
    at a position that may read none.

    positions: number of positions L of a layer -> [B, L, position_dim], features of each position (the point of the
    body that is to appear there); they are added to the query, so that a position attends to tokens of the same point.
    """

    scale: Tensor
    tokens: Tensor | None = None
    mask: Tensor | None = None
    keys_values: Mapping[str, tuple[Tensor, Tensor]] | None = None
    block_scales: Mapping[str, float] | None = None
    regions: Mapping[int, Tensor] | None = None
    positions: Mapping[int, Tensor] | None = None

    def factor_in(self, layer: str) -> float:
        """The factor on the scale in the layer of this name."""
        fitting = [block for block in self.block_scales or () if f"{layer}.".startswith(f"{block}.")]
        if not fitting:
            return 1.0
        assert self.block_scales is not None
        return self.block_scales[max(fitting, key=len)]

    def mask_over(self, positions: int) -> Tensor | None:
        """bool [B, 1, positions or 1, N], or None where every position reads every token."""
        mask = None if self.mask is None else self.mask[:, None, None, :]
        if self.regions is None:
            return mask
        allowed = self.regions[positions][:, None]
        return allowed if mask is None else allowed & mask


KeysValues = Mapping[str, tuple[Tensor, Tensor]]
"""Layer name -> K and V, each [B, heads, N, head_dim]."""

IdentityCondition = Mapping[str, BranchCondition]
"""Branch name -> its condition; nothing is computed for an absent branch."""


class BranchProjections(nn.Module):
    """K and V of the image branches for one cross-attention layer; with a position_dim also what positions add to Q."""

    def __init__(
        self,
        token_dim: int,
        inner_dim: int,
        heads: int,
        branches: Sequence[str] = BRANCHES,
        position_dim: int = 0,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.to_k = nn.ModuleDict({name: nn.Linear(token_dim, inner_dim, bias=False) for name in branches})
        self.to_v = nn.ModuleDict({name: nn.Linear(token_dim, inner_dim, bias=False) for name in branches})
        if position_dim:
            self.to_q = nn.ModuleDict({name: nn.Linear(position_dim, inner_dim, bias=False) for name in branches})

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
        text: KeysValues | None = None,
    ) -> Tensor:
        """hidden_states [B, L, C], encoder_hidden_states (text) [B, M, D] -> [B, L, C]. text: K and V of the text where
        they are computed already."""
        if text is None:
            query, key, value = project(attn, hidden_states, encoder_hidden_states)
        else:
            query, (key, value) = split_heads(attn.to_q(hidden_states), attn.heads), text[self.layer]
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=attention_mask)
        for name, branch in (identity or {}).items():
            factor = branch.factor_in(self.layer)
            if factor != 0:
                mixed = mixed + factor * self._branch(query, name, branch)
        return output(attn, mixed)

    def _branch(self, query: Tensor, name: str, branch: BranchCondition) -> Tensor:
        if branch.keys_values is not None:
            key, value = branch.keys_values[self.layer]
        else:
            assert branch.tokens is not None, f"the {name} branch has neither tokens nor cached keys and values"
            key, value = self.projections.keys_values(name, branch.tokens)
        if branch.positions is not None:
            position_query = self.projections.to_q[name](branch.positions[query.shape[2]])
            query = query + split_heads(position_query, self.projections.heads)
        scale = branch.scale.to(query.dtype)[:, None, None, None]
        mask = branch.mask_over(query.shape[2])
        if branch.regions is None or mask is None:
            return scale * F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        covered = mask.any(-1, keepdim=True)
        return scale * covered * F.scaled_dot_product_attention(query, key, value, attn_mask=mask | ~covered)


class PlainAttention:
    """The processor of self-attention layers: stock attention that ignores identity and text."""

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        identity: IdentityCondition | None = None,
        text: KeysValues | None = None,
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


def region_masks(regions: Tensor, tokens: Sequence[int], sizes: Sequence[tuple[int, int]]) -> dict[int, Tensor]:
    """Masks that let each position read the tokens of its people only, for layers of these sizes (rows, columns).

    regions [B, people, H, W], above 0.5 in each person's area; tokens: the number of tokens of each person, in order.
    Returns: number of positions -> bool [B, positions, sum of tokens].
    """
    owner = torch.repeat_interleave(torch.arange(len(tokens)), torch.tensor(tokens)).to(regions.device)
    masks = {}
    for rows, columns in sizes:
        shrunk = F.interpolate(regions.float(), size=(rows, columns), mode="area") > 0.5
        masks[rows * columns] = shrunk.flatten(2).transpose(1, 2)[:, :, owner]
    return masks


def with_negative(identity: IdentityCondition, negative: IdentityCondition) -> dict[str, BranchCondition]:
    """The condition for a doubled batch whose negative half reads the tokens of `negative`, as in stock IP-Adapters.

    Both have K and V cached, the same branches and numbers of tokens; scales and masks are those of `identity`.
    """

    def doubled(branch: BranchCondition, other: BranchCondition) -> BranchCondition:
        assert branch.keys_values is not None and other.keys_values is not None, "compute keys and values first"
        mine, theirs = branch.keys_values, other.keys_values
        return replace(
            branch,
            scale=torch.cat([branch.scale, branch.scale]),
            mask=None if branch.mask is None else torch.cat([branch.mask, branch.mask]),
            regions=branch.regions and {length: torch.cat([mask, mask]) for length, mask in branch.regions.items()},
            keys_values={
                layer: (torch.cat([theirs[layer][0], key]), torch.cat([theirs[layer][1], value]))
                for layer, (key, value) in mine.items()
            },
        )

    return {name: doubled(branch, negative[name]) for name, branch in identity.items()}
