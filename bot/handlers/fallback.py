"""What nobody else took: unknown commands, stickers, voices, buttons of long ago. Help instead of silence."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.enums import ContentType
from aiogram.types import CallbackQuery, Message

from bot.handlers.groups import Once
from bot.handlers.replies import Toast
from bot.translator import Texts

SENT_BY_PEOPLE = frozenset(
    {
        ContentType.AUDIO, ContentType.CHECKLIST, ContentType.CONTACT, ContentType.DICE, ContentType.GAME,
        ContentType.LOCATION, ContentType.PAID_MEDIA, ContentType.POLL, ContentType.STICKER, ContentType.STORY,
        ContentType.UNKNOWN, ContentType.VENUE, ContentType.VIDEO, ContentType.VIDEO_NOTE, ContentType.VOICE,
    }
)  # fmt: skip
"""Service messages ("pinned", "auto-delete timer") are nobody's words and get no answer."""


def build() -> Router:
    router = Router(name="fallback")
    once = Once()

    async def explain_content(message: Message, texts: Texts) -> None:
        """An album of videos is answered once."""
        if message.media_group_id is None or once((message.chat.id, message.media_group_id)):
            await message.reply(texts("unknown-content"))

    router.message.register(explain_command, F.text)
    router.message.register(explain_content, F.content_type.in_(SENT_BY_PEOPLE))
    router.callback_query.register(explain_button)
    return router


async def explain_command(message: Message, texts: Texts) -> None:
    await message.reply(texts("unknown-command"))


async def explain_button(callback: CallbackQuery, texts: Texts) -> Toast:
    return Toast(texts("unknown-press"), alert=True)
