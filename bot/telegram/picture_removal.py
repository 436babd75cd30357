"""The deletion of a picture, for the chat and the Mini App alike: what is kept of it, and the messages that show it."""

from __future__ import annotations

from collections.abc import Iterable
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
    """Delete the picture and the messages that show it, in an album or a group too, and the message (chat, message)
    whose button was pressed.

    Raises PictureInProgress, PictureGone; TooFast and NotNow, after which the same call does the rest.
    """
    messages = await use.remove_picture(user_id, job_id)
    await take_back(bot, messages if pressed is None else [pressed, *messages], texts)


async def take_back(bot: Bot, messages: Iterable[tuple[int, int]], texts: Texts) -> None:
    """Deletes messages (chat, message) that show a deleted picture. Raises TooFast and NotNow."""
    for chat_id, message_id in dict.fromkeys(messages):
        try:
            with refusals():
                await take_back_picture(bot, chat_id, message_id, texts("delete-too-old"))
        except (TooFast, NotNow):
            raise
        except TelegramRefusal as refusal:
            _log.info("a message of a deleted picture stays", chat=chat_id, reason=str(refusal)[:200])
