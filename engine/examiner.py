"""Examines photos: whether they can serve as references, which person they show, in which pose."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.contract import Examination, ExamineRequest, FailureCode, Pose, Reference, Verdict
from engine.errors import BadReference, PoseError, Refused
from engine.identity.body import BodyObserver
from engine.identity.examine import examine, look_version, observe
from engine.identity.faces import FaceFinder
from engine.identity.photo import read_photo
from engine.identity.pose_photo import PoseReader, pose_of
from engine.identity.profile import View
from engine.identity.views import Views
from engine.pose import preset

if TYPE_CHECKING:
    from engine.safety import Guard

log = logging.getLogger(__name__)


class Examiner:
    """Looks with a finder of faces and, where there are such, an observer of bodies and a reader of poses.

    Not thread-safe."""

    def __init__(
        self, finder: FaceFinder, bodies: BodyObserver | None, guard: Guard, poses: PoseReader | None = None
    ) -> None:
        self._finder = finder
        self._bodies = bodies
        self._guard = guard
        self._poses = poses
        self._views = Views(lambda image: observe(image, finder, bodies), look_version(finder, bodies))

    @property
    def name(self) -> str:
        return look_version(self._finder, self._bodies)

    def examine(self, request: ExamineRequest) -> Examination:
        """What the photo is good for; a photo that cannot be read is a verdict, not an error."""
        try:
            return self._examination(request)
        except Exception as error:  # the worker's edge: a photo that breaks a detector must not come back for ever
            expected = isinstance(error, BadReference)
            log.log(logging.INFO if expected else logging.ERROR, "photo unreadable: %s", error, exc_info=not expected)
            return Examination(reference_id=request.reference_id, verdict=Verdict.UNREADABLE)

    def view(self, reference: Reference) -> View:
        """The photo with what is seen on it. Raises BadReference for no photo, Refused for one that is not allowed."""
        view = self._views.open(reference.image, reference.profile)
        self._refuse_concerns(view.image)
        return view

    def pose(self, pose: Pose) -> NDArray[np.float32]:
        """float32 [17, 3], as in GenerationInput. Raises PoseError where the photo shows none, Refused for a photo that
        is not allowed."""
        if pose.preset is not None:
            return preset(pose.preset)
        if self._bodies is None:
            raise PoseError("expected an observer of bodies to read a pose from a photo, got none: choose a preset")
        try:
            image = read_photo(pose.image or b"")
        except BadReference as error:
            raise PoseError(str(error)) from error
        self._refuse_concerns(image)
        return pose_of(image, self._finder, self._bodies, self._poses)

    def _examination(self, request: ExamineRequest) -> Examination:
        image = read_photo(request.image)
        verdict, people, observation = examine(image, self._finder, self._bodies)
        if verdict is Verdict.ACCEPTED:
            verdict = self._allowed(image)
        kept = observation if verdict is Verdict.ACCEPTED else None
        return Examination(
            reference_id=request.reference_id,
            verdict=verdict,
            people=people,
            profile=kept.to_bytes() if kept else None,
            quality=min(max(float(kept.quality), 0.0), 1.0) if kept else None,
        )

    def _refuse_concerns(self, image: Image.Image) -> None:
        if (concern := self._guard.check_photo(image)) is not None:
            raise Refused(FailureCode.REFUSED_PHOTO, f"the photo is not allowed: {concern.value}")

    def _allowed(self, image: Image.Image) -> Verdict:
        concern = self._guard.check_photo(image)
        return Verdict.ACCEPTED if concern is None else Verdict(concern.value)
