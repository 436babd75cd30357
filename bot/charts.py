"""The reports for operators as pictures. Pure and blocking: call it in a thread. matplotlib is imported with the first
picture."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_INCHES = (10.0, 8.0)
DPI = 128
PAD_INCHES = 0.15
ROWS_MAX = 8
ROWS_MIN = 4
"""Fewer rows are not drawn thicker."""
INK, QUIET, GRID = "#1f2933", "#6b7785", "#e4e8ec"
GREEN, RED, ORANGE, GREY, BLUE, PALE_BLUE = "#2f9e6e", "#d64545", "#e8912d", "#b4bcc6", "#3b7dd8", "#a9c7ef"
_TICKS_MAX = 8
LEGEND_MAX = 78
"""Characters; a longer legend is set smaller."""


@dataclass(frozen=True)
class Series:
    """One colour of a panel over time: a value per stretch; `None` where nothing was measured."""

    label: str
    colour: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Timeline:
    """A panel over time: series as stacked bars, or as lines. `days`: the length of the period."""

    title: str
    starts: Sequence[datetime]
    days: int
    series: Sequence[Series]
    lines: bool = False
    whole: bool = True
    """The values are counts."""


@dataclass(frozen=True)
class Ranking:
    """A panel of bars with a name each: (name, length, what is written at its end, colour)."""

    title: str
    rows: Sequence[tuple[str, float, str, str]]


@dataclass(frozen=True)
class Chart:
    """A title, a wide panel above, and two panels below it. All in the operator's language, without emoji."""

    title: str
    above: Timeline | Ranking
    below: tuple[Timeline | Ranking, Timeline | Ranking]
    nothing: str
    """Written where a panel has no values."""


def draw_chart(chart: Chart) -> bytes:
    """A PNG of 1280 x 1024 pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=PAD_INCHES, h_pad=PAD_INCHES)
    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white", layout=layout)
    FigureCanvasAgg(figure)
    figure.suptitle(chart.title, fontsize=19, fontweight="bold", color=INK, x=0.015, ha="left")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.25, 1.0))[:, 0]
    panels = [(above.add_subplot(), chart.above), *zip(below.subplots(1, 2), chart.below, strict=True)]
    for axes, panel in panels:
        if isinstance(panel, Timeline):
            _draw_timeline(axes, panel, chart.nothing)
        else:
            _draw_ranking(axes, panel, chart.nothing)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _draw_timeline(axes: Axes, panel: Timeline, nothing: str) -> None:
    from matplotlib.ticker import MaxNLocator

    _prepare(axes, panel.title, pad=36 if panel.series and panel.series[0].label else 10)
    count = len(panel.starts)
    drawing: Callable[[Axes, Timeline], float] = _draw_lines if panel.lines else _draw_bars
    top = drawing(axes, panel)
    step = -(-count // _TICKS_MAX)
    ticks = list(range(count - 1, -1, -step))[::-1]
    form = "%H:%M" if panel.days == 1 else "%d.%m"
    axes.set_xticks(ticks, [panel.starts[tick].strftime(form) for tick in ticks])
    axes.set_xlim(-0.7, count - 0.3)
    axes.set_ylim(0, max(top, ROWS_MIN) * 1.08)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=panel.whole))
    axes.grid(axis="y", color=GRID)
    if panel.series and panel.series[0].label:
        is_long = sum(len(series.label) for series in panel.series) > LEGEND_MAX
        axes.legend(
            loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=5, frameon=False, fontsize=9 if is_long else 12,
            labelcolor=INK,
            handlelength=1.0, columnspacing=1.4, handletextpad=0.5, borderaxespad=0.3, borderpad=0.0,
        )  # fmt: skip
    if not top:
        _say_nothing(axes, nothing)


def _draw_bars(axes: Axes, panel: Timeline) -> float:
    """Returns the height of the highest bar."""
    floor = [0.0] * len(panel.starts)
    for series in panel.series:
        values = [value or 0 for value in series.values]
        axes.bar(range(len(values)), values, bottom=floor, color=series.colour, width=0.82, label=series.label)
        floor = [below + value for below, value in zip(floor, values, strict=True)]
    return max(floor, default=0)


def _draw_lines(axes: Axes, panel: Timeline) -> float:
    """A stretch without a value interrupts the line. Returns the highest value."""
    for series in panel.series:
        values = [float("nan") if value is None else value for value in series.values]
        axes.plot(
            range(len(values)), values, color=series.colour, marker="o", markersize=5, linewidth=2, label=series.label
        )
    return max((value for series in panel.series for value in series.values if value is not None), default=0)


def _draw_ranking(axes: Axes, panel: Ranking, nothing: str) -> None:
    _prepare(axes, panel.title)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    rows = panel.rows[:ROWS_MAX]
    if not rows:
        _say_nothing(axes, nothing)
        return
    names, lengths, labels, colours = zip(*rows, strict=True)
    bars = axes.barh(range(len(rows)), lengths, color=colours, height=0.66)
    axes.set_yticks(range(len(rows)), names)
    axes.bar_label(bars, labels, padding=6, color=INK, fontsize=12)
    axes.set_ylim(max(len(rows), ROWS_MIN) - 0.4, -0.6)
    axes.margins(x=0.24)


def _prepare(axes: Axes, title: str, pad: float = 10) -> None:
    axes.set_title(title, loc="left", fontsize=14, fontweight="bold", color=INK, pad=pad)
    axes.tick_params(colors=INK, labelsize=12, length=0)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)


def _say_nothing(axes: Axes, nothing: str) -> None:
    axes.yaxis.set_visible(False)
    axes.text(0.5, 0.5, nothing, transform=axes.transAxes, ha="center", va="center", fontsize=14, color=QUIET)
