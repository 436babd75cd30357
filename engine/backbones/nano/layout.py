"""The layout of a picture: which part of a dressed person each pixel shows, before any colour is drawn.

A body map is undressed: hair, a coat or a skirt reach beyond it. Where they end follows from the photos and the words
only roughly, and a picture with the least squared error is blurred there. A layout is a decision: the likeliest part at
each pixel has a sharp edge (Text2Human, Jiang et al., 2022, draws a parsing map first for the same reason).
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.backbones.nano.appearance import FRAME_CHANNELS, VIEW_CHANNELS, Appearance, place_in_frame
from engine.backbones.nano.attributes import SLOTS
from engine.body.body_map import MAP_CHANNELS, MAP_SCALE
from engine.body.mapper import FilmBlock
from engine.body.texture import PARTS, TEXTURE_CHANNELS
from engine.identity.body import BodyPart

UNSHUFFLED: Final = 2
"""Map pixels per position of the network, each way."""
HEAD_CHANNELS: Final = 4
CELL_PX: Final = UNSHUFFLED * MAP_SCALE
JOINT_RADIUS_PX: Final = 4
"""The distance at which a piece of a layout belongs to a joint: half the width of a forearm in full-length pictures."""
EDGE_RADIUS_PX: Final = 2
EDGE_SPREAD_PX: Final = 0.6
"""Of the blur that makes the edges of a layout as smooth as a camera's: pixels there show both sides."""


class LayoutPredictor(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A small U-Net; words, and photos as a whole, shift and scale its channels."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, widths: tuple[int, int, int] = (64, 128, 192), condition: int = 192) -> None:
        super().__init__()
        fine, middle, coarse = widths
        sizes = [len(values) + 1 for values in SLOTS.values()]
        self.register_buffer("first", torch.tensor([sum(sizes[:n]) for n in range(len(sizes))]), persistent=False)
        self.words = nn.EmbeddingBag(sum(sizes), condition, mode="sum")
        nn.init.normal_(self.words.weight, std=0.1)
        self.face = _Summary(condition)
        self.body = _Summary(condition)
        self.palette = nn.Linear(4 * PARTS, condition)
        self.mixed = nn.Sequential(nn.SiLU(), nn.Linear(condition, condition), nn.SiLU())
        inputs = (MAP_CHANNELS + TEXTURE_CHANNELS + PARTS + HEAD_CHANNELS) * UNSHUFFLED**2 + FRAME_CHANNELS
        inputs += PARTS * CELL_PX**2
        self.enter = nn.Conv2d(inputs, fine, 3, padding=1)
        self.down = nn.ModuleList([FilmBlock(fine, fine, condition), FilmBlock(fine, middle, condition)])
        self.middle = nn.ModuleList([FilmBlock(middle, coarse, condition), FilmBlock(coarse, coarse, condition)])
        self.up = nn.ModuleList(
            [FilmBlock(coarse + middle, middle, condition), FilmBlock(middle + fine, 2 * fine, condition)]
        )
        self.last = nn.Conv2d(2 * fine, PARTS * CELL_PX**2, 3, padding=1)

    def forward(self, values: Tensor, appearance: Appearance, maps: Tensor) -> Tensor:
        """values int64 [B, slots]; maps [B, MAP_CHANNELS, h, w] of the asked pose -> logits [B, PARTS, 2 h, 2 w]."""
        views, scales = appearance.views, appearance.scales
        condition = self.words(values + self.first) + self.palette(appearance.palette.flatten(1))
        for name, view, labels, scale in (
            ("face", views.face, views.face_parts, scales[0]),
            ("body", views.body, views.body_parts, scales[1]),
        ):
            shown = torch.cat([view, one_hot(labels)], 1)
            condition = condition + scale[:, None] * self.get_submodule(name)(shown)
        condition = self.mixed(condition)
        pixels = F.pixel_unshuffle(torch.cat([maps, appearance.texture], 1), UNSHUFFLED)
        head = F.pixel_unshuffle(F.avg_pool2d(appearance.head, MAP_SCALE), UNSHUFFLED)
        parts = F.pixel_unshuffle(one_hot(appearance.head_parts) * (appearance.head[:, 3:] > 0), CELL_PX)
        fine = self.down[0](self.enter(torch.cat([pixels, place_in_frame(pixels), head, parts], 1)), condition)
        middle = self.down[1](F.avg_pool2d(fine, 2), condition)
        coarse = self.middle[1](self.middle[0](F.avg_pool2d(middle, 2), condition), condition)
        hidden = self.up[0](torch.cat([F.interpolate(coarse, scale_factor=2.0), middle], 1), condition)
        hidden = self.up[1](torch.cat([F.interpolate(hidden, scale_factor=2.0), fine], 1), condition)
        logits: Tensor = F.pixel_shuffle(self.last(F.silu(hidden)), CELL_PX)
        return logits


class _Summary(nn.Sequential):
    """A view with its parts -> one vector [B, condition]."""

    def __init__(self, condition: int) -> None:
        channels = VIEW_CHANNELS + PARTS
        layers: list[nn.Module] = []
        for width in (32, 64, 96):
            layers += [nn.Conv2d(channels, width, 3, stride=2, padding=1), nn.GroupNorm(8, width), nn.SiLU()]
            channels = width
        super().__init__(*layers, nn.Conv2d(channels, condition, 3, stride=2, padding=1), nn.SiLU(), _Means())
        self.append(nn.Linear(2 * condition, condition))


class _Means(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)


def one_hot(parts: Tensor) -> Tensor:
    """int64 [B, H, W] of BodyPart -> float [B, PARTS, H, W]."""
    return F.one_hot(parts, PARTS).movedim(-1, 1).float()


def without_fragments(layout: Tensor, joints: NDArray[np.float32]) -> Tensor:
    """layout int64 [B, H, W] without the pieces of the figure that touch no joint: background beyond the largest piece.

    joints [B, 17, 3]: x and y in 0..1 of the picture, weight; a hand that is apart from its arm has its wrist."""
    figures = layout.cpu().numpy().copy()
    height, width = figures.shape[1:]
    for figure, points in zip(figures, joints, strict=True):
        count, labels, facts, _ = cv2.connectedComponentsWithStats((figure > 0).astype(np.uint8), connectivity=8)
        if count <= 2:
            continue
        places = (points[points[:, 2] > 0, :2] * (width, height)).astype(int)
        near = np.zeros((height, width), np.uint8)
        for column, row in places:
            cv2.circle(near, (int(column), int(row)), JOINT_RADIUS_PX, 1, thickness=-1)
        kept = {1 + int(facts[1:, cv2.CC_STAT_AREA].argmax()), *np.unique(labels[near > 0])}
        figure[~np.isin(labels, list(kept))] = BodyPart.BACKGROUND
    return torch.from_numpy(figures).to(layout.device)


def softened(picture: Tensor) -> Tensor:
    """picture [B, C, H, W] blurred by EDGE_SPREAD_PX."""
    offsets = torch.arange(-EDGE_RADIUS_PX, EDGE_RADIUS_PX + 1, device=picture.device, dtype=picture.dtype)
    kernel = torch.exp(-(offsets**2) / (2 * EDGE_SPREAD_PX**2))
    kernel = kernel / kernel.sum()
    channels = picture.shape[1]
    across = kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    padded = F.pad(picture, [EDGE_RADIUS_PX] * 4, mode="replicate")
    wide = F.conv2d(padded, across, groups=channels)
    return F.conv2d(wide, across.transpose(2, 3), groups=channels)


def flat_picture(layout: Tensor, colours: Tensor) -> tuple[Tensor, Tensor]:
    """layout int64 [B, H, W], colours [B, PARTS, 3] -> the person in these colours [B, 3, H, W], continued beyond the
    edge by EDGE_RADIUS_PX, and how much of each pixel is the person [B, 1, H, W]."""
    shown = one_hot(layout)[:, 1:].to(colours.dtype)
    painted = torch.einsum("bphw,bpc->bchw", shown, colours[:, 1:])
    soft = softened(torch.cat([painted, shown.sum(1, keepdim=True)], 1))
    alpha = soft[:, 3:]
    return soft[:, :3] / alpha.clamp(min=1e-3) * (alpha > 1e-3), alpha
