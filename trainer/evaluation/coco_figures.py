"""CLIP-T, CLIP-I and distances between sets by the COCO protocol, computed from drawn pictures, four per caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.dino import Dino
from trainer.evaluation.inception import Inception
from trainer.evaluation.metrics import bootstrap, cosine, frechet, kernel_distance
from trainer.evaluation.published import Clip

PICTURES_EACH: Final = 4
CLIP_SCORE_WEIGHT: Final = 2.5

Rows = dict[str, NDArray[Any]]
Image8 = NDArray[np.uint8]


def caption_rows(
    texts: Sequence[str],
    photos: Sequence[Image8],
    pictures: Sequence[Image8],
    clip: Clip | None,
    inception: Inception | None = None,
    dino: Dino | None = None,
) -> Rows:
    """Measures captions with their photos and PICTURES_EACH drawn pictures per caption, in order: values [pictures] and
    features [n, D] of the networks that are present."""
    rows: Rows = {}
    if clip is not None:
        drawn = clip.pictures(pictures)
        rows["clip_t"] = cosine(drawn, clip.texts(texts).repeat(PICTURES_EACH, 0))
        rows["clip_i"] = cosine(drawn, clip.pictures(photos).repeat(PICTURES_EACH, 0))
    if inception is not None:
        rows["drawn"] = np.concatenate([inception.features(picture[None]) for picture in pictures])
        rows["true"] = np.concatenate([inception.features(photo[None]) for photo in photos])
    if dino is not None:
        rows["drawn_dino"], rows["true_dino"] = dino.pictures(pictures), dino.pictures(photos)
        pairs = (unit(rows["drawn_dino"]), unit(rows["true_dino"]).repeat(PICTURES_EACH, 0))
        rows["dino"] = cosine(*pairs)
    return rows


def caption_figures(rows: Rows, captions: int) -> dict[str, Any]:
    """Bootstrap intervals over captions, because the pictures of one caption are not independent."""
    keys = [key for key in ("clip_t", "clip_i", "dino") if key in rows]
    by_caption = {key: rows[key].reshape(captions, PICTURES_EACH).mean(1) for key in keys}
    figures: dict[str, Any] = {key: asdict(bootstrap(values)) for key, values in by_caption.items()}
    if "clip_t" in rows:
        figures["clip_score"] = float((CLIP_SCORE_WEIGHT * rows["clip_t"].clip(0)).mean())
    return figures | set_figures(rows)


def set_figures(rows: Rows) -> dict[str, float]:
    """Distances between the features of drawn pictures and real photos; those without features, or with too few
    pictures, are left out."""
    figures = {}
    for suffix, names in (("", ("fid", "kid")), ("_dino", ("fd_dino", "kd_dino"))):
        drawn, true = rows.get(f"drawn{suffix}"), rows.get(f"true{suffix}")
        if drawn is not None and true is not None and min(len(drawn), len(true)) > 1:
            figures[names[0]], figures[names[1]] = frechet(drawn, true), kernel_distance(drawn, true)
    return figures


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """[n, D] of length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
