"""The deletion of a picture, for the chat and the Mini App alike: what is kept of it, and the messages that show it."""

from __future__ import annotations

from uuid import UUID

import structlog
from aiogram import Bot

from bot.telegram.edits import take_back_picture
from bot.telegram.refusals import NotNow, TelegramRefusal, TooFast, refusals
from bot.translator import Texts
from bot.usecases import UseCases

_log = structlog.get_logger(__name__)


async def remove_picture(
    bot: Bot, use: UseCases, user_id: int, job_id: UUID, texts: Texts, pressed: tuple[int, int] | None = None
) -> None:
    """Delete the picture, the message in which it was delivered, in a group too, and the message (chat, message) whose
    button was pressed.

    Raises PictureInProgress, PictureGone; TooFast and NotNow, after which the same call does the rest.
    """
    delivered = await use.remove_picture(user_id, job_id)
    for message in dict.fromkeys((pressed, delivered)):
        if message is None:
            continue
        try:
            with refusals():
                await take_back_picture(bot, *message, texts("delete-too-old"))
        except (TooFast, NotNow):
            raise
        except TelegramRefusal as refusal:
            _log.info("the message of a deleted picture stays", job=str(job_id), reason=str(refusal)[:200])
