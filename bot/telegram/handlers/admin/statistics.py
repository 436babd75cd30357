"""The statistics of /admin: a chart with a caption, per period and page, and the figures as a file."""

from __future__ import annotations

import asyncio

from aiogram import Bot, F, Router
from aiogram.types import BufferedInputFile, CallbackQuery, InputMediaPhoto

from bot.charts import draw_chart
from bot.config import HourPrice
from bot.db.usage import BUCKETS
from bot.styles import Styles
from bot.telegram import usage_views
from bot.telegram.admin_callbacks import AdminCallback, DeskAction, DeskCallback
from bot.telegram.edits import ButtonAnswer, ignore_unchanged, message_of
from bot.telegram.handlers.admin.access import admin_router
from bot.telegram.handlers.admin.service import send_csv
from bot.translator import Markup, Texts
from bot.usecases import UseCases
from bot.usecases.admin.exports import USAGE_DAYS


def build() -> Router:
    router = admin_router("admin statistics")
    router.callback_query.register(open_usage, DeskCallback.filter(F.action == DeskAction.STATISTICS))
    router.callback_query.register(send_usage, DeskCallback.filter(F.action == DeskAction.USAGE_CSV))
    router.callback_query.register(turn_page, AdminCallback.filter(F.days.in_(BUCKETS)))
    return router


async def open_usage(
    callback: CallbackQuery,
    answer: ButtonAnswer,
    bot: Bot,
    texts: Texts,
    use: UseCases,
    styles: Styles,
    worker_price: HourPrice | None,
) -> None:
    await answer()
    chosen = AdminCallback(days=min(BUCKETS))
    caption, chart = await _report(chosen, texts, use, styles, worker_price)
    buttons = usage_views.buttons(texts, chosen)
    await bot.send_photo(callback.from_user.id, chart, caption=caption, reply_markup=buttons)


async def turn_page(
    callback: CallbackQuery,
    callback_data: AdminCallback,
    answer: ButtonAnswer,
    texts: Texts,
    use: UseCases,
    styles: Styles,
    worker_price: HourPrice | None,
) -> None:
    await answer()
    message = message_of(callback)
    if message is None:
        return
    caption, chart = await _report(callback_data, texts, use, styles, worker_price)
    with ignore_unchanged():
        await message.edit_media(
            InputMediaPhoto(media=chart, caption=caption), reply_markup=usage_views.buttons(texts, callback_data)
        )


async def _report(
    chosen: AdminCallback, texts: Texts, use: UseCases, styles: Styles, price: HourPrice | None
) -> tuple[Markup, BufferedInputFile]:
    usage = await use.read_usage(chosen.days)
    caption = usage_views.caption(chosen.page, usage, texts, styles, price)
    picture = await asyncio.to_thread(draw_chart, usage_views.chart(chosen.page, usage, texts, styles))
    return caption, BufferedInputFile(picture, f"{chosen.page}-{chosen.days}d.png")


async def send_usage(callback: CallbackQuery, answer: ButtonAnswer, bot: Bot, texts: Texts, use: UseCases) -> None:
    await answer()
    content = await use.admin.export.usage(callback.from_user.id)
    await send_csv(bot, callback, content, "usage.csv", texts("usage-csv-caption", days=USAGE_DAYS))
