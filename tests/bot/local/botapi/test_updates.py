from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest, TelegramConflictError
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.local.botapi import ANNA_ID, ApiControl, LocalBotAPI, Person

OK = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Fine", callback_data="ok")]])


async def test_updates_come_again_until_an_offset_confirms_them(bot: Bot, anna: Person) -> None:
    await anna.send_text("two")
    await anna.send_text("three")
    first, second, third = await bot.get_updates()
    assert [update.update_id for update in (second, third)] == [first.update_id + 1, first.update_id + 2]
    assert [update.update_id for update in await bot.get_updates(limit=2)] == [first.update_id, second.update_id]
    assert [update.update_id for update in await bot.get_updates(offset=second.update_id)] == [
        second.update_id,
        third.update_id,
    ]
    assert [update.update_id for update in await bot.get_updates(offset=-1)] == [third.update_id]
    assert await bot.get_updates(offset=third.update_id + 1) == []
    assert (await bot.get_webhook_info()).pending_update_count == 0


async def test_a_long_poll_answers_as_soon_as_something_happens(bot: Bot, anna: Person) -> None:
    (start,) = await bot.get_updates()
    polling = asyncio.create_task(bot.get_updates(offset=start.update_id + 1, timeout=20))
    await asyncio.sleep(0.1)
    assert not polling.done()
    await anna.send_text("now")
    (update,) = await asyncio.wait_for(polling, 2)
    assert update.message and update.message.text == "now"


async def test_a_long_poll_ends_empty_after_its_timeout(bot: Bot) -> None:
    started = monotonic()
    assert await bot.get_updates(timeout=1) == []
    assert 0.9 < monotonic() - started < 5


async def test_a_second_poller_ends_the_first_with_a_conflict(bot: Bot, anna: Person) -> None:
    (start,) = await bot.get_updates()
    first = asyncio.create_task(bot.get_updates(offset=start.update_id + 1, timeout=20))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(bot.get_updates(offset=start.update_id + 1, timeout=20))
    with pytest.raises(TelegramConflictError, match="terminated by other getUpdates request"):
        await asyncio.wait_for(first, 2)
    await anna.send_text("for the second")
    assert len(await asyncio.wait_for(second, 2)) == 1


async def test_allowed_updates_filter_what_is_queued_from_then_on(bot: Bot, anna: Person) -> None:
    message = (await anna.transcript())[0]
    await bot.get_updates(offset=-1, allowed_updates=["callback_query", "edited_message"])
    await anna.send_text("unheard")
    await anna.edit_text(message.id, "/help")
    updates = await bot.get_updates()
    assert [update.event_type for update in updates] == ["message", "edited_message"]
    assert updates[-1].edited_message and updates[-1].edited_message.text == "/help"


async def test_dropping_pending_updates(bot: Bot, anna: Person, control: ApiControl) -> None:
    assert await control.pending_updates() == 1
    await bot.delete_webhook(drop_pending_updates=True)
    assert await control.pending_updates() == 0


async def test_an_answer_reaches_the_one_who_pressed_and_only_once(bot: Bot, anna: Person) -> None:
    await bot.send_message(ANNA_ID, "Well?", reply_markup=OK)
    pressing = asyncio.create_task(anna.press("Fine"))
    (update,) = await _after_start(bot)
    query = update.callback_query
    assert query and query.data == "ok" and query.from_user.id == ANNA_ID and query.message
    await bot.answer_callback_query(query.id, "Good!", show_alert=True)
    answer = await pressing
    assert (answer.answered, answer.text, answer.show_alert) == (True, "Good!", True)
    for query_id in (query.id, "12345"):
        with pytest.raises(TelegramBadRequest, match="query is too old and response timeout expired or query ID is"):
            await bot.answer_callback_query(query_id)


async def test_an_answer_has_at_most_200_characters(bot: Bot, anna: Person) -> None:
    with pytest.raises(TelegramBadRequest, match="MESSAGE_TOO_LONG"):
        await bot.answer_callback_query("1", "x" * 201)


async def test_an_answer_after_the_lifetime_is_too_late(connect_bot: Callable[..., Bot]) -> None:
    async with LocalBotAPI(callback_lifetime_s=0.2) as api, Person(api.url, ANNA_ID) as anna:
        bot = connect_bot(api)
        await anna.send_text("/start")
        await bot.send_message(ANNA_ID, "Well?", reply_markup=OK)
        assert not (await anna.press("ok")).answered
        (update,) = await _after_start(bot)
        assert update.callback_query
        with pytest.raises(TelegramBadRequest, match="query is too old"):
            await bot.answer_callback_query(update.callback_query.id)
        await bot.session.close()


async def _after_start(bot: Bot) -> list:  # type: ignore[type-arg]
    (start, *_) = await bot.get_updates()
    return await bot.get_updates(offset=start.update_id + 1, timeout=5)
