"""IP-Adapter (Ye et al., 2023) and IP-Adapter Plus: the whole photo as a prompt, without regard to face or body."""

from __future__ import annotations

from typing import ClassVar, Final

from torch import nn

from engine.adapter.attention import BranchCondition
from trainer.study.methods.base import StudyBase
from trainer.study.methods.identity_features import IdentityFeatures
from trainer.study.methods.method import Method, Resampler, over_views, scales_of, side_by_side

TOKENS: Final = 4
PLUS_TOKENS: Final = 16


class IPAdapter(Method):
    """One global embedding of the photo becomes four tokens; several photos are averaged."""

    branches: ClassVar[tuple[str, ...]] = ("picture",)

    def __init__(self, base: StudyBase) -> None:
        super().__init__(base)
        dim = base.token_dim
        self.project = nn.Sequential(nn.Linear(dim, TOKENS * dim), nn.Unflatten(1, (TOKENS, dim)), nn.LayerNorm(dim))

    def tokens(self, features: IdentityFeatures) -> dict[str, BranchCondition]:
        embedding = over_views(features.whole.mean(2), features.present)
        return {"picture": BranchCondition(scales_of(features.present), self.project(embedding))}


class IPAdapterPlus(Method):
    """The photo's patch tokens through a resampler; several photos lie side by side."""

    branches: ClassVar[tuple[str, ...]] = ("picture",)

    def __init__(self, base: StudyBase) -> None:
        super().__init__(base)
        self.resampler = Resampler(base.token_dim, PLUS_TOKENS)

    def tokens(self, features: IdentityFeatures) -> dict[str, BranchCondition]:
        tokens, mask = side_by_side(features.whole, features.present)
        return {"picture": BranchCondition(scales_of(features.present), self.resampler(tokens, mask))}
