"""Whose body is borrowed for what a photo does not show: the legs below a portrait, clothes that are to change.

A few figures in full length, of either sex and in clothes of many colours, come with the model. Which of them fits, and
in which colours, is foretold from the words and from the photo; it is then laid along the joints as the photo's own
person is (`engine.adapter.reposing`), behind them, so that there is always a whole body to draw.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from engine.identity.body import BodyPart

COLOURED: Final = (
    BodyPart.SKIN, BodyPart.HAIR, BodyPart.TOP, BodyPart.BOTTOM, BodyPart.SHOES, BodyPart.FACE
)  # fmt: skip
"""The parts whose colours are foretold, in this order."""
CHOOSING: Final = (1.0, 0.0, 1.0, 1.0, 0.3, 0.0)
"""How much each of them counts when a figure is chosen."""
SURE_FROM: Final = 0.15
SURE_AT: Final = 0.4
"""A garment's foretold colour as far from the usual one as the first is not sure yet, as far as the second it is:
who is told nothing foretells the mean of all."""
RATIO_MAX: Final = 5.0


@dataclass(frozen=True)
class Figures:
    """picture [B, 3, H, W] in [-1, 1], parts uint8 [B, H, W], joints [B, 17, 3]: x, y in 0..1, seen 0/1."""

    picture: Tensor
    parts: Tensor
    joints: Tensor

    @property
    def outline(self) -> Tensor:
        """[B, 1, H, W], 1 on the figure, 0 off it and on its edge, whose colours are mixed with what is behind."""
        off = (self.parts == 0)[:, None].to(self.picture.dtype)
        return F.avg_pool2d(1 - F.max_pool2d(off, 3, 1, 1), 3, 1, 1, count_include_pad=False)


class StandIns(nn.Module):
    """`count` figures of H x W px; joints [count, 17, 3]; colours [count, len(COLOURED), 3] in [-1, 1], their parts'
    means; woman [count], 0 or 1. images: their pictures and part maps, as files."""

    joints: Tensor
    colours: Tensor
    woman: Tensor

    def __init__(self, pooled_dim: int, count: int) -> None:
        super().__init__()
        self.foretell = nn.Linear(pooled_dim, 3 * len(COLOURED))
        self.foretell_woman = nn.Linear(pooled_dim, 1)
        self.register_buffer("joints", torch.zeros(count, 17, 3))
        self.register_buffer("colours", torch.zeros(count, len(COLOURED), 3))
        self.register_buffer("woman", torch.zeros(count))
        self.images: list[tuple[bytes, bytes]] = []

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled conditions [B, pooled_dim] -> the person's colours [B, len(COLOURED), 3] in [-1, 1], and a logit [B]
        of a woman."""
        return self.foretell(pooled).unflatten(1, (-1, 3)), self.foretell_woman(pooled)[:, 0]

    @torch.no_grad()
    def suggest(self, pooled: Tensor) -> Figures | None:
        """For each row [B, pooled_dim] the figure that fits best, in the colours foretold; None without figures."""
        if not self.images:
            return None
        wanted, woman = self(pooled)
        off = (self.colours[None] - wanted[:, None]).square().sum(3) @ torch.tensor(CHOOSING, device=pooled.device)
        other = self.woman[None] != (woman[:, None] > 0).to(self.woman.dtype)
        chosen = (off + 1e3 * other).argmin(1)
        plain = self.figures(chosen.tolist())
        assert plain is not None
        own, usual = self.colours[chosen], self.colours.mean(0)
        strength = ((wanted - usual).norm(dim=2) - SURE_FROM) / (SURE_AT - SURE_FROM)
        strength[:, COLOURED.index(BodyPart.SKIN)] = 1.0
        return replace(plain, picture=recoloured(plain.picture, plain.parts, own, wanted, strength.clamp(0, 1)))

    def figures(self, rows: Sequence[int] | None = None) -> Figures | None:
        """As they are, those of the rows or all; None without any."""
        if not self.images:
            return None
        rows = range(len(self.images)) if rows is None else rows
        pictures, parts = zip(*(self._read(row) for row in rows), strict=True)
        device = self.joints.device
        return Figures(torch.stack(pictures).to(device), torch.stack(parts).to(device), self.joints[list(rows)].float())

    def _read(self, row: int) -> tuple[Tensor, Tensor]:
        picture, parts = (Image.open(io.BytesIO(file)) for file in self.images[row])
        pixels = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1).float() / 127.5 - 1
        return pixels, torch.from_numpy(np.array(parts))

    def save_images(self, path: Path) -> None:
        """One archive; equal figures give equal bytes."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for number, files in enumerate(self.images):
                for name, file in zip(("webp", "png"), files, strict=True):
                    archive.writestr(zipfile.ZipInfo(f"{number:03}.{name}"), file)

    def load_images(self, path: Path) -> None:
        """What `save_images` wrote."""
        with zipfile.ZipFile(path) as archive:
            numbers = sorted({name.split(".")[0] for name in archive.namelist()})
            self.images = [(archive.read(f"{number}.webp"), archive.read(f"{number}.png")) for number in numbers]


def recoloured(picture: Tensor, parts: Tensor, own: Tensor, wanted: Tensor, strength: Tensor) -> Tensor:
    """Each part's colours multiplied so that their mean, own [B, len(COLOURED), 3] in [-1, 1], becomes wanted, as far
    as strength [B, len(COLOURED)] says: folds and shadows stay. picture [B, 3, H, W] in [-1, 1], parts [B, H, W]."""
    share = ((wanted + 1.06) / (own + 1.06).clamp(min=0.06)).clamp(1 / RATIO_MAX, RATIO_MAX)
    factors = 1 + strength[..., None] * (share - 1)
    light = (picture + 1) / 2
    for number, part in enumerate(COLOURED):
        factor = factors[:, number, :, None, None]
        light = torch.where((parts == part)[:, None], light * factor, light)
    return light.clamp(0, 1) * 2 - 1
