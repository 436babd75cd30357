"""Training pictures of the person parser: crops of synthetic people made to look like photos of real ones.

Crops are rotated, scaled, cut off at the frame's edge, composited over other backgrounds, partly covered, and degraded
as by a poor camera; joints and part maps are transformed with them. Some crops show no person, some have hints.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.identity.body_weighting import keypoint_weights
from engine.identity.faces import load_opencv
from engine.identity.parts_network import hints_of
from engine.identity.skeleton import MIRRORED_JOINTS
from engine.pixels import to_tensor
from trainer.parser_backgrounds import Backgrounds
from trainer.parser_hints import unsure_joints, unsure_matte
from trainer.shards import PeopleShards
from trainer.synthetic.parts import KEYPOINTS

_BODY_SHARE: Final = (0.2, 1.0)
"""The share of the body's height that a close shot keeps, from the head down."""

WITH_MATTE: Final = 0.85
"""The share of hinted crops with a matte; the others have joints alone, as ViTPose gives them."""

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Likelihoods:
    """The probabilities of each change to a crop; `colour` is how strongly light and colours are."""

    without_person: float = 0.05
    mirrored: float = 0.5
    close: float = 0.35
    turned_far: float = 0.08
    other_background: float = 0.5
    covered: float = 0.25
    grey: float = 0.08
    colour: float = 1.0
    uneven_light: float = 0.4
    coarse: float = 0.4
    sharpened: float = 0.2
    noisy: float = 0.4
    jpeg: float = 0.5


@dataclass(frozen=True)
class ParserCrops:
    """images [B, 3, H, W] in [-1, 1]; hints: see `engine.identity.parts_network.hints_of`; joints [B, J, 3] px and
    visible 0/1; inside [B, J] within the crop; parts int64 [B, H, W]; identity [B]."""

    images: Tensor
    hints: Tensor
    joints: Tensor
    inside: Tensor
    parts: Tensor
    identity: Tensor

    def to(self, device: torch.device) -> ParserCrops:
        """The same crops on a device."""
        return ParserCrops(*(getattr(self, field.name).to(device) for field in fields(self)))


@dataclass(frozen=True)
class _Sample:
    image: Image
    joints: NDArray[np.float32]
    parts: NDArray[np.uint8]


class CropMaker:
    """Cuts crops of `width` x `height` px from shards with places. `changes` None: the plain crops for figures;
    `hinted`: the share of the people with joints as a hint, most of them also with a matte."""

    def __init__(
        self, people: PeopleShards, width: int, height: int, changes: Likelihoods | None, hinted: float = 0.0
    ) -> None:
        assert people.places is not None
        self._people = people
        self._size = (width, height)
        self._changes = changes
        self._hinted = hinted
        self._backgrounds = Backgrounds(people.places, width, height)

    def crops(self, rows: NDArray[np.int64], rng: np.random.Generator) -> ParserCrops:
        """One crop of each photo in `rows`."""
        samples = [self._sample(int(row), rng) for row in rows]
        images = np.stack([sample.image for sample in samples])
        joints = torch.from_numpy(np.stack([sample.joints for sample in samples]))
        width, height = self._size
        inside = (joints[..., 0] >= 0) & (joints[..., 0] < width) & (joints[..., 1] >= 0) & (joints[..., 1] < height)
        return ParserCrops(
            images=to_tensor(images).contiguous(memory_format=torch.channels_last),
            hints=self._hints(samples, rng),
            joints=joints,
            inside=inside,
            parts=torch.from_numpy(np.stack([sample.parts for sample in samples])).long(),
            identity=torch.from_numpy(self._people.identity[rows]),
        )

    def _hints(self, samples: list[_Sample], rng: np.random.Generator) -> Tensor:
        width, height = self._size
        mattes = np.full((len(samples), height, width), -1.0, np.float32)
        joints = np.zeros((len(samples), len(KEYPOINTS), 3), np.float32)
        for row, sample in enumerate(samples):
            if rng.random() < self._hinted and sample.parts.any():
                joints[row] = unsure_joints(sample.joints, width, height, rng)
                if rng.random() < WITH_MATTE:
                    mattes[row] = unsure_matte(sample.parts, sample.joints, rng)
        return hints_of(torch.from_numpy(mattes), torch.from_numpy(joints))

    def _sample(self, row: int, rng: np.random.Generator) -> _Sample:
        changes = self._changes
        if changes is None:
            return self._cut(row, _window(self._people.body_box[row], self._size, 1.1, (0.0, 0.0)), 0.0, False)
        if rng.random() < changes.without_person:
            return self._empty_crop(rng, changes)
        turn = rng.uniform(-90, 90) if rng.random() < changes.turned_far else rng.normal(0, 8)
        sample = self._cut(row, self._random_window(row, changes, rng), turn, rng.random() < changes.mirrored)
        image, parts, joints = sample.image, sample.parts, sample.joints
        if rng.random() < changes.other_background:
            image = _composed(image, self._backgrounds.draw(rng), parts, rng)
        if rng.random() < changes.covered:
            image, parts, joints = self._covered(image, parts, joints, rng)
        return _Sample(_through_a_camera(image, changes, rng), joints, parts)

    def _random_window(self, row: int, changes: Likelihoods, rng: np.random.Generator) -> NDArray[np.float64]:
        box = self._people.body_box[row].astype(np.float64)
        if rng.random() < changes.close:
            box[3] = box[1] + (box[3] - box[1]) * rng.uniform(*_BODY_SHARE)
        zoom = float(np.exp(rng.uniform(np.log(0.85), np.log(1.7))))
        shift = (rng.uniform(-0.12, 0.12) * zoom, rng.uniform(-0.12, 0.12) * zoom)
        return _window(box, self._size, zoom, shift)

    def _cut(self, row: int, window: NDArray[np.float64], turn: float, mirrored: bool) -> _Sample:
        """The picture in the window, rotated by `turn` degrees around its centre; the edge's colour outside the
        photo."""
        cv2 = load_opencv()
        people, (width, height) = self._people, self._size
        matrix = _affine(window, turn, mirrored, self._size)
        image, parts = people.images[row], people.parts[row]
        edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]).mean(0)
        cut: Any = cv2.warpAffine(
            _averaged(image, matrix),
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderValue=tuple(map(float, edge)),
        )
        cut_parts = cv2.warpAffine(parts, matrix, (width, height), flags=cv2.INTER_NEAREST, borderValue=0)
        keypoints = people.keypoints[row]
        inside_photo = (keypoints[:, :2] >= 0).all(1) & (keypoints[:, :2] < (image.shape[1], image.shape[0])).all(1)
        places = keypoints[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        inside = (places >= 0).all(1) & (places < (width, height)).all(1)
        joints = np.concatenate([places, (keypoints[:, 2] * inside_photo * inside)[:, None]], 1).astype(np.float32)
        return _Sample(cut, joints[list(MIRRORED_JOINTS)] if mirrored else joints, cut_parts)

    def _empty_crop(self, rng: np.random.Generator, changes: Likelihoods) -> _Sample:
        width, height = self._size
        image = _through_a_camera(self._backgrounds.draw(rng), changes, rng)
        joints = np.full((len(KEYPOINTS), 3), (-1.0, -1.0, 0.0), np.float32)
        return _Sample(image, joints, np.zeros((height, width), np.uint8))

    def _covered(
        self, image: Image, parts: NDArray[np.uint8], joints: NDArray[np.float32], rng: np.random.Generator
    ) -> tuple[Image, NDArray[np.uint8], NDArray[np.float32]]:
        """Covers a part of the crop; the joints there become invisible."""
        width, height = self._size
        w, h = int(width * rng.uniform(0.15, 0.5)), int(height * rng.uniform(0.1, 0.35))
        x, y = int(rng.integers(-w // 2, width - w // 2)), int(rng.integers(height // 4, height - h // 2))
        area = (slice(max(y, 0), y + h), slice(max(x, 0), x + w))
        image, parts, joints = image.copy(), parts.copy(), joints.copy()
        image[area], parts[area] = self._backgrounds.draw(rng)[area], 0
        covered = (joints[:, 0] >= x) & (joints[:, 0] < x + w) & (joints[:, 1] >= y) & (joints[:, 1] < y + h)
        joints[covered, 2] = 0
        return image, parts, joints


def unsure_weights(joints: Tensor, width: int, height: int, rng: np.random.Generator) -> Tensor:
    """Weights [B, 1, H, W] around joints [B, J, 3] with the errors of a network: slightly shifted, some missing."""
    found = joints.numpy().copy()
    found[..., :2] += rng.normal(0, 0.015 * height, found[..., :2].shape)
    found[..., 2] *= rng.random(found.shape[:2]) > 0.1
    return weights_around(found, width, height)


def weights_around(joints: NDArray[np.float32], width: int, height: int) -> Tensor:
    """Weights [B, 1, H, W] around joints [B, J, 3] in px of the crop."""
    return torch.from_numpy(np.stack([keypoint_weights(points, width, height) for points in joints]))[:, None]


def _window(box: NDArray[Any], size: tuple[int, int], zoom: float, shift: tuple[float, float]) -> NDArray[np.float64]:
    """x0, y0, x1, y1 of the crop's aspect around `box`, `zoom` times as large, moved by shares of its size."""
    width, height = max(box[2] - box[0], 8.0), max(box[3] - box[1], 8.0)
    height = max(height, width * size[1] / size[0]) * zoom
    width = height * size[0] / size[1]
    x, y = (box[0] + box[2]) / 2 + shift[0] * width, (box[1] + box[3]) / 2 + shift[1] * height
    return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])


def _affine(window: NDArray[np.float64], turn: float, mirrored: bool, size: tuple[int, int]) -> NDArray[np.float64]:
    """[2, 3]: from pixels of the photo to pixels of the crop."""
    x0, y0, x1, y1 = window
    scale, angle = size[0] / (x1 - x0), np.deg2rad(turn)
    rotation = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirrored:
        rotation[0] *= -1
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    offset = np.array(size) / 2 - rotation @ centre
    return np.concatenate([rotation, offset[:, None]], 1)


def _averaged(image: Image, matrix: NDArray[np.float64]) -> Image:
    """Blurs the picture before it is reduced, like an area average."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale > 0.8:
        return image
    softened: Image = load_opencv().GaussianBlur(image, (0, 0), 0.45 / scale)
    return softened


def _composed(image: Image, background: Image, parts: NDArray[np.uint8], rng: np.random.Generator) -> Image:
    mask = (parts > 0).astype(np.float32)
    mask = load_opencv().GaussianBlur(mask, (0, 0), float(rng.uniform(0.4, 0.9)))[..., None]
    composed: Image = (image * mask + background * (1 - mask)).round().astype(np.uint8)
    return composed


def _through_a_camera(image: Image, changes: Likelihoods, rng: np.random.Generator) -> Image:
    """Light, colours, sharpness, noise and compression of a photo."""
    cv2 = load_opencv()
    height, width = image.shape[:2]
    if rng.random() < changes.coarse:
        factor = float(rng.uniform(0.25, 0.9))
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    x = image.astype(np.float32) / 255
    much = changes.colour
    if rng.random() < changes.uneven_light:
        light = rng.normal(0, 0.35 * much, (3, 2, 1)).astype(np.float32)
        x = x * np.exp(cv2.resize(light, (width, height), interpolation=cv2.INTER_CUBIC))[..., None]
    grey = x.mean(2, keepdims=True)
    saturation = 0.0 if rng.random() < changes.grey else 1 + much * float(rng.uniform(-0.7, 0.2))
    x = grey + saturation * (x - grey)
    x = np.clip(x * (1 + much * rng.uniform(-0.2, 0.2, 3)), 0, 1) ** float(np.exp(rng.normal(0, 0.3 * much)))
    x = (x - 0.5) * (1 + much * float(rng.uniform(-0.4, 0.3))) + 0.5 + float(rng.normal(0, 0.08 * much))
    if rng.random() < changes.sharpened:
        x = x + float(rng.uniform(0.3, 1.5)) * (x - cv2.GaussianBlur(x, (0, 0), 1.0))
    if rng.random() < changes.noisy:
        x = x + rng.normal(0, float(rng.uniform(0.01, 0.07)), x.shape).astype(np.float32)
    taken: Image = (x.clip(0, 1) * 255).round().astype(np.uint8)
    if rng.random() < changes.jpeg:
        _, coded = cv2.imencode(".jpg", taken, (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))))
        taken = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return taken
