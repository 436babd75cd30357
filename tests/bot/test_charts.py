"""The charts for operators are legible with all figures."""

from __future__ import annotations

import io
import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from bot.charts import GREEN, draw_chart, lay_out
from bot.db.usage import BUCKETS, Bucket, Spread, Usage
from bot.styles import load_styles
from bot.telegram import usage_views
from bot.telegram.admin_callbacks import ChartPage
from bot.translator import Translator

TEXTS = Translator().of("ru")
STYLES = load_styles()
PHONE_PX = 340
"""The width at which a phone shows a picture in a chat."""


def usage(days: int, scale: int) -> Usage:
    count = timedelta(days=days) // BUCKETS[days]
    start = datetime(2026, 11, 1, tzinfo=UTC)
    buckets = [
        Bucket(
            start + number * BUCKETS[days],
            delivered=number * scale % 17 * scale,
            failed=number % 3 * scale,
            refused=number % 2 * scale,
            stars=number % 5 * scale,
            wait_s=1.5 * number if scale and number % 4 else None,
        )
        for number in range(count)
    ]
    measured = Spread(4.2, 31.0) if scale else Spread(None, None)
    return Usage(
        days=days, users=12, new_users=3, active_users=4, blocked_users=1, deleted_users=0,
        refusals={"refused_prompt": 9_000 * scale} if scale else {}, failures={"internal": scale} if scale else {},
        rejected_photos={"several_people": 3 * scale} if scale else {},
        funnel=[90 * scale, 80 * scale, 40 * scale, 9, 0],
        wait=measured, drawing=measured, drawing_s=50.0 * scale, payments=scale, refunded_stars=0,
        styles=[("none", 40 * scale), ("gone", 3)] if scale else [], workers_alive=2, queued=3, running=1,
        buckets=buckets,
    )  # fmt: skip


@pytest.mark.parametrize("page", ChartPage)
@pytest.mark.parametrize(("days", "scale"), [(1, 0), (7, 1), (30, 50_000)])
def test_each_chart_is_drawn_for_every_period_and_size_of_figures(page: ChartPage, days: int, scale: int) -> None:
    report = usage(days, scale)
    image = Image.open(io.BytesIO(draw_chart(usage_views.chart(page, report, TEXTS, STYLES))))
    pixels = np.asarray(image.convert("RGB"))
    assert image.format == "PNG" and (image.width, image.height // 1080) in ((1080, 0), (1080, 1)), (
        "Telegram shows higher ones small"
    )
    assert (pixels[:4] == 255).all() and (pixels[:, -4:] == 255).all(), "nothing runs over the edge"
    if page != ChartPage.MONEY:
        colour = tuple(bytes.fromhex(GREEN[1:]))
        green = (pixels == colour).all(axis=2).sum()
        assert (green > 2_000) == (scale > 0), "pictures and new users are green, apart from the legend"


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("page", ChartPage)
@pytest.mark.parametrize(("days", "scale"), [(1, 1), (30, 50_000)])
def test_each_text_is_legible_on_a_phone_and_hides_no_other(
    page: ChartPage, days: int, scale: int, language: str
) -> None:
    figure = lay_out(usage_views.chart(page, usage(days, scale), Translator().of(language), STYLES))
    figure.canvas.draw()
    canvas = figure.bbox
    not_drawn = {
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not axes.axison or not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }
    visible = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    texts = [text for text in visible if text not in not_drawn]
    boxes = {text: text.get_window_extent() for text in texts}
    boxes = {text: box for text, box in boxes.items() if box.width and box.overlaps(canvas)}
    assert len(boxes) > 10
    for text, box in boxes.items():
        shown_px = text.get_fontsize() / 72 * figure.dpi * PHONE_PX / canvas.width
        assert shown_px >= 11, f"{text.get_text()} is {shown_px:.1f} px high"
        assert box.x0 >= 0 and box.x1 <= canvas.width, f"{text.get_text()} runs over the edge"
    for one, other in itertools.combinations(boxes, 2):
        assert not boxes[one].padded(-2).overlaps(boxes[other].padded(-2)), (one.get_text(), other.get_text())


@pytest.mark.parametrize("page", ChartPage)
def test_each_caption_fits_below_a_picture(page: ChartPage) -> None:
    text = usage_views.caption(page, usage(30, 50_000), TEXTS, STYLES, None)
    assert len(text.encode("utf-16-le")) // 2 <= 1024
