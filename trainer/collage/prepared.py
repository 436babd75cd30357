"""What nano's training derives from its photos once and keeps: tokens, skeletons, shares of parts, crops."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track
from transformers import CLIPTokenizer

from engine.adapter.model import AdapterConfig
from engine.identity.crops import body_crop, head_crop
from engine.identity.skeleton import MIRRORED_JOINTS
from engine.pixels import to_tensor
from engine.pose import draw_skeleton
from trainer.collage.training_set import KINDS, TrainingSet
from trainer.files import load_arrays
from trainer.part_colours import face_of_head, part_colours
from trainer.synthetic.parts import Part

GARMENTS: Final = (Part.TOP, Part.BOTTOM, Part.SHOES)
HIDDEN_RGB: Final = (128, 128, 128)
"""What is greyed out, and how, in a reference whose clothes are to change."""
CROPS: Final = ("face", "body", "hidden")
BODY_CROPS: Final = 3
"""The whole photo, and two crops around the person."""


def ids(phrases: list[str], tokenizer: CLIPTokenizer) -> NDArray[np.int16]:
    told = tokenizer(phrases, padding="max_length", truncation=True, max_length=tokenizer.model_max_length)
    return np.asarray(told.input_ids, np.int16)


def _tokens(words: list[dict[str, list[str]]], tokenizer: CLIPTokenizer) -> NDArray[np.int16]:
    """int16 [n, kinds, phrases, M]."""
    counts = {len(phrases) for row in words for phrases in row.values()}
    flat = [text for row in words for kind in KINDS for text in row[kind]]
    return ids(flat, tokenizer).reshape(len(words), len(KINDS), counts.pop(), -1)


def kept(
    path: Path, people: TrainingSet, key: str, make: Callable[[], dict[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """What `make` gives, kept for these photos, words and key; another bundle may hold as many photos."""
    digest = hashlib.sha256(people.images.tobytes())
    for shown in (people.parts, people.poses, people.inside, people.head_box, people.body_box):
        digest.update(shown.tobytes())
    digest.update(repr((people.words, key)).encode())
    found = load_arrays(path)
    if found is not None and str(found.pop("key", "")) == digest.hexdigest():
        return found
    made = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name("draft.npz")
    np.savez(draft, key=np.array(digest.hexdigest()), **made)  # type: ignore[arg-type]
    draft.replace(path)
    return made


def made(people: TrainingSet, tokenizer: CLIPTokenizer, config: AdapterConfig, cell_px: int) -> dict[str, NDArray[Any]]:
    """All that is derived from the photos once: tokens, shares and colours of parts, skeletons, crops."""
    shares, colours = _seen(people, cell_px)
    palette, skeletons = _skeletons(people)
    told: dict[str, NDArray[Any]] = {"tokens": _tokens(people.words, tokenizer), "shares": shares, "colours": colours}
    return told | {"palette": palette, "skeletons": skeletons} | _crops(people, config)


def _seen(people: TrainingSet, cell_px: int) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """In a photo each part's share of its cells [n, P, rows, columns], and its colour [n, parts, 3]."""
    shares, colours = [], []
    for first in range(0, len(people.images), 256):
        parts = torch.from_numpy(people.parts[first : first + 256])
        split = F.one_hot(parts.long(), len(Part)).permute(0, 3, 1, 2).float()
        shares.append(F.avg_pool2d(split, cell_px).half())
        colours.append(part_colours(to_tensor(people.images[first : first + 256]), parts))
    return torch.cat(shares).numpy(), torch.cat(colours).numpy()


def _crops(people: TrainingSet, config: AdapterConfig) -> dict[str, NDArray[np.uint8]]:
    """uint8 [n, crops, h, w, 3] of every photo: its face, the body in BODY_CROPS ways, the same without garments."""
    rng = np.random.default_rng(0)
    rows = [_crops_of(people, row, config, rng) for row in track(range(len(people.images)), description="cropping")]
    return {name: np.stack([row[name] for row in rows]) for name in CROPS}


def _crops_of(
    people: TrainingSet, row: int, config: AdapterConfig, rng: np.random.Generator
) -> dict[str, NDArray[np.uint8]]:
    image, side = Image.fromarray(people.images[row]), config.face_size[0]
    seen = not np.isnan(people.head_box[row]).any()
    face = head_crop(image, face_of_head(people.head_box[row]), side) if seen else Image.new("RGB", (side, side))
    garments = np.isin(people.parts[row], GARMENTS)[..., None]
    bare = Image.fromarray(np.where(garments, np.array(HIDDEN_RGB, np.uint8), people.images[row]))
    boxes = [None, *(_jittered(people.body_box[row], rng) for _ in range(BODY_CROPS - 1))]
    return {
        "face": np.asarray(face)[None],
        "body": np.stack([np.asarray(body_crop(image, box, *config.body_size)) for box in boxes]),
        "hidden": np.stack([np.asarray(body_crop(bare, box, *config.body_size)) for box in boxes]),
    }


def _jittered(box: NDArray[np.float32], rng: np.random.Generator) -> tuple[float, float, float, float] | None:
    """As inexact as a detector's box; None where the body is not boxed."""
    if np.isnan(box).any():
        return None
    width, height = float(box[2] - box[0]), float(box[3] - box[1])
    x0, y0, x1, y1 = (float(side) for side in box + rng.uniform(-0.12, 0.2, 4) * [-width, -height, width, height])
    return x0, y0, x1, y1


def joints(people: TrainingSet) -> NDArray[np.float32]:
    """float32 [n, 4, 17, 3], x and y in 0..1: all joints in the picture, those seen, and both again mirrored, the
    person's left then being right."""
    both = np.stack([people.poses, people.poses], 1)
    both[:, 0, :, 2] = people.inside
    mirrored = both[:, :, list(MIRRORED_JOINTS)] * np.array((-1, 1, 1), np.float32) + np.array((1, 0, 0), np.float32)
    joints: NDArray[np.float32] = np.concatenate([both, mirrored], 1).astype(np.float32)
    return joints


def _skeletons(people: TrainingSet) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """A palette [colours, 3] in 0..1, and for each photo the four skeletons of `joints` in it [n, 4, H, W]."""
    height, width = people.images.shape[1:3]
    numbers, colours = np.zeros(1 << 24, np.uint8), [0]
    drawn = np.zeros((len(people.images), 4, height, width), np.uint8)
    four = joints(people)
    for row in track(range(len(people.images)), description="skeletons"):
        for kind in range(4):
            picture = np.asarray(draw_skeleton(four[row, kind], width, height), np.int32)
            packed = (picture[..., 0] << 16) | (picture[..., 1] << 8) | picture[..., 2]
            drawn[row, kind] = numbers[packed]
            for colour in np.unique(packed[(drawn[row, kind] == 0) & (packed > 0)]):
                numbers[colour] = len(colours)
                colours.append(int(colour))
                drawn[row, kind][packed == colour] = numbers[colour]
    palette = np.array([[colour >> 16, colour >> 8 & 255, colour & 255] for colour in colours], np.float32)
    return (palette / 255).astype(np.float32), drawn
