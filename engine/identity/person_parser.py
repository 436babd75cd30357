"""The shipped person parser: one small network, trained on synthetic people, reads joints, parts and an embedding.

It reads the crop of one person, with the matte and the joints that other networks read, if there are any. The crop is
taken again around the person that was found, so that a rough box (estimated from the face) is refined. On photos it is
the fallback for pretrained_parser.py, whose weights must be downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from engine.identity.body import Body, BodyPart, DetectedPerson, sureness
from engine.identity.body_weighting import keypoint_weights
from engine.identity.crops import body_crop, body_window, clipped
from engine.identity.faces import load_opencv
from engine.identity.network import Outputs, joints, load_network
from engine.identity.observation import Box
from engine.identity.parts_network import hints_of, load_parts_network
from engine.identity.people import overlap
from engine.identity.skeleton import CONFIDENCE_MIN, HEAD_JOINTS, MIRRORED_JOINTS, Keypoints

SHIPPED_PARSER: Final = Path(__file__).parent.parent / "weights" / "person_parser"
LOOKS_MAX: Final = 2
SAME_BOX: Final = 0.75
"""Intersection over union of two crops above which a second pass would change nothing."""
PERSON_SHARE_MIN: Final = 0.03
"""The share of the crop below which a region of parts is dropped as noise."""
JOINTS_MIN: Final = 3
SURE: Final = 0.85
"""The least `sureness` of a person; false people on photos without any reach .80 (twelve photos of scikit-image)."""


@dataclass(frozen=True, eq=False)
class Hints:
    """What other networks read in a crop: joints px of the crop, and a matte in 0..1 of any size over the crop."""

    keypoints: Keypoints
    matte: NDArray[np.float32] | None = None

    def planes(self, size: tuple[int, int]) -> Tensor:
        """The network's input planes for a crop of `size` (width, height)."""
        matte = np.full(size[::-1], -1.0, np.float32)
        if self.matte is not None:
            matte = load_opencv().resize(self.matte, size, interpolation=load_opencv().INTER_AREA)
        points = self.keypoints.copy()
        points[:, 2] = points[:, 2] >= CONFIDENCE_MIN
        return hints_of(torch.from_numpy(matte)[None], torch.from_numpy(points)[None])

    def mirrored(self, width: int) -> Hints:
        """The hints for the mirrored crop of `width` px."""
        points = self.keypoints[list(MIRRORED_JOINTS)] * (-1, 1, 1) + (width, 0, 0)
        matte = None if self.matte is None else np.ascontiguousarray(self.matte[:, ::-1])
        return Hints(points.astype(np.float32), matte)


LIMB_ENDS: Final = (0, 7, 8, 9, 10, 13, 14, 15, 16)
"""Nose, elbows, wrists, knees and ankles, as indices of COCO joints."""
ISLANDS: Final = {
    BodyPart.SKIN: 0.02,
    BodyPart.TOP: 0.02,
    BodyPart.BOTTOM: 0.02,
    BodyPart.SHOES: 0.01,
    BodyPart.ACCESSORY: 0.04,
    BodyPart.HAIR: 0.005,
}
"""Shares of the person below which a piece of a part is an island; a small beard is hair, and eyes are small. Where a
strap of a garment was read as an accessory, nano would draw a bag."""


class ShippedParser:
    """Runs the network of `folder` on the CPU, in some hundredths of a second per crop."""

    def __init__(self, folder: Path = SHIPPED_PARSER) -> None:
        self._network, self._metadata = load_network(folder)
        self._parts, self._parts_metadata = load_parts_network(folder)

    @property
    def version(self) -> str:
        trained = (
            f"{facts.get('commit', '')}-{facts.get('step', 0)}" for facts in (self._metadata, self._parts_metadata)
        )
        return "-".join(("person_parser", *trained))

    @property
    def metadata(self) -> dict[str, Any]:
        return self._metadata

    def detect(self, image: Image.Image, faces: Sequence[Box] = ()) -> list[DetectedPerson]:
        """One person at most: the network reads single people and cannot separate a group."""
        body = self.parse(image, (0.0, 0.0, float(image.width), float(image.height)))
        if body is None or sureness(body) < SURE:
            return []
        head = body.keypoints[list(HEAD_JOINTS)]
        visible = head[head[:, 2] >= CONFIDENCE_MIN, :2]
        middle = None if not len(visible) else (float(visible[:, 0].mean()), float(visible[:, 1].mean()))
        return [DetectedPerson(body.box, middle)]

    def parse(self, image: Image.Image, box: Box, face: Box | None = None) -> Body | None:
        config = self._network.config
        for _ in range(LOOKS_MAX):
            crop = body_crop(image, box, config.width, config.height)
            window = body_window(box, config.width / config.height)
            points, parts = self._read(crop)
            tight_box = _person_box(points, parts)
            if tight_box is None:
                return None
            last = box
            box = clipped(_on_photo(tight_box, window, crop), image.width, image.height)
            if overlap(box, last) > SAME_BOX:
                break
        points = points_on_photo(points, window, crop.size)
        parts, window = self.parts(image, box, points)
        return Body(box, inside(points, image), parts, window, self.embed(image, box, points))

    def parts(self, image: Image.Image, box: Box, keypoints: Keypoints) -> tuple[NDArray[np.uint8], Box]:
        """The part map of the person in `box` with `keypoints` px of the photo, and the window px that it covers."""
        likely = self.part_probabilities(image, box, keypoints)
        height, width = likely.shape[1:]
        window = body_window(box, width / height)
        points = points_in_crop(keypoints, window, (width, height))
        return without_islands(_largest(likely.argmax(0).astype(np.uint8)), points), window

    def part_probabilities(
        self, image: Image.Image, box: Box, keypoints: Keypoints, matte: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """float32 [BodyPart, h, w] over body_window(box, w / h): the probability of each part at each pixel. keypoints
        px of the photo; matte in 0..1 over the same window, of any size."""
        config = self._parts.config
        crop = body_crop(image, box, config.width, config.height)
        points = points_in_crop(keypoints, body_window(box, config.width / config.height), crop.size)
        hints, pixels = Hints(points, matte), _tensor(crop)
        planes = torch.cat([hints.planes(crop.size), hints.mirrored(crop.width).planes(crop.size)])
        with torch.inference_mode():
            likely = self._parts(torch.cat([pixels, pixels.flip(3)]), planes).softmax(1)
        return np.asarray(((likely[0] + likely[1].flip(2)) / 2).numpy(), np.float32)

    def embed(self, image: Image.Image, box: Box, keypoints: Keypoints) -> NDArray[np.float32]:
        """The unit embedding of the person in `box` whose joints (px of the photo) are known."""
        config = self._network.config
        window = body_window(box, config.width / config.height)
        crop = body_crop(image, box, config.width, config.height)
        weights = keypoint_weights(points_in_crop(keypoints, window, crop.size), crop.width, crop.height)
        with torch.inference_mode():
            embedding = self._network.embed(_tensor(crop), torch.from_numpy(weights)[None, None])
        return np.asarray(embedding[0].numpy(), np.float32)

    def _read(self, crop: Image.Image) -> tuple[Keypoints, NDArray[np.uint8]]:
        """Joints in px of the crop, and its part map without noise: the mean of the outputs for the crop and for its
        mirror image (test-time augmentation)."""
        outputs = self._outputs(crop)
        return joints(outputs)[0].numpy(), _largest(outputs.parts[0].argmax(0).byte().numpy())

    def _outputs(self, crop: Image.Image) -> Outputs:
        pixels = _tensor(crop)
        with torch.inference_mode():
            return _mean_of_both(self._network(torch.cat([pixels, pixels.flip(3)])))


def points_on_photo(points: Keypoints, window: Box, size: tuple[int, int]) -> Keypoints:
    """Joints in px of a crop of `size` that shows `window` -> in px of the photo."""
    scale = np.array([(window[2] - window[0]) / size[0], (window[3] - window[1]) / size[1]], np.float32)
    return np.concatenate([points[:, :2] * scale + np.array(window[:2], np.float32), points[:, 2:]], 1)


def points_in_crop(points: Keypoints, window: Box, size: tuple[int, int]) -> Keypoints:
    """Joints in px of the photo -> in px of a crop of `size` that shows `window`."""
    scale = np.array([size[0] / (window[2] - window[0]), size[1] / (window[3] - window[1])], np.float32)
    return np.concatenate([(points[:, :2] - np.array(window[:2], np.float32)) * scale, points[:, 2:]], 1)


def _mean_of_both(outputs: Outputs) -> Outputs:
    """The outputs for a crop (row 0) and its mirror image (row 1), mirrored back and averaged into one row."""
    heat, visibility, parts = outputs.heat.exp(), outputs.seen.sigmoid(), outputs.parts.softmax(1)
    swapped = list(MIRRORED_JOINTS)
    heat = (heat[:1] + heat[1:, swapped].flip(3)) / 2
    visibility = (visibility[:1] + visibility[1:, swapped]) / 2
    parts = (parts[:1] + parts[1:].flip(3)) / 2
    return Outputs(heat.clamp(min=1e-12).log(), visibility.logit(1e-6), parts)


def _tensor(crop: Image.Image) -> Tensor:
    """[1, 3, H, W] in [-1, 1]."""
    return torch.from_numpy(np.array(crop)).permute(2, 0, 1)[None].float() / 127.5 - 1


def inside(points: Keypoints, image: Image.Image) -> Keypoints:
    """Joints beyond the photo's edge get confidence 0."""
    x, y = points[:, 0], points[:, 1]
    within = (x >= 0) & (x <= image.width) & (y >= 0) & (y <= image.height)
    return np.stack([x, y, points[:, 2] * within], 1).astype(np.float32)


def _largest(parts: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The part map with the largest connected region alone."""
    cv2 = load_opencv()
    count, labels, stats, _ = cv2.connectedComponentsWithStats((parts > 0).astype(np.uint8), connectivity=8)
    if count <= 2:
        return parts
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    labelled: NDArray[np.uint8] = np.where(labels == largest, parts, np.uint8(BodyPart.BACKGROUND))
    return labelled


def without_islands(parts: NDArray[np.uint8], points: Keypoints) -> NDArray[np.uint8]:
    """The part map [H, W] in which a small piece of a part, such as a badge that was read as skin, becomes the part
    around it. points: joints in px of the map; a piece with a joint of LIMB_ENDS is a hand, a knee or a foot."""
    cv2 = load_opencv()
    cleaned = parts.copy()
    height, width = parts.shape
    person = max(int((parts > 0).sum()), 1)
    visible = points[list(LIMB_ENDS)]
    places = visible[visible[:, 2] >= CONFIDENCE_MIN, :2].astype(int)
    inside = ((places >= 0) & (places < (width, height))).all(1)
    columns, rows = places[inside].T
    for part, share in ISLANDS.items():
        count, labels, facts, _ = cv2.connectedComponentsWithStats((parts == part).astype(np.uint8), connectivity=8)
        kept = {0, *labels[rows, columns].tolist()}
        for label in range(1, count):
            if label in kept or facts[label, cv2.CC_STAT_AREA] >= share * person:
                continue
            island = labels == label
            rim = (cv2.dilate(island.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~island
            around = parts[rim & (parts > 0)]
            cleaned[island] = np.bincount(around).argmax() if len(around) else BodyPart.BACKGROUND
    return cleaned


def _person_box(points: Keypoints, parts: NDArray[np.uint8]) -> Box | None:
    """The box around the person's parts and joints, in px of the crop; None without a person."""
    figure = np.asarray(parts > 0)
    rows, columns = np.flatnonzero(figure.any(1)), np.flatnonzero(figure.any(0))
    visible = points[points[:, 2] >= CONFIDENCE_MIN, :2]
    if figure.mean() < PERSON_SHARE_MIN or len(visible) < JOINTS_MIN:
        return None
    x0, y0 = min(float(columns[0]), float(visible[:, 0].min())), min(float(rows[0]), float(visible[:, 1].min()))
    x1, y1 = max(columns[-1] + 1.0, float(visible[:, 0].max())), max(rows[-1] + 1.0, float(visible[:, 1].max()))
    return x0, y0, x1, y1


def _on_photo(box: Box, window: Box, crop: Image.Image) -> Box:
    scale_x, scale_y = (window[2] - window[0]) / crop.width, (window[3] - window[1]) / crop.height
    x0, y0, x1, y1 = box
    return window[0] + x0 * scale_x, window[1] + y0 * scale_y, window[0] + x1 * scale_x, window[1] + y1 * scale_y
