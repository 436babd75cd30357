"""The probability that a person on a photo is a minor.

Both methods are rough: a classifier of age groups is right in little more than half of the cases, and the estimate of
insightface's pack has an error of some years. They detect children more reliably than teenagers; the filter of prompts
and the operator's terms complement them.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Protocol

import numpy as np
from PIL import Image

from engine.identity.crops import clipped, head_box
from engine.identity.faces import Face
from engine.identity.observation import Box
from engine.safety.classifier import Classifier

ADULT: Final = 18
ESTIMATED_ADULT: Final = 21
"""Years that an estimate must reach: its error is not published, and small networks err by years."""
PACK_FILE: Final = "genderage.onnx"


class Ages(Protocol):
    """Estimates the probability, 0 to 1, that a face (px of the RGB photo) is a minor's."""

    def minor_probability(self, image: Image.Image, face: Face) -> float: ...


class HeadAges:
    """Runs a classifier of age groups on the head."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    def minor_probability(self, image: Image.Image, face: Face) -> float:
        x0, y0, x1, y1 = clipped(head_box(face.box), *image.size)
        left, top = int(x0), int(y0)
        head = image.crop((left, top, max(round(x1), left + 1), max(round(y1), top + 1)))
        return self._classifier.probability(head)


class PackAges:
    """The estimate of insightface's pack, which is one number: 1 below ESTIMATED_ADULT years, 0 from there on."""

    def __init__(self, folder: Path) -> None:
        from insightface.model_zoo.attribute import Attribute

        self._network: Any = Attribute(str(folder / PACK_FILE))
        self._network.prepare(-1)

    def minor_probability(self, image: Image.Image, face: Face) -> float:
        return float(self.years(image, face.box) < ESTIMATED_ADULT)

    def years(self, image: Image.Image, face: Box) -> int:
        bgr = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
        found = _Face(bbox=np.array(face, np.float32))
        _, years = self._network.get(bgr, found)
        return int(years)


class _Face(SimpleNamespace):
    """A face in insightface's form: it reads attributes and sets items."""

    def __setitem__(self, key: str, value: object) -> None:
        setattr(self, key, value)


def is_minors(label: str) -> bool:
    """Whether an age group ("10-19", "05", "more than 70") begins below ADULT."""
    first = re.search(r"\d+", label)
    return first is not None and int(first.group()) < ADULT
