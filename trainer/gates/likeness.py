"""Do the likeness controls do what they say? The same cases and seeds drawn with more and less of the photo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from engine.commands.generate import LIKENESS
from engine.contract import Settings
from trainer.evaluation.examiners import Examiners
from trainer.evaluation.metrics import Floats, cosine
from trainer.gates.cases import Case
from trainer.gates.drawing import Pictures
from trainer.gates.figures import mean_of

PEOPLE_MAX: Final = 60
SCALES: Final = (0.0, 0.5, 1.0, 1.5)
CONTROLS: Final = {
    "both": ("face_scale", "body_scale"),
    "body": ("body_scale",),
    "face": ("face_scale",),
}
"""What is turned; the other scale stays at 1."""
FIGURE_OF: Final = {"both": "sim_gt_body", "body": "sim_gt_body", "face": "sim_gt_face"}
"""What must rise as the control is turned up from nothing to its usual strength."""

Draw = Callable[[str, Settings], Pictures]
"""What it is called, and with which settings -> the cases' pictures."""


def likeness_of(cases: Sequence[Case], examiners: Examiners, settings: Settings, draw: Draw) -> dict[str, Any]:
    """By control, a row a scale with SimGT of body and face; `presets` are what users choose by name. `rises` compares
    the usual strength with none, person by person: it moves as it says where all of the interval lies above 0."""
    reader = _Reader(cases, examiners)

    def row(name: str, scales: dict[str, float]) -> dict[str, Floats]:
        return reader.read(draw(f"likeness-{name}", settings.model_copy(update=scales)))

    told: dict[str, Any] = {"people": len(cases)}
    rises = {}
    for control, turned in CONTROLS.items():
        values = {scale: row(f"{control}-{scale:g}", dict.fromkeys(turned, scale)) for scale in SCALES}
        told[control] = [{"scale": scale} | _plain(seen) for scale, seen in values.items()]
        rises[control] = _rise(values[1.0], values[0.0], FIGURE_OF[control])
    presets = {
        name: row(f"preset-{name}", {"face_scale": face, "body_scale": body}) for name, (face, body) in LIKENESS.items()
    }
    told["presets"] = {name: _plain(seen) for name, seen in presets.items()}
    rises["preset body over face"] = _rise(presets["body"], presets["face"], "sim_gt_body")
    rises["preset face over body"] = _rise(presets["face"], presets["body"], "sim_gt_face")
    return told | {"rises": rises}


class _Reader:
    """Compares pictures with the people's held-out photos."""

    def __init__(self, cases: Sequence[Case], examiners: Examiners) -> None:
        self.examiners = examiners
        photos = np.stack([case.held_out.image for case in cases])
        self.bodies = examiners.body(photos)
        self.faces = examiners.face(photos, np.stack([case.held_out.face_box for case in cases]))

    def read(self, pictures: Pictures) -> dict[str, Floats]:
        see = self.examiners
        return {
            "sim_gt_body": cosine(see.body(pictures), self.bodies),
            "sim_gt_face": cosine(see.face(pictures), self.faces),
        }


def _plain(seen: dict[str, Floats]) -> dict[str, Any]:
    return {name: mean_of(values).plain() for name, values in seen.items()}


def _rise(more: dict[str, Floats], less: dict[str, Floats], figure: str) -> dict[str, Any]:
    difference = mean_of(more[figure] - less[figure])
    return {"figure": figure} | difference.plain() | {"shown": bool(difference.low > 0)}
