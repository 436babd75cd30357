"""The buttons under status messages and pictures."""

from __future__ import annotations

from aiogram import Router
from aiogram.types import CallbackQuery, Message

from bot import keyboards
from bot.callbacks import JobAction, JobCallback
from bot.db.tables import User
from bot.handlers.replies import Toast, rebutton, under
from bot.styles import Styles
from bot.translator import Texts
from bot.usecases.wiring import UseCases


def build() -> Router:
    router = Router(name="jobs")
    router.callback_query.register(press, JobCallback.filter())
    return router


async def press(
    callback: CallbackQuery, callback_data: JobCallback, user: User, texts: Texts, use: UseCases, styles: Styles
) -> Toast | None:
    job_id = callback_data.job_id
    message = under(callback)
    match callback_data.action:
        case JobAction.CANCEL:
            cancelled = await use.cancel_picture(user.id, job_id)
            return Toast(texts("job-cancelled") if cancelled else texts("job-too-late"))
        case JobAction.AGAIN:
            created = await use.redraw(user.id, callback.from_user.id, job_id)
            return Toast(texts("job-in-line") if created else texts("job-in-line-already"))
        case JobAction.OTHER_STYLE:
            job = await use.find_picture(user.id, job_id)
            if message is not None:
                await rebutton(message, keyboards.styles(texts, styles, job.style, job_id))
            return Toast(texts("job-pick-style"))
        case JobAction.BACK:
            if message is not None:
                await rebutton(message, keyboards.picture(texts, job_id))
            return None
        case JobAction.REUSE_PROMPT:
            job = await use.find_picture(user.id, job_id)
            if message is not None:
                await _give_back(message, texts, job.prompt, styles[job.style].label(texts.language))
            return None


async def _give_back(message: Message, texts: Texts, words: str, style: str) -> None:
    """The words in a block that a tap copies, to be changed and sent anew."""
    await message.reply(texts("job-reuse", words=words, style=style))
