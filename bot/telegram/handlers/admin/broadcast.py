"""Broadcasts: write, try on oneself, choose the recipients, send, stop, go on. `bot.broadcasting` sends them."""

from __future__ import annotations

from aiogram import Bot, F, Router
from aiogram.types import CallbackQuery

from bot.admin_acts import QuestionKind
from bot.broadcasting import send_copy
from bot.db.admin_tables import Broadcast
from bot.db.broadcasts import BroadcastState
from bot.domain import LANGUAGES
from bot.telegram import admin_views
from bot.telegram.admin_callbacks import BroadcastAction, BroadcastCallback, DeskAction, DeskCallback
from bot.telegram.admin_views import AdminView
from bot.telegram.edits import Toast, message_of
from bot.telegram.handlers.admin.access import admin_router
from bot.telegram.handlers.admin.questions import ask
from bot.telegram.handlers.admin.service import show
from bot.telegram.refusals import ApiRefusal, refusals
from bot.translator import Texts
from bot.usecases import UseCases

AUDIENCES = (None, *LANGUAGES)


def build() -> Router:
    router = admin_router("admin broadcast")
    router.callback_query.register(show_latest, DeskCallback.filter(F.action == DeskAction.BROADCAST))
    router.callback_query.register(write, DeskCallback.filter(F.action == DeskAction.WRITE))
    router.callback_query.register(press, BroadcastCallback.filter())
    return router


async def show_latest(callback: CallbackQuery, texts: Texts, use: UseCases, broadcast_per_s: float) -> None:
    await show(callback, await page(texts, use, await use.admin.broadcasts.latest(), broadcast_per_s))


async def page(texts: Texts, use: UseCases, broadcast: Broadcast | None, per_s: float) -> AdminView:
    if broadcast is None or broadcast.state == BroadcastState.DISCARDED:
        return admin_views.no_broadcast(texts)
    if broadcast.state == BroadcastState.DRAFT:
        audience = await use.admin.broadcasts.audience(broadcast.language)
        return admin_views.broadcast_draft(texts, broadcast, audience, per_s)
    return admin_views.broadcast_view(texts, broadcast)


async def write(callback: CallbackQuery, texts: Texts, use: UseCases) -> None:
    await ask(callback, use, texts("broadcast-ask"), QuestionKind.BROADCAST)


async def press(
    callback: CallbackQuery,
    callback_data: BroadcastCallback,
    bot: Bot,
    texts: Texts,
    use: UseCases,
    broadcast_per_s: float,
) -> Toast | None:
    admin_id, broadcast_id, desk = callback.from_user.id, callback_data.broadcast_id, use.admin.broadcasts
    broadcast = await desk.get(broadcast_id)
    if broadcast is None:
        return Toast(texts("broadcast-gone"), alert=True)
    message = message_of(callback)
    toast, done = None, True
    match callback_data.action:
        case BroadcastAction.LANGUAGE:
            following = AUDIENCES[(AUDIENCES.index(broadcast.language) + 1) % len(AUDIENCES)]
            done = await desk.set_language(broadcast_id, following)
        case BroadcastAction.DRY_RUN:
            return await _dry_run(bot, broadcast, admin_id, texts)
        case BroadcastAction.ASK_SEND:
            audience = await desk.audience(broadcast.language)
            await show(callback, admin_views.broadcast_confirm(texts, broadcast, audience))
            return None
        case BroadcastAction.SEND | BroadcastAction.GO_ON:
            done = await desk.start(admin_id, broadcast_id, None if message is None else message.message_id)
        case BroadcastAction.STOP:
            done = await desk.stop(admin_id, broadcast_id)
        case BroadcastAction.DISCARD:
            done = await desk.discard(admin_id, broadcast_id)
    if not done:
        toast = Toast(texts("broadcast-gone"), alert=True)
    await show(callback, await page(texts, use, await desk.get(broadcast_id), broadcast_per_s))
    return toast


async def _dry_run(bot: Bot, broadcast: Broadcast, admin_id: int, texts: Texts) -> Toast:
    """The message, as its recipients would get it, to the admin alone. A message that Telegram does not accept is
    found here."""
    if broadcast.html is None:
        return Toast(texts("broadcast-gone"), alert=True)
    try:
        with refusals():
            await send_copy(bot, broadcast, admin_id)
    except ApiRefusal as refusal:
        return Toast(str(refusal), alert=True)
    return Toast(texts("broadcast-dry-run-done"))
