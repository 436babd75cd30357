"""The networks that measure pictures, trained on validation people, used by no loss and no method. One trunk reads
pictures at the study's size and predicts the part of every pixel, embeddings of the person (body and face), classes of
background, framing and clothes, and the similarity to a caption. Its accuracy on held-out people is reported first.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.pixels import to_tensor
from trainer.errors import CheckpointError
from trainer.synthetic.parts import Part

SHIPPED_EVALUATORS: Final = Path(__file__).parent.parent / "weights" / "evaluators"
PARTS: Final = len(Part)
COLOURED: Final = {"skin": Part.SKIN, "hair": Part.HAIR, "top": Part.TOP, "bottom": Part.BOTTOM, "shoes": Part.SHOES}
"""The parts whose colours are compared."""
BODY_DIM, GARMENTS_DIM, FACE_DIM, WORDS_DIM = 128, 64, 64, 96
GARMENTS: Final = (Part.TOP, Part.BOTTOM, Part.SHOES)
HEAD_PX: Final = 24
FACE_PIXELS_MIN: Final = 3
HEAD_PER_FEATURES: Final = 2.6
"""Side of the head's window in sizes of the box around eyes, brows and lips."""
HEAD_PER_FACE: Final = 1.45
"""Side of the head's window in sizes of a face box. The box around eyes, brows and lips is .56 times as large as the
face box (median of 900 validation photos)."""
HASHES: Final = 4096
LAYOUT: Final = (6, 4)
"""Rows and columns of the grid whose features the classes read: a mean over the picture would lose the pose."""


@dataclass(frozen=True)
class Names:
    """The names of the classes, in the order of their indices."""

    background: tuple[str, ...]
    framing: tuple[str, ...]
    pose: tuple[str, ...]
    top_colour: tuple[str, ...]
    top_kind: tuple[str, ...]
    bottom_colour: tuple[str, ...]
    bottom_kind: tuple[str, ...]


@dataclass(frozen=True)
class EvaluatorReading:
    """parts uint8 [n, H, W] at the pictures' size; classes: int64 [n] by the field names of Names."""

    parts: NDArray[np.uint8]
    classes: dict[str, NDArray[np.int64]]


class Trunk(nn.Module):
    """Convolutions down to a sixteenth of the side, a decoder up to a quarter, and the output layers."""

    def __init__(self, classes: dict[str, int], width: int = 32) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), _block(12, width, 1))
        self.down = nn.ModuleList(
            [_block(width, 2 * width, 2), _block(2 * width, 3 * width, 2), _block(3 * width, 4 * width, 2)]
        )
        self.up = nn.ModuleList([_block(7 * width, 2 * width, 1), _block(4 * width, width, 1)])
        self.parts = nn.Sequential(nn.Conv2d(width, 16 * PARTS, 1), nn.PixelShuffle(4))
        self.body = nn.Sequential(nn.Linear(PARTS * (width + 3), 256), nn.GELU(), nn.Linear(256, BODY_DIM))
        self.garments = nn.Sequential(
            nn.Linear(len(GARMENTS) * (width + 3), 128), nn.GELU(), nn.Linear(128, GARMENTS_DIM)
        )
        self.layout = nn.Sequential(
            nn.Conv2d(4 * width, width, 1),
            nn.SiLU(),
            nn.AdaptiveAvgPool2d(LAYOUT),
            nn.Flatten(),
            nn.Linear(width * LAYOUT[0] * LAYOUT[1], 4 * width),
            nn.SiLU(),
        )
        read = 8 * width + PARTS * (width + 3)
        self.classes = nn.ModuleDict({name: nn.Linear(read, count) for name, count in classes.items()})
        self.picture = nn.Sequential(nn.Linear(read, 256), nn.GELU(), nn.Linear(256, WORDS_DIM))
        self.words = nn.EmbeddingBag(HASHES, WORDS_DIM, mode="mean")
        self.face = nn.Sequential(
            _block(3, width, 2),
            _block(width, 2 * width, 2),
            _block(2 * width, 3 * width, 2),
            nn.Flatten(),
            nn.Linear(3 * width * 9, FACE_DIM),
        )

    def forward(self, x: Tensor, truth: Tensor | None = None) -> dict[str, Tensor]:
        """x [B, 3, H, W] in [-1, 1] -> parts [B, P, H, W]; body, garments, picture (unit); features; logits by class.

        truth: the true parts [B, H, W], to pool by early in training, while predicted parts are poor."""
        levels = self.levels(x)
        deepest = levels.pop()
        features = deepest
        for up in self.up:
            features = up(torch.cat([F.interpolate(features, scale_factor=2.0), levels.pop()], 1))
        parts = self.parts(features)
        whole = deepest.mean((2, 3))
        one_hot = parts.softmax(1).detach() if truth is None else F.one_hot(truth, PARTS).permute(0, 3, 1, 2).float()
        means = self._by_part(x, features, one_hot)
        by_part = means.flatten(1)
        both = torch.cat([whole, self.layout(deepest), by_part], 1)
        return {
            "parts": parts,
            "body": F.normalize(self.body(by_part), dim=-1),
            "garments": F.normalize(self.garments(means[:, list(GARMENTS)].flatten(1)), dim=-1),
            "picture": F.normalize(self.picture(both), dim=-1),
            "features": whole,
            **{name: head(both) for name, head in self.classes.items()},
        }

    def levels(self, x: Tensor) -> list[Tensor]:
        """Features [B, C, h, w] at a half to a sixteenth of the side of x [B, 3, H, W]."""
        levels: list[Tensor] = [self.stem(x)]
        for down in self.down:
            levels.append(down(levels[-1]))
        return levels

    def _by_part(self, x: Tensor, features: Tensor, parts: Tensor) -> Tensor:
        """Mean feature and colour of each part of the person [B, P, C + 3]; zero for the background."""
        size = (int(features.shape[2]), int(features.shape[3]))
        shares = F.adaptive_avg_pool2d(parts, size).flatten(2)
        tokens = torch.cat([features, F.adaptive_avg_pool2d(x, size)], 1).flatten(2)
        means = shares @ tokens.transpose(1, 2) / (shares.sum(2, keepdim=True) + 1.0)
        person = torch.ones(PARTS, device=x.device)
        person[Part.BACKGROUND] = 0
        return means * person[:, None]

    def faces(self, heads: Tensor) -> Tensor:
        """heads [B, 3, HEAD_PX, HEAD_PX] -> unit vectors [B, FACE_DIM]."""
        return F.normalize(self.face(heads), dim=-1)

    def texts(self, captions: Sequence[str]) -> Tensor:
        """Captions as bags of hashed words and pairs of neighbours -> unit vectors [B, WORDS_DIM]."""
        bags = [_hashes(caption) for caption in captions]
        offsets = np.cumsum([0, *(len(bag) for bag in bags[:-1])])
        joined = torch.tensor([number for bag in bags for number in bag])
        return F.normalize(self.words(joined, torch.from_numpy(offsets)), dim=-1)


def _block(channels: int, out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, stride=stride, padding=1),
        nn.GroupNorm(8, out),
        nn.SiLU(),
        nn.Conv2d(out, out, 3, padding=1),
        nn.GroupNorm(8, out),
        nn.SiLU(),
    )


def _hashes(caption: str) -> list[int]:
    words = re.findall(r"\w+", caption.lower()) or [""]
    pairs = [f"{first} {second}" for first, second in pairwise(words)]
    return [zlib.crc32(word.encode()) % HASHES for word in (*words, *pairs)]


class Evaluators:
    """Trained evaluators, which read pictures uint8 [n, H, W, 3] of any size."""

    def __init__(self, trunk: Trunk, names: Names, size: tuple[int, int], held_out: dict[str, float]) -> None:
        """size: width and height px that the trunk reads; held_out: its accuracy on held-out people."""
        self.trunk, self.names, self.size, self.held_out = trunk.eval(), names, size, held_out

    @torch.no_grad()
    def _look(self, images: NDArray[np.uint8]) -> dict[str, Tensor]:
        rows = [self.trunk(self._read(images[first : first + 64])) for first in range(0, len(images), 64)]
        return {name: torch.cat([row[name] for row in rows]) for name in rows[0]}

    def _read(self, images: NDArray[np.uint8]) -> Tensor:
        return resized(to_tensor(images), self.size)

    def body(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit vectors [n, BODY_DIM] of the person in these clothes."""
        return self._look(images)["body"].numpy()

    def garments(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit vectors [n, GARMENTS_DIM] of top, bottom and shoes, without skin and hair."""
        return self._look(images)["garments"].numpy()

    def picture(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit vectors [n, WORDS_DIM], to compare with those of `text` and of other pictures."""
        return self._look(images)["picture"].numpy()

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """[n, D], for distances between sets of pictures."""
        return self._look(images)["features"].numpy()

    @torch.no_grad()
    def change(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
        """[n]: the perceptual distance of pairs of pictures: squared distances of unit features, averaged over
        positions and summed over the trunk's levels; LPIPS (Zhang et al., 2018) without learned weights."""
        distances = [
            sum(
                ((F.normalize(one, dim=1) - F.normalize(other, dim=1)) ** 2).sum(1).mean((1, 2))
                for one, other in zip(*(self.trunk.levels(self._read(rows)) for rows in pair), strict=True)
            )
            for pair in ((first[k : k + 64], second[k : k + 64]) for k in range(0, len(first), 64))
        ]
        return np.asarray(torch.cat(distances).double().numpy())  # type: ignore[arg-type]

    def likelihoods(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Probabilities [n, classes] by the field names of Names."""
        looked = self._look(images)
        return {name: looked[name].softmax(1).numpy() for name in asdict(self.names)}

    @torch.no_grad()
    def text(self, captions: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors [n, WORDS_DIM]."""
        return self.trunk.texts(captions).numpy()

    def read(self, images: NDArray[np.uint8]) -> EvaluatorReading:
        looked = self._look(images)
        height, width = images.shape[1:3]
        parts = F.interpolate(looked["parts"], size=(height, width), mode="bilinear").argmax(1).byte().numpy()
        return EvaluatorReading(parts, {name: looked[name].argmax(1).numpy() for name in asdict(self.names)})

    @torch.no_grad()
    def face(self, images: NDArray[np.uint8], boxes: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Unit vectors [n, FACE_DIM] of faces, NaN without a face. boxes: [n, 4] px; if None, faces are found by the
        predicted parts."""
        found = np.full((len(images), FACE_DIM), np.nan, np.float32)
        heads = heads_of(images, self.read(images).parts) if boxes is None else heads_in(images, boxes)
        with_head = [index for index, head in enumerate(heads) if head is not None]
        if with_head:
            stacked = torch.cat([head for head in heads if head is not None])
            found[with_head] = self.trunk.faces(stacked).numpy()
        return found


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """The pictures [n, 3, H, W] at width and height `size`: averaged down, or interpolated bilinearly up."""
    width, height = size
    if images.shape[2:] == (height, width):
        return images
    down = images.shape[3] >= width
    return (
        F.interpolate(images, size=(height, width), mode="area")
        if down
        else F.interpolate(images, size=(height, width), mode="bilinear")
    )


def heads_of(images: NDArray[np.uint8], parts: NDArray[np.uint8]) -> list[Tensor | None]:
    """A square crop [1, 3, HEAD_PX, HEAD_PX] in [-1, 1] around eyes, brows and lips per picture; None where no part of
    the face is seen."""
    heads: list[Tensor | None] = []
    for image, part_map in zip(images, parts, strict=True):
        rows, columns = np.nonzero(part_map == Part.FACE)
        if len(rows) < FACE_PIXELS_MIN:
            heads.append(None)
            continue
        side = max(int(np.ptp(rows)), int(np.ptp(columns)), 2) * HEAD_PER_FEATURES
        middle = (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2
        heads.append(_head(image, middle, side))
    return heads


def heads_in(images: NDArray[np.uint8], boxes: NDArray[np.float32]) -> list[Tensor | None]:
    """Crops as by `heads_of`, placed by face boxes [n, 4] px (left, top, right, bottom); None where a box is NaN or
    outside the picture."""
    heads: list[Tensor | None] = []
    for image, box in zip(images, boxes, strict=True):
        left, top, right, bottom = (float(edge) for edge in box)
        inside = right > 0 and bottom > 0 and left < image.shape[1] and top < image.shape[0]  # False for NaN
        side = HEAD_PER_FACE * max(right - left, bottom - top)
        heads.append(_head(image, ((left + right) / 2, (top + bottom) / 2), side) if inside else None)
    return heads


def _head(image: NDArray[np.uint8], middle: tuple[float, float], side: float) -> Tensor:
    length = max(int(side), 4)
    left, top = (max(int(centre - side / 2), 0) for centre in middle)
    right, bottom = (int(centre - side / 2) + length for centre in middle)
    cut = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    return F.interpolate(to_tensor(cut[None]), size=(HEAD_PX, HEAD_PX), mode="bilinear")


def load_evaluators(folder: Path) -> Evaluators:
    """Loads evaluators. Raises CheckpointError if they are missing or have another trunk."""
    again = "run python -m trainer study --only evaluators"
    if not (folder / "metadata.json").exists():
        raise CheckpointError(f"expected evaluators in {folder}, found none: {again}")
    metadata = json.loads((folder / "metadata.json").read_text("utf-8"))
    names = Names(**{name: tuple(classes) for name, classes in metadata["names"].items()})
    trunk = Trunk({name: len(classes) for name, classes in asdict(names).items()})
    try:
        weights = load_file(folder / "model.safetensors")
        trunk.load_state_dict({name: value.float() for name, value in weights.items()})
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"expected this trunk's weights in {folder}, got {reason}: remove it and {again}"
        ) from None
    width, height = metadata["size"]
    return Evaluators(trunk, names, (width, height), metadata["held_out"])


def ship_evaluators(study: Path, folder: Path = SHIPPED_EVALUATORS) -> None:
    """Copies trained evaluators to `folder` in half precision, which suffices for measuring; their accuracies are those
    of full precision. Raises CheckpointError where `study` has none."""
    trunk = load_evaluators(study).trunk
    folder.mkdir(parents=True, exist_ok=True)
    halves = {name: value.half().contiguous() for name, value in trunk.state_dict().items()}
    save_file(halves, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "metadata.json").write_bytes((study / "metadata.json").read_bytes())
