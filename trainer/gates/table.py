"""The gates: figures, limits, and the rows and tables that say which are met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from rich.table import Column, Table

from trainer.gates.figures import UNKNOWN, GateFigure


@dataclass(frozen=True)
class Gate:
    """A limit of one figure: the least value, or with `at_most` the largest. With `of_true` the limit is a share of the
    value of true photos. check: the figure of the evaluators that shows whether this gate's evaluator works."""

    name: str
    limit: float
    at_most: bool = False
    of_true: bool = False
    check: str | None = None
    check_min: float = 0.0
    """The least value of the check. Below it the figure counts as unreliable and the gate as not met."""

    def bound(self, true: GateFigure) -> float:
        return self.limit * true.value if self.of_true else self.limit

    def met(self, value: float, true: GateFigure = UNKNOWN) -> bool:
        """False where the value, or what it is compared with, is unknown."""
        bound = self.bound(true)
        return value <= bound if self.at_most else value >= bound

    @property
    def at(self) -> str:
        return "most" if self.at_most else "least"


GATES: Final = (
    Gate("c2st_auc", 0.85, at_most=True, check="c2st_seam_auc", check_min=0.8),
    Gate("one_person", 0.95, check="second_head_refused", check_min=0.8),
    Gate("pose_pck_mediapipe", 0.85, of_true=True),
    Gate("part_iou", 0.6, check="part_iou_exact"),
    Gate("reid_rank1_full", 0.5),
    Gate("reid_rank1", 0.3),
    Gate("top_de2000", 13.0, at_most=True),
    Gate("bottom_de2000", 13.0, at_most=True),
    Gate("hair_de2000", 15.0, at_most=True),
    Gate("skin_de2000", 12.0, at_most=True),
    Gate("background_accuracy_typed", 0.9),
    Gate("garment_asked", 0.8),
    Gate("style_accuracy", 0.8),
    Gate("reference_wins", 0.9),
    Gate("real_reference_wins", 0.9),
)
REPORTED: Final = ("pose_pck_ratio", "part_iou_exact", "kid", "seed_change", "references_refused")
"""Figures without a limit."""

Figures = Mapping[str, GateFigure]


def gate_rows(figures: Figures, true: Figures, evaluators: Figures, skipped: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row per gate with its limit, the value of true photos and the evaluator's check. A gate without a figure is not
    met; its row has the reason under `skipped`."""
    rows = []
    for gate in GATES:
        figure, ceiling = figures.get(gate.name, UNKNOWN), true.get(gate.name, UNKNOWN)
        bound = gate.bound(ceiling)
        row = {"name": gate.name} | figure.plain()
        row |= {"limit": None if np.isnan(bound) else bound, "at": gate.at, "met": gate.met(figure.value, ceiling)}
        row |= {"true_photos": ceiling.plain()["value"], "skipped": skipped.get(gate.name)}
        if gate.check is not None:
            check = evaluators.get(gate.check, UNKNOWN)
            row["evaluator"] = {"name": gate.check, "value": check.plain()["value"]}
            if not check.value >= gate.check_min:
                row |= {"met": False, "skipped": f"{gate.check} is {check.value:.2f}: measure more people"}
        rows.append(row)
    return rows


def console_table(rows: list[dict[str, Any]], figures: Figures, others: Mapping[str, Figures]) -> Table:
    """A table of every figure with its interval and limit. others: figures of true photos and of other variants, each
    shown in a column."""
    names = ("figure", "value", "95 % interval", "limit", "met", *others)
    table = Table(*(Column(name, no_wrap=name in names[:4]) for name in names))
    for row in rows:
        verdict = "[green]yes" if row["met"] else f"[yellow]{row['skipped']}" if row["skipped"] else "[red]no"
        limit = "" if row["limit"] is None else f"at {row['at']} {row['limit']:.3g}"
        table.add_row(row["name"], *_cells(figures.get(row["name"])), limit, verdict, *_column(others, row["name"]))
    for name in REPORTED:
        if name in figures:
            table.add_row(name, *_cells(figures[name]), "", "", *_column(others, name))
    return table


def _cells(figure: GateFigure | None) -> tuple[str, str]:
    if figure is None or np.isnan(figure.value):
        return "", ""
    return f"{figure.value:.3f}", f"{figure.low:.3f} to {figure.high:.3f}"


def _column(others: Mapping[str, Figures], name: str) -> list[str]:
    return [_cells(figures.get(name))[0] for figures in others.values()]
