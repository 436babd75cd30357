"""Real photos, those that installed packages bring: does who is on them keep the colours of skin, hair and clothes?

There is one photo of each person, so the photo itself is what a picture is compared with, by the parts that the
observer sees on it. The photos are other people's and are never written anywhere; pictures drawn after them are.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from engine.contract import Settings
from engine.identity.body import parts_on_photo
from engine.identity.faces import FaceFinder
from engine.identity.parts import clipped
from trainer.evaluation.examiners import COLOURED, Examiners
from trainer.evaluation.metrics import Floats, colour_difference
from trainer.gates.drawing import Pictures, Studio, Wish
from trainer.gates.figures import mean_of, median_of
from trainer.gates.measuring import far_if_missing
from trainer.people import scene_prompt
from trainer.people.words import Language

SCENES: Final[tuple[tuple[str, str, Language], ...]] = (
    ("park", "standing", "en"),
    ("beach", "walking", "ru"),
    ("studio", "sitting", "en"),
    ("forest", "waving", "ru"),
)
"""Place, pose and language."""
FACE_SIDE_MIN_PX: Final = 48
CROP: Final = (1.3, 0.9, 3.2)
"""Of a person in a group, in sides of the face box: so much to either side, above and below its middle."""


@dataclass(frozen=True)
class RealPerson:
    """photo uint8 [H, W, 3]; parts uint8 [H, W] as the observer sees them, None where it sees nobody."""

    photo: NDArray[np.uint8]
    parts: NDArray[np.uint8] | None


def real_photos(finder: FaceFinder) -> list[NDArray[np.uint8]]:
    """scikit-image's astronaut, and the people of insightface's group photo whose faces are found, left to right."""
    photos = [np.asarray(skimage.data.astronaut(), np.uint8)]
    package = importlib.util.find_spec("insightface")
    path = None if package is None or package.origin is None else Path(package.origin).parent / "data/images/t1.jpg"
    if path is None or not path.exists():
        return photos
    with Image.open(path) as opened:
        group = opened.convert("RGB")
    found = sorted((face for face in finder.find(group) if face.side_px >= FACE_SIDE_MIN_PX), key=lambda f: f.box[0])
    return photos + [np.asarray(group.crop(_person(face.box, group.size)), np.uint8) for face in found]


def _person(face: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    x, y = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2
    side = max(face[2] - face[0], face[3] - face[1])
    beside, above, below = (share * side for share in CROP)
    x0, y0, x1, y1 = (round(edge) for edge in clipped((x - beside, y - above, x + beside, y + below), *size))
    return x0, y0, x1, y1


def measure_real(studio: Studio, examiners: Examiners, settings: Settings) -> tuple[dict[str, Any], Pictures]:
    """Figures as the gates give them, and the pictures [people * scenes, H, W, 3], scene by scene for every person.

    Colours are CIEDE2000 to the photo; `reference_wins_colour`: how often they are nearer to it than to the next
    person's photo, over the parts that both show."""
    people = [_seen(photo, studio) for photo in real_photos(studio.finder)]
    wishes = [
        Wish(person.photo, scene_prompt(place, pose, "full", language), number * len(SCENES) + scene, settings)
        for number, person in enumerate(people)
        for scene, (place, pose, language) in enumerate(SCENES)
    ]
    pictures = studio.draw("real", wishes)
    read = examiners.read(pictures).parts
    whose = np.repeat(np.arange(len(people)), len(SCENES))
    own = _colours(pictures, read, [people[one] for one in whose])
    other = _colours(pictures, read, [people[(one + 1) % len(people)] for one in whose])
    figures = {f"{name}_de2000": median_of(values).plain() for name, values in own.items()}
    if len(people) > 1:
        figures["reference_wins_colour"] = mean_of(_nearer(own, other)).plain()
    return {"people": len(people), "pictures": len(pictures), "figures": figures}, pictures


def _seen(photo: NDArray[np.uint8], studio: Studio) -> RealPerson:
    observation = studio.profile(photo).views[0].observation
    return RealPerson(photo, parts_on_photo(observation))


def _colours(pictures: Pictures, read: NDArray[np.uint8], people: Sequence[RealPerson]) -> dict[str, Floats]:
    """Part -> CIEDE2000 [pictures]: FAR where only the picture lacks the part, NaN where the photo does."""
    return {
        name: np.array(
            [
                np.nan
                if who.parts is None
                else far_if_missing(colour_difference(picture, parts, who.photo, who.parts, part))
                for picture, parts, who in zip(pictures, read, people, strict=True)
            ]
        )
        for name, part in COLOURED.items()
    }


def _nearer(own: dict[str, Floats], other: dict[str, Floats]) -> Floats:
    """1 where the mean over the parts known of both is smaller to one's own photo; NaN where there is none."""
    mine, theirs = (np.stack(list(side.values())) for side in (own, other))
    known = ~np.isnan(mine) & ~np.isnan(theirs)
    sums = [np.where(known, side, 0.0).sum(0) for side in (mine, theirs)]
    return np.where(known.any(0), sums[0] < sums[1], np.nan)
