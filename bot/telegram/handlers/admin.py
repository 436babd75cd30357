"""/admin, for the users in ADMIN_IDS; others get the answer to an unknown command."""

from __future__ import annotations

import asyncio

from aiogram import Bot, F, Router
from aiogram.types import BufferedInputFile, CallbackQuery, InputMediaPhoto, Message
from aiogram.types import User as TelegramUser

from bot.charts import ChartWords, draw_usage
from bot.db.usage import BUCKETS, Spread, Usage
from bot.domain import JobState
from bot.styles import Styles
from bot.telegram import keyboards
from bot.telegram.callbacks import AdminCallback
from bot.telegram.edits import ignore_unchanged, message_of
from bot.telegram.handlers.typed import TypedCommand
from bot.translator import Markup, Texts
from bot.usecases import UseCases

STYLES_MAX = 5


def build() -> Router:
    router = Router(name="admin")
    router.message.filter(is_admin)
    router.callback_query.filter(is_admin)
    router.message.register(pause, TypedCommand("admin", magic=F.args == "pause"))
    router.message.register(resume, TypedCommand("admin", magic=F.args == "resume"))
    router.message.register(show_usage, TypedCommand("admin"))
    router.callback_query.register(change_period, AdminCallback.filter(F.days.in_(BUCKETS)))
    return router


def is_admin(event: Message | CallbackQuery, event_from_user: TelegramUser, admin_ids: frozenset[int]) -> bool:
    return event_from_user.id in admin_ids


async def pause(message: Message, event_from_user: TelegramUser, texts: Texts, use: UseCases) -> None:
    """Sent again, it shows how much is left to drain."""
    await use.pause_service(event_from_user.id)
    usage = await use.read_usage(min(BUCKETS))
    await message.answer(texts("admin-paused", count=usage.running, queue=usage.queued))


async def resume(message: Message, texts: Texts, use: UseCases) -> None:
    resumed = await use.resume_service()
    await message.answer(texts("admin-resumed") if resumed else texts("admin-not-paused"))


async def show_usage(message: Message, bot: Bot, texts: Texts, use: UseCases, styles: Styles) -> None:
    days = min(BUCKETS)
    text, chart = await _report(days, texts, use, styles)
    await bot.send_photo(message.chat.id, chart, caption=text, reply_markup=keyboards.usage(texts, days))


async def change_period(
    callback: CallbackQuery, callback_data: AdminCallback, texts: Texts, use: UseCases, styles: Styles
) -> None:
    message = message_of(callback)
    if message is None:
        return
    text, chart = await _report(callback_data.days, texts, use, styles)
    with ignore_unchanged():
        await message.edit_media(
            InputMediaPhoto(media=chart, caption=text), reply_markup=keyboards.usage(texts, callback_data.days)
        )


async def _report(days: int, texts: Texts, use: UseCases, styles: Styles) -> tuple[Markup, BufferedInputFile]:
    usage = await use.read_usage(days)
    titles = [(styles[name].title[texts.language], count) for name, count in usage.styles]
    chart = await asyncio.to_thread(draw_usage, usage, titles, _chart_words(usage, texts))
    return _text(usage, texts, styles), BufferedInputFile(chart, f"usage-{days}d.png")


def _text(usage: Usage, texts: Texts, styles: Styles) -> Markup:
    jobs = {f"{state.value}_jobs": usage.jobs.get(state, 0) for state in JobState}
    rate = usage.success_rate
    ranked = [
        texts("admin-style", style=styles[name].label(texts.language), count=count)
        for name, count in usage.styles[:STYLES_MAX]
    ]
    return texts(
        "admin-usage",
        period=texts("admin-period", days=usage.days),
        users=usage.users,
        new=usage.new_users,
        active=usage.active_users,
        blocked=usage.blocked_users,
        asked=usage.asked,
        **jobs,
        rate="—" if rate is None else texts("admin-percent", share=rate),
        **_times("wait", usage.wait, texts),
        **_times("draw", usage.drawing, texts),
        styles=Markup("\n".join(ranked)) if ranked else texts("admin-nothing"),
        workers=usage.workers_alive,
        queue=usage.queued,
        pause=Markup(f"\n{texts('admin-pause')}") if usage.paused else "",
    )


def _times(name: str, spread: Spread, texts: Texts) -> dict[str, str]:
    return {f"{name}_p50": _seconds(spread.p50_s, texts), f"{name}_p95": _seconds(spread.p95_s, texts)}


def _seconds(value: float | None, texts: Texts) -> str:
    return "—" if value is None else texts("admin-seconds", seconds=value)


def _chart_words(usage: Usage, texts: Texts) -> ChartWords:
    return ChartWords(
        title=texts("chart-title", period=texts("admin-period", days=usage.days)),
        pictures=texts("chart-pictures"),
        delivered=texts("chart-delivered"),
        failed=texts("chart-failed"),
        cancelled=texts("chart-cancelled"),
        open=texts("chart-open"),
        styles=texts("chart-styles"),
        times=texts("chart-times"),
        wait_median=texts("chart-wait-median"),
        wait_p95=texts("chart-wait-p95"),
        drawing_median=texts("chart-drawing-median"),
        drawing_p95=texts("chart-drawing-p95"),
        seconds=lambda value: texts("admin-seconds", seconds=value),
        nothing=texts("admin-nothing"),
    )
