"""A picture costs a credit beyond the free quota; what is not delivered costs nothing; invitations pay."""

from __future__ import annotations

import time
from typing import Any

from bot.config import Pace
from bot.db import people
from bot.dispatch.status_messenger import StatusMessenger
from bot.dispatch.status_updater import StatusUpdater
from bot.dispatch.task_sender import TaskSender
from bot.domain import JobState
from bot.telegram.callbacks import JobAction, JobCallback
from tests.keeping_broker import KeepingBroker


async def test_beyond_the_free_picture_credits_are_needed(chat: Any, says: Any) -> None:
    await chat.grant(chat.ben)
    await chat.ben.send_text("in a forest")
    await chat.job(1)
    await chat.ben.send_text("on a beach")
    await chat.ben.wait_for(says("no credits left", "/buy"))
    await chat.boss.send_text(f"/admin grant {chat.ben.user_id} 1")
    await chat.boss.wait_for(says("Added 1 credit"))
    await chat.ben.send_text("on a beach")
    await chat.job(2)
    await chat.ben.send_text("/balance")
    await chat.ben.wait_for(says("today: 0 of 1", "Credits: 0", "in progress: 2"))


async def test_a_cancelled_picture_gives_its_credit_back_at_once(chat: Any, says: Any) -> None:
    await chat.grant(chat.anna)
    await chat.anna.send_text("в лесу")
    job = await chat.job()
    await chat.press(chat.anna, JobCallback(action=JobAction.CANCEL, job_id=job.id))
    await chat.anna.send_text("/balance")
    await chat.anna.wait_for(says("1 из 1", "в работе: 0"))
    await chat.anna.send_text("на пляже")
    await chat.job(2)


async def test_a_failed_picture_gives_its_credit_back_and_again_works(chat: Any, says: Any) -> None:
    await chat.grant(chat.anna)
    await chat.anna.send_text("в лесу")
    job = await chat.job()
    await chat.move(job, JobState.FAILED)
    await chat.press(chat.anna, JobCallback(action=JobAction.AGAIN, job_id=job.id))
    again = await chat.job(2)
    await chat.move(again, JobState.DELIVERED)
    answer = await chat.press(chat.anna, JobCallback(action=JobAction.AGAIN, job_id=job.id))
    assert answer.show_alert and "/buy" in answer.text


async def test_a_prompt_that_waited_for_a_photo_comes_back_when_there_are_no_credits(chat: Any, says: Any) -> None:
    await chat.ready(chat.ben)
    await chat.ben.send_text("in a forest")
    await chat.job()
    photo = (await chat.references())[0]
    async with chat.sessions.begin() as session:
        await session.delete(await session.get_one(type(photo), photo.id))
    await chat.ben.send_text("on a beach")
    await chat.ben.wait_for(says("on a beach"))
    await chat.accept_photo(chat.ben, seed=2)
    await chat.ben.wait_for(says("no credits left", "on a beach"), since=0)
    assert len(await chat.jobs()) == 1


async def test_an_invitation_pays_both_after_the_first_picture(chat: Any, says: Any) -> None:
    await chat.anna.send_text("/invite")
    invitation = await chat.anna.wait_for(says("t.me/", "?start=ref_", "5 кредитов"))
    parameter = invitation.text.partition("?start=")[2].split()[0]
    await chat.ben.send_text(f"/start {parameter}")
    await chat.ben.wait_for(says("A friend invited you", "5 credits"))
    await chat.grant(chat.ben)
    await chat.ben.send_text("in a forest")
    await chat.move(await chat.job(), JobState.DELIVERED)
    credits = chat.use.credits
    await credits.settle()
    assert {user.id for user in await credits.pay_referrals()} == {chat.anna.user_id, chat.ben.user_id}
    for person, text in ((chat.anna, "Кредиты: 5"), (chat.ben, "Credits: 5")):
        await person.send_text("/balance")
        await person.wait_for(says(text))


async def test_an_invitation_of_oneself_or_of_an_old_user_is_void(chat: Any, says: Any) -> None:
    await chat.anna.send_text("/invite")
    invitation = await chat.anna.wait_for(says("?start=ref_"))
    parameter = invitation.text.partition("?start=")[2].split()[0]
    await chat.anna.send_text(f"/start {parameter}")
    await chat.anna.wait_for(says("только для новых"))
    await chat.grant(chat.ben)
    await chat.ben.send_text(f"/start {parameter}")
    await chat.ben.wait_for(says("new users only"))
    await chat.ben.send_text("/start ref_nobody")
    await chat.ben.wait_for(says("new users only"))


async def test_menu_and_help_name_the_commands_of_credits(chat: Any, says: Any) -> None:
    await chat.ben.send_text("/help")
    await chat.ben.wait_for(says("/balance", "/buy", "/invite", "/terms", "/paysupport"))
    await chat.ben.send_text("/language")
    await chat.ben.wait_for(says("Choose a language"))
    await chat.ben.press("English")
    await chat.settled()
    (view,) = [each for each in await chat.control.chats() if each.id == chat.ben.user_id]
    assert {"balance", "buy", "invite", "terms", "paysupport"} <= {command.command for command in view.commands}


async def test_a_picture_of_two_without_the_second_persons_photos_is_called_off_and_costs_nothing(
    chat: Any, says: Any
) -> None:
    """The photos go after the order and before a worker has it."""
    await chat.grant(chat.ben, photos=2)
    await chat.set_worker(alive=True, companion=True)
    first, second = await chat.references()
    async with chat.sessions.begin() as session:
        boris = await people.add(session, chat.ben.user_id)
        current = await people.add(session, chat.ben.user_id)
        for photo, person in ((first, current), (second, boris)):
            (await session.get_one(type(photo), photo.id)).person_id = person.id
    await chat.use.people.together(chat.ben.user_id, boris.id)
    await chat.ben.send_text("two friends in a forest")
    assert (await chat.job()).companion_id == boris.id
    await chat.use.delete_photo(chat.ben.user_id, second.id)
    broker, pace = KeepingBroker(), Pace(alive_s=3600)
    await TaskSender(chat.sessions, broker, chat.styles, chat.signals, pace).step()
    assert broker.requests == []
    view = (StatusMessenger(chat.bot), chat.stage.translator, chat.styles, {}, pace, time.monotonic, lambda: None, {})
    updater = StatusUpdater(chat.sessions, *view)
    await updater.step()
    await updater.finish()
    await chat.ben.wait_for(says("could not draw these two people", "have been deleted"))
    await chat.ben.send_text("/balance")
    await chat.ben.wait_for(says("today: 1 of 1", "in progress: 0"))
