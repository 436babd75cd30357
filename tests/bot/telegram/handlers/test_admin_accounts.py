"""The pages about users: look, limit, ban, access list; and what the users notice of it."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import select, update

from bot.db import users
from bot.db.admin_tables import AccessRule, AuditEntry
from bot.db.tables import Job
from bot.domain import JobState
from bot.telegram.admin_callbacks import AccountAction, AccountCallback, DeskAction, DeskCallback


async def acts(chat: Any) -> list[tuple[str, int | None, str | None]]:
    async with chat.sessions() as session:
        rows = await session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [(row.act, row.user_id, row.subject) for row in rows]


async def open_account(chat: Any, says: Any) -> Any:
    await chat.boss.send_text(f"/admin {chat.ben.user_id}")
    return await chat.boss.wait_for(says("User", str(chat.ben.user_id)))


async def act(chat: Any, action: AccountAction) -> Any:
    return await chat.press(chat.boss, AccountCallback(action=action, user_id=chat.ben.user_id))


async def test_an_admin_finds_a_user_and_reads_no_prompt(chat: Any, says: Any) -> None:
    await chat.grant(chat.ben, style="sketch")
    await chat.ben.send_text("a secret garden")
    job = await chat.job()
    async with chat.sessions.begin() as session:
        await session.execute(update(Job).values(state=JobState.FAILED, failure="refused_prompt"))
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("Administration"))
    await chat.boss.press("Users")
    await chat.boss.wait_for(says("Users: 2", "everybody"))
    await chat.boss.press("Find by ID")
    question = await chat.boss.wait_for(says("Reply with the user's Telegram ID"))
    await chat.boss.send_text("not a number", reply_to=question.id)
    await chat.boss.wait_for(says("This is not a Telegram ID"))
    await chat.boss.send_text(f" {chat.ben.user_id} ", reply_to=question.id)
    page = await chat.boss.wait_for(says(f"User {chat.ben.user_id}"))
    assert "Photos: 1" in page.text and "0 failed, 1 refused" in page.text and "no special rules" in page.text
    assert len(page.button_texts) <= 6
    await chat.boss.press("Requests")
    requests = await chat.boss.wait_for(says("Requests of user", "Pencil sketch", "refused: prompt"))
    assert requests.photo is None
    texts_to_boss = "\n".join(message.text for message in await chat.boss.transcript())
    assert job.prompt not in texts_to_boss
    assert await acts(chat) == [("view-user", chat.ben.user_id, None)]


async def test_a_banned_user_is_kept_out_until_unbanned(chat: Any, says: Any) -> None:
    await chat.grant(chat.ben)
    await chat.ben.send_text("in a forest")
    job = await chat.job()
    await open_account(chat, says)
    await chat.boss.press("Access")
    page = await chat.boss.wait_for(says("Access of user"))
    assert page.button_texts == ["⛔ Ban", "🔢 Daily limit", "➕ Allow", "← Back"]
    await chat.boss.press("Ban")
    await chat.boss.wait_for(says("banned since"))
    assert (await chat.jobs())[0].state == JobState.CANCELLED and job.state == JobState.QUEUED
    for text in ("on a beach", "/start", "/style"):
        await chat.ben.send_text(text)
        await chat.ben.wait_for(says("The operator has blocked you"))
    for text, answer in (("/privacy", "What I store"), ("/help", "How it works")):
        await chat.ben.send_text(text)
        await chat.ben.wait_for(says(answer))
    assert len(await chat.jobs()) == 1
    await chat.boss.press("Unban")
    await chat.boss.wait_for(says("no special rules"))
    await chat.ben.send_text("on a beach")
    await chat.job(2)
    assert [name for name, _, _ in await acts(chat)] == ["view-user", "ban", "unban"]


async def test_a_ban_outlives_the_users_data_without_their_id(chat: Any, says: Any) -> None:
    await chat.grant(chat.ben)
    await open_account(chat, says)
    await act(chat, AccountAction.BAN)
    async with chat.sessions.begin() as session:
        await users.remove(session, chat.ben.user_id)
    async with chat.sessions() as session:
        (rule,) = list(await session.scalars(select(AccessRule)))
    assert rule.user_id is None
    assert [user_id for _, user_id, _ in await acts(chat)] == [None, None]
    await chat.press(chat.boss, DeskCallback(action=DeskAction.BANNED))
    await chat.boss.wait_for(says("Also 1 person who deleted their data"))
    await chat.ben.send_text("/start")
    await chat.ben.wait_for(says("The operator has blocked you"))
    async with chat.sessions() as session:
        (rule,) = list(await session.scalars(select(AccessRule)))
    assert rule.user_id == chat.ben.user_id


async def test_a_daily_limit_counts_pictures_of_the_day(chat: Any, says: Any) -> None:
    await chat.grant(chat.ben)
    await open_account(chat, says)
    await act(chat, AccountAction.LIMIT)
    question = await chat.boss.wait_for(says("Reply with the number of pictures a day"))
    await chat.boss.send_text("many", reply_to=question.id)
    await chat.boss.wait_for(says("Expected a number from 0 to 10,000"))
    await chat.boss.send_text("1", reply_to=question.id)
    await chat.boss.wait_for(says("Daily limit", "1 picture a day"))
    await chat.ben.send_text("in a forest")
    await chat.job(1)
    await chat.ben.send_text("on a beach")
    await chat.ben.wait_for(says("You have reached your limit of 1 picture a day"))
    async with chat.sessions.begin() as session:
        await session.execute(update(Job).values(state=JobState.FAILED, failure="internal"))
    await chat.ben.send_text("on a beach")
    await chat.job(2)
    await chat.boss.send_text("0", reply_to=question.id)
    await chat.boss.wait_for(says("Daily limit", "no special rules"))
    await chat.ben.send_text("in a street")
    await chat.job(3)
    assert [(name, subject) for name, _, subject in await acts(chat)][1:] == [("limit", "1"), ("no-limit", None)]


async def test_two_requests_at_once_do_not_pass_a_limit(chat: Any, says: Any) -> None:
    await chat.grant(chat.ben)
    await chat.use.admin.access.limit(chat.boss.user_id, chat.ben.user_id, 1)
    requests = [
        chat.use.ask_for_picture(chat.ben.user_id, chat.ben.user_id, number, "in a forest") for number in (1, 2)
    ]
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert sum(isinstance(result, Exception) for result in results) == 1
    assert len(await chat.jobs()) == 1


async def test_only_people_on_the_access_list_are_served(chat: Any, says: Any) -> None:
    await chat.grant(chat.ben)
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("Administration"))
    await chat.boss.press("Users")
    await chat.boss.wait_for(says("Served: everybody"))
    await chat.boss.press("Access list")
    await chat.boss.wait_for(says("Access list, 0", "nothing here"))
    await chat.boss.press("Only this list")
    await chat.boss.wait_for(says("only people on the access list"))
    await chat.ben.send_text("in a forest")
    refusal = await chat.ben.wait_for(says("invited people only"))
    assert str(chat.ben.user_id) in refusal.text
    await chat.anna.send_text("/start")
    await chat.anna.wait_for(says("только по приглашениям"))
    await chat.boss.press("Add")
    question = await chat.boss.wait_for(says("Reply with the Telegram ID to add"))
    await chat.boss.send_text(str(chat.ben.user_id), reply_to=question.id)
    await chat.boss.wait_for(says("is on the access list"))
    await chat.ben.send_text("in a forest")
    await chat.job(1)
    await chat.press(chat.boss, DeskCallback(action=DeskAction.OPEN_ACCESS))
    await chat.boss.wait_for(says("Served: everybody", str(chat.ben.user_id)))
    await chat.anna.send_text("/start")
    await chat.anna.wait_for(lambda message: "приглашениям" not in message.text)


async def test_latest_users_are_paged_four_at_a_time(chat: Any, says: Any) -> None:
    async with chat.sessions.begin() as session:
        for number in range(1, 8):
            await users.touch(session, number, "en")
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("Administration"))
    await chat.boss.press("Users")
    await chat.boss.wait_for(says("Users: 8"))
    await chat.boss.press("Latest")
    first = await chat.boss.wait_for(says("1-4 of 8"))
    assert len(first.button_texts) == 6 and first.button_texts[-2:] == ["← Back", "›"]
    await chat.boss.press("›")
    second = await chat.boss.wait_for(says("5-8 of 8"))
    assert second.button_texts[-1] == "‹" and second.id == first.id
