"""Examines photos: suitability as references, the person, the pose."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.backbones.head_pass import wants_pass
from engine.contract import Examination, ExamineRequest, FailureCode, Hint, PersonBox, Pose, Reference, Verdict
from engine.errors import BadReference, ImagePromptError, PoseError, Refused
from engine.identity.body import PersonParser
from engine.identity.examine import examine, look_version, observe
from engine.identity.faces import Face, FaceFinder
from engine.identity.framing import framing_of, hints_of
from engine.identity.observation import Box, Observation
from engine.identity.people import companions, find_people
from engine.identity.photo import read_photo
from engine.identity.pose_photo import PoseReader, pose_of
from engine.identity.profile import View
from engine.identity.sunglasses import wears_sunglasses
from engine.identity.views import Views
from engine.pose import preset

if TYPE_CHECKING:
    from engine.safety.guard import Guard

log = logging.getLogger(__name__)


class FaceDescriber(Protocol):
    """Embeds a face for Examination.face, as engine.vision.FaceDescriptor does."""

    def describe(self, image: Image.Image, face: Face) -> NDArray[np.float32] | None: ...


class Examiner:
    """Uses a face finder and, where present, a person parser, a pose reader and a face describer.

    Not thread-safe."""

    def __init__(
        self,
        finder: FaceFinder,
        parser: PersonParser | None,
        guard: Guard,
        poses: PoseReader | None = None,
        describer: FaceDescriber | None = None,
    ) -> None:
        self._describer = describer
        self._finder = finder
        self._parser = parser
        self._guard = guard
        self._poses = poses
        self._views = Views(
            lambda image, person: observe(image, finder, parser, in_pixels(person, image)), look_version(finder, parser)
        )

    @property
    def name(self) -> str:
        return look_version(self._finder, self._parser)

    def examine(self, request: ExamineRequest) -> Examination:
        """The verdict on a photo; a file that cannot be read gets the verdict UNREADABLE."""
        try:
            return self._examination(request)
        except Exception as error:  # the worker's edge: a photo that breaks a detector must not come back for ever
            expected = isinstance(error, BadReference)
            log.log(logging.INFO if expected else logging.ERROR, "photo unreadable: %s", error, exc_info=not expected)
            return Examination(reference_id=request.reference_id, verdict=Verdict.UNREADABLE)

    def view(self, reference: Reference) -> View:
        """The photo with its observation. Raises BadReference for a file that is no photo, Refused for a photo that is
        not allowed."""
        view = self._views.open(reference.image, reference.profile, reference.person)
        self._refuse_concerns(view.image)
        return view

    def _refuse_concerns(self, image: Image.Image) -> None:
        if (concern := self._guard.check_photo(image)) is not None:
            raise Refused(FailureCode.REFUSED_PHOTO, f"the photo is not allowed: {concern.value}")

    def small_face(self, picture: Image.Image) -> Box | None:
        """The face (px) of a picture that shows one person at full length, so small that a model draws it coarsely;
        None for every other picture."""
        faces = self._finder.find(picture)
        if len(faces) != 1 or not wants_pass(faces[0].box, picture.size):
            return None
        return faces[0].box

    def pose(self, pose: Pose) -> NDArray[np.float32]:
        """float32 [17, 3], as in GenerationInput. Raises PoseError where the photo shows none, Refused for a photo that
        is not allowed."""
        if pose.preset is not None:
            return preset(pose.preset)
        if self._parser is None:
            raise PoseError("expected a person parser to read a pose from a photo, got none: choose a preset")
        try:
            image = read_photo(pose.image or b"")
        except BadReference as error:
            raise PoseError(str(error)) from error
        self._refuse_concerns(image)
        return pose_of(image, self._finder, self._parser, self._poses)

    def image_prompt(self, content: bytes) -> Image.Image:
        """Raises ImagePromptError for what is no photo, Refused for one that is not allowed."""
        try:
            image = read_photo(content)
        except BadReference as error:
            raise ImagePromptError(str(error)) from error
        self._refuse_concerns(image)
        return image

    def _examination(self, request: ExamineRequest) -> Examination:
        image = read_photo(request.image)
        if request.for_pose:
            return self._pose_examination(request, image)
        look = examine(image, self._finder, self._parser, in_pixels(request.person, image))
        if look.verdict is Verdict.TOO_SMALL:
            return Examination(reference_id=request.reference_id, verdict=look.verdict)
        if (concern := self._guard.check_photo(image)) is not None:
            return Examination(
                reference_id=request.reference_id, verdict=Verdict(concern.value), people=len(look.people)
            )
        several, observation = look.verdict is Verdict.SEVERAL_PEOPLE, look.observation
        return Examination(
            reference_id=request.reference_id,
            verdict=look.verdict,
            people=len(look.people),
            boxes=tuple(_in_shares(box, image) for box in look.people) if several else (),
            profile=None if observation is None else observation.to_bytes(),
            quality=None if observation is None else min(max(float(observation.quality), 0.0), 1.0),
            framing=None if observation is None else framing_of(observation),
            hints=() if observation is None else _hints(image, observation),
            face=None if observation is None else self._face(image, observation),
        )

    def _pose_examination(self, request: ExamineRequest, image: Image.Image) -> Examination:
        """Whether the photo shows one person, passers-by aside, in a pose that can be read."""
        if (concern := self._guard.check_photo(image)) is not None:
            return Examination(reference_id=request.reference_id, verdict=Verdict(concern.value))
        people = find_people(image, self._finder, self._parser)
        counted = len(companions(people)) if people else 0
        verdict = Verdict.SEVERAL_PEOPLE if counted > 1 else Verdict.ACCEPTED
        try:
            self.pose(Pose(image=request.image))
        except PoseError as error:
            log.info("pose photo: %s", error)
            if verdict is Verdict.ACCEPTED:
                verdict = Verdict.NO_POSE if people else Verdict.NO_PERSON
        return Examination(reference_id=request.reference_id, verdict=verdict, people=counted)

    def _face(self, image: Image.Image, observation: Observation) -> tuple[float, ...] | None:
        if self._describer is None or observation.face_box is None:
            return None
        numbers = self._describer.describe(image, Face(observation.face_box, observation.face_landmarks))
        return None if numbers is None else tuple(float(number) for number in numbers)


def _hints(image: Image.Image, observation: Observation) -> tuple[Hint, ...]:
    """Eyes that nobody sees weigh most."""
    hints = hints_of(observation)
    return (Hint.SUNGLASSES, *hints) if wears_sunglasses(image, observation.face_landmarks) else hints


def in_pixels(box: PersonBox | None, image: Image.Image) -> Box | None:
    """A box in 0..1 of the photo, in px of it."""
    if box is None:
        return None
    return box[0] * image.width, box[1] * image.height, box[2] * image.width, box[3] * image.height


def _in_shares(box: Box, image: Image.Image) -> PersonBox:
    return box[0] / image.width, box[1] / image.height, box[2] / image.width, box[3] / image.height
