"""Measures pictures of the cases' people, true or drawn, with the evaluators and MediaPipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.evaluators import Evaluators
from trainer.evaluation.metrics import PART_PIXELS_MIN, Floats, colour_difference, cosine
from trainer.gates.cases import SIZE, Case
from trainer.gates.classifier import halves_of, two_sample_scores
from trainer.gates.drawing import Pictures
from trainer.gates.figures import FAR, mean_of, median_of, rank1_among
from trainer.gates.flaws import with_seams, with_second_head
from trainer.gates.garments import garments_seen
from trainer.gates.joints import faces_camera, pose_of, shares_right
from trainer.gates.measures import KernelDistance, Measures, PerPerson, Ratio, Separation, pad
from trainer.gates.people_reader import Reader
from trainer.gates.variants import WORDS_MAX, Shown
from trainer.synthetic.parts import Part

COLOURED: Final = {"top": Part.TOP, "bottom": Part.BOTTOM, "hair": Part.HAIR, "skin": Part.SKIN}
OVERLAPPING: Final = (Part.SKIN, Part.HAIR, Part.TOP, Part.BOTTOM, Part.SHOES)
"""Parts of `part_iou`. Eyes, brows and lips count as skin, accessories as background."""
PART_SHARE_MIN: Final = 0.001
"""The least share of the true photo for a part that counts."""
STEPS_OF_CLASSIFIER: int | None = None
"""The steps of the classifier; None for the default of `fit_classifier`."""


class Meter:
    """Measures pictures of the cases' people against their held-out photos."""

    def __init__(self, cases: Sequence[Case], evaluators: Evaluators, reader: Reader, posed: bool = True) -> None:
        """posed: whether poses can be asked for; if not, pose and parts are not measured."""
        self.cases, self.evaluators, self.reader, self.posed = cases, evaluators, reader, posed
        self.held_out = np.stack([case.held_out.image for case in cases])
        self.true_parts = np.stack([_merge_parts(case.held_out.parts) for case in cases])
        self.bodies = evaluators.body(self.held_out)
        self.read_parts = _merge_parts(evaluators.read(self.held_out).parts)
        self.features = evaluators.features(self.held_out)
        self.poses = [pose_of(case.held_out.keypoints, SIZE) for case in cases]
        self.faces = np.array([faces_camera(pose) for pose in self.poses])
        self.true_joints = shares_right(reader.read(self.held_out).joints, self.poses, SIZE)
        self.framings = [case.reference.framing for case in cases]
        self.learns = halves_of(len(cases))

    def measure(self, shown: Shown, true: bool = False) -> Measures:
        """Measures by the names of the gates. true: the pictures are true photos. The classifier would then compare the
        held-out photo with itself, so it gets another photo of the person."""
        measures = self._anatomy(shown) | self._likeness(shown) | self._words(shown)
        subject = shown.likeness if true else shown.posed
        measures["c2st_auc"] = Separation(
            *two_sample_scores(subject, self.held_out, self.learns, steps=STEPS_OF_CLASSIFIER)
        )
        measures["kid"] = KernelDistance(self.evaluators.features(subject), self.features)
        if shown.again is not None:
            measures["seed_change"] = PerPerson(self.evaluators.change(shown.posed, shown.again))
        return measures

    def check_evaluators(self) -> Measures:
        """The share of known flaws that are found: seams in true photos (AUC of the classifier), second heads (the
        share refused); and how well the evaluator's part maps of true photos agree with the renderer's."""
        rng = np.random.default_rng(0)
        seams = np.stack([with_seams(case.held_out, rng) for case in self.cases])
        heads = np.stack([with_second_head(case.held_out) for case in self.cases])
        passed = self.reader.read(heads).one_person(self.faces)
        measures: Measures = {
            "c2st_seam_auc": Separation(
                *two_sample_scores(seams, self.held_out, self.learns, steps=STEPS_OF_CLASSIFIER)
            ),
            "second_head_refused": PerPerson(np.where(self.faces, 1 - passed, np.nan)),
            "part_iou_exact": PerPerson(overlaps(self.read_parts, self.true_parts)),
        }
        return measures

    def _anatomy(self, shown: Shown) -> Measures:
        sightings = self.reader.read(shown.posed)
        measures: Measures = {"one_person": PerPerson(sightings.one_person(self.faces))}
        if not self.posed:
            return measures
        joints = shares_right(sightings.joints, self.poses, SIZE)
        parts = _merge_parts(self.evaluators.read(shown.posed).parts)
        return measures | {
            "pose_pck_mediapipe": PerPerson(joints),
            "pose_pck_ratio": Ratio(joints, self.true_joints),
            "part_iou": PerPerson(overlaps(parts, self.read_parts)),
            "part_iou_exact": PerPerson(overlaps(parts, self.true_parts)),
        }

    def _likeness(self, shown: Shown) -> Measures:
        embeddings, stranger_embeddings = self.evaluators.body(shown.likeness), self.evaluators.body(shown.stranger)
        hits = rank1_among(embeddings, self.bodies)
        full = np.array([framing == "full" for framing in self.framings])
        wins = cosine(embeddings, self.bodies) > cosine(stranger_embeddings, self.bodies)
        measures: Measures = {
            "reid_rank1": PerPerson(hits),
            "reid_rank1_full": PerPerson(np.where(full, hits, np.nan)),
            "reference_wins": PerPerson(wins.astype(np.float64)),
        }
        for name, values in self.colours(shown.likeness).items():
            measures[f"{name}_de2000"] = PerPerson(values, median_of)
        return measures

    def _words(self, shown: Shown) -> Measures:
        """The measures of words, for the first WORDS_MAX people only."""
        places = np.array([self.evaluators.names.background.index(name) for name in shown.places])
        backgrounds = self.evaluators.read(shown.typed).classes["background"]
        changes = [case.change for case in self.cases[:WORDS_MAX]]
        values = {
            "background_accuracy_typed": (backgrounds == places).astype(np.float64),
            "garment_asked": garments_seen(shown.garment, changes, self.evaluators),
        }
        return {name: PerPerson(pad(hits, len(self.cases)), mean_of) for name, hits in values.items()}

    def colours(self, pictures: Pictures) -> dict[str, Floats]:
        """Part -> CIEDE2000 [people] to the held-out photo's: FAR where the picture does not show it, NaN where the
        reference or the held-out photo does not. The photo's parts are the true ones, the picture's as evaluated."""
        parts = self.evaluators.read(pictures).parts
        return {name: self._colour(pictures, parts, part) for name, part in COLOURED.items()}

    def _colour(self, pictures: Pictures, part_maps: NDArray[np.uint8], part: Part) -> Floats:
        values = []
        for picture, parts, case in zip(pictures, part_maps, self.cases, strict=True):
            if (case.reference.parts == part).sum() < PART_PIXELS_MIN:
                values.append(np.nan)
                continue
            values.append(
                far_if_missing(colour_difference(picture, parts, case.held_out.image, case.held_out.parts, part))
            )
        return np.array(values)


def far_if_missing(distance: float | None) -> float:
    """The result of `colour_difference` as a distance: FAR where only the picture lacks the part, NaN where the true
    photo does."""
    if distance is None:
        return np.nan
    return FAR if np.isnan(distance) else distance


def overlaps(parts: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Floats:
    """Merged part maps [n, H, W] -> mean intersection over union [n] of the parts that the truth shows enough of; NaN
    where it shows none."""
    means = []
    for one, other in zip(parts, truth, strict=True):
        present = [part for part in OVERLAPPING if (other == part).mean() >= PART_SHARE_MIN]
        ious = [((one == p) & (other == p)).sum() / ((one == p) | (other == p)).sum() for p in present]
        means.append(float(np.mean(ious)) if ious else np.nan)
    return np.array(means)


def _merge_parts(parts: NDArray[np.uint8]) -> NDArray[np.uint8]:
    without_features = np.where(parts == Part.FACE, np.uint8(Part.SKIN), parts)
    return np.where(without_features == Part.ACCESSORY, np.uint8(Part.BACKGROUND), without_features)
