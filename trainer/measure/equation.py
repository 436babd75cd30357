"""Equation 1, || eps - eps_theta(x_t, conditions, t) ||^2, on held-out photos: by time, and by the person's mask.

The conditions are those of drawing: the caption, the reference photos and the pose of the held-out photo. Only figures
of models with the same latents are comparable: they depend on the autoencoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.backbones.base import GenerationInput, NoisePredictor
from trainer.files import load_arrays, replacing
from trainer.measure.cases import Target
from trainer.measure.models import OpenedModel
from trainer.measure.pictures import stamp_of


def equation_row(
    model: OpenedModel, folder: Path, key: str, drawing: GenerationInput, target: Target, times: Sequence[float]
) -> dict[str, float]:
    """The errors eq1, eq1_person and eq1_background, averaged over all times, and each at every time, as eq1_t0.1.

    Without a mask of the person only eq1 is returned. Results are cached on disk by model, photos and times."""
    assert isinstance(model.backbone, NoisePredictor)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{key}-{stamp_of(model, drawing)}.npz"
    cached = load_arrays(path)
    if cached is None or cached["times"].tolist() != list(times):
        errors = model.backbone.noise_errors(drawing, Image.fromarray(target.image), times)
        cached = {"errors": errors, "times": np.array(times)}
        with replacing(path) as draft:
            np.savez(draft, allow_pickle=False, **cached)
    return equation_figures(cached["errors"], times, target.mask)


def equation_figures(
    errors: NDArray[np.float32], times: Sequence[float], mask: NDArray[np.float32] | None
) -> dict[str, float]:
    """errors [times, h, w]; mask [H, W] in 0..1, the share of a pixel that the person covers."""
    rows, columns = errors.shape[1:]
    weights = {"eq1": np.ones((rows, columns))}
    if mask is not None:
        share = Image.fromarray(mask).resize((columns, rows), Image.Resampling.BOX)
        person = np.asarray(share, np.float64).clip(0, 1)
        weights |= {"eq1_person": person, "eq1_background": 1 - person}
    figures = dict[str, float]()
    for name, weight in weights.items():
        if weight.sum() == 0:
            continue
        by_time = (errors * weight).sum((1, 2)) / weight.sum()
        figures[name] = float(by_time.mean())
        figures |= {f"{name}_t{time:g}": float(value) for time, value in zip(times, by_time, strict=True)}
    return figures
