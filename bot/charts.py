"""The usage report as a picture. Pure and blocking: call it in a thread.

matplotlib is imported when the first chart is drawn: every start of the bot would wait for it."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.db.usage import Usage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_INCHES = (10.0, 8.0)
DPI = 128
PAD_INCHES = 0.15
STYLES_MAX = 8
_INK, _QUIET, _GRID = "#1f2933", "#6b7785", "#e4e8ec"
_GREEN, _RED, _GREY, _BLUE, _PALE_BLUE = "#2f9e6e", "#d64545", "#b4bcc6", "#3b7dd8", "#a9c7ef"
_TICKS_MAX = 8


@dataclass(frozen=True)
class ChartWords:
    """The words of the chart, in the operator's language, plain text."""

    title: str
    pictures: str
    delivered: str
    failed: str
    cancelled: str
    open: str
    styles: str
    times: str
    wait_median: str
    wait_p95: str
    drawing_median: str
    drawing_p95: str
    seconds: Callable[[float], str]
    """A duration with its unit."""
    nothing: str


def draw_usage(usage: Usage, style_titles: Sequence[tuple[str, int]], words: ChartWords) -> bytes:
    """A PNG: pictures over time, styles ranked, waiting and drawing times. `style_titles` without emoji."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=PAD_INCHES, h_pad=PAD_INCHES)
    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white", layout=layout)
    FigureCanvasAgg(figure)
    figure.suptitle(words.title, fontsize=19, fontweight="bold", color=_INK, x=0.015, ha="left")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.25, 1.0))[:, 0]
    _draw_pictures(above.add_subplot(), usage, words)
    styles, times = below.subplots(1, 2)
    _draw_styles(styles, style_titles[:STYLES_MAX], words)
    _draw_times(times, usage, words)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _draw_pictures(axes: Axes, usage: Usage, words: ChartWords) -> None:
    from matplotlib.ticker import MaxNLocator

    _prepare(axes, words.pictures)
    buckets = usage.buckets
    floor = [0] * len(buckets)
    for label, colour, counts in (
        (words.delivered, _GREEN, [bucket.delivered for bucket in buckets]),
        (words.open, _PALE_BLUE, [bucket.open for bucket in buckets]),
        (words.cancelled, _GREY, [bucket.cancelled for bucket in buckets]),
        (words.failed, _RED, [bucket.failed for bucket in buckets]),
    ):
        total = sum(counts)
        axes.bar(range(len(buckets)), counts, bottom=floor, color=colour, width=0.82, label=f"{label}: {total}")
        floor = [below + count for below, count in zip(floor, counts, strict=True)]
    step = -(-len(buckets) // _TICKS_MAX)
    ticks = list(range(len(buckets) - 1, -1, -step))[::-1]
    form = "%H:%M" if usage.days == 1 else "%d.%m"
    axes.set_xticks(ticks, [buckets[tick].start.strftime(form) for tick in ticks])
    axes.set_xlim(-0.7, len(buckets) - 0.3)
    axes.set_ylim(0, max(*floor, 4) * 1.08)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.grid(axis="y", color=_GRID)
    axes.set_title(words.pictures, loc="left", fontsize=14, fontweight="bold", color=_INK, pad=36)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, frameon=False, fontsize=12, labelcolor=_INK,
        handlelength=1.0, columnspacing=1.6, handletextpad=0.5, borderaxespad=0.3, borderpad=0.0,
    )  # fmt: skip
    if not any(floor):
        _say_nothing(axes, words)


def _draw_styles(axes: Axes, styles: Sequence[tuple[str, int]], words: ChartWords) -> None:
    _prepare_ranking(axes, words.styles)
    if not styles:
        _say_nothing(axes, words)
        return
    bars = axes.barh([title for title, _ in styles], [count for _, count in styles], color=_BLUE, height=0.66)
    axes.bar_label(bars, padding=6, color=_INK, fontsize=12)
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.set_ylim(max(len(styles), 4) - 0.4, -0.6)


def _draw_times(axes: Axes, usage: Usage, words: ChartWords) -> None:
    _prepare_ranking(axes, words.times)
    measured = (
        (words.wait_median, usage.wait.p50_s, _PALE_BLUE),
        (words.wait_p95, usage.wait.p95_s, _PALE_BLUE),
        (words.drawing_median, usage.drawing.p50_s, _BLUE),
        (words.drawing_p95, usage.drawing.p95_s, _BLUE),
    )
    rows = [(label, seconds, colour) for label, seconds, colour in measured if seconds is not None]
    if not rows:
        _say_nothing(axes, words)
        return
    names, seconds, colours = zip(*rows, strict=True)
    bars = axes.barh(names, seconds, color=colours, height=0.66)
    axes.bar_label(bars, [words.seconds(value) for value in seconds], padding=6, color=_INK, fontsize=12)
    axes.set_ylim(max(len(rows), 4) - 0.4, -0.6)
    axes.margins(x=0.24)


def _prepare(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=14, fontweight="bold", color=_INK, pad=10)
    axes.tick_params(colors=_INK, labelsize=12, length=0)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_GRID)


def _prepare_ranking(axes: Axes, title: str) -> None:
    _prepare(axes, title)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)


def _say_nothing(axes: Axes, words: ChartWords) -> None:
    axes.yaxis.set_visible(False)
    axes.text(0.5, 0.5, words.nothing, transform=axes.transAxes, ha="center", va="center", fontsize=14, color=_QUIET)
