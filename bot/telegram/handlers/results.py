"""Buttons under a picture: favourite, file, report, delete, second page, open. jobs.py has those that draw again."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import structlog
from aiogram import Bot, F, Router
from aiogram.types import BufferedInputFile, CallbackQuery, InlineKeyboardMarkup, ReplyParameters

from bot.db.tables import Job, User
from bot.domain import clothes_of, likeness_of
from bot.styles import Styles
from bot.telegram import keyboards
from bot.telegram.callbacks import JobAction, JobCallback, ReportCallback
from bot.telegram.captions import caption
from bot.telegram.edits import ButtonAnswer, Toast, edit_buttons, message_of
from bot.telegram.handlers.admin.review import open_button
from bot.telegram.picture_removal import remove_picture
from bot.telegram.quotes import quoted
from bot.telegram.refusals import TelegramRefusal, refusals
from bot.translator import Texts, Translator
from bot.usecases import UseCases

REPORTED_PROMPT_MAX = 700
_log = structlog.get_logger(__name__)


def build() -> Router:
    router = Router(name="results")
    for action, handler in (
        (JobAction.BACK, show_first_page),
        (JobAction.MORE, show_more),
        (JobAction.FAVOURITE, set_favourite),
        (JobAction.NO_FAVOURITE, set_favourite),
        (JobAction.FILE, send_file),
        (JobAction.REPORT, ask_reason),
        (JobAction.ASK_DELETE, ask_delete),
        (JobAction.DELETE, delete),
        (JobAction.OPEN, open_picture),
    ):
        router.callback_query.register(handler, JobCallback.filter(F.action == action))
    router.callback_query.register(report, ReportCallback.filter())
    return router


def first_page(texts: Texts, job: Job) -> InlineKeyboardMarkup:
    """The buttons under a finished picture."""
    return keyboards.picture(texts, job.id, favourite=job.favourite_at is not None)


async def show_first_page(
    callback: CallbackQuery, callback_data: JobCallback, user: User, texts: Texts, use: UseCases
) -> None:
    job = await use.find_picture(user.id, callback_data.job_id)
    await _edit_buttons(callback, first_page(texts, job))


async def show_more(
    callback: CallbackQuery, callback_data: JobCallback, user: User, texts: Texts, use: UseCases, styles: Styles
) -> None:
    job = await use.find_picture(user.id, callback_data.job_id)
    settings = styles.settings(job.style, job.settings)
    taken = await use.image_prompts.offered()
    buttons = keyboards.more(texts, job.id, likeness_of(settings), clothes_of(settings), image_prompts=taken)
    await _edit_buttons(callback, buttons)


async def set_favourite(
    callback: CallbackQuery, callback_data: JobCallback, user: User, texts: Texts, use: UseCases
) -> Toast:
    favourite = callback_data.action == JobAction.FAVOURITE
    job = await use.set_favourite(user.id, callback_data.job_id, favourite=favourite)
    await _edit_buttons(callback, first_page(texts, job))
    return Toast(texts("favourite-added") if favourite else texts("favourite-removed"))


async def send_file(
    callback: CallbackQuery,
    callback_data: JobCallback,
    answer: ButtonAnswer,
    bot: Bot,
    user: User,
    texts: Texts,
    use: UseCases,
) -> Toast | None:
    """Sends the PNG as a document: Telegram removes the marks of a photo and keeps those of a document."""
    original = await use.take_original(user.id, callback_data.job_id)
    content: str | BufferedInputFile
    if original.file_id is not None:
        content = original.file_id
    elif original.png is not None:
        content = BufferedInputFile(original.png, f"bolid-{original.job.seed}.png")
    else:
        return Toast(texts("file-gone", seed=str(original.job.seed)), alert=True)
    await answer()
    reply = None
    if callback.message is not None:
        reply = ReplyParameters(message_id=callback.message.message_id, allow_sending_without_reply=True)
    sent = await bot.send_document(
        user.id,
        content,
        caption=texts("file-caption"),
        reply_parameters=reply,
    )
    if sent.document is not None:
        await use.take_original.settle(original.job.id, sent.document.file_id, sent.message_id)
    return None


async def ask_reason(
    callback: CallbackQuery, callback_data: JobCallback, user: User, texts: Texts, use: UseCases
) -> Toast:
    job = await use.find_picture(user.id, callback_data.job_id)
    await _edit_buttons(callback, keyboards.report(texts, job.id))
    return Toast(texts("report-ask"), alert=True)


async def report(
    callback: CallbackQuery,
    callback_data: ReportCallback,
    bot: Bot,
    user: User,
    texts: Texts,
    use: UseCases,
    translator: Translator,
    admin_ids: Collection[int],
) -> Toast:
    job, case_id = await use.report_picture(user.id, callback_data.job_id, callback_data.reason)
    await _edit_buttons(callback, first_page(texts, job))
    if case_id is None:
        return Toast(texts("report-known"))
    await _notify_admins(bot, job, case_id, callback_data.reason, translator, admin_ids, use)
    return Toast(texts("report-sent"), alert=True)


async def _notify_admins(
    bot: Bot, job: Job, case_id: UUID, reason: str, translator: Translator, admin_ids: Collection[int], use: UseCases
) -> None:
    """Sends admins the picture and its prompt, as the report text says to the user. Admins who never wrote to the
    bot get no notice."""
    for admin_id in sorted(admin_ids):
        texts = translator.of(await use.find_language(admin_id))
        text = texts(
            "report-notice",
            reason=texts(f"report-{reason}-button"),
            job=str(job.id),
            user=str(job.user_id),
            prompt=quoted(texts, job.prompt, REPORTED_PROMPT_MAX),
        )
        buttons = open_button(texts, case_id)
        try:
            with refusals():
                if job.result_file_id is not None:
                    await bot.send_photo(admin_id, job.result_file_id, caption=text, reply_markup=buttons)
                else:
                    await bot.send_message(admin_id, text, reply_markup=buttons)
        except TelegramRefusal as refusal:
            _log.warning("a report could not be sent", admin=admin_id, reason=str(refusal)[:200])


async def ask_delete(
    callback: CallbackQuery, callback_data: JobCallback, user: User, texts: Texts, use: UseCases
) -> Toast:
    job = await use.find_picture(user.id, callback_data.job_id)
    await _edit_buttons(callback, keyboards.confirm_delete(texts, job.id))
    return Toast(texts("delete-ask"))


async def delete(
    callback: CallbackQuery, callback_data: JobCallback, bot: Bot, user: User, texts: Texts, use: UseCases
) -> Toast:
    message = message_of(callback)
    pressed = None if message is None else (message.chat.id, message.message_id)
    await remove_picture(bot, use, user.id, callback_data.job_id, texts, pressed)
    return Toast(texts("delete-done"))


async def open_picture(
    callback: CallbackQuery,
    callback_data: JobCallback,
    bot: Bot,
    user: User,
    texts: Texts,
    use: UseCases,
    styles: Styles,
) -> Toast | None:
    """Sends the picture as a new message with all its buttons."""
    job = await use.find_picture(user.id, callback_data.job_id)
    if job.result_file_id is None:
        return Toast(texts("error-picture-gone"), alert=True)
    sent = await bot.send_photo(
        user.id, job.result_file_id, caption=caption(job, texts, styles), reply_markup=first_page(texts, job)
    )
    await use.note_message(job.id, result_message_id=sent.message_id)
    return None


async def _edit_buttons(callback: CallbackQuery, buttons: InlineKeyboardMarkup) -> None:
    message = message_of(callback)
    if message is not None:
        await edit_buttons(message, buttons)
