"""/admin itself and its service page: pause, resume, repeat what failed, audit log, files."""

from __future__ import annotations

from aiogram import Bot, F, Router
from aiogram.types import BufferedInputFile, CallbackQuery, Message

from bot.db.usage import BUCKETS
from bot.telegram import admin_views
from bot.telegram.admin_callbacks import DeskAction, DeskCallback
from bot.telegram.admin_views import AdminView, PageSpan
from bot.telegram.edits import ButtonAnswer, Toast, edit_text, message_of
from bot.telegram.handlers.admin.access import admin_router
from bot.telegram.handlers.typed import TypedCommand
from bot.translator import Texts
from bot.usecases import UseCases


def build() -> Router:
    router = admin_router("admin service")
    router.message.register(pause, TypedCommand("admin", magic=F.args == "pause"))
    router.message.register(resume, TypedCommand("admin", magic=F.args == "resume"))
    router.message.register(open_home, TypedCommand("admin", magic=F.args.is_(None)))
    for handler, action in (
        (show_home, DeskAction.HOME),
        (show_service, DeskAction.SERVICE),
        (press_pause, DeskAction.PAUSE),
        (press_resume, DeskAction.RESUME),
        (retry, DeskAction.RETRY),
        (show_audit, DeskAction.AUDIT),
        (send_audit, DeskAction.AUDIT_CSV),
        (send_payments, DeskAction.PAYMENTS_CSV),
    ):
        router.callback_query.register(handler, DeskCallback.filter(F.action == action))
    return router


async def pause(message: Message, texts: Texts, use: UseCases) -> None:
    """Sent again, it shows how much is left to drain."""
    await use.pause_service(message.chat.id)
    usage = await use.read_usage(min(BUCKETS))
    await message.answer(texts("admin-paused", count=usage.running, queue=usage.queued))


async def resume(message: Message, texts: Texts, use: UseCases) -> None:
    resumed = await use.resume_service(message.chat.id)
    await message.answer(texts("admin-resumed") if resumed else texts("admin-not-paused"))


async def open_home(message: Message, texts: Texts, use: UseCases) -> None:
    view = await _home(texts, use)
    await message.answer(view.text, reply_markup=view.keyboard)


async def show_home(callback: CallbackQuery, texts: Texts, use: UseCases) -> None:
    await show(callback, await _home(texts, use))


async def _home(texts: Texts, use: UseCases) -> AdminView:
    return admin_views.home(texts, await use.read_usage(min(BUCKETS)), await use.admin.reviews.count())


async def show_service(callback: CallbackQuery, texts: Texts, use: UseCases) -> None:
    usage = await use.read_usage(min(BUCKETS))
    failed = await use.admin.retry.count()
    await show(callback, admin_views.service(texts, usage, failed, keys_on=use.keys is not None))


async def press_pause(callback: CallbackQuery, texts: Texts, use: UseCases) -> None:
    await use.pause_service(callback.from_user.id)
    await show_service(callback, texts, use)


async def press_resume(callback: CallbackQuery, texts: Texts, use: UseCases) -> None:
    await use.resume_service(callback.from_user.id)
    await show_service(callback, texts, use)


async def retry(callback: CallbackQuery, answer: ButtonAnswer, texts: Texts, use: UseCases) -> Toast:
    """After an outage there may be hundreds."""
    await answer()
    retried = await use.admin.retry(callback.from_user.id)
    await show_service(callback, texts, use)
    return Toast(texts("service-retried", count=retried.queued, skipped=retried.skipped), alert=True)


async def show_audit(callback: CallbackQuery, callback_data: DeskCallback, texts: Texts, use: UseCases) -> None:
    at = max(0, callback_data.at)
    entries, total = await use.admin.audit(at, admin_views.ROWS)
    names = await use.admin.accounts.names([entry.user_id for entry in entries if entry.user_id is not None])
    await show(callback, admin_views.audit_log(texts, entries, PageSpan(at, total), names))


async def send_audit(callback: CallbackQuery, answer: ButtonAnswer, bot: Bot, texts: Texts, use: UseCases) -> None:
    await answer()
    content = await use.admin.export.audit(callback.from_user.id)
    await send_csv(bot, callback, content, "audit.csv", texts("audit-csv-caption"))


async def send_payments(callback: CallbackQuery, answer: ButtonAnswer, bot: Bot, texts: Texts, use: UseCases) -> None:
    await answer()
    content = await use.admin.export.payments(callback.from_user.id)
    await send_csv(bot, callback, content, "payments.csv", texts("payments-csv-caption"))


async def send_csv(bot: Bot, callback: CallbackQuery, content: bytes, name: str, caption: str) -> None:
    await bot.send_document(callback.from_user.id, BufferedInputFile(content, name), caption=caption)


async def show(callback: CallbackQuery, view: AdminView) -> None:
    """Turn the message with the button into this page; a message with a picture, which cannot become one of text, gets
    the page below it."""
    message = message_of(callback)
    if message is None:
        return
    if message.text is None:
        await message.answer(view.text, reply_markup=view.keyboard)
    else:
        await edit_text(message, view.text, view.keyboard)
