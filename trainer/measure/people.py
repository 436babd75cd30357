"""Figures of pictures of people: each picture against the reference photo (ref) and the held-out photo (gt).

SimRef is the cosine to the reference, SimGT that to the held-out photo; for a picture that copies its reference, SimRef
exceeds SimGT. dlib's figures are distances in units of its threshold: above 1 two faces count as two people's. A
picture without a detection has no value; `face_found` and `body_found` are the shares of pictures with a detection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.adapter.recognition import DLIB, Recognition
from trainer.evaluation.coco_figures import set_figures, unit
from trainer.evaluation.metrics import Floats, copy_paste_gap, cosine, pck, rank1
from trainer.measure.cases import Target
from trainer.measure.networks import MeasuringNetworks, recognised

Image8 = NDArray[np.uint8]
BODY: Final = "body"


@dataclass(frozen=True)
class PersonRow:
    """One person's figures, means over the pictures, NaN where missing; and vectors for figures of the set."""

    figures: dict[str, float]
    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def person_row(
    networks: MeasuringNetworks, pictures: Sequence[Image8], reference: Image8, target: Target, prompt: str
) -> PersonRow:
    """pictures: of one person, all of the target's size; none where the model refuses the photos. reference: the first
    photo."""
    if not pictures:
        return PersonRow({})
    figures, vectors = dict[str, float](), dict[str, NDArray[np.float32]]()
    truth, count = target.image, len(pictures)
    stack, truths = np.stack(pictures), np.repeat(truth[None], count, 0)
    for name, value in networks.published.measure(stack, truths, [prompt] * count, sets=False).items():
        figures[name] = float(np.mean(value))
    if networks.published.inception is not None:
        inception = networks.published.inception
        vectors["drawn"], vectors["true"] = inception.features(stack), inception.features(truth[None])
    if networks.dino is not None:
        drawn, true = networks.dino.pictures(pictures), networks.dino.pictures([truth])
        figures["dino"] = float(cosine(unit(drawn), unit(true).repeat(count, 0)).mean())
        vectors["drawn_dino"], vectors["true_dino"] = drawn, true
    for name, recognition in {**networks.faces, BODY: networks.body}.items():
        has_face, vector = _likeness(name, recognition, pictures, reference, truth)
        figures |= has_face
        vectors |= vector
    if networks.poses is not None and target.joints is not None:
        figures["pck"] = _mean([_pck(networks, picture, target) for picture in pictures])
    return PersonRow(figures, vectors)


def _likeness(
    name: str, recognition: Recognition, pictures: Sequence[Image8], reference: Image8, truth: Image8
) -> tuple[dict[str, float], dict[str, NDArray[np.float32]]]:
    compare, unit_vectors = (_distance, False) if name == DLIB else (_cosine, True)
    (to_reference,), (to_truth,), drawn = (
        recognised(recognition, images, unit_vectors) for images in ([reference], [truth], pictures)
    )
    near, true = ([compare(vector, photo) for vector in drawn] for photo in (to_reference, to_truth))
    figures = {f"{name}_ref": _mean(near), f"{name}_gt": _mean(true)}
    if name != DLIB:
        figures[f"{name}_gap"] = _mean(list(copy_paste_gap(np.array(near), np.array(true))))
    if to_truth is not None:  # otherwise a missing detection is no failure
        found = "body_found" if name == BODY else f"{name}_face_found"
        figures[found] = float(np.mean([vector is not None for vector in drawn]))
    first = next((vector for vector in drawn if vector is not None), None)
    if first is None or to_truth is None:
        return figures, {}
    return figures, {f"{name}_drawn": first, f"{name}_true": to_truth}


def _cosine(one: NDArray[np.float32] | None, other: NDArray[np.float32] | None) -> float:
    return np.nan if one is None or other is None else float(one @ other)


def _distance(one: NDArray[np.float32] | None, other: NDArray[np.float32] | None) -> float:
    return np.nan if one is None or other is None else float(np.linalg.norm(one - other))


def _pck(networks: MeasuringNetworks, picture: Image8, target: Target) -> float:
    """PCK@0.1; 0 without a detected person."""
    assert networks.poses is not None and target.joints is not None
    height, width = picture.shape[:2]
    visible = target.joints[:, 2] > 0
    pose = networks.poses.see(picture)
    found = np.full((17, 2), np.inf) if pose is None else pose.keypoints()[:, :2].astype(np.float64)
    return pck(found, target.joints[:, :2].astype(np.float64) * (width, height), visible)


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if not np.isnan(value)]
    return float(np.mean(finite)) if finite else np.nan


def values_of(rows: Sequence[PersonRow]) -> dict[str, Floats]:
    """Figure -> one value per person, NaN where missing; with rank-1: whether the drawn body or face is nearest to the
    same person's held-out photo."""
    names = dict.fromkeys(name for row in rows for name in row.figures)
    values = {name: np.array([row.figures.get(name, np.nan) for row in rows]) for name in names}
    for name in ("arcface", BODY):
        numbers = [number for number, row in enumerate(rows) if f"{name}_drawn" in row.vectors]
        if len(numbers) > 1:
            drawn, true = (
                np.stack([rows[number].vectors[f"{name}_{side}"] for number in numbers]) for side in ("drawn", "true")
            )
            values[f"{name}_rank1"] = np.full(len(rows), np.nan)
            values[f"{name}_rank1"][numbers] = rank1(drawn, true)
    return values


def distances_of(rows: Sequence[PersonRow]) -> dict[str, float]:
    """Distances between the set of all drawn pictures and that of the held-out photos."""
    joined = {
        name: np.concatenate([row.vectors[name] for row in rows if name in row.vectors])
        for name in ("drawn", "true", "drawn_dino", "true_dino")
        if any(name in row.vectors for row in rows)
    }
    return set_figures(joined)
