"""The commands that Telegram's menu shows, in each language; admins see /admin too."""

from __future__ import annotations

from aiogram import Bot
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
)

from bot.domain import LANGUAGES
from bot.telegram.refusals import ChatGone, suppress_refusals
from bot.translator import DEFAULT_LANGUAGE, Texts, Translator

COMMANDS = (
    "start", "photos", "people", "style", "settings", "gallery", "favourites", "language", "privacy", "export", "help",
)  # fmt: skip
CREDIT_COMMANDS = ("balance", "buy", "invite", "terms", "paysupport")
"""Commands that are shown while credits are on."""
ADMIN_COMMANDS = ("admin",)
DRAW = "draw"
"""The only command in groups, where bots get commands and replies, but mentions only without privacy mode."""


async def publish_commands(
    bot: Bot, translator: Translator, admin_ids: frozenset[int], *, credits_on: bool = False
) -> None:
    """Sets the commands at the start. Raises TelegramAPIError; an admin who never wrote to the bot is skipped."""
    commands = COMMANDS + CREDIT_COMMANDS if credits_on else COMMANDS
    for language in LANGUAGES:
        texts = translator.of(language)
        code = None if language == DEFAULT_LANGUAGE else language
        await bot.set_my_commands(_menu(texts, commands), BotCommandScopeAllPrivateChats(), language_code=code)
        await bot.set_my_commands(_menu(texts, (DRAW,)), BotCommandScopeAllGroupChats(), language_code=code)
        for admin_id in sorted(admin_ids):
            with suppress_refusals(ChatGone):
                await bot.set_my_commands(
                    _menu(texts, commands + ADMIN_COMMANDS), BotCommandScopeChat(chat_id=admin_id), language_code=code
                )


async def publish_for(bot: Bot, texts: Texts, user_id: int, *, is_admin: bool, credits_on: bool = False) -> None:
    """Sets the menu of one user, in the language they chose."""
    credit_commands = CREDIT_COMMANDS if credits_on else ()
    commands = (*COMMANDS, *credit_commands, *(ADMIN_COMMANDS if is_admin else ()))
    for code in (None, *LANGUAGES):
        await bot.set_my_commands(_menu(texts, commands), BotCommandScopeChat(chat_id=user_id), language_code=code)


def _menu(texts: Texts, commands: tuple[str, ...]) -> list[BotCommand]:
    return [BotCommand(command=command, description=texts(f"command-{command}")) for command in commands]
