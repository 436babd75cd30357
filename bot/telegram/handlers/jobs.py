"""The buttons under status messages and pictures."""

from __future__ import annotations

from aiogram import Router
from aiogram.types import CallbackQuery, ForceReply, Message

from bot.db.tables import Job, User
from bot.domain import Likeness
from bot.styles import Styles
from bot.telegram.callbacks import JobAction, JobCallback
from bot.telegram.edits import Toast, message_of
from bot.telegram.quotes import cut
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
    JobAction.NO_IMAGE_PROMPT: Change(without_image_prompt=True),
    JobAction.ALONE: Change(alone=True),
    JobAction.VARIATIONS: Change(variations=True),
}
PLACEHOLDER_MAX = 64
"""UTF-16 units that Telegram shows in the empty field of a forced reply."""


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
        case JobAction.REUSE_PROMPT:
            job = await use.find_picture(user.id, job_id)
            if message is not None:
                await _ask_for_prompt(message, texts, use, job, styles[job.style].label(texts.language))
            return None
        case action:
            message_id = None if message is None else message.message_id
            redrawn = await use.redraw(
                user.id, callback.from_user.id, callback.id, job_id, REDRAWS[action], message_id=message_id
            )
            return redrawn_toast(texts, redrawn)


def redrawn_toast(texts: Texts, redrawn: RedrawResult) -> Toast:
    if not redrawn.created:
        return Toast(texts("job-queued-already"))
    if redrawn.pose_lost:
        return Toast(texts("job-queued-any-pose"), alert=True)
    if redrawn.image_prompt_lost:
        return Toast(texts("job-queued-no-image-prompt"), alert=True)
    return Toast(texts("job-queued") if redrawn.count == 1 else texts("job-queued-variations", count=redrawn.count))


async def _ask_for_prompt(message: Message, texts: Texts, use: UseCases, job: Job, style: str) -> None:
    """Asks for another prompt with an empty field for a reply, whose picture has the settings of this one; a tap on the
    quoted prompt copies it."""
    field = ForceReply(input_field_placeholder=cut(job.prompt, PLACEHOLDER_MAX))
    question = await message.reply(texts("job-reuse", prompt=job.prompt, style=style), reply_markup=field)
    await use.note_message(job.id, question_message_id=question.message_id)
