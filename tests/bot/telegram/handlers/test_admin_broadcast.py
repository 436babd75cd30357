"""Broadcasts over HTTP: dry run, limits of Telegram, blocked users, stop and resume after a restart."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from bot.broadcasting import Broadcaster
from bot.db import users
from bot.db.admin_tables import AuditEntry, Broadcast
from bot.db.tables import User
from bot.domain import APP_USER_IDS_FROM, CONSENT_VERSION
from bot.telegram.connection import open_bot
from bot.telegram.middlewares import DOUBLE_TAP_S


@pytest_asyncio.fixture(loop_scope="session")
async def sender(chat: Any) -> Any:
    """Sends at once, without pauses between messages."""
    bot = open_bot(chat.api.token, chat.api.url, patient=False)
    yield lambda **pace: Broadcaster(
        bot, chat.sessions, chat.stage.translator, **{"per_s": 1000.0, "network_pause_s": 0.0, **pace}
    )
    await bot.session.close()


async def send_all(broadcaster: Broadcaster) -> int:
    steps = 0
    while await broadcaster.step():
        steps += 1
    return steps


async def write(chat: Any, says: Any, text: str = "Hello, <everybody>") -> Broadcast:
    for person in (chat.anna, chat.ben):
        await chat.grant(person)
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("Administration"))
    await chat.boss.press("Broadcast")
    await chat.boss.wait_for(says("A message to all users"))
    await chat.boss.press("Write")
    question = await chat.boss.wait_for(says("Reply with the message"))
    await chat.boss.send_text(text, reply_to=question.id)
    await chat.boss.wait_for(says("not sent", "Recipients: 2; 0 more"))
    return await stored(chat)


async def stored(chat: Any) -> Broadcast:
    async with chat.sessions() as session:
        return (await session.scalars(select(Broadcast).order_by(Broadcast.id.desc()))).first()


async def texts_of(person: Any) -> list[str]:
    return [message.text for message in await person.transcript() if message.from_bot]


async def test_a_dry_run_reaches_the_admin_alone(chat: Any, says: Any, sender: Any) -> None:
    await write(chat, says)
    answer = await chat.boss.press("Dry run")
    assert "only you" in answer.text
    assert (await texts_of(chat.boss)).count("Hello, <everybody>") == 2, "after writing, and by the dry run"
    assert await sender().step() is False
    for person in (chat.anna, chat.ben):
        assert "Hello, <everybody>" not in await texts_of(person)


async def test_a_broadcast_is_confirmed_sent_and_forgotten(chat: Any, says: Any, sender: Any) -> None:
    await write(chat, says)
    for audience in ("English speakers\nRecipients: 1", "Russian speakers\nRecipients: 1", "everybody\nRecipients: 2"):
        await chat.boss.press("🌐 Recipients")
        await chat.boss.wait_for(says(audience))
        await asyncio.sleep(DOUBLE_TAP_S)
    await chat.boss.press("📣 Send")
    await chat.boss.wait_for(says("Send it to 2 users now?"))
    await chat.boss.press("Yes, send")
    await chat.boss.wait_for(says("being sent", "0 of 2"))
    assert await send_all(sender()) == 3
    for person in (chat.anna, chat.ben):
        assert (await texts_of(person)).count("Hello, <everybody>") == 1
    await chat.boss.wait_for(says(": sent", "2 of 2", "delivered 2"), since=0)
    row = await stored(chat)
    assert (row.html, row.state, row.delivered) == (None, "sent", 2)
    async with chat.sessions() as session:
        entries = [(entry.act, entry.subject) for entry in await session.scalars(select(AuditEntry))]
    assert entries == [("broadcast-write", str(row.id)), ("broadcast-start", str(row.id))]


async def test_telegram_may_ask_to_wait_and_blocked_users_are_counted(chat: Any, says: Any, sender: Any) -> None:
    row = await write(chat, says)
    await chat.use.admin.broadcasts.start(chat.boss.user_id, row.id, None)
    await chat.anna.block()
    await chat.settled()
    async with chat.sessions.begin() as session:  # as if the bot had been away when she blocked it
        await users.set_blocked(session, chat.anna.user_id, False)
    before = len(await chat.control.calls("sendMessage"))
    await chat.control.fail_next("sendMessage", kind="flood", retry_after=1)
    await chat.control.fail_next("sendMessage", kind="server_error")
    assert await send_all(sender()) == 3
    calls = (await chat.control.calls("sendMessage"))[before:]
    assert [call.status for call in calls][:2] == [429, 500]
    assert calls[1].at - calls[0].at >= 1.0, "retry_after is kept"
    row = await stored(chat)
    assert (row.handled, row.delivered, row.unreachable, row.refused) == (2, 1, 1, 0)
    assert (await texts_of(chat.ben)).count("Hello, <everybody>") == 1
    async with chat.sessions() as session:
        anna = await session.get(User, chat.anna.user_id)
        assert anna.blocked_at is not None


@pytest.mark.parametrize(
    ("kind", "arrived"), [("drop", 0), ("drop_after", 1), ("bad_gateway", 0), ("gateway_timeout", 1)]
)
async def test_a_message_whose_answer_is_lost_is_not_sent_again(
    chat: Any, says: Any, sender: Any, kind: Any, arrived: int
) -> None:
    """At most once: nobody can know whether it arrived, and the next one waits until Telegram answers."""
    row = await write(chat, says)
    await chat.use.admin.broadcasts.start(chat.boss.user_id, row.id, None)
    await chat.control.fail_next("sendMessage", kind=kind)
    await chat.control.fail_next("getMe", kind="server_error", times=2)
    calls = len(await chat.control.calls("getMe"))
    await send_all(sender())
    assert len(await chat.control.calls("getMe")) == calls + 3
    row = await stored(chat)
    assert (row.handled, row.delivered, row.refused, row.state) == (2, 1, 0, "sent")
    received = [(await texts_of(person)).count("Hello, <everybody>") for person in (chat.anna, chat.ben)]
    assert sorted(received) == [arrived, 1]
    await chat.boss.wait_for(says(": sent", "unknown 1"), since=0)


async def test_a_message_that_was_certainly_not_sent_is_sent_later(chat: Any, says: Any, sender: Any) -> None:
    row = await write(chat, says)
    await chat.use.admin.broadcasts.start(chat.boss.user_id, row.id, None)
    broadcaster = sender()
    nowhere = open_bot(chat.api.token, "http://127.0.0.1:1", patient=False)
    real_bot, broadcaster._bot = broadcaster._bot, nowhere
    sending = asyncio.create_task(broadcaster.step())
    await asyncio.sleep(0.3)
    assert not sending.done()
    broadcaster._bot = real_bot
    await sending
    await nowhere.session.close()  # not before: a call that is tried again would open another session
    await send_all(broadcaster)
    row = await stored(chat)
    assert (row.handled, row.delivered) == (2, 2)


async def test_a_stopped_broadcast_goes_on_and_a_killed_one_sends_nothing_twice(
    chat: Any, says: Any, sender: Any
) -> None:
    row = await write(chat, says)
    await chat.boss.press("📣 Send")
    await chat.boss.wait_for(says("now?"))
    await chat.boss.press("Yes, send")
    await chat.boss.wait_for(says("being sent"))
    assert await sender().step()
    await chat.boss.press("Stop")
    await chat.boss.wait_for(says("stopped", "1 of 2"))
    assert await sender().step() is False
    await chat.boss.press("Go on")
    await chat.boss.wait_for(says("being sent"))
    killed = sender()

    async def die(*_: object) -> None:
        raise RuntimeError("killed between the database and Telegram")

    killed._send = die
    with pytest.raises(RuntimeError):
        await killed.step()
    await send_all(sender())
    row = await stored(chat)
    assert (row.handled, row.delivered, row.state) == (2, 1, "sent")
    assert (await texts_of(chat.anna)).count("Hello, <everybody>") == 1
    assert (await texts_of(chat.ben)).count("Hello, <everybody>") == 0
    await chat.boss.wait_for(says(": sent", "unknown 1"), since=0)


async def test_only_those_who_agreed_and_are_not_banned_get_it(chat: Any, says: Any, sender: Any) -> None:
    row = await write(chat, says)
    async with chat.sessions.begin() as session:
        await users.touch(session, 1, "en")
        session.add(User(id=APP_USER_IDS_FROM, language="en", consent_version=CONSENT_VERSION))
    await chat.use.admin.access.ban(chat.boss.user_id, chat.anna.user_id)
    await chat.use.admin.broadcasts.start(chat.boss.user_id, row.id, None)
    await send_all(sender())
    row = await stored(chat)
    assert (row.recipients, row.handled, row.delivered) == (1, 1, 1)
