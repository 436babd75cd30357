"""The buttons under status messages and pictures."""

from __future__ import annotations

from aiogram import Router
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from bot.db.tables import Job, User
from bot.domain import Likeness, clothes_of, likeness_of
from bot.styles import Styles
from bot.telegram import keyboards
from bot.telegram.callbacks import JobAction, JobCallback
from bot.telegram.edits import Toast, edit_buttons, message_of
from bot.translator import Texts
from bot.usecases import UseCases
from bot.usecases.pictures import AGAIN, Change, RedrawResult
from engine.contract import Clothes

REDRAWS = {
    JobAction.AGAIN: AGAIN,
    JobAction.MORE_FACE: Change(likeness=Likeness.FACE),
    JobAction.MORE_BODY: Change(likeness=Likeness.BODY),
    JobAction.OTHER_CLOTHES: Change(clothes=Clothes.CHANGE),
    JobAction.OWN_CLOTHES: Change(clothes=Clothes.KEEP),
    JobAction.FREE_POSE: Change(free_pose=True),
}


def build() -> Router:
    router = Router(name="jobs")
    router.callback_query.register(press, JobCallback.filter())
    return router


async def press(
    callback: CallbackQuery, callback_data: JobCallback, user: User, texts: Texts, use: UseCases, styles: Styles
) -> Toast | None:
    job_id = callback_data.job_id
    message = message_of(callback)
    match callback_data.action:
        case JobAction.CANCEL:
            cancelled = await use.cancel_picture(user.id, job_id)
            return Toast(texts("job-cancelled") if cancelled else texts("job-too-late"))
        case JobAction.OTHER_STYLE:
            job = await use.find_picture(user.id, job_id)
            if message is not None:
                await edit_buttons(message, keyboards.styles(texts, styles, job.style, job_id))
            return Toast(texts("job-pick-style"))
        case JobAction.BACK:
            if message is not None:
                job = await use.find_picture(user.id, job_id)
                await edit_buttons(message, picture_buttons(texts, styles, job))
            return None
        case JobAction.REUSE_PROMPT:
            job = await use.find_picture(user.id, job_id)
            if message is not None:
                await _give_back(message, texts, job.prompt, styles[job.style].label(texts.language))
            return None
        case action:
            redrawn = await use.redraw(user.id, callback.from_user.id, callback.id, job_id, REDRAWS[action])
            return redrawn_toast(texts, redrawn)


def picture_buttons(texts: Texts, styles: Styles, job: Job) -> InlineKeyboardMarkup:
    """The buttons under a finished picture."""
    settings = styles.settings(job.style, job.settings)
    return keyboards.picture(texts, job.id, likeness_of(settings), clothes_of(settings))


def redrawn_toast(texts: Texts, redrawn: RedrawResult) -> Toast:
    if not redrawn.created:
        return Toast(texts("job-queued-already"))
    return Toast(texts("job-queued-any-pose"), alert=True) if redrawn.pose_lost else Toast(texts("job-queued"))


async def _give_back(message: Message, texts: Texts, prompt: str, style: str) -> None:
    """Sends the prompt in a block that a tap copies, so that the user can change it and send it again."""
    await message.reply(texts("job-reuse", prompt=prompt, style=style))
