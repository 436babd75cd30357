"""The statistics of /admin: captions, and the data of the charts. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from aiogram.types import InlineKeyboardMarkup

from bot.charts import BLUE, GREEN, GREY, ORANGE, PALE_BLUE, RED, Chart, Ranking, Series, Timeline
from bot.config import HourPrice
from bot.db.usage import BUCKETS, FUNNEL, Spread, Usage
from bot.styles import Styles
from bot.telegram.account_views import reason_text
from bot.telegram.admin_callbacks import AdminCallback, ChartPage, DeskAction
from bot.telegram.admin_views import button, desk_button, keyboard
from bot.translator import Markup, Texts
from engine.contract import Verdict

STYLES_MAX = 5
VERDICTS = (frozenset(Verdict) - {Verdict.ACCEPTED}) | {
    "not_an_image", "truncated", "file_too_big", "too_many_pixels", "too_costly", "too_long", "animated", "not_fetched",
    "known", "too_many",
}  # fmt: skip


def buttons(texts: Texts, chosen: AdminCallback) -> InlineKeyboardMarkup:
    """The buttons for the periods, the two other pages and the file."""
    periods = [
        button(
            ("• " if days == chosen.days else "") + texts("admin-days-button", days=days),
            AdminCallback(days=days, page=chosen.page),
        )
        for days in BUCKETS
    ]
    keys = {
        ChartPage.PICTURES: "usage-page-pictures-button",
        ChartPage.PEOPLE: "usage-page-people-button",
        ChartPage.MONEY: "usage-page-money-button",
    }
    pages = [
        button(texts(key), AdminCallback(days=chosen.days, page=page))
        for page, key in keys.items()
        if page != chosen.page
    ]
    return keyboard(periods, pages, [desk_button(texts, "usage-csv-button", DeskAction.USAGE_CSV)])


def caption(page: ChartPage, usage: Usage, texts: Texts, styles: Styles, price: HourPrice | None) -> Markup:
    match page:
        case ChartPage.PICTURES:
            return _pictures_caption(usage, texts, styles)
        case ChartPage.PEOPLE:
            return texts(
                "admin-usage-people",
                period=_period(usage, texts),
                funnel=_joined([
                    texts("admin-step", step=texts(f"funnel-{step}"), number=number)
                    for step, number in zip(FUNNEL, usage.funnel, strict=True)
                ], " → ", texts),
                refusals=_tallies(usage.refusals, texts),
                failures=_tallies(usage.failures, texts),
                rejected=_verdicts(usage, texts),
            )  # fmt: skip
        case ChartPage.MONEY:
            per_picture = usage.seconds_per_picture
            return texts(
                "admin-usage-money",
                period=_period(usage, texts),
                revenue=texts("stars-count", stars=usage.total("stars")),
                payments=usage.payments,
                refunded=texts("stars-count", stars=usage.refunded_stars),
                drawing=_seconds(per_picture, texts),
                cost=_cost(per_picture, price, texts),
                **_times("wait", usage.wait, texts),
            )


def _pictures_caption(usage: Usage, texts: Texts, styles: Styles) -> Markup:
    rate = usage.success_rate
    ranked = [
        texts("admin-style", style=styles[name].label(texts.language), count=count)
        for name, count in usage.styles[:STYLES_MAX]
    ]
    return texts(
        "admin-usage",
        period=_period(usage, texts),
        users=usage.users,
        new=usage.new_users,
        active=usage.active_users,
        blocked=usage.blocked_users,
        deleted=usage.deleted_users,
        asked=usage.total("asked"),
        delivered=usage.total("delivered"),
        refused=usage.total("refused"),
        failed=usage.total("failed"),
        cancelled=usage.total("cancelled"),
        open=usage.total("open"),
        rate="—" if rate is None else texts("admin-percent", share=rate),
        **_times("wait", usage.wait, texts),
        **_times("draw", usage.drawing, texts),
        styles=Markup("\n".join(ranked)) if ranked else texts("admin-nothing"),
        workers=usage.workers_alive,
        queue=usage.queued,
        pause=Markup(f"\n{texts('admin-pause')}") if usage.paused else "",
    )


def _cost(seconds: float | None, price: HourPrice | None, texts: Texts) -> Markup | str:
    if price is None:
        return texts("admin-no-price")
    if seconds is None:
        return "—"
    return texts("admin-price", amount=seconds / 3600 * price.amount, currency=price.currency)


def _tallies(counts: Mapping[str, int], texts: Texts) -> Markup:
    rows = [texts("admin-tally", label=reason_text(texts, reason), number=count) for reason, count in counts.items()]
    return _joined(rows, ", ", texts)


def _verdicts(usage: Usage, texts: Texts) -> Markup:
    rows = [
        texts("admin-tally", label=_verdict(verdict, texts), number=count)
        for verdict, count in usage.rejected_photos.items()
    ]
    return _joined(rows, ", ", texts)


def _verdict(verdict: str, texts: Texts) -> Markup:
    return texts(f"verdict-{verdict if verdict in VERDICTS else 'unknown'}")


def _joined(rows: list[Markup], between: str, texts: Texts) -> Markup:
    return Markup(between.join(rows)) if rows else texts("admin-nothing")


def _period(usage: Usage, texts: Texts) -> Markup:
    return texts("admin-period", days=usage.days)


def _times(name: str, spread: Spread, texts: Texts) -> dict[str, str]:
    return {f"{name}_p50": _seconds(spread.p50_s, texts), f"{name}_p95": _seconds(spread.p95_s, texts)}


def _seconds(value: float | None, texts: Texts) -> str:
    return "—" if value is None else texts("admin-seconds", seconds=value)


def chart(page: ChartPage, usage: Usage, texts: Texts, styles: Styles) -> Chart:
    match page:
        case ChartPage.PICTURES:
            return _pictures_chart(usage, texts, styles)
        case ChartPage.PEOPLE:
            return _people_chart(usage, texts)
        case ChartPage.MONEY:
            return _money_chart(usage, texts)


def _pictures_chart(usage: Usage, texts: Texts, styles: Styles) -> Chart:
    def series(key: str, colour: str, field: str) -> Series:
        counts = [float(getattr(bucket, field)) for bucket in usage.buckets]
        return Series(f"{texts(key)}: {usage.total(field)}", colour, counts)

    pictures = Timeline(
        title=texts("chart-pictures"),
        starts=[bucket.start for bucket in usage.buckets],
        days=usage.days,
        series=(
            series("chart-delivered", GREEN, "delivered"),
            series("chart-open", PALE_BLUE, "open"),
            series("chart-cancelled", GREY, "cancelled"),
            series("chart-refused", ORANGE, "refused"),
            series("chart-failed", RED, "failed"),
        ),
    )
    used = [(styles[name].title[texts.language], float(count), str(count), BLUE) for name, count in usage.styles]
    times = (
        ("chart-wait-median", usage.wait.p50_s, PALE_BLUE),
        ("chart-wait-p95", usage.wait.p95_s, PALE_BLUE),
        ("chart-drawing-median", usage.drawing.p50_s, BLUE),
        ("chart-drawing-p95", usage.drawing.p95_s, BLUE),
    )
    measured = [
        (texts(key), seconds, _seconds(seconds, texts), colour) for key, seconds, colour in times if seconds is not None
    ]
    return Chart(
        title=texts("chart-title", period=_period(usage, texts)),
        panels=(pictures, Ranking(texts("chart-styles"), used), Ranking(texts("chart-times"), measured)),
        nothing=texts("admin-nothing"),
    )


def _people_chart(usage: Usage, texts: Texts) -> Chart:
    came = usage.funnel[0]
    steps = [
        (
            texts(f"funnel-{step}"),
            float(number),
            f"{number} ({texts('admin-percent', share=number / came)})",
            GREEN,
        )
        for step, number in zip(FUNNEL, usage.funnel, strict=True)
        if came
    ]
    ends = [
        *((reason_text(texts, reason), float(n), str(n), ORANGE) for reason, n in usage.refusals.items()),
        *((reason_text(texts, reason), float(n), str(n), RED) for reason, n in usage.failures.items()),
    ]
    rejected = [(_verdict(verdict, texts), float(n), str(n), GREY) for verdict, n in usage.rejected_photos.items()]
    return Chart(
        title=texts("chart-title-people", period=_period(usage, texts)),
        panels=(
            Ranking(texts("chart-funnel"), steps),
            Ranking(texts("chart-refusals"), ends),
            Ranking(texts("chart-rejected"), rejected),
        ),
        nothing=texts("admin-nothing"),
    )


def _money_chart(usage: Usage, texts: Texts) -> Chart:
    starts = [bucket.start for bucket in usage.buckets]
    stars = Series("", ORANGE, [float(bucket.stars) for bucket in usage.buckets])
    waits = Series("", BLUE, [bucket.wait_s for bucket in usage.buckets])
    per_picture = usage.seconds_per_picture
    drawing = []
    if per_picture is not None:
        label = _seconds(per_picture, texts)
        drawing.append((str(texts("chart-per-picture-drawing")), per_picture, label, BLUE))
    return Chart(
        title=texts("chart-title-money", period=_period(usage, texts)),
        panels=(
            Timeline(texts("chart-stars"), starts, usage.days, (stars,)),
            Timeline(texts("chart-wait"), starts, usage.days, (waits,), lines=True, whole=False),
            Ranking(texts("chart-per-picture"), drawing),
        ),
        nothing=texts("admin-nothing"),
    )
