"""Builds views from photos; each photo is examined once.

An observation that the bot stored beside a photo is used if the same version of the networks wrote it. Otherwise the
photo is examined again, and the observation is cached by the hash of the photo's bytes.
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from PIL import Image

from engine.contract import PersonBox
from engine.errors import BadReference
from engine.identity.photo import read_photo
from engine.identity.profile import Observation, View

log = logging.getLogger(__name__)

CACHE_SIZE: Final = 512
"""The number of cached observations, of a few kilobytes each."""

LookAt = Callable[[Image.Image, PersonBox | None], Observation]
"""A photo, and the box of the person among several or None -> the observation."""


class Views:
    """Opens photos with `look`, whose observations carry `version`. Not thread-safe."""

    def __init__(self, look: LookAt, version: str, cache_size: int = CACHE_SIZE) -> None:
        self._look = look
        self._version = version
        self._size = cache_size
        self._cache: OrderedDict[str, Observation] = OrderedDict()

    def open(self, photo: bytes, stored: bytes | None = None, person: PersonBox | None = None) -> View:
        """The photo with its observation; `stored`: an Observation as bytes, `person`: the box of the person among
        several. Raises BadReference for a file that is no photo."""
        image = read_photo(photo)
        return View(image, self._stored(stored, image) or self._cached(photo, image, person))

    def _stored(self, stored: bytes | None, image: Image.Image) -> Observation | None:
        if stored is None:
            return None
        try:
            observation = Observation.from_bytes(stored)
        except BadReference as error:
            log.warning("a stored profile cannot be read, the photo is examined again: %s", error)
            return None
        return (
            observation
            if observation.version == self._version and (observation.width, observation.height) == image.size
            else None
        )

    def _cached(self, photo: bytes, image: Image.Image, person: PersonBox | None) -> Observation:
        key = f"{hashlib.sha256(photo).hexdigest()}{self._version}{person}"
        if key not in self._cache:
            self._cache[key] = self._look(image, person)
            if len(self._cache) > self._size:
                self._cache.popitem(last=False)
        self._cache.move_to_end(key)
        return self._cache[key]
