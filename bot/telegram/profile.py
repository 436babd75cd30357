"""The name and the descriptions that Telegram shows before the first message, in each language."""

from __future__ import annotations

import html

import structlog
from aiogram import Bot
from aiogram.types import MenuButtonDefault, MenuButtonWebApp, WebAppInfo

from bot.domain import LANGUAGES, MINI_APP_PATH
from bot.telegram.refusals import TelegramRefusal, refusals
from bot.translator import DEFAULT_LANGUAGE, Translator

_log = structlog.get_logger(__name__)


async def publish_profile(bot: Bot, translator: Translator, name: str | None) -> None:
    """Updates those texts that differ at Telegram; without `name`, the name set at @BotFather stays. Telegram allows
    few changes of a name per day: a refused change is skipped, and the next start repeats it."""
    for language in LANGUAGES:
        texts = translator.of(language)
        code = None if language == DEFAULT_LANGUAGE else language
        about, brief = html.unescape(texts("bot-description")), html.unescape(texts("bot-short-description"))
        try:
            with refusals():
                if (await bot.get_my_description(code)).description != about:
                    await bot.set_my_description(about, code)
                if (await bot.get_my_short_description(code)).short_description != brief:
                    await bot.set_my_short_description(brief, code)
                if name is not None and (await bot.get_my_name(code)).name != name:
                    await bot.set_my_name(name, code)
        except TelegramRefusal as refusal:
            _log.warning("the profile could not be published", language=language, reason=str(refusal)[:200])


async def publish_menu_button(bot: Bot, translator: Translator, url: str | None) -> None:
    """Sets the button beside the text field, which opens the Mini App at `url`. Without `url`, a button of an earlier
    start is removed, and one that was set in another way stays. The button is the same in all languages."""
    try:
        with refusals():
            current = await bot.get_chat_menu_button()
            before = (current.text, current.web_app.url) if isinstance(current, MenuButtonWebApp) else None
            if url is not None:
                text = html.unescape(translator("mini-app-button", DEFAULT_LANGUAGE))
                if before != (text, url):
                    button = MenuButtonWebApp(text=text, web_app=WebAppInfo(url=url))
                    await bot.set_chat_menu_button(menu_button=button)
            elif before is not None and before[1].endswith(MINI_APP_PATH):
                await bot.set_chat_menu_button(menu_button=MenuButtonDefault())
    except TelegramRefusal as refusal:
        _log.warning("the menu button could not be published", reason=str(refusal)[:200])
