"""Users get one notice, in their language, some days before retention deletes them; nobody is deleted without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiogram import Bot
from sqlalchemy import select, update

from bot.db import users
from bot.db.session import Sessions
from bot.db.tables import User
from bot.domain import APP_USER_IDS_FROM, CONSENT_VERSION, RetentionTerms
from bot.local.botapi import ApiControl, LocalBotAPI, Person
from bot.retention import forget_inactive
from bot.retention_notices import RetentionNotices
from bot.role import Role
from bot.telegram.connection import open_bot
from bot.telegram.refusals import TooFast
from bot.translator import Translator

TERMS = RetentionTerms(days=30, notice_days=10)
ANN, BORIS = 11, 12


@dataclass
class Place:
    """A local Bot API server and the bot there."""

    sessions: Sessions
    control: ApiControl
    bot: Bot
    people: dict[int, Person]

    def notices(self) -> RetentionNotices:
        """A new object, as after a restart or in another process."""
        return RetentionNotices(self.bot, self.sessions, Translator(), TERMS, 1000, idle_s=0.1, absence_pause_s=0.1)

    async def set_user(self, user_id: int, silent_days: float, **facts: Any) -> None:
        active_at = datetime.now(UTC) - timedelta(days=silent_days)
        facts = {"active_at": active_at, "consent_version": CONSENT_VERSION, **facts}
        async with self.sessions.begin() as session:
            await session.execute(update(User).where(User.id == user_id).values(**facts))

    async def received(self, user_id: int) -> list[str]:
        return [message.text for message in await self.people[user_id].transcript() if message.from_bot]

    async def left(self) -> set[int]:
        async with self.sessions() as session:
            return set(await session.scalars(select(User.id)))


@pytest.fixture
async def place(sessions: Sessions, rows: Any) -> AsyncIterator[Place]:
    """Ann speaks English and Boris Russian; both have agreed and been silent for 21 days."""
    async with LocalBotAPI() as api, ApiControl(api.url) as control:
        bot = open_bot(api.token, api.url, patient=False)
        async with Person(api.url, ANN) as ann, Person(api.url, BORIS) as boris:
            place = Place(sessions, control, bot, {ANN: ann, BORIS: boris})
            for user_id, name, language in ((ANN, "Ann", "en"), (BORIS, "Борис", "ru")):
                await control.add_user(user_id, name)
                await place.people[user_id].send_text("hello")
                await rows.user(user_id, language=language)
                await place.set_user(user_id, 21)
            yield place
        await bot.session.close()


async def test_the_notice_comes_once_and_in_the_users_language(place: Place) -> None:
    notices = place.notices()
    assert [await notices.step() for _ in range(3)] == [True, True, False]
    assert not await place.notices().step(), "after a restart"
    ((english,), (russian,)) = [await place.received(user_id) for user_id in (ANN, BORIS)]
    assert "In 10 days I will delete" in english and "<b>" not in english
    assert "Через 10 дней" in russian


async def test_who_is_active_blocked_or_never_agreed_gets_none(place: Place, rows: Any) -> None:
    await place.set_user(ANN, 19)
    await place.set_user(BORIS, 21, blocked_at=datetime.now(UTC))
    others = {13: {"consent_version": None}, 14: {}, APP_USER_IDS_FROM: {}}
    for user_id, facts in others.items():
        await rows.user(user_id)
        await place.set_user(user_id, 21, **facts)
    await rows.job(14)
    assert not await place.notices().step()


async def test_nobody_is_deleted_before_the_notice_and_its_days(place: Place, rows: Any) -> None:
    """Also where retention is set up after years. Those who cannot get it are deleted without."""
    await rows.user(13)
    for user_id, facts in ((ANN, {}), (BORIS, {"blocked_at": datetime.now(UTC)}), (13, {"consent_version": None})):
        await place.set_user(user_id, 900, **facts)
    assert await forget_inactive(place.sessions, TERMS) == 2
    assert await place.notices().step()
    assert await forget_inactive(place.sessions, TERMS) == 0
    await place.set_user(ANN, 900, retention_notice_at=datetime.now(UTC) - timedelta(days=10, minutes=1))
    assert await forget_inactive(place.sessions, TERMS) == 1
    assert await place.left() == set()


async def test_a_user_who_comes_back_stays_and_gets_a_notice_again_another_time(place: Place) -> None:
    async with place.sessions.begin() as session:
        await session.execute(update(User).where(User.id == BORIS).values(consent_version=None))
    assert await place.notices().step()
    async with place.sessions.begin() as session:
        await users.touch(session, ANN, "en")
    assert not await place.notices().step()
    earlier = datetime.now(UTC) - timedelta(days=70)
    await place.set_user(ANN, 60, retention_notice_at=earlier)
    assert await forget_inactive(place.sessions, TERMS) == 0, "the earlier notice does not count"
    assert await place.notices().step()
    assert len(await place.received(ANN)) == 2


async def test_of_several_processes_one_sends(place: Place) -> None:
    together = [place.notices() for _ in range(5)]
    assert sum(await asyncio.gather(*(notices.step() for notices in together))) == 2
    assert [len(await place.received(user_id)) for user_id in (ANN, BORIS)] == [1, 1]


async def test_one_that_was_not_sent_is_sent_later_and_one_that_may_have_arrived_is_not(place: Place) -> None:
    await place.control.fail_next("sendMessage", kind="flood", retry_after=1)
    with pytest.raises(TooFast):
        await place.notices().step()
    await place.control.fail_next("sendMessage", kind="gateway_timeout")
    assert [await place.notices().step() for _ in range(3)] == [True, True, False]
    assert [len(await place.received(user_id)) for user_id in (ANN, BORIS)] == [1, 1]


async def test_the_leader_sends_and_waits_for_telegram(place: Place, eventually: Any) -> None:
    role = Role()
    running = asyncio.create_task(place.notices().run(role))
    await place.control.fail_next("sendMessage", kind="server_error")
    await place.control.fail_next("sendMessage", kind="flood", retry_after=1)
    await asyncio.sleep(0.2)
    assert await place.received(ANN) == await place.received(BORIS) == []
    with role.leading():

        async def all_have_one() -> bool:
            return [len(await place.received(user_id)) for user_id in (ANN, BORIS)] == [1, 1]

        await eventually(all_have_one)
    running.cancel()


async def test_who_has_blocked_the_bot_unnoticed_is_marked_and_deleted_when_it_is_time(place: Place) -> None:
    for user_id in (ANN, BORIS):
        await place.set_user(user_id, 31)
    await place.people[ANN].block()
    assert [await place.notices().step() for _ in range(2)] == [True, True]
    assert await forget_inactive(place.sessions, TERMS) == 1
    assert await place.left() == {BORIS}
