"""The reports for operators as pictures. Pure and blocking: call it in a thread. matplotlib is imported with the first
picture."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES = 5.4
DPI = 200
PAD_INCHES = 0.12
TEXT_POINTS, HEADING_POINTS, TITLE_POINTS = 13, 14, 15
"""A phone shows a picture about 340 px wide: the smallest text is 11 px high there."""
TIMELINE_INCHES, ROW_INCHES, HEADING_INCHES = 1.9, 0.44, 0.42
ROWS_MAX = 8
ROWS_MIN = 4
"""The least height of a timeline's axis, in counts."""
NAME_MAX = 34
"""The largest number of characters of a row's name; a longer one is cut."""
INK, QUIET, GRID = "#1f2933", "#5b6674", "#e4e8ec"
GREEN, RED, ORANGE, GREY, BLUE, PALE_BLUE = "#2f9e6e", "#d64545", "#e8912d", "#b4bcc6", "#3b7dd8", "#a9c7ef"
TITLE_MAX = 30
"""Characters of a line of the title."""
_TICKS_MAX = 5
_LEGEND_COLUMNS = 2
_COMPACT_FROM = 10_000


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
    """Whether the values are counts."""


@dataclass(frozen=True)
class Ranking:
    """A panel of bars with a name each: (name, length, what is written at its end, colour)."""

    title: str
    rows: Sequence[tuple[str, float, str, str]]


@dataclass(frozen=True)
class Chart:
    """A title and panels, one below the other. All in the operator's language, without emoji."""

    title: str
    panels: Sequence[Timeline | Ranking]
    nothing: str
    """The text of a panel without values."""


def draw_chart(chart: Chart) -> bytes:
    """A PNG, 1080 px wide, upright."""
    buffer = io.BytesIO()
    lay_out(chart).savefig(buffer, format="png")
    return buffer.getvalue()


def lay_out(chart: Chart) -> Figure:
    """The chart before it is drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    heights = [_height_inches(panel) for panel in chart.panels]
    layout = ConstrainedLayoutEngine(w_pad=PAD_INCHES, h_pad=PAD_INCHES)
    title = textwrap.wrap(chart.title, TITLE_MAX)
    size = (WIDTH_INCHES, sum(heights) + len(title) * TITLE_POINTS * 1.8 / 72)
    figure = Figure(figsize=size, dpi=DPI, facecolor="white", layout=layout)
    FigureCanvasAgg(figure)
    figure.suptitle("\n".join(title), fontsize=TITLE_POINTS, fontweight="bold", color=INK, x=0.03, ha="left")
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    for number, panel in enumerate(chart.panels):
        axes = figure.add_subplot(grid[number])
        if isinstance(panel, Timeline):
            _draw_timeline(axes, panel, chart.nothing)
        else:
            _draw_ranking(axes, panel, chart.nothing)
    return figure


def _height_inches(panel: Timeline | Ranking) -> float:
    if isinstance(panel, Ranking):
        return HEADING_INCHES + ROW_INCHES * max(1, min(len(panel.rows), ROWS_MAX))
    return HEADING_INCHES + TIMELINE_INCHES + _legend_rows(panel) * TEXT_POINTS * 1.4 / 72


def _legend_rows(panel: Timeline) -> int:
    return -(-len(panel.series) // _LEGEND_COLUMNS) if panel.series and panel.series[0].label else 0


def _draw_timeline(axes: Axes, panel: Timeline, nothing: str) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator
    from matplotlib.transforms import blended_transform_factory

    _prepare(axes, panel.title, pad=12 + _legend_rows(panel) * TEXT_POINTS * 1.5)
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
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _compact(value)))
    axes.grid(axis="y", color=GRID)
    if _legend_rows(panel):
        across = blended_transform_factory(axes.figure.transFigure, axes.transAxes)  # it may begin left of the axes
        legend = axes.legend(
            loc="lower left", bbox_to_anchor=(0.02, 1.0), bbox_transform=across,
            ncols=_LEGEND_COLUMNS, frameon=False, fontsize=TEXT_POINTS,
            labelcolor=INK, handlelength=0.8, columnspacing=1.2, handletextpad=0.4, borderaxespad=0.6, borderpad=0.0,
            labelspacing=0.25,
        )  # fmt: skip
        legend.set_in_layout(False)
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
    """Each row's name and label are above its bar, so that a long name does not shorten the bar."""
    _prepare(axes, panel.title)
    axes.set_axis_off()
    rows = panel.rows[:ROWS_MAX]
    if not rows:
        _say_nothing(axes, nothing)
        return
    longest = max(length for _, length, _, _ in rows) or 1.0
    for number, (name, length, label, colour) in enumerate(rows):
        short_name = name if len(name) <= NAME_MAX else name[: NAME_MAX - 1].rstrip() + "…"
        axes.text(0.0, number + 0.5, short_name, color=INK, fontsize=TEXT_POINTS)
        axes.text(1.0, number + 0.5, label, color=INK, fontsize=TEXT_POINTS, ha="right")
        axes.barh(number + 0.72, 1.0, height=0.18, color=GRID)
        axes.barh(number + 0.72, length / longest, height=0.18, color=colour)
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(len(rows), 0.0)


def _prepare(axes: Axes, title: str, pad: float = 8) -> None:
    axes.set_title(title, loc="left", fontsize=HEADING_POINTS, fontweight="bold", color=INK, pad=pad)
    axes.tick_params(colors=INK, labelsize=TEXT_POINTS, length=0)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)


def _compact(value: float) -> str:
    """A number at an axis, in a few characters."""
    for step, sign in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= max(step, _COMPACT_FROM):
            return f"{value / step:g}{sign}"
    return f"{value:g}"


def _say_nothing(axes: Axes, nothing: str) -> None:
    axes.yaxis.set_visible(False)
    axes.text(0.5, 0.5, nothing, transform=axes.transAxes, ha="center", va="center", fontsize=TEXT_POINTS, color=QUIET)
