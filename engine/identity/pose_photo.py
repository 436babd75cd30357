"""The pose of whoever is on a photo, for `a picture of me, standing like that`."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.errors import PoseError
from engine.identity.body import HIPS, SHOULDERS, BodyObserver, sureness
from engine.identity.faces import FaceFinder
from engine.identity.observation import Box
from engine.identity.parts import body_box_from_face
from engine.identity.weighting import CONFIDENCE_MIN

JOINTS_MIN: Final = 6
"""Of 17; a head alone has five."""
SURE_OF_A_BODY: Final = 0.75
"""The surest joints of people are surer than this, those seen in a cup of coffee (.66) are not."""


def pose_of(image: Image.Image, finder: FaceFinder, bodies: BodyObserver) -> NDArray[np.float32]:
    """float32 [17, 3] in COCO order: x and y in 0..1 of the photo, confidence in 0..1 (0: not seen).

    Of several people the largest. Raises PoseError where nobody is seen, or too little of a body to speak of a pose."""
    body = next((found for box in _places(image, finder, bodies) if (found := bodies.see(image, box))), None)
    if body is None:
        raise PoseError("expected a photo of a person in the wanted pose, found nobody: send one that shows a person")
    seen = body.keypoints[:, 2] >= CONFIDENCE_MIN
    seen &= sureness(body) >= SURE_OF_A_BODY
    if seen.sum() < JOINTS_MIN or not seen[[*SHOULDERS, *HIPS]].any():
        raise PoseError(
            f"expected at least {JOINTS_MIN} joints of a body, saw {int(seen.sum())}: "
            "send a photo that shows the person from the head to the knees or further"
        )
    pose = body.keypoints / np.array([image.width, image.height, 1.0], np.float32)
    pose[:, :2] = pose[:, :2].clip(0, 1)
    pose[~seen, 2] = 0
    return np.asarray(pose, np.float32)


def _places(image: Image.Image, finder: FaceFinder, bodies: BodyObserver) -> list[Box]:
    """Where to look, the likeliest first: under a face, where somebody stands, anywhere."""
    places = [body_box_from_face(face.box, image.width, image.height) for face in finder.find(image)[:1]]
    places += bodies.find(image)[:1]
    return [*places, (0.0, 0.0, float(image.width), float(image.height))]
