"""The figures as a table and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Column, Table


def table(figures: dict[str, Any]) -> Table:
    """Ratios with quartiles, seconds and memory of both contenders."""
    rows = Table(
        Column("figure", overflow="fold", min_width=12),
        *("median", "quartiles", "seconds", "baseline's seconds", "MiB", "baseline's MiB"),
        title=f"{figures['shape']}, {figures['device']}, {figures['dtype']}",
    )
    for key, row in figures["spread"].items():
        rows.add_row(
            key,
            f"{row['median']:.3f}",
            f"{row['low']:.3f} to {row['high']:.3f}",
            f"{row['seconds']:.4f}",
            f"{row['baseline_seconds']:.4f}",
            f"{row['memory_mib']:.0f}",
            f"{row['baseline_memory_mib']:.0f}",
        )
    return rows


def plot(figures: dict[str, Any], path: Path) -> None:
    """Bars of the ratios with their quartiles: overheads, where less is better, above speedups, where more is."""
    from matplotlib.figure import Figure

    spread = figures["spread"]
    lower = {key: row for key, row in spread.items() if "overhead" in key or key.startswith("option_")}
    panels = [
        (lower, "time over the plain step's (options: over the step's without); less is better"),
        ({key: row for key, row in spread.items() if key not in lower}, "times faster; more is better"),
    ]
    drawing = Figure(figsize=(9, 1.6 + 0.4 * len(spread)), layout="constrained")
    heights = [len(rows) for rows, _ in panels]
    for axes, (rows, label) in zip(drawing.subplots(2, height_ratios=heights), panels, strict=True):
        medians = [row["median"] for row in rows.values()]
        errors = [
            [row["median"] - row["low"] for row in rows.values()],
            [row["high"] - row["median"] for row in rows.values()],
        ]
        colours = ["tab:orange" if key.startswith("diffusers") else "tab:blue" for key in rows]
        bars = axes.barh(list(rows), medians, xerr=errors, color=colours)
        axes.bar_label(bars, fmt="%.2f", label_type="center", color="white")
        axes.axvline(1.0, color="black", linewidth=0.8)
        axes.invert_yaxis()
        axes.set_xlabel(label)
    drawing.suptitle(f"{figures['shape']}, {figures['device']}, {figures['dtype']}")
    drawing.savefig(path, dpi=120)
