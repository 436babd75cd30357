"""The usage chart: a legible picture whatever the figures are."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from bot.charts import ChartWords, draw_usage
from bot.db.usage import BUCKETS, Bucket, Spread, Usage
from bot.domain import JobState

WORDS = ChartWords(
    title="Usage, last 24 hours", pictures="Pictures (UTC)", delivered="delivered", failed="failed",
    cancelled="cancelled", open="in progress", styles="Styles", times="Times", wait_median="waiting, median",
    wait_p95="waiting, 95%", drawing_median="drawing, median", drawing_p95="drawing, 95%",
    seconds=lambda value: f"{value:.1f} s", nothing="nothing yet",
)  # fmt: skip


def usage(days: int, scale: int) -> Usage:
    count = timedelta(days=days) // BUCKETS[days]
    start = datetime(2026, 11, 1, tzinfo=UTC)
    buckets = [
        Bucket(start + number * BUCKETS[days], number * scale % 17 * scale, number % 3 * scale, number % 2 * scale, 0)
        for number in range(count)
    ]
    measured = Spread(4.2, 31.0) if scale else Spread(None, None)
    jobs = {JobState.DELIVERED: 90 * scale, JobState.FAILED: 3 * scale}
    return Usage(days, 12, 3, 4, 1, jobs, measured, measured, [("none", 40)] if scale else [], 2, 3, 1, buckets)


@pytest.mark.parametrize("days", BUCKETS)
@pytest.mark.parametrize("scale", [0, 1, 50_000])
def test_the_chart_is_drawn_for_every_period_and_size_of_figures(days, scale):
    styles = [("Очень длинное название стиля", 90_000 * scale), ("Pop art", 1)] if scale else []
    image = Image.open(io.BytesIO(draw_usage(usage(days, scale), styles, WORDS)))
    pixels = np.asarray(image.convert("RGB"))
    assert image.format == "PNG" and image.width >= 1000 and image.height >= 800
    assert (pixels[:4] == 255).all() and (pixels[:, -4:] == 255).all(), "nothing runs over the edge"
    green = (pixels == (47, 158, 110)).all(axis=2).sum()
    assert (green > 2_000) == (scale > 0), "delivered pictures are green bars, apart from the legend"
