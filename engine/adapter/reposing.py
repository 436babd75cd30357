"""A photo of a person laid along the joints of another pose, piece by piece, as cut-out puppets move.

Head, torso, arms and legs each go where the wanted pose has them: the head by the similarity that fits its joints best,
the others along their bones. What comes out is torn and flat, but colours, patterns and the face are where they belong,
and a denoiser that sees it need not find out by itself what belongs where (spatially aligned conditions in human
reposing: Siarohin et al., 2018; Hu et al., 2023). All sizes are in heights of the picture they belong to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.identity.skeleton import HEAD_JOINTS, HIPS, SHOULDERS
from engine.pose import CONFIDENCE_MIN

NECK, PELVIS = 17, 18
"""Joints besides COCO's: the middles of the shoulders and of the hips."""
MEASURES: Final = (
    (NECK, PELVIS, 1.0), (5, 6, 0.72), (5, 7, 0.58), (6, 8, 0.58), (7, 9, 0.50), (8, 10, 0.50), (11, 13, 0.91),
    (12, 14, 0.91), (13, 15, 0.93), (14, 16, 0.93), (3, 4, 0.36), (1, 2, 0.13), (0, NECK, 0.54),
)  # fmt: skip
"""Distances between two joints of an adult seen from the front, in torsos (the median of rendered people)."""
LIMBS: Final = (
    (NECK, PELVIS, 0.38, 0.1, 0.25), (5, 7, 0.17, 0.2, 0.0), (6, 8, 0.17, 0.2, 0.0), (7, 9, 0.14, 0.0, 0.45),
    (8, 10, 0.14, 0.0, 0.45), (11, 13, 0.26, 0.0, 0.0), (12, 14, 0.26, 0.0, 0.0), (13, 15, 0.2, 0.0, 0.2),
    (14, 16, 0.2, 0.0, 0.2),
)  # fmt: skip
"""From a joint to another; half the width in torsos; by how much it reaches beyond both, in its own lengths."""
HEAD_RADIUS: Final = 0.42
HEAD: Final = len(LIMBS)
JOINED: Final = ((0, 1), (0, 2), (1, 3), (2, 4), (0, 5), (0, 6), (5, 7), (6, 8), (0, 9))
"""Pieces that bend into each other: torso and arms, torso and legs, arms and legs themselves, head and torso."""
BEND: Final = 0.12
"""Half widths over which they do."""
REACH: Final = 1.6
"""So many half widths away a pixel may still belong to a limb: skirts, hair, baggy sleeves."""


@dataclass(frozen=True)
class Reposed:
    """picture [B, 3, H, W] in [-1, 1], zero where nothing is known; shown [B, 1, H, W], 0 to 1, how far it is known;
    head bool [B, 1, H, W], what of it the head brought."""

    picture: Tensor
    shown: Tensor
    head: Tensor


@torch.no_grad()
def repose(
    photo: Tensor, figure: Tensor, source: Tensor, wanted: Tensor, size: tuple[int, int], fine: bool = False
) -> Reposed:
    """photo [B, 3, h, w] in [-1, 1]; figure [B, 1, h, w], 1 where it shows what may be taken over; joints source and
    wanted [B, 17, 3]: x, y in 0..1 of either picture, and confidence; size (rows, columns) of the result, both even.

    A limb that either pose lacks is left out. fine: limbs end at a pixel, not at every second, and bend
    into each other: slower, smoother."""
    rows, columns = size
    aspect = photo.shape[3] / photo.shape[2]
    both = (wanted[..., 2] >= CONFIDENCE_MIN) & (source[..., 2] >= CONFIDENCE_MIN)
    here, there = _joints(wanted, columns / rows, both), _joints(source, aspect, both)
    pieces = _pieces(here, there)
    grid = _pixels(rows, columns, photo)
    distances = _away(grid if fine else _coarser(grid), pieces)
    away, limb = distances.min(1)
    known = (away < REACH).to(photo.dtype)
    maps = torch.stack([piece.to_source for piece in pieces], 1)
    if fine:
        own = _bent(maps, distances, limb)
    else:
        known, limb = _finer(known), _finer(limb)
        own = (
            maps.flatten(2)
            .gather(1, limb.flatten(1)[..., None].expand(-1, -1, 6))
            .view(len(photo), rows, columns, 2, 3)
        )
    at = (own[..., :2] * grid[:, :, None]).sum(-1) + own[..., 2]
    looked = torch.stack([at[..., 0] / aspect, at[..., 1]], -1) * 2 - 1
    taken = F.grid_sample(torch.cat([photo * figure, figure], 1), looked, align_corners=False) * known[:, None]
    return Reposed(taken[:, :3], taken[:, 3:], ((limb == HEAD) & (known > 0))[:, None])


@torch.no_grad()
def body_region(wanted: Tensor, size: tuple[int, int]) -> Tensor:
    """Where a body of the joints [B, 17, 3] may show, clothes and hair included: bool [B, 1, rows, columns]; nowhere
    without joints. Even numbers of rows and columns."""
    rows, columns = size
    here = _joints(wanted, columns / rows, wanted[..., 2] >= CONFIDENCE_MIN)
    away = _away(_coarser(_pixels(rows, columns, wanted)), _pieces(here, here))
    return _finer(away.amin(1) < REACH)[:, None]


@dataclass(frozen=True)
class _Piece:
    """start, end [B, 2] and radius [B] of a limb in the wanted picture; to_source [B, 2, 3]: from there to the photo;
    present bool [B]."""

    start: Tensor
    end: Tensor
    radius: Tensor
    to_source: Tensor
    present: Tensor


def _pieces(here: Tensor, there: Tensor) -> list[_Piece]:
    """The limbs in their order, and the head."""
    scale = _torso(here)
    ratio = _torso(there) / scale
    return [*(_limb(here, there, limb, scale, ratio) for limb in LIMBS), _head(here, there, scale, ratio)]


def _joints(pose: Tensor, aspect: float, both: Tensor) -> Tensor:
    """[B, 19, 3] with neck and pelvis; x and y in heights, confidence 0 or 1. both bool [B, 17]: joints that the other
    pose has too."""
    seen = (pose[..., 2:] >= CONFIDENCE_MIN).to(pose.dtype)
    at = torch.cat([pose[..., :1] * aspect, pose[..., 1:2]], -1)
    joints = torch.cat([at, seen], -1)
    neck, pelvis = (_middle(joints, both, pair) for pair in (SHOULDERS, HIPS))
    joints = torch.cat([joints, neck[:, None], pelvis[:, None]], 1)
    return torch.cat([joints[:, :PELVIS], _supposed_pelvis(joints)[:, None]], 1)


def _middle(joints: Tensor, both: Tensor, pair: tuple[int, int]) -> Tensor:
    """[B, 3]: of two joints as far as both poses have them, so that it is the same point of the body in either; else as
    far as this pose does."""
    common = both[:, list(pair)]
    used = torch.where(common.any(1, keepdim=True), common, True).to(joints.dtype)
    own = joints[:, list(pair)]
    return _mean(torch.cat([own[..., :2], own[..., 2:] * used[..., None]], -1))


def _supposed_pelvis(joints: Tensor) -> Tensor:
    """The pelvis; where no hip is seen, a torso's length below the neck, away from the head."""
    pelvis, neck = joints[:, PELVIS], joints[:, NECK]
    head = _mean(joints[:, list(HEAD_JOINTS)])
    down = neck[:, :2] - head[:, :2]
    down = down * (head[:, 2:] > 0) + torch.tensor([0.0, 1.0], device=down.device) * (head[:, 2:] == 0)
    down = down / down.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    supposed = torch.cat([neck[:, :2] + down * _torso(joints)[:, None], neck[:, 2:]], -1)
    return torch.where(pelvis[:, 2:] > 0, pelvis, supposed)


def _mean(joints: Tensor) -> Tensor:
    """[B, n, 3] -> [B, 3], over those seen."""
    seen = joints[..., 2:]
    return torch.cat([(joints[..., :2] * seen).sum(1) / seen.sum(1).clamp(min=1), seen.amax(1)], -1)


def _torso(joints: Tensor) -> Tensor:
    """How long the torso would be if seen from the front [B]: the largest that any distance speaks for, since turning
    and bending only shorten them."""
    first, second, shares = (list(column) for column in zip(*MEASURES, strict=True))
    a, b = joints[:, first], joints[:, second]
    lengths = (a[..., :2] - b[..., :2]).norm(dim=-1) * a[..., 2] * b[..., 2]
    torso: Tensor = (lengths / torch.tensor(shares, device=joints.device)).amax(1)
    return torso.clamp(min=0.02)


def _limb(
    here: Tensor, there: Tensor, limb: tuple[int, int, float, float, float], scale: Tensor, ratio: Tensor
) -> _Piece:
    first, second, width, before, beyond = limb
    start, end = here[:, first, :2], here[:, second, :2]
    from_, to = there[:, first, :2], there[:, second, :2]
    along, length = _unit(end - start)
    along_there, length_there = _unit(to - from_)
    stretch = (length_there / length).clamp(0.5 * ratio, 2 * ratio)
    across = ratio
    if (first, second) == (NECK, PELVIS):
        across = _turned(here, there, along, along_there, ratio)
    to_source = _frame(start, along, from_, along_there, stretch, across)
    present = here[:, first, 2] * here[:, second, 2] * there[:, first, 2] * there[:, second, 2] > 0
    reach = end - start
    return _Piece(start - before * reach, end + beyond * reach, width * scale, to_source, present)


def _turned(here: Tensor, there: Tensor, along: Tensor, along_there: Tensor, ratio: Tensor) -> Tensor:
    """How much wider the torso is on the photo [B], negative where one shows the front and the other the back."""

    def extent(joints: Tensor, axis: Tensor) -> Tensor:
        left, right = joints[:, 5], joints[:, 6]
        both = left[:, 2] * right[:, 2]
        return ((left[:, :2] - right[:, :2]) * _across(axis)).sum(-1) * both

    mine, theirs = extent(here, along), extent(there, along_there)
    known = (mine != 0) & (theirs != 0)
    size = (theirs.abs() / mine.abs().clamp(min=1e-3)).clamp(0.5 * ratio, 2 * ratio)
    sign = torch.where(mine * theirs < 0, -1.0, 1.0)
    return torch.where(known, sign * size, ratio)


def _head(here: Tensor, there: Tensor, scale: Tensor, ratio: Tensor) -> _Piece:
    """By the similarity that fits the joints of the head, and the neck a little, best: z there = turn z here + shift,
    in complex numbers."""
    chosen = [*HEAD_JOINTS, NECK]
    a, b = here[:, chosen], there[:, chosen]
    weight = a[..., 2] * b[..., 2] * torch.tensor([1.0] * len(HEAD_JOINTS) + [0.4], device=here.device)
    total = weight.sum(1, keepdim=True).clamp(min=1e-6)
    middle_a = (a[..., :2] * weight[..., None]).sum(1) / total
    middle_b = (b[..., :2] * weight[..., None]).sum(1) / total
    z, w = _complex(a[..., :2] - middle_a[:, None]), _complex(b[..., :2] - middle_b[:, None])
    turn = (weight * z.conj() * w).sum(1) / (weight * z.abs().square()).sum(1).clamp(min=1e-8)
    size = turn.abs().clamp(min=1e-6)
    turn = turn / size * size.clamp(0.7 * ratio, 1.4 * ratio)
    real, imaginary = turn.real, turn.imag
    matrix = torch.stack([torch.stack([real, -imaginary], -1), torch.stack([imaginary, real], -1)], 1)
    shift = middle_b - (matrix @ middle_a[..., None])[..., 0]
    centre = _mean(here[:, list(HEAD_JOINTS)])
    neck = here[:, NECK]
    start = torch.where(neck[:, 2:] > 0, 0.7 * centre[:, :2] + 0.3 * neck[:, :2], centre[:, :2])
    end = torch.where(neck[:, 2:] > 0, centre[:, :2] + 0.35 * (centre[:, :2] - neck[:, :2]), centre[:, :2])
    enough = (weight > 0).sum(1) >= 2
    return _Piece(start, end, HEAD_RADIUS * scale, torch.cat([matrix, shift[..., None]], -1), enough)


def _complex(points: Tensor) -> Tensor:
    return torch.complex(points[..., 0], points[..., 1])


def _unit(vector: Tensor) -> tuple[Tensor, Tensor]:
    """[B, 2] -> its direction and length; downwards where it has none."""
    length = vector.norm(dim=-1)
    down = torch.tensor([0.0, 1.0], device=vector.device).expand_as(vector)
    return torch.where((length > 1e-4)[:, None], vector / length[:, None].clamp(min=1e-4), down), length.clamp(min=1e-4)


def _across(along: Tensor) -> Tensor:
    return torch.stack([-along[:, 1], along[:, 0]], -1)


def _frame(start: Tensor, along: Tensor, from_: Tensor, along_there: Tensor, stretch: Tensor, across: Tensor) -> Tensor:
    """[B, 2, 3]: along and across of one limb onto those of the other, so much longer and wider."""
    matrix = stretch[:, None, None] * along_there[:, :, None] * along[:, None]
    matrix = matrix + across[:, None, None] * _across(along_there)[:, :, None] * _across(along)[:, None]
    shift = from_ - (matrix @ start[..., None])[..., 0]
    return torch.cat([matrix, shift[..., None]], -1)


def _pixels(rows: int, columns: int, like: Tensor) -> Tensor:
    """[rows, columns, 2]: x and y of the middles of pixels, in heights."""
    y = (torch.arange(rows, device=like.device, dtype=like.dtype) + 0.5) / rows
    x = (torch.arange(columns, device=like.device, dtype=like.dtype) + 0.5) / rows
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)


def _away(grid: Tensor, pieces: list[_Piece]) -> Tensor:
    """[B, pieces, rows, columns]: distances of the grid's points from each limb in half widths, infinite where it is
    not there."""
    return torch.stack([_distance(grid, piece) for piece in pieces], 1)


def _distance(grid: Tensor, piece: _Piece) -> Tensor:
    line = piece.end - piece.start
    off = grid[None] - piece.start[:, None, None]
    along = ((off * line[:, None, None]).sum(-1) / line.square().sum(-1).clamp(min=1e-8)[:, None, None]).clamp(0, 1)
    distance: Tensor = (off - along[..., None] * line[:, None, None]).norm(dim=-1) / piece.radius[:, None, None]
    return distance.masked_fill(~piece.present[:, None, None], torch.inf)


def _bent(maps: Tensor, distances: Tensor, limb: Tensor) -> Tensor:
    """Where each pixel comes from [B, rows, columns, 2, 3]: by the map of its own limb [B, rows, columns], and near a
    joint by a mean with that of the limb beyond it, so that skin bends instead of breaking (linear blend skinning).
    maps [B, pieces, 2, 3], distances [B, pieces, rows, columns]."""
    together = torch.eye(len(LIMBS) + 1, device=maps.device)
    for first, second in JOINED:
        together[first, second] = together[second, first] = 1
    allowed = together[limb].permute(0, 3, 1, 2) > 0
    weights = (-distances / BEND).clamp(min=-1e4).masked_fill(~allowed, -1e4).softmax(1)
    return torch.einsum("bprc,bpxy->brcxy", weights, maps)


def _coarser(grid: Tensor) -> Tensor:
    """[rows, columns, 2] -> every two by two points' middle."""
    return F.avg_pool2d(grid.permute(2, 0, 1)[None], 2)[0].permute(1, 2, 0)


def _finer(values: Tensor) -> Tensor:
    """[B, h, w] -> [B, 2 h, 2 w]."""
    return values.repeat_interleave(2, 1).repeat_interleave(2, 2)
