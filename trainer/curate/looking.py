"""The examination of one photo: the slow part of curation, done once per photo and cached."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import imagehash
from PIL import Image

from engine.errors import BadReference
from engine.identity.body import PersonParser
from engine.identity.examine import look_version, observe
from engine.identity.faces import Face, FaceFinder
from engine.identity.observation import Observation
from engine.identity.profile import View
from trainer.curate.cache import Cache
from trainer.curate.captioner import Captioner
from trainer.curate.folder import Candidate
from trainer.curate.records import CaptionWords, MarkLook, PhotoFindings, SeenFace
from trainer.curate.watermark import WatermarkDetector

METHOD = "2"
"""The version of the examination: it is raised when the same photo may be examined differently."""
_ADDRESS = re.compile(r" <_io\.[^>]*>")
"""The address of the file object in Pillow's error messages, which differs from run to run."""


@dataclass(frozen=True)
class Experts:
    """The networks that examine photos. Without a `captioner` photos get no caption; `face_version` names the model
    pack."""

    finder: FaceFinder
    parser: PersonParser
    detectors: Sequence[WatermarkDetector] = field(default=())
    captioner: Captioner | None = None
    face_version: str = ""


class Looker:
    """Takes findings from the cache, else from the networks."""

    def __init__(self, experts: Experts, cache: Cache) -> None:
        self.experts = experts
        self._cache = cache
        self._face_version = f"{METHOD}/{experts.finder.name}/{experts.face_version}"
        self._body_version = f"{self._face_version}/{look_version(experts.finder, experts.parser)}"
        self._mark_version = f"{METHOD}/{'/'.join(detector.version for detector in experts.detectors)}"

    def look(self, candidate: Candidate) -> tuple[PhotoFindings, MarkLook]:
        """Faces and watermark of a photo. A file that is no photo is returned as unreadable."""
        look = self._cache.record(candidate.key, "look", self._face_version, PhotoFindings)
        mark = self._cache.record(candidate.key, "mark", self._mark_version, MarkLook)
        if look is not None and look.unreadable is not None:
            return look, MarkLook(found=None)
        if look is None or mark is None:
            try:
                image = candidate.open()
            except BadReference as error:
                look, mark = PhotoFindings(unreadable=_ADDRESS.sub("", str(error))), MarkLook(found=None)
            else:
                look, mark = look or self._faces(image), mark or self._mark(image)
            self._cache.store(candidate.key, "look", self._face_version, look)
            self._cache.store(candidate.key, "mark", self._mark_version, mark)
        return look, mark

    def body(self, candidate: Candidate, face: SeenFace | None) -> Observation:
        """Joints and parts of the person with this face; without a face, those of the only person, if there is exactly
        one."""
        version = f"{self._body_version}/{None if face is None else face.box}"
        found = self._cache.observation(candidate.key, version)
        if found is None:
            image, finder = candidate.open(), _Cached(self.experts.finder.name, [] if face is None else [face.face()])
            alone = face is not None or len(self.experts.parser.detect(image)) == 1
            observation = observe(image, finder, self.experts.parser if alone else None)
            # as it will be read the next time: single precision, so that a resumed run gives the same data set
            found = Observation.from_bytes(observation.to_bytes())
            self._cache.store_observation(candidate.key, version, found)
        return found

    def words(self, candidate: Candidate, observation: Observation) -> dict[str, str]:
        """The captions of the photo; none without a captioner."""
        captioner = self.experts.captioner
        if captioner is None:
            return {}
        record = self._cache.record(candidate.key, "words", f"{METHOD}/{captioner.name}", CaptionWords)
        if record is None:
            (captions,) = captioner.caption([View(candidate.open(), observation)])
            record = CaptionWords(captions=captions)
            self._cache.store(candidate.key, "words", f"{METHOD}/{captioner.name}", record)
        return record.captions

    def _faces(self, image: Image.Image) -> PhotoFindings:
        faces = [SeenFace.of(face) for face in self.experts.finder.find(image)]
        return PhotoFindings(
            width=image.width, height=image.height, perceptual=str(imagehash.phash(image)), faces=faces
        )

    def _mark(self, image: Image.Image) -> MarkLook:
        found = (detector.find(image) for detector in self.experts.detectors)
        mark = next((mark for mark in found if mark is not None), None)
        return MarkLook(found=None) if mark is None else MarkLook(found=mark.words, clean=mark.clean)


@dataclass(frozen=True)
class _Cached:
    """A face finder that returns faces found earlier."""

    name: str
    faces: list[Face]

    def find(self, image: Image.Image) -> list[Face]:
        return self.faces
