"""Free text: prompts; and edits of messages that were sent before."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.types import Message

from bot.db.tables import User
from bot.prompts import clean
from bot.translator import Texts
from bot.usecases import UseCases
from bot.usecases.pictures import RequestResult

WAITING = {RequestResult.WAITS_FOR_PHOTO: "draft-waits-photo", RequestResult.WAITS_FOR_VERDICT: "draft-waits-verdict"}


def build() -> Router:
    router = Router(name="prompts")
    router.message.register(take_prompt, F.text, ~F.text.startswith("/"))
    router.edited_message.register(explain_edit, F.text | F.caption | F.photo | F.document)
    return router


async def take_prompt(message: Message, user: User, texts: Texts, use: UseCases) -> None:
    await ask_for_picture(message, texts, use, user.id, clean(message.text or ""))


async def ask_for_picture(message: Message, texts: Texts, use: UseCases, user_id: int, prompt: str) -> None:
    """Queues a picture. It needs no answer here: its status message is one."""
    reply_to = None if message.reply_to_message is None else message.reply_to_message.message_id
    result = await use.ask_for_picture(user_id, message.chat.id, message.message_id, prompt, reply_to)
    if result is not RequestResult.QUEUED:
        await message.reply(texts(WAITING[result], prompt=prompt))


async def explain_edit(message: Message, texts: Texts) -> None:
    """Answers edited prompts. Other edits are ignored: a live location is edited every few seconds."""
    await message.reply(texts("prompt-edited"))
