"""What the examiners say of pictures of the cases' people, true photos or drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.identity.body import BodyObserver
from trainer.evaluation.examiners import COLOURED, Examiners
from trainer.evaluation.metrics import Floats, colour_difference, cosine, frechet, kernel_distance
from trainer.gates.cases import Case
from trainer.gates.drawing import Pictures
from trainer.gates.figures import FAR, Figure, distance_of, mean_of, median_of, rank1_among
from trainer.posing import pose_of, shares_right

COMPARED: Final = ("skin", "hair", "top", "bottom")
"""What `reference_wins_colour` compares."""


@dataclass(frozen=True)
class Shown:
    """Pictures in the order of the cases: of the person, of a stranger in the same scene, and of the person in the
    held-out photo's pose (None where poses cannot be asked for); backgrounds: the names of the places asked for."""

    own: Pictures
    stranger: Pictures
    posed: Pictures | None
    backgrounds: Sequence[str]


class Meter:
    """Measures pictures of the cases' people against their held-out photos."""

    def __init__(self, cases: Sequence[Case], examiners: Examiners, reader: BodyObserver | None) -> None:
        self.cases, self.examiners, self.reader = cases, examiners, reader
        self.held_out = np.stack([case.held_out.image for case in cases])
        self.bodies = examiners.body(self.held_out)
        self.poses = [pose_of(case.held_out.keypoints, _size(case.held_out.image)) for case in cases]

    def measure(self, shown: Shown) -> tuple[dict[str, Figure], dict[str, int]]:
        """Figures by name, and in how many pictures a part is missing that the held-out photo shows."""
        figures = self._people(shown) | self._poses(shown) | self._sets(shown.own)
        own, stranger = self.colours(shown.own), self.colours(shown.stranger)
        figures |= {f"{name}_de2000": median_of(values) for name, values in own.items()}
        figures["reference_wins_colour"] = mean_of(_nearer(own, stranger))
        return figures, {name: int((values == FAR).sum()) for name, values in own.items()}

    def _people(self, shown: Shown) -> dict[str, Figure]:
        see = self.examiners
        own, stranger = see.body(shown.own), see.body(shown.stranger)
        likeness = cosine(own, self.bodies)
        return {
            "reid_rank1": mean_of(rank1_among(own, self.bodies)),
            "reference_wins": mean_of((likeness > cosine(stranger, self.bodies)).astype(np.float64)),
            "sim_gt_body": mean_of(likeness),
            "background_accuracy": self._places(shown.own, shown.backgrounds),
        }

    def places(self, pictures: Pictures, cases: Sequence[Case]) -> Figure:
        """The share of pictures in the place that their case asks for."""
        return self._places(pictures, [case.background for case in cases])

    def _places(self, pictures: Pictures, names: Sequence[str]) -> Figure:
        asked = np.array([self.examiners.names.background.index(name) for name in names])
        found = self.examiners.read(pictures).classes["background"]
        return mean_of((found == asked).astype(np.float64))

    def _poses(self, shown: Shown) -> dict[str, Figure]:
        if shown.posed is None or self.reader is None:
            return {}
        return {
            "pose_pck": mean_of(shares_right(shown.posed, self.poses, self.reader)),
            "pose_pck_unasked": mean_of(shares_right(shown.own, self.poses, self.reader)),
        }

    def _sets(self, pictures: Pictures) -> dict[str, Figure]:
        drawn, true = self.examiners.features(pictures), self.examiners.features(self.held_out)
        return {
            "frechet_here": distance_of(frechet, drawn, true),
            "kid_here": distance_of(kernel_distance, drawn, true),
        }

    def colours(self, pictures: Pictures) -> dict[str, Floats]:
        """Part -> CIEDE2000 [people] to the held-out photo's: FAR where only the picture does not show it, NaN where
        the photo does not either. The photo's parts are the true ones, the picture's as the examiners read them."""
        read = self.examiners.read(pictures).parts
        return {
            name: np.array(
                [
                    far_if_missing(colour_difference(picture, parts, case.held_out.image, case.held_out.parts, part))
                    for picture, parts, case in zip(pictures, read, self.cases, strict=True)
                ]
            )
            for name, part in COLOURED.items()
        }


def far_if_missing(distance: float | None) -> float:
    """What `colour_difference` says of a part as a distance: FAR where only the picture does not show it, NaN where the
    true photo does not either."""
    if distance is None:
        return np.nan
    return FAR if np.isnan(distance) else distance


def _nearer(own: dict[str, Floats], stranger: dict[str, Floats]) -> Floats:
    """1 where the mean over the compared parts is smaller in one's own picture; NaN where the photo shows none."""
    both = [np.stack([side[name] for name in COMPARED]) for side in (own, stranger)]
    known = ~np.isnan(both[0])
    sums = [np.where(known, side, 0.0).sum(0) for side in both]
    return np.where(known.any(0), sums[0] < sums[1], np.nan)


def _size(image: NDArray[np.uint8]) -> tuple[int, int]:
    return image.shape[1], image.shape[0]
