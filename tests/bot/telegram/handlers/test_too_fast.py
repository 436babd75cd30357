"""A sender that is too fast gets one notice in their language; no other user notices, and groups get no answer."""

from __future__ import annotations

import time

from bot.local.botapi import ANNA_ID, GROUP_ID, Person
from bot.telegram.intake import MESSAGE_BURST


async def test_messages_beyond_the_allowance_are_dropped_with_one_notice(chat, says):
    begin = time.monotonic()
    await chat.anna.send_text("/help")
    for number in range(3 * MESSAGE_BURST):
        await chat.anna.send_text(f"/unknown{number}")
    await chat.ben.send_text("/help")
    await chat.ben.wait_for(says("/photos"))
    await chat.anna.wait_for(says("Подождите полминуты"))
    answers = await chat.texts_to(chat.anna)
    assert sum("Подождите полминуты" in answer for answer in answers) == 1
    refilled = time.monotonic() - begin + 1
    assert MESSAGE_BURST < len(answers) <= MESSAGE_BURST + refilled + 1, "the burst, what was refilled, the notice"


async def test_presses_count_too_and_the_notice_is_an_alert(chat, says):
    await chat.grant(chat.anna)
    await chat.anna.send_text("в лесу")
    picture = await chat.picture(chat.anna, await chat.job())
    data = picture.buttons[0][0].data
    alerts = []
    for _ in range(3 * MESSAGE_BURST):
        answer = await chat.anna.press_data(picture.id, data, timeout_s=0.5)
        alerts.append(answer.show_alert and "Подождите полминуты" in answer.text)
        if any(alerts):
            break
    assert any(alerts)


async def test_a_group_that_writes_too_fast_hears_nothing(chat):
    async with Person(chat.api.url, ANNA_ID, chat_id=GROUP_ID) as group:
        for number in range(2 * MESSAGE_BURST):
            await group.send_text(f"hello {number}")
        await chat.settled()
        assert [message.text for message in await group.transcript() if "полминуты" in message.text] == []
