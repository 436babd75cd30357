"""Measures on real photos from installed packages whether pictures keep the colours of face, hair and clothes.

There is one photo per person, so a picture is compared with the photo itself, by regions around MediaPipe's landmarks
on both. The astronaut (NASA) and Grace Hopper (US Navy) are in the public domain and shown; pictures of the other
people are measured and not shown.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from engine.contract import Settings
from engine.identity.crops import clipped
from engine.identity.faces import FaceFinder
from engine.vision.blazepose import DetectedPose
from trainer.evaluation.metrics import Floats, colour_difference
from trainer.gates.drawing import GateRequest, Pictures, Studio
from trainer.gates.figures import GateFigure, mean_of, median_of
from trainer.gates.measuring import far_if_missing
from trainer.gates.people_reader import Reader
from trainer.gates.variants import USUAL, Variant
from trainer.synthetic import scene_prompt
from trainer.synthetic.parts import Part
from trainer.synthetic.words import Language

SCENES: Final[tuple[tuple[str, str, Language], ...]] = (
    ("park", "standing", "en"),
    ("beach", "walking", "ru"),
    ("studio", "sitting", "en"),
    ("forest", "waving", "ru"),
    ("street", "hands_on_hips", "en"),
    ("library", "standing", "ru"),
)
"""Place, pose and language."""
PUBLIC: Final = ("astronaut", "grace_hopper")
FACE_SIDE_MIN_PX: Final = 48
CROP: Final = (1.3, 0.9, 3.2)
"""The crop around a person in a group, in sides of the face box: to either side, above and below the middle of the
face."""
COLOURED: Final = {"skin": Part.SKIN, "hair": Part.HAIR, "top": Part.TOP}
LEFT_EYE, RIGHT_EYE, LEFT_MOUTH, RIGHT_MOUTH = 3, 6, 9, 10
"""Outer corners, of the 33 landmarks."""
TRUNK: Final = (11, 12, 24, 23)
TRUNK_SHRINK: Final = 0.75
HAIR: Final = (0.9, 1.9)
"""The range of hair or headwear above the eyes, in distances from mouth to eyes."""


@dataclass(frozen=True)
class RealPerson:
    """photo uint8 [H, W, 3]; regions uint8 [H, W] of `regions_of`."""

    name: str
    photo: NDArray[np.uint8]
    regions: NDArray[np.uint8]


@dataclass(frozen=True)
class RealResult:
    """people [n]; pictures [n * scenes, H, W, 3], scene by scene for every person; figures by name."""

    people: list[RealPerson]
    pictures: Pictures
    figures: dict[str, GateFigure]

    def of(self, name: str) -> tuple[RealPerson, Pictures]:
        """One person's pictures. Raises KeyError for a name that is not there."""
        number = {person.name: k for k, person in enumerate(self.people)}[name]
        return self.people[number], self.pictures[number * len(SCENES) : (number + 1) * len(SCENES)]

    def plain(self) -> dict[str, Any]:
        """The result for JSON."""
        figures = {name: figure.plain() for name, figure in self.figures.items()}
        return {"people": len(self.people), "pictures": len(self.pictures), "figures": figures}


def real_people(reader: Reader, finder: FaceFinder) -> list[RealPerson]:
    """The two of PUBLIC, and the people of insightface's group photo, where it is installed, whose faces are found."""
    from matplotlib.cbook import get_sample_data

    with Image.open(str(get_sample_data("grace_hopper.jpg", asfileobj=False))) as opened:
        hopper = np.asarray(opened.convert("RGB"), np.uint8)
    photos = [("astronaut", np.asarray(skimage.data.astronaut(), np.uint8)), ("grace_hopper", hopper)]
    photos += [(f"group_{number}", photo) for number, photo in enumerate(_group(finder))]
    return [RealPerson(name, photo, regions_of(photo, reader.pose(photo))) for name, photo in photos]


def _group(finder: FaceFinder) -> list[NDArray[np.uint8]]:
    """The people of insightface's group photo, from left to right."""
    package = importlib.util.find_spec("insightface")
    path = None if package is None or package.origin is None else Path(package.origin).parent / "data/images/t1.jpg"
    if path is None or not path.exists():
        return []
    with Image.open(path) as opened:
        group = opened.convert("RGB")
    faces = sorted((face for face in finder.find(group) if face.side_px >= FACE_SIDE_MIN_PX), key=lambda f: f.box[0])
    return [np.asarray(group.crop(_person(face.box, group.size)), np.uint8) for face in faces]


def _person(face: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    x, y = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2
    side = max(face[2] - face[0], face[3] - face[1])
    to_side, above, below = (share * side for share in CROP)
    x0, y0, x1, y1 = (round(edge) for edge in clipped((x - to_side, y - above, x + to_side, y + below), *size))
    return x0, y0, x1, y1


def regions_of(photo: NDArray[np.uint8], pose: DetectedPose | None) -> NDArray[np.uint8]:
    """A map [H, W] with SKIN between eyes and mouth, HAIR above the forehead and TOP within shoulders and hips, as far
    as they lie on the person; BACKGROUND elsewhere, and everywhere without a pose."""
    regions = np.zeros(photo.shape[:2], np.uint8)
    if pose is None:
        return regions
    points = pose.landmarks[:, :2]
    trunk = points[list(TRUNK)]
    _fill(regions, trunk.mean(0) + TRUNK_SHRINK * (trunk - trunk.mean(0)), Part.TOP)
    left, right, mouth = points[LEFT_EYE], points[RIGHT_EYE], points[[LEFT_MOUTH, RIGHT_MOUTH]].mean(0)
    up = (left + right) / 2 - mouth
    low, high = HAIR
    _fill(regions, np.stack([left + low * up, right + low * up, right + high * up, left + high * up]), Part.HAIR)
    _fill(regions, np.stack([left, right, points[RIGHT_MOUTH], points[LEFT_MOUTH]]), Part.SKIN)
    regions[pose.mask < 0.5] = Part.BACKGROUND
    return regions


def _fill(regions: NDArray[np.uint8], corners: NDArray[np.float32], part: Part) -> None:
    cv2.fillConvexPoly(regions, cv2.convexHull(np.round(corners).astype(np.int32)), int(part))


def measure_real(
    studio: Studio, people: list[RealPerson], reader: Reader, settings: Settings, variant: Variant = USUAL
) -> RealResult:
    """`real_reference_wins`: the share of pictures whose colours are nearer to the person's photo than to the next
    person's, on average over the regions that both photos show; and CIEDE2000 to the person's photo by region."""
    changed = settings.model_copy(update=variant.settings)
    requests = [
        GateRequest(
            person.photo,
            scene_prompt(place, pose, "full", language) if variant.words else "",
            number * len(SCENES) + scene,
            changed,
        )
        for number, person in enumerate(people)
        for scene, (place, pose, language) in enumerate(SCENES)
    ]
    pictures = studio.draw("real" if variant is USUAL else f"without-{variant.name}/real", requests)
    region_maps = [regions_of(picture, reader.pose(picture)) for picture in pictures]
    whose = np.repeat(np.arange(len(people)), len(SCENES))
    distances = _colours(pictures, region_maps, [people[one] for one in whose])
    others = _colours(pictures, region_maps, [people[(one + 1) % len(people)] for one in whose])
    figures = {f"{name}_de2000": median_of(values) for name, values in distances.items()}
    return RealResult(people, pictures, {"real_reference_wins": mean_of(_nearer(distances, others))} | figures)


def _colours(
    pictures: Pictures, region_maps: Sequence[NDArray[np.uint8]], people: Sequence[RealPerson]
) -> dict[str, Floats]:
    """Region -> CIEDE2000 [pictures]: FAR where only the picture lacks it, NaN where the photo does."""
    return {
        name: np.array(
            [
                far_if_missing(colour_difference(picture, regions, who.photo, who.regions, part))
                for picture, regions, who in zip(pictures, region_maps, people, strict=True)
            ]
        )
        for name, part in COLOURED.items()
    }


def _nearer(distances: dict[str, Floats], others: dict[str, Floats]) -> Floats:
    """1 where the mean over the regions that both photos show is smaller for the person's own photo, else 0; NaN
    without such regions."""
    mine, theirs = (np.stack(list(side.values())) for side in (distances, others))
    both = ~np.isnan(mine) & ~np.isnan(theirs)
    sums = [np.where(both, side, 0.0).sum(0) for side in (mine, theirs)]
    return np.where(both.any(0), sums[0] < sums[1], np.nan)
