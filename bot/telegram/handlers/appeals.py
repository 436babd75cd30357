"""Appeals of users against refusals: the question, the case, the notice to admins."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import structlog
from aiogram import Bot, F, Router
from aiogram.types import CallbackQuery

from bot.db.tables import Job, User
from bot.telegram import keyboards
from bot.telegram.account_views import reason_text
from bot.telegram.callbacks import JobAction, JobCallback
from bot.telegram.edits import Toast, edit_buttons, message_of
from bot.telegram.handlers.admin.review import open_button
from bot.telegram.refusals import TelegramRefusal, refusals
from bot.translator import Texts, Translator
from bot.usecases import UseCases
from engine.contract import FailureCode

_log = structlog.get_logger(__name__)


def build() -> Router:
    router = Router(name="appeals")
    router.callback_query.register(ask, JobCallback.filter(F.action == JobAction.APPEAL))
    router.callback_query.register(send, JobCallback.filter(F.action == JobAction.SEND_APPEAL))
    return router


async def ask(callback: CallbackQuery, callback_data: JobCallback, user: User, texts: Texts, use: UseCases) -> Toast:
    job = await use.find_picture(user.id, callback_data.job_id)
    message = message_of(callback)
    if message is not None:
        await edit_buttons(message, keyboards.confirm_appeal(texts, job.id))
    return Toast(texts("appeal-ask"), alert=True)


async def send(
    callback: CallbackQuery,
    callback_data: JobCallback,
    bot: Bot,
    user: User,
    texts: Texts,
    use: UseCases,
    translator: Translator,
    admin_ids: Collection[int],
) -> Toast:
    case_id = await use.appeal(user.id, callback_data.job_id)
    job = await use.find_picture(user.id, callback_data.job_id)
    message = message_of(callback)
    if message is not None:
        again = job.failure == FailureCode.REFUSED_PICTURE
        await edit_buttons(message, keyboards.retry(texts, job.id, again=again))
    if case_id is None:
        return Toast(texts("appeal-known"), alert=True)
    await _notify_admins(bot, job, case_id, translator, admin_ids, use)
    return Toast(texts("appeal-sent"), alert=True)


async def _notify_admins(
    bot: Bot, job: Job, case_id: UUID, translator: Translator, admin_ids: Collection[int], use: UseCases
) -> None:
    """Notifies admins without showing content: an admin who opens the case sees it, and the audit log records that."""
    for admin_id in sorted(admin_ids):
        texts = translator.of(await use.find_language(admin_id))
        text = texts("review-notice-appeal", reason=reason_text(texts, job.failure))
        try:
            with refusals():
                await bot.send_message(admin_id, text, reply_markup=open_button(texts, case_id))
        except TelegramRefusal as refusal:
            _log.warning("an appeal could not be sent", admin=admin_id, reason=str(refusal)[:200])
