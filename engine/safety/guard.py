"""Checks prompts, photos and pictures for minors and nudity, behind one interface.

Prompts are judged by their words (wording.py) and their meaning (meaning.py), photos and finished pictures by
classifiers: the operator's (classifier.py, ages.py), else small networks from released packages (vision/nudity.py,
vision/age.py). Age networks learn from photos and mistake drawn heads for children's: they check photos for every
backbone, but pictures of photorealistic backbones only. A photorealistic backbone is not served without a classifier
for nudity and one for ages; no setting changes that.
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from typing import Any, Final, Literal

from PIL import Image

from engine.backbones import choose_device
from engine.backbones.base import Capabilities
from engine.config import Config
from engine.errors import SetupError
from engine.hub.packaged import named, remedy
from engine.hub.repositories import local_folder
from engine.identity.faces import DEFAULT_ROOT, FaceFinder
from engine.safety.ages import PACK_FILE, Ages, HeadAges, PackAges, is_minors
from engine.safety.classifier import Classifier, load_classifier
from engine.safety.meaning import MeaningJudge, open_meaning
from engine.safety.wording import Concern, Wording

log = logging.getLogger(__name__)

SAFETY_REPOSITORY: Final = "Marqo/nsfw-image-detection-384"
AGE_REPOSITORY: Final = "dima806/fairface_age_image_detection"
FACES_MAX: Final = 3
"""The number of faces, the largest first, whose ages are estimated."""
DRAWN_NUDITY_MIN: Final = 0.9
"""The least threshold for pictures of backbones that are not photorealistic: nudity networks learn from photos too. Of
38 clothed people that nano drew, the highest score was .76; of 16 with all clothes in the colour of skin, 3 were above
.9. For such backbones the checks of photos and prompts matter more."""
CACHE_SIZE: Final = 512


class Guard:
    """Returns the concern for which a prompt, photo or picture is refused, or None. Not thread-safe."""

    def __init__(
        self,
        finder: FaceFinder,
        nudity: Classifier | None = None,
        ages: Ages | None = None,
        nudity_threshold: float = 0.5,
        age_threshold: float = 0.5,
        wording: Wording | None = None,
        meaning: MeaningJudge | None = None,
        *,
        photorealistic: bool = True,
    ) -> None:
        """photorealistic: whether the age network also checks finished pictures."""
        self._finder = finder
        self._nudity = nudity
        self._ages = ages
        self._nudity_threshold = nudity_threshold
        self._age_threshold = age_threshold
        self._wording = wording or Wording()
        self._meaning = meaning
        self._photorealistic = photorealistic
        self._cache: OrderedDict[str, Concern | None] = OrderedDict()

    def check_prompt(self, text: str) -> Concern | None:
        """Checks the words, then the meaning; returns the first concern."""
        concern = self._wording.concern(text)
        return self._meaning.concern(text) if concern is None and self._meaning is not None else concern

    def check_photo(self, image: Image.Image) -> Concern | None:
        """Checks an RGB photo of any size; the result is cached by the hash of its pixels."""
        if self._nudity is None and self._ages is None:
            return None
        key = f"{image.size}{hashlib.sha256(image.tobytes()).hexdigest()}"
        if key not in self._cache:
            self._cache[key] = self._concern(image, photorealistic=True)
            if len(self._cache) > CACHE_SIZE:
                self._cache.popitem(last=False)
        self._cache.move_to_end(key)
        return self._cache[key]

    def check_picture(self, image: Image.Image) -> Concern | None:
        """Checks a finished picture, or a preview of one."""
        return self._concern(image, self._photorealistic)

    def _concern(self, image: Image.Image, photorealistic: bool) -> Concern | None:
        if photorealistic and self._shows_minor(image):
            return Concern.MINOR
        threshold = self._nudity_threshold if photorealistic else max(self._nudity_threshold, DRAWN_NUDITY_MIN)
        if self._nudity is not None and self._nudity.probability(image) >= threshold:
            return Concern.NUDITY
        return None

    def _shows_minor(self, image: Image.Image) -> bool:
        if self._ages is None:
            return False
        faces = self._finder.find(image)[:FACES_MAX]
        return any(self._ages.minor_probability(image, face) >= self._age_threshold for face in faces)


def open_guard(config: Config, capabilities: Capabilities | None, finder: FaceFinder) -> Guard:
    """A guard with the classifiers that the configuration names, else those of the hub's cache, else those of
    packaged.toml; nothing is downloaded.

    `capabilities`: of the backbone; None where nothing is drawn. Raises SetupError where a named classifier is absent,
    or where a photorealistic backbone lacks one of the two."""
    refused = {label.strip().casefold() for label in config.safety_labels.split(",")}
    device = choose_device(config.device)
    nudity: Classifier | None = _open(
        config.safety_model, SAFETY_REPOSITORY, lambda label: label.casefold() in refused, "SAFETY", device
    )
    heads = _open_heads(config, device)
    nudity = nudity or _packaged("nudity", config)
    networks = None if heads else _packaged("age", config)
    if capabilities is not None and capabilities.photorealistic:
        _require("SAFETY", nudity, capabilities.name)
        _require("AGE", heads or networks, capabilities.name)
    ages = heads or networks or _open_pack(config)
    if nudity is None:
        _say_missing("nudity", "photos and pictures are not checked for nudity, prompts are judged by their words")
    if ages is None:
        _say_missing("age", "minors are looked for in prompts alone")
    return Guard(
        finder,
        nudity,
        ages,
        config.safety_threshold,
        config.age_threshold,
        meaning=open_meaning(),
        photorealistic=capabilities is None or capabilities.photorealistic,
    )


def _packaged(name: Literal["nudity", "age"], config: Config) -> Any:
    """NudityNetwork or AgeNetwork; None where its weights are absent."""
    if named(name).lacking(config.state):
        return None
    if name == "nudity":
        from engine.vision.nudity import NudityNetwork

        return NudityNetwork(config.state)
    from engine.vision.age import AgeNetwork

    return AgeNetwork(config.state)


@cache
def _say_missing(name: str, consequence: str) -> None:
    log.warning("%s: run %s", consequence, remedy(named(name)))


def _require(kind: str, classifier: object | None, backbone: str) -> None:
    if classifier is None:
        raise SetupError(
            f"expected a {kind.lower()} classifier beside {backbone}, whose pictures can pass for photos, found none: "
            f"python -m engine doctor --backbone {backbone} --download fetches it, or set ENGINE_{kind}_MODEL"
        )


def _open_heads(config: Config, device: str) -> Ages | None:
    """The classifier of age groups. The operator's labels are refused in addition to those that begin below ADULT."""
    named = {label.strip() for label in (config.age_labels or "").split(",")}
    classifier = _open(
        config.age_model, AGE_REPOSITORY, lambda label: is_minors(label) or label in named, "AGE", device
    )
    return None if classifier is None else HeadAges(classifier)


def _open_pack(config: Config) -> Ages | None:
    """The age estimate of insightface's pack; None where the pack has none."""
    pack = (config.face_root or DEFAULT_ROOT).expanduser() / "models" / config.face_pack
    return PackAges(pack) if (pack / PACK_FILE).is_file() else None


def _open(
    setting: str | None, repository: str, fits: Callable[[str], bool], kind: str, device: str
) -> Classifier | None:
    folder = local_folder(setting or repository)
    if folder is not None:
        return load_classifier(folder, fits, f"ENGINE_{kind}_MODEL", device)
    if setting:
        raise SetupError(
            f"ENGINE_{kind}_MODEL: expected a folder, or a repository in the hub's cache, got {setting}: "
            "python -m engine doctor shows what is there"
        )
    return None
