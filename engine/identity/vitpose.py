"""Joints and boxes by two large public models that an operator may install: ViTPose (COCO's 17 joints) and RT-DETR.

Both are Apache-2.0: usyd-community/vitpose-base-simple and PekingU/rtdetr_r50vd_coco_o365. The part map and the
embedding still come from the shipped network, which reads these boxes and joints with the photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image
from transformers import RTDetrForObjectDetection, VitPoseForPoseEstimation
from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil
from transformers.models.vitpose.image_processing_pil_vitpose import VitPoseImageProcessorPil

from engine.errors import WeightsError
from engine.identity.body import Body, DetectedPerson
from engine.identity.crops import clipped
from engine.identity.observation import Box
from engine.identity.people import overlap
from engine.identity.person_parser import ShippedParser, inside
from engine.identity.skeleton import Keypoints

PERSON_MIN: Final = 0.5
"""The detector's least score of a person."""
SAME_PERSON: Final = 0.1
"""Intersection over union from which a detected person belongs to the requested box."""
PERSON_LABEL: Final = "person"
JOINTS: Final = 17


class VitPoseParser:
    """`pose` and `detector` are local folders with config, weights and preprocessor; nothing is downloaded."""

    def __init__(self, pose: Path, detector: Path, parts: ShippedParser, device: str = "cpu") -> None:
        self._device = device
        self._parts = parts
        self._pose, self._pose_input = _load(pose, VitPoseForPoseEstimation, VitPoseImageProcessorPil, device)
        self._detector, self._detector_input = _load(
            detector, RTDetrForObjectDetection, RTDetrImageProcessorPil, device
        )
        labels = self._detector.config.id2label
        self._person = next((int(number) for number, name in labels.items() if name == PERSON_LABEL), 0)
        heads = self._pose.config.num_labels
        if heads != JOINTS:
            raise WeightsError(
                f"expected a pose model of COCO's {JOINTS} joints in {pose}, got {heads}: "
                "set ENGINE_POSE_MODEL to vitpose-base-simple or another of the same joints"
            )
        self._name = f"vitpose-{pose.name}-{detector.name}"

    @property
    def version(self) -> str:
        return f"{self._name}-{self._parts.version}"

    def detect(self, image: Image.Image, faces: Sequence[Box] = ()) -> list[DetectedPerson]:
        return [DetectedPerson(box) for box in self._boxes(image)]

    def _boxes(self, image: Image.Image) -> list[Box]:
        """The detected people by falling score."""
        with torch.inference_mode():
            inputs = self._detector_input(images=image, return_tensors="pt").to(self._device)
            outputs = self._detector(**inputs)
        (found,) = self._detector_input.post_process_object_detection(
            outputs, threshold=PERSON_MIN, target_sizes=[(image.height, image.width)]
        )
        people = [
            (float(score), _box(box, image))
            for score, label, box in zip(found["scores"], found["labels"], found["boxes"], strict=True)
            if int(label) == self._person
        ]
        return [box for _, box in sorted(people, reverse=True)]

    def parse(self, image: Image.Image, box: Box, face: Box | None = None) -> Body | None:
        """The detected person that `box` fits best, else the person that the shipped network finds there."""
        best = max(self._boxes(image), key=lambda person: overlap(person, box), default=box)
        if overlap(best, box) > SAME_PERSON and best is not box:
            box = best
        elif (rough := self._parts.parse(image, box)) is not None:
            box = rough.box
        else:
            return None
        keypoints = self._joints(image, box)
        parts, parts_box = self._parts.parts(image, box, keypoints)
        return Body(box, keypoints, parts, parts_box, self._parts.embed(image, box, keypoints))

    def _joints(self, image: Image.Image, box: Box) -> Keypoints:
        as_coco = [[box[0], box[1], box[2] - box[0], box[3] - box[1]]]
        with torch.inference_mode():
            inputs = self._pose_input(image, boxes=[as_coco], return_tensors="pt").to(self._device)
            outputs = self._pose(**inputs)
        (people,) = self._pose_input.post_process_pose_estimation(outputs, boxes=[as_coco])
        found = people[0]
        points, scores = np.asarray(found["keypoints"], np.float32), np.asarray(found["scores"], np.float32)
        keypoints = np.zeros((JOINTS, 3), np.float32)
        keypoints[np.asarray(found["labels"])] = np.concatenate([points, scores[:, None].clip(0, 1)], 1)
        return inside(keypoints, image)


def _load(folder: Path, model: Any, processor: Any, device: str) -> tuple[Any, Any]:
    """The loaded model. Raises WeightsError, in one line, for a folder without such a model."""
    try:
        loaded = model.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
        return loaded.eval().to(device), processor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"expected {model.__name__} in {folder}, could not load it ({reason}): "
            "set ENGINE_POSE_MODEL and ENGINE_PERSON_DETECTOR to folders that hold them, or unset both"
        ) from error


def _box(box: torch.Tensor, image: Image.Image) -> Box:
    x0, y0, x1, y1 = (float(side) for side in box)
    return clipped((x0, y0, x1, y1), image.width, image.height)
