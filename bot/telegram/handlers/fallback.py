"""Answers updates that no other handler matched (unknown commands, stickers, voices, old buttons) with help."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.enums import ContentType
from aiogram.types import CallbackQuery, Message

from bot.telegram.edits import Toast
from bot.telegram.handlers.groups import Once
from bot.translator import Texts

SERVICE = frozenset(
    {
        ContentType.BOOST_ADDED, ContentType.CHANNEL_CHAT_CREATED, ContentType.CHAT_BACKGROUND_SET,
        ContentType.CHAT_OWNER_CHANGED, ContentType.CHAT_OWNER_LEFT, ContentType.CHECKLIST_TASKS_ADDED,
        ContentType.CHECKLIST_TASKS_DONE, ContentType.COMMUNITY_CHAT_ADDED, ContentType.COMMUNITY_CHAT_JOINED,
        ContentType.COMMUNITY_CHAT_REMOVED, ContentType.CONNECTED_WEBSITE, ContentType.DELETE_CHAT_PHOTO,
        ContentType.DIRECT_MESSAGE_PRICE_CHANGED, ContentType.FORUM_TOPIC_CLOSED, ContentType.FORUM_TOPIC_CREATED,
        ContentType.FORUM_TOPIC_EDITED, ContentType.FORUM_TOPIC_REOPENED, ContentType.GENERAL_FORUM_TOPIC_HIDDEN,
        ContentType.GENERAL_FORUM_TOPIC_UNHIDDEN, ContentType.GIFT_UPGRADE_SENT, ContentType.GIVEAWAY_COMPLETED,
        ContentType.GIVEAWAY_CREATED, ContentType.GIVEAWAY_WINNERS, ContentType.GROUP_CHAT_CREATED,
        ContentType.LEFT_CHAT_MEMBER, ContentType.MANAGED_BOT_CREATED, ContentType.MESSAGE_AUTO_DELETE_TIMER_CHANGED,
        ContentType.MIGRATE_FROM_CHAT_ID, ContentType.MIGRATE_TO_CHAT_ID, ContentType.NEW_CHAT_MEMBERS,
        ContentType.NEW_CHAT_PHOTO, ContentType.NEW_CHAT_TITLE, ContentType.PAID_MESSAGE_PRICE_CHANGED,
        ContentType.PINNED_MESSAGE, ContentType.POLL_OPTION_ADDED, ContentType.POLL_OPTION_DELETED,
        ContentType.PROXIMITY_ALERT_TRIGGERED, ContentType.REFUNDED_PAYMENT, ContentType.SUCCESSFUL_PAYMENT,
        ContentType.SUGGESTED_POST_APPROVAL_FAILED, ContentType.SUGGESTED_POST_APPROVED,
        ContentType.SUGGESTED_POST_DECLINED, ContentType.SUGGESTED_POST_PAID, ContentType.SUGGESTED_POST_REFUNDED,
        ContentType.SUPERGROUP_CHAT_CREATED, ContentType.VIDEO_CHAT_ENDED,
        ContentType.VIDEO_CHAT_PARTICIPANTS_INVITED, ContentType.VIDEO_CHAT_SCHEDULED, ContentType.VIDEO_CHAT_STARTED,
        ContentType.WRITE_ACCESS_ALLOWED,
    }
)  # fmt: skip
"""Telegram's service messages ("pinned", "auto-delete timer"), which get no answer. All other kinds do, including those
that Telegram adds later."""


def build() -> Router:
    router = Router(name="fallback")
    once = Once()

    async def explain_content(message: Message, texts: Texts) -> None:
        """Explains what the bot takes; an album of videos is answered once."""
        if message.media_group_id is None or once((message.chat.id, message.media_group_id)):
            await message.reply(texts("unknown-content"))

    router.message.register(explain_command, F.text)
    router.message.register(explain_content, ~F.content_type.in_(SERVICE))
    router.callback_query.register(explain_button)
    return router


async def explain_command(message: Message, texts: Texts) -> None:
    await message.reply(texts("unknown-command"))


async def explain_button(callback: CallbackQuery, texts: Texts) -> Toast:
    return Toast(texts("unknown-press"), alert=True)
