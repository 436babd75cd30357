"""The methods by name, as branches on a base.

ip_adapter (Ye et al., 2023): CLIP's embedding of the whole person as four tokens. ip_adapter_plus: its states through a
resampler. bolid: a face branch that reads the head and a body branch that reads whole, head, torso, legs and feet, each
with queries of its own, patches at joints counting most; both beside the text over one query (equation of
`engine.adapter.attention`). instantid: a recognition embedding of the face through a resampler, and IdentityNet on the
head's points (`control`). instantid_body: BoLID's body branch, and IdentityNet on all joints that reads its tokens.
pulid (Guo et al., 2024): a recognition embedding of the face and CLIP's states of the head as in FaceID-Plus, learned
with an identity loss and two of alignment on drawn pictures (`identity`). pulid_body: BoLID's body branch, learned so
with a loss on the body's embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from diffusers.models.embeddings import (
    ImageProjection,
    IPAdapterFaceIDPlusImageProjection,
    IPAdapterPlusImageProjection,
)

from engine.adapter.attention import BranchCondition
from engine.adapter.ip_adapter import IPAdapterBranches, ReferencePhotos, new_branches
from engine.adapter.model import condition_of
from engine.adapter.region_tokens import RegionPhotos, RegionReading
from engine.identity.regions import ImageRegion
from trainer.adapter.batches import ARCFACE, Judged, ReferenceStates
from trainer.adapter.control import Points
from trainer.adapter.recipe import Recipe
from trainer.errors import DataError

GLOBAL_TOKENS: Final = 4
DEPTH: Final = 4
HEAD_DIM: Final = 64
RESAMPLER_DIM_MAX: Final = 1280
"""Depth, width of a head and largest width of the resampler in the public files."""
WHOLE: Final = (ImageRegion.WHOLE,)
HEAD: Final = (ImageRegion.HEAD,)


@dataclass(frozen=True)
class BranchPlan:
    """tokens: per region. reading: the regions; None: one embedding is read, CLIP's of the whole crop or, with `face`,
    that of face recognition. With both, the embedding and the states of the one region are read."""

    tokens: int
    reading: RegionReading | None
    face: bool = False


@dataclass(frozen=True)
class MethodPlan:
    """branches: name -> plan. points: those that IdentityNet follows, None without an IdentityNet; it reads the tokens
    of the branch `control_reads`. judged: the subjects of the losses on drawn pictures; drawn: whether the method needs
    these losses."""

    branches: Mapping[str, BranchPlan]
    points: Points | None = None
    control_reads: str = ""
    judged: tuple[Judged, ...] = ("face", "body")
    drawn: bool = False

    @property
    def reads_embeddings(self) -> bool:
        """Whether it needs faces' embeddings."""
        return any(plan.face for plan in self.branches.values())

    @property
    def regions(self) -> tuple[ImageRegion, ...]:
        """The regions that at least one branch reads, in the order of ImageRegion."""
        read = {region for plan in self.branches.values() if plan.reading for region in plan.reading.regions}
        return tuple(region for region in ImageRegion if region in read) or WHOLE


METHODS: Final[dict[str, Callable[[Recipe], MethodPlan]]] = {
    "ip_adapter": lambda recipe: MethodPlan({"body": BranchPlan(GLOBAL_TOKENS, None)}),
    "ip_adapter_plus": lambda recipe: MethodPlan(
        {"body": BranchPlan(recipe.body_tokens, RegionReading(WHOLE, alpha=1.0))}
    ),
    "bolid": lambda recipe: MethodPlan(
        {
            "face": BranchPlan(recipe.face_tokens, RegionReading(HEAD, alpha=1.0, faces_only=True)),
            "body": BranchPlan(recipe.body_tokens, RegionReading(tuple(ImageRegion), recipe.alpha)),
        }
    ),
    "instantid": lambda recipe: MethodPlan(
        {"face": BranchPlan(recipe.face_tokens, None, face=True)}, points="head", control_reads="face"
    ),
    "instantid_body": lambda recipe: MethodPlan(
        {"body": BranchPlan(recipe.body_tokens, RegionReading(tuple(ImageRegion), recipe.alpha))},
        points="body",
        control_reads="body",
    ),
    "pulid": lambda recipe: MethodPlan(
        {"face": BranchPlan(GLOBAL_TOKENS, RegionReading(HEAD, alpha=1.0, faces_only=True), face=True)},
        judged=("face",),
        drawn=True,
    ),
    "pulid_body": lambda recipe: MethodPlan(
        {"body": BranchPlan(recipe.body_tokens, RegionReading(tuple(ImageRegion), recipe.alpha))},
        judged=("body",),
        drawn=True,
    ),
}


def plan_of(recipe: Recipe) -> MethodPlan:
    """The plan of the recipe's method. Raises DataError for an unknown method."""
    if recipe.method not in METHODS:
        raise DataError(f"expected a --method out of {', '.join(METHODS)}, got {recipe.method}")
    return METHODS[recipe.method](recipe)


def build_branches(
    plan: MethodPlan, unet: Any, hidden_dim: int, embed_dim: int, face_dim: int = ARCFACE
) -> IPAdapterBranches:
    """Untrained. hidden_dim: of the image encoder's states; embed_dim: of its embeddings; face_dim: of a face's."""
    width = int(unet.config.cross_attention_dim)

    def projection(branch: BranchPlan) -> Any:
        if branch.face and branch.reading is not None:
            return face_and_states(hidden_dim, width, face_dim)
        if branch.reading is not None:
            return resampler(hidden_dim, width, branch.tokens * len(branch.reading.regions))
        if branch.face:
            return resampler(face_dim, width, branch.tokens)
        return ImageProjection(embed_dim, width, branch.tokens)

    branches = new_branches(unet, {name: projection(branch) for name, branch in plan.branches.items()})
    branches.readings = {n: branch.reading for n, branch in plan.branches.items() if branch.reading and not branch.face}
    return branches


def face_and_states(hidden_dim: int, token_dim: int, face_dim: int) -> Any:
    """FaceID-Plus v2's projection: tokens of a face's embedding that look at the encoder's states of the head."""
    projection: Any = IPAdapterFaceIDPlusImageProjection(
        embed_dims=token_dim, output_dims=token_dim, hidden_dims=hidden_dim, id_embeddings_dim=face_dim,
        depth=DEPTH, dim_head=HEAD_DIM, heads=max(token_dim // HEAD_DIM, 1), num_tokens=GLOBAL_TOKENS,
    )  # fmt: skip
    projection.shortcut = True  # what the second version adds
    return projection


def resampler(hidden_dim: int, token_dim: int, queries: int) -> Any:
    """A resampler of the public files' width: 768 for SD 1.5, 1280 for SDXL."""
    heads = max(min(token_dim, RESAMPLER_DIM_MAX) // HEAD_DIM, 1)
    return IPAdapterPlusImageProjection(
        hidden_dim, token_dim, heads * HEAD_DIM, depth=DEPTH, dim_head=HEAD_DIM, heads=heads, num_queries=queries
    )


def conditions(branches: IPAdapterBranches, states: ReferenceStates) -> dict[str, BranchCondition]:
    """The conditions of the branches, with scale 1 in rows that have tokens for the branch, else 0."""
    scales = [1.0] * len(states.counts)
    found = {}
    for name, projection in branches.image_projections.items():
        if name in branches.readings or isinstance(projection, ImageProjection):
            found[name] = branches.condition(name, _photos(branches, name, states), scales)
        elif branches.reads_embeddings(name):
            head = states.regions.index(ImageRegion.HEAD)
            tokens = branches.tokens(name, states.hidden[:, head], states.face_embeds)
            mask = (states.embedded & states.shown[:, head])[:, None].expand(tokens.shape[:2])
            found[name] = condition_of(tokens, states.counts, scales, mask)
        else:
            tokens = branches.tokens(name, states.face_embeds[:, None])
            found[name] = condition_of(tokens, states.counts, scales, states.embedded[:, None].expand(tokens.shape[:2]))
    return found


def _photos(branches: IPAdapterBranches, name: str, states: ReferenceStates) -> ReferencePhotos | RegionPhotos:
    reading = branches.readings.get(name)
    if reading is None:
        return ReferencePhotos(states.embeds, states.counts)
    chosen = torch.tensor([states.regions.index(region) for region in reading.regions], device=states.hidden.device)
    mask = states.shown[:, chosen]
    if reading.faces_only:
        mask = mask & states.faces[:, None]
    return RegionPhotos(states.hidden[:, chosen], states.nearness[:, chosen], mask, states.counts)
