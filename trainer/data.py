"""What one training step sees: a target's latent, a caption, and another photo of the same person as the reference."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track
from torch import Tensor

from engine.adapter.model import AdapterConfig
from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano import to_pixels, to_unit
from engine.identity.parts import body_crop, head_crop
from engine.identity.profile import Box
from engine.pose import draw_skeleton
from trainer.people.parts import Part
from trainer.shards import PeopleShards, pixels

FACE_OF_HEAD = 0.75
"""A detector's face box over the skull's box, in height: references in use come with the former."""

PAINTED = (Part.SKIN, Part.HAIR, Part.TOP, Part.BOTTOM, Part.SHOES, Part.FACE)
PAINTED_PIXELS_MIN = 20
"""The parts whose colour the side task foretells, where at least so many pixels of them show."""

GARMENTS = (Part.TOP, Part.BOTTOM, Part.SHOES)
HIDDEN_RGB = (128, 128, 128)
"""What is greyed out, and how, in a reference whose clothes are to change."""


@dataclass(frozen=True)
class Conditions:
    """How often what is known is withheld, so that every branch learns to work alone (probabilities).

    pose: how often it is given, and of those `pose_seen_only` with the joints a detector would see. hidden_clothes: the
    reference's garments are greyed out and the caption names what the person wears. photo_like: the light of the
    reference is changed.
    """

    styled: float = 0.15
    scene_only: float = 0.7
    no_text: float = 0.06
    no_identity: float = 0.06
    nothing: float = 0.06
    no_face: float = 0.35
    no_body: float = 0.08
    pose: float = 0.5
    pose_seen_only: float = 0.5
    hidden_clothes: float = 0.2
    photo_like: float = 0.5


@dataclass(frozen=True)
class Batch:
    """latents [B, C, h, w]; weight [B, 1, h, w]; face [B, 3, 32, 32], body [B, 3, H, W] in [-1, 1]; scales [B].

    skeleton [B, 3, H, W] in [0, 1]; pose_scale [B]. colours [B, parts, 3]: the mean RGB in [-1, 1] of each part of
    PAINTED in the target; NaN where it does not show.
    """

    latents: Tensor
    weight: Tensor
    colours: Tensor
    captions: list[str]
    face: Tensor
    body: Tensor
    face_scale: Tensor
    body_scale: Tensor
    skeleton: Tensor
    pose_scale: Tensor


class TrainingPhotos:
    """Shards with the latents of every photo and stylised copy, ready to be drawn from."""

    def __init__(self, people: PeopleShards, vae: NanoAutoencoder, cache: Path, config: AdapterConfig) -> None:
        self.people = people
        self.config = config
        self.siblings = people.siblings()
        self.plain = _latents(people.images, vae, cache / "latents.npy")
        styled = np.stack([copy.image for copy in people.styled]) if people.styled else people.images[:0]
        self.styled = _latents(styled, vae, cache / "latents-styled.npy")

    def batch(self, size: int, conditions: Conditions, person_weight: float, rng: np.random.Generator) -> Batch:
        """A random batch; the loss weight is 1 + person_weight on the person."""
        rows = [self._row(conditions, rng) for _ in range(size)]
        parts = np.stack([self.people.parts[row.photo] for row in rows])
        masks = torch.from_numpy(parts > 0).float()[:, None]
        return Batch(
            latents=torch.from_numpy(np.stack([row.latent for row in rows])).float(),
            weight=1 + person_weight * torch.nn.functional.adaptive_avg_pool2d(masks, self.plain.shape[2:]),
            colours=part_colours(pixels(np.stack([row.image for row in rows])), torch.from_numpy(parts)),
            captions=[row.caption for row in rows],
            face=to_pixels([row.face for row in rows]),
            body=to_pixels([row.body for row in rows]),
            face_scale=torch.tensor([row.face_scale for row in rows]),
            body_scale=torch.tensor([row.body_scale for row in rows]),
            skeleton=to_unit([row.skeleton for row in rows]),
            pose_scale=torch.tensor([row.pose_scale for row in rows]),
        )

    def _row(self, conditions: Conditions, rng: np.random.Generator) -> _Row:
        style = ""
        language = "en" if rng.random() < 0.5 else "ru"
        if self.people.styled and rng.random() < conditions.styled:
            index = int(rng.integers(len(self.people.styled)))
            copy = self.people.styled[index]
            photo, image, latent, style = copy.index, copy.image, self.styled[index], copy.phrase[language]
        else:
            photo = int(rng.integers(len(self.people.images)))
            image, latent = self.people.images[photo], self.plain[photo]
        nothing = rng.random() < conditions.nothing
        without_text = nothing or rng.random() < conditions.no_text
        without_identity = nothing or rng.random() < conditions.no_identity
        hidden = rng.random() < conditions.hidden_clothes
        scene_only = rng.random() < conditions.scene_only and not without_identity and not hidden
        caption = self.people.captions[photo][f"{language}_{'scene' if scene_only else 'full'}"]
        if style:
            caption = f"{style}, {caption}" if rng.random() < 0.5 else f"{caption}, {style}"
        reference = self._reference(photo, rng)
        face, seen = self._face(reference)
        face_scale = float(seen and not without_identity and rng.random() >= conditions.no_face)
        body_scale = float(not without_identity and (face_scale == 0 or rng.random() >= conditions.no_body))
        words = "" if without_text else caption
        body = self._body(reference, hidden, rng)
        if rng.random() < conditions.photo_like:
            gain, warmth = rng.uniform(0.7, 1.3), rng.uniform(-0.12, 0.12)
            face, body = _in_other_light(face, gain, warmth), _in_other_light(body, gain, warmth)
        posed = not nothing and rng.random() < conditions.pose
        skeleton = self._skeleton(photo, posed, rng.random() < conditions.pose_seen_only)
        return _Row(photo, image, latent, words, face, body, face_scale, body_scale, skeleton, float(posed))

    def _skeleton(self, photo: int, posed: bool, seen_only: bool) -> Image.Image:
        """The joints inside the picture, all or only those not hidden by the body itself; black if not `posed`."""
        height, width = self.people.images.shape[1:3]
        pose = self.people.keypoints[photo] / np.array([width, height, 1], np.float32)
        inside = ((pose[:, :2] >= 0) & (pose[:, :2] <= 1)).all(1)
        pose[:, 2] = posed * np.where(inside & (not seen_only), 1.0, pose[:, 2] * inside)
        return draw_skeleton(pose, width, height)

    def _reference(self, photo: int, rng: np.random.Generator) -> int:
        others = self.siblings[int(self.people.identity[photo])]
        others = others[others != photo]
        return int(rng.choice(others)) if len(others) else photo

    def _face(self, photo: int) -> tuple[Image.Image, bool]:
        box = self.people.head_box[photo]
        size = self.config.face_size[0]
        if np.isnan(box).any():
            return Image.new("RGB", (size, size)), False
        return head_crop(Image.fromarray(self.people.images[photo]), face_of_head(box), size), True

    def _body(self, photo: int, hidden: bool, rng: np.random.Generator) -> Image.Image:
        pixels_seen = self.people.images[photo]
        if hidden:
            garments = np.isin(self.people.parts[photo], GARMENTS)[..., None]
            pixels_seen = np.where(garments, np.array(HIDDEN_RGB, np.uint8), pixels_seen)
        image = Image.fromarray(pixels_seen)
        box = self.people.body_box[photo]
        if np.isnan(box).any() or rng.random() < 0.25:
            return body_crop(image, None, *self.config.body_size)
        width, height = box[2] - box[0], box[3] - box[1]
        jitter = rng.uniform(-0.12, 0.2, 4) * [-width, -height, width, height]
        x0, y0, x1, y1 = (float(side) for side in box + jitter)
        return body_crop(image, (x0, y0, x1, y1), *self.config.body_size)


@dataclass(frozen=True)
class _Row:
    photo: int
    image: NDArray[np.uint8]
    latent: NDArray[np.float16]
    caption: str
    face: Image.Image
    body: Image.Image
    face_scale: float
    body_scale: float
    skeleton: Image.Image
    pose_scale: float


def _in_other_light(image: Image.Image, gain: float, warmth: float) -> Image.Image:
    """Brighter or darker, redder or bluer: real photos of one person differ so."""
    factors = gain * np.array([1 + warmth, 1.0, 1 - warmth], np.float32)
    return Image.fromarray((np.asarray(image, np.float32) * factors).clip(0, 255).astype(np.uint8))


def part_colours(images: Tensor, parts: Tensor) -> Tensor:
    """images [B, 3, H, W], parts [B, H, W] -> the mean colour [B, parts, 3] of each part of PAINTED, NaN if unseen."""
    masks = torch.stack([parts == part for part in PAINTED], 1).flatten(2).float()
    area = masks.sum(2, keepdim=True)
    means = masks @ images.flatten(2).transpose(1, 2) / area.clamp(min=1)
    return means.masked_fill(area < PAINTED_PIXELS_MIN, torch.nan)


def face_of_head(head: NDArray[np.float32]) -> Box:
    """The face box a detector would give inside the box [4] px of a skull."""
    x0, y0, x1, y1 = (float(side) for side in head)
    height = FACE_OF_HEAD * (y1 - y0)
    centre = (x0 + x1) / 2
    return centre - height / 2, y1 - height, centre + height / 2, y1


@torch.no_grad()
def _latents(images: NDArray[np.uint8], vae: NanoAutoencoder, path: Path) -> NDArray[np.float16]:
    """float16 [n, C, h, w], scaled to unit variance; kept at `path` and extended when images were added."""
    done: NDArray[np.float16] | None = np.load(path) if path.exists() else None
    start = 0 if done is None else len(done)
    if done is not None and start >= len(images):
        return done[: len(images)]
    fresh = []
    for first in track(range(start, len(images), 64), description="encoding"):
        batch = pixels(images[first : first + 64])
        latents = vae.encode(batch.contiguous(memory_format=torch.channels_last)).latents * vae.config.scaling_factor
        fresh.append(latents.contiguous().half().numpy())
    merged = np.concatenate([*([] if done is None else [done]), *fresh])
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, merged)
    return merged
