"""No minors, no nudity: prompts, photos and pictures are checked behind one interface.

Prompts are judged by their words (wording.py), photos and finished pictures by classifiers (classifier.py). A backbone
whose pictures can pass for photos is not served without a classifier for nudity; there is no switch for it.
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from typing import Final

from PIL import Image

from engine.backbones.base import Capabilities
from engine.classifier import Classifier, load_classifier
from engine.config import Config
from engine.errors import SetupError
from engine.hub import local_folder
from engine.identity.faces import FaceFinder
from engine.identity.parts import clipped, head_box
from engine.wording import Concern, Wording

log = logging.getLogger(__name__)

SAFETY_REPOSITORY: Final = "Marqo/nsfw-image-detection-384"
AGE_REPOSITORY: Final = "nateraw/vit-age-classifier"
FACES_MAX: Final = 3
"""Whose age is looked at: the largest."""
KEPT: Final = 512


class Guard:
    """Says what is wrong with something, or None. Not thread-safe.

    `nudity` and `age` (the probability of a minor, for the picture of a head) are asked where they are given."""

    def __init__(
        self,
        finder: FaceFinder,
        nudity: Classifier | None = None,
        age: Classifier | None = None,
        nudity_threshold: float = 0.5,
        age_threshold: float = 0.5,
        wording: Wording | None = None,
    ) -> None:
        self._finder = finder
        self._nudity = nudity
        self._age = age
        self._nudity_threshold = nudity_threshold
        self._age_threshold = age_threshold
        self._wording = wording or Wording()
        self._known: OrderedDict[str, Concern | None] = OrderedDict()

    def check_prompt(self, text: str) -> Concern | None:
        return self._wording.concern(text)

    def check_photo(self, image: Image.Image) -> Concern | None:
        """An RGB photo of any size; what was found is kept by the hash of its pixels."""
        if self._nudity is None and self._age is None:
            return None
        key = f"{image.size}{hashlib.sha256(image.tobytes()).hexdigest()}"
        if key not in self._known:
            self._known[key] = self.check_picture(image)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    def check_picture(self, image: Image.Image) -> Concern | None:
        """A finished picture."""
        if self._age is not None and any(
            self._age.probability(head) >= self._age_threshold for head in self._heads(image)
        ):
            return Concern.MINOR
        if self._nudity is not None and self._nudity.probability(image) >= self._nudity_threshold:
            return Concern.NUDITY
        return None

    def _heads(self, image: Image.Image) -> list[Image.Image]:
        boxes = [clipped(head_box(face.box), *image.size) for face in self._finder.find(image)[:FACES_MAX]]
        heads = [image.crop((round(x0), round(y0), round(x1), round(y1))) for x0, y0, x1, y1 in boxes]
        return [head for head in heads if min(head.size) > 0]


def open_guard(config: Config, capabilities: Capabilities, finder: FaceFinder) -> Guard:
    """With the classifiers that the configuration names, or else those in the hub's cache; nothing is fetched.

    Raises SetupError where one that is named is not there, or where there is none and the backbone needs one."""
    nudity = _open(config.safety_model, SAFETY_REPOSITORY, config.safety_labels, "safety_model")
    age = _open(config.age_model, AGE_REPOSITORY, config.age_labels, "age_model")
    if nudity is None and capabilities.photorealistic:
        raise SetupError(
            f"expected a safety classifier beside {capabilities.name}, whose pictures can pass for photos, found none: "
            f"python -m engine doctor --backbone {capabilities.name} --download fetches it, or set ENGINE_SAFETY_MODEL"
        )
    if nudity is None:
        log.info("no safety classifier: prompts are judged by their words, photos and pictures are not")
    return Guard(finder, nudity, age, config.safety_threshold, config.age_threshold)


def _open(wish: str | None, repository: str, labels: str, setting: str) -> Classifier | None:
    folder = local_folder(wish or repository)
    if folder is not None:
        return load_classifier(folder, labels.split(","), f"ENGINE_{setting.upper()}")
    if wish:
        raise SetupError(
            f"ENGINE_{setting.upper()}: expected a folder, or a repository in the hub's cache, got {wish}: "
            "python -m engine doctor shows what is there"
        )
    return None
