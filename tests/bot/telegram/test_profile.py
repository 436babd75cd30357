"""Name, descriptions and commands, as the bot publishes them at a Bot API server when it starts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiogram import Bot
from aiogram.types import BotCommandScopeAllPrivateChats, MenuButtonWebApp

from bot.domain import LANGUAGES
from bot.local.botapi import ApiControl, LocalBotAPI
from bot.telegram.commands import COMMANDS, publish_commands
from bot.telegram.connection import open_bot
from bot.telegram.profile import publish_menu_button, publish_profile
from bot.translator import Translator

LIMITS = {"bot-description": 512, "bot-short-description": 120}
TRANSLATOR = Translator()


@pytest.fixture
async def api() -> AsyncIterator[LocalBotAPI]:
    async with LocalBotAPI() as api:
        yield api


@pytest.fixture
async def bot(api: LocalBotAPI) -> AsyncIterator[Bot]:
    bot = open_bot(api.token, api.url, patient=False)
    yield bot
    await bot.session.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", LIMITS)
def test_the_texts_are_within_telegrams_limits(key: str, language: str) -> None:
    assert 0 < len(TRANSLATOR(key, language)) <= LIMITS[key]


async def test_a_start_publishes_everything_in_both_languages(bot: Bot) -> None:
    given = (await bot.get_my_name()).name
    await publish_commands(bot, TRANSLATOR, frozenset())
    await publish_profile(bot, TRANSLATOR, None)
    for code, language in ((None, "en"), ("en", "en"), ("ru", "ru"), ("de", "en")):
        assert (await bot.get_my_name(code)).name == given
        assert (await bot.get_my_description(code)).description == TRANSLATOR("bot-description", language)
        brief = await bot.get_my_short_description(code)
        assert brief.short_description == TRANSLATOR("bot-short-description", language)
    scope = BotCommandScopeAllPrivateChats()
    for code, language in ((None, "en"), ("ru", "ru")):
        menu = {item.command: item.description for item in await bot.get_my_commands(scope, code)}
        assert menu == {command: TRANSLATOR(f"command-{command}", language) for command in COMMANDS}


async def test_a_second_start_changes_nothing_and_a_name_of_ones_own_is_used(bot: Bot, api: LocalBotAPI) -> None:
    async with ApiControl(api.url) as control:
        await publish_profile(bot, TRANSLATOR, None)
        await publish_profile(bot, TRANSLATOR, None)
        assert len(await control.calls("setMyDescription")) == len(LANGUAGES)
        await publish_profile(bot, TRANSLATOR, "Studio")
    assert [(await bot.get_my_name(code)).name for code in (None, "ru")] == ["Studio", "Studio"]


async def test_a_name_that_telegram_limits_leaves_the_rest_published(bot: Bot, api: LocalBotAPI) -> None:
    async with ApiControl(api.url) as control:
        await control.fail_next("setMyName", kind="flood", times=2, retry_after=86_400)
        await publish_profile(bot, TRANSLATOR, "Studio")
    for code, language in ((None, "en"), ("ru", "ru")):
        assert (await bot.get_my_description(code)).description == TRANSLATOR("bot-description", language)


async def test_the_menu_button_opens_the_mini_app_while_it_has_an_address(api: LocalBotAPI, bot: Bot) -> None:
    async def changes() -> int:
        async with ApiControl(api.url) as control:
            return len(await control.calls("setChatMenuButton"))

    await publish_menu_button(bot, TRANSLATOR, None)
    assert await changes() == 0
    for _ in range(2):
        await publish_menu_button(bot, TRANSLATOR, "https://bot.example.org/app/")
    button = await bot.get_chat_menu_button()
    assert isinstance(button, MenuButtonWebApp)
    assert (button.web_app.url, await changes()) == ("https://bot.example.org/app/", 1)
    await publish_menu_button(bot, TRANSLATOR, None)
    assert not isinstance(await bot.get_chat_menu_button(), MenuButtonWebApp)
