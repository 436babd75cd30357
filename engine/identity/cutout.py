"""A person cut out of a photo, with the joints: what is laid along the joints of another pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.contract import Clothes
from engine.identity.body import person_mask
from engine.identity.clothes import garment_mask
from engine.identity.parts import body_crop, body_window
from engine.identity.profile import View


@dataclass(frozen=True)
class Cutout:
    """picture RGB; figure mode L in its size, 255 where it shows the person and, if clothes are to change, no clothes;
    joints float32 [17, 3]: x and y in 0..1 of it (beyond: outside), confidence in 0..1."""

    picture: Image.Image
    figure: Image.Image
    joints: NDArray[np.float32]


def cut_out(view: View, size: tuple[int, int], clothes: Clothes = Clothes.KEEP) -> Cutout | None:
    """The person's box as a picture of `size` (width, height); None where nobody looked for joints and parts."""
    seen, person = view.observation, person_mask(view.observation)
    if seen.keypoints is None or person is None:
        return None
    if clothes is Clothes.CHANGE and (garments := garment_mask(seen)) is not None:
        person = Image.composite(Image.new("L", person.size), person, garments)
    box = (0.0, 0.0, float(seen.width), float(seen.height)) if seen.body_box is None else seen.body_box
    left, top, right, bottom = body_window(box, size[0] / size[1])
    scale = ((right - left) / size[0], (bottom - top) / size[1])
    shown = (scale[0], 0, left, 0, scale[1], top)
    figure = person.transform(size, Image.Transform.AFFINE, shown, Image.Resampling.BILINEAR)
    joints = (seen.keypoints - (left, top, 0)) / (right - left, bottom - top, 1)
    return Cutout(body_crop(view.image, box, *size), figure, joints.astype(np.float32))
