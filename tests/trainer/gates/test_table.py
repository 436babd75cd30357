"""Gates that are met, gates that are missed, and gates without a figure."""

from __future__ import annotations

import numpy as np

from trainer.gates.figures import GateFigure
from trainer.gates.table import GATES, gate_rows


def figure(value: float) -> GateFigure:
    return GateFigure(value, value - 0.1, value + 0.1, 10)


def test_gates_are_met_by_the_value_and_never_by_what_is_unknown() -> None:
    figures = {"c2st_auc": figure(0.7), "one_person": figure(0.9), "top_de2000": figure(np.nan)}
    skipped = {"style_accuracy": "the backbone draws no styles"}
    rows = {row["name"]: row for row in gate_rows(figures, {}, {"c2st_seam_auc": figure(0.99)}, skipped)}
    assert list(rows) == [gate.name for gate in GATES]
    assert rows["c2st_auc"]["met"] and rows["c2st_auc"]["evaluator"] == {"name": "c2st_seam_auc", "value": 0.99}
    assert not rows["one_person"]["met"] and not rows["top_de2000"]["met"]
    assert rows["top_de2000"]["value"] is None
    assert rows["style_accuracy"]["skipped"] == skipped["style_accuracy"] and not rows["style_accuracy"]["met"]


def test_a_figure_whose_evaluator_finds_no_flaws_meets_no_gate() -> None:
    for check, expected in ((0.55, False), (0.9, True)):
        rows = gate_rows({"c2st_auc": figure(0.5)}, {}, {"c2st_seam_auc": figure(check)}, {})
        row = {row["name"]: row for row in rows}["c2st_auc"]
        assert row["met"] == expected and (row["skipped"] is None) == expected


def test_joints_are_compared_with_those_of_true_photos() -> None:
    def met(drawn: float, true: dict[str, GateFigure]) -> bool:
        rows = {row["name"]: row for row in gate_rows({"pose_pck_mediapipe": figure(drawn)}, true, {}, {})}
        return bool(rows["pose_pck_mediapipe"]["met"])

    true = {"pose_pck_mediapipe": figure(0.9)}
    assert met(0.8, true) and not met(0.7, true) and not met(0.9, {})
