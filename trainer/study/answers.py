"""The answers of the study, by rules over paired bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from trainer.evaluation.metrics import Floats, Interval, paired
from trainer.study.evaluate import TRUE
from trainer.study.methods.registry import METHODS

Results = dict[str, dict[str, Any]]


FIGURES: Final[dict[str, str]] = {
    "diffusion_loss": "diffusion loss (eq. 1), lower is better",
    "first_guess_error": "error of the picture foretold from noise alone, lower is better",
    "sim_ref_body": "SimRef-body",
    "sim_gt_body": "SimGT-body",
    "copy_paste_gap": "copy-paste gap (SimRef - SimGT)",
    "reid_rank1": "body re-identification rank-1",
    "garment_rank1": "garment rank-1",
    "sim_ref_face": "SimRef-face (portraits)",
    "sim_gt_face": "SimGT-face (portraits)",
    "face_found": "portraits with a face",
    "text_agreement_here": "text agreement (our CLIP-T stand-in)",
    "image_agreement_here": "image agreement (our CLIP-I stand-in)",
    "clip_t": "CLIP-T",
    "clip_i": "CLIP-I (to the held-out photo)",
    "lpips": "LPIPS to the held-out photo, lower is better",
    "background_right": "background right",
    "framing_right": "full length where asked",
    "portrait_right": "portrait where asked",
    "clothes_right": "new top's colour where asked",
    "pose_pck": "pose PCK@0.1 where asked",
    "pose_oks": "pose OKS where asked",
    "skin_de2000": "skin CIEDE2000, lower is better",
    "hair_de2000": "hair CIEDE2000, lower is better",
    "top_de2000": "top CIEDE2000, lower is better",
    "bottom_de2000": "bottom CIEDE2000, lower is better",
    "shoes_de2000": "shoes CIEDE2000, lower is better",
}
FACE_ONLY: Final = ("instantid", "pulid")
DECISIVE: Final = ("sim_gt_body", "garment_rank1")


def values_of(results: Results, name: str, figure: str) -> Floats:
    """A figure of every person, NaN where missing; empty where it was not measured."""
    row = results.get(name, {}).get(figure) or []
    return np.array([np.nan if value is None else value for value in row], np.float64)


def difference_of(results: Results, name: str, figure: str, of: str = "bolid") -> Interval:
    first, second = values_of(results, of, figure), values_of(results, name, figure)
    if not len(first) or len(first) != len(second):
        return Interval(np.nan, np.nan, np.nan, 0)
    return paired(first, second)


def verdict(difference: Interval) -> str:
    """The verdict of an interval of differences: "more", "less", or "no difference shown"."""
    if difference.count == 0 or np.isnan(difference.mean):
        return "not measured"
    if difference.low > 0:
        return "more"
    return "less" if difference.high < 0 else "no difference shown"


def answers(results: Results, names: list[str]) -> list[str]:
    """The question of the seed, answered by rule."""
    if "bolid" not in names:
        return ["BoLID was not evaluated: there is no answer."]
    lines = []
    for other in (name for name in names if name in METHODS and name != "bolid"):
        differences = [
            f"{FIGURES[f]}: {_as_text(difference_of(results, other, f))}" for f in (*DECISIVE, "text_agreement_here")
        ]
        lines.append(f"bolid against {other}: {'; '.join(differences)}")
    faces = [name for name in FACE_ONLY if name in names]
    lines += [_extends(results, name) for name in faces if "text" in names]
    if faces:
        lines += [_over_faces(results, faces, figure) for figure in DECISIVE]
        won = all(verdict(difference_of(results, other, figure)) == "more" for other in faces for figure in DECISIVE)
        words = [verdict(difference_of(results, other, "text_agreement_here")) for other in faces]
        price = "at no measurable price in text agreement" if "less" not in words else "at a price in text agreement"
        price = "text agreement was not measured" if "not measured" in words else price
        lines.append(
            f"Conditioning on the body helps: BoLID beats every face-only method on both decisive figures, {price}."
            if won
            else "That BoLID beats every face-only method on both decisive figures is not shown by this study."
        )
    return lines


def _extends(results: Results, name: str) -> str:
    """Whether face conditions change a full-length picture at all."""
    gains = {figure: difference_of(results, "text", figure, of=name) for figure in DECISIVE}
    gains_text = "; ".join(f"{FIGURES[figure]}: {_as_text(gain)}" for figure, gain in gains.items())
    reaches = all(verdict(gain) == "more" for gain in gains.values())
    found = "carries over" if reaches else "is not shown to carry over"
    return f"A face alone {found} to full-length pictures: {name} against text: {gains_text}"


def _over_faces(results: Results, faces: Sequence[str], figure: str) -> str:
    """The answer by one decisive figure alone: the other may be at its lowest value for all methods."""
    won = all(verdict(difference_of(results, other, figure)) == "more" for other in faces)
    best = float(np.nanmax([np.nanmean(values_of(results, name, figure)) for name in (*faces, "bolid")]))
    ceiling = values_of(results, TRUE, figure)
    reached = f"; the best of them reach {best:.3f}" + (f" of {np.nanmean(ceiling):.3f}" if len(ceiling) else "")
    return (
        f"{FIGURES[figure]} alone: BoLID {'beats' if won else 'is not shown to beat'} every face-only method{reached}."
    )


def _as_text(difference: Interval) -> str:
    if difference.count == 0:
        return "not measured"
    return f"{difference.mean:+.3f} ({difference.low:+.3f} to {difference.high:+.3f}), {verdict(difference)}"
