"""Review: a picture reaches admins only when it was reported, a prompt also when its refusal was appealed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.db.admin_tables import AuditEntry, ReviewCase
from bot.db.tables import Job
from bot.domain import JobState, ReportReason
from bot.telegram import keyboards
from bot.telegram.admin_callbacks import CaseCallback
from bot.telegram.callbacks import JobAction, JobCallback, ReportCallback


@pytest.fixture(autouse=True)
def one_admin(chat: Any) -> Iterator[None]:
    """One admin in place of the thousands in ADMIN_IDS of the conversations: each of them gets a notice."""
    admin_ids = chat.dispatcher["admin_ids"]
    chat.dispatcher["admin_ids"] = frozenset({chat.boss.user_id})
    yield
    chat.dispatcher["admin_ids"] = admin_ids


async def acts(chat: Any) -> list[str]:
    async with chat.sessions() as session:
        return list(await session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)))


async def report(chat: Any, says: Any) -> Job:
    """Ben reports a picture of his."""
    await chat.grant(chat.ben)
    await chat.ben.send_text("in a forest")
    job = await chat.job()
    await chat.picture(chat.ben, job)
    await chat.press(chat.ben, ReportCallback(reason=ReportReason.OFFENSIVE, job_id=job.id))
    return job


async def refuse(chat: Any, failure: str) -> Job:
    """Refuses a request of Ben's, and sends its message."""
    await chat.grant(chat.ben)
    await chat.ben.send_text("a risky prompt")
    job = await chat.job()
    async with chat.sessions.begin() as session:
        await session.execute(update(Job).values(state=JobState.FAILED, failure=failure))
    buttons = keyboards.retry(chat.texts("en"), job.id, again=False, appeal=True)
    await chat.bot.send_message(chat.ben.user_id, "refused", reply_markup=buttons)
    return job


async def test_a_reported_picture_is_shown_and_deleted(chat: Any, says: Any) -> None:
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("Waiting for review: 0"))
    job = await report(chat, says)
    result_message = await chat.ben.message((await chat.jobs())[0].result_message_id)
    notice = await chat.boss.wait_for(lambda message: message.photo is not None)
    assert notice.button_texts == ["🚩 Open"]
    since = (await chat.control.calls())[-1].at
    await chat.boss.press("Review")
    case = await chat.boss.wait_for(says("Reported picture", "Offensive", "in a forest"))
    methods = [call.method for call in await chat.control.calls() if call.at > since]
    assert methods.index("answerCallbackQuery") < methods.index("sendPhoto")
    assert case.photo is not None
    assert case.button_texts == ["🗑 Delete", "✅ Keep", "👤 User", "⏭ Next", "← Back"]
    answer = await chat.boss.press("🗑 Delete", message_id=case.id)
    assert answer.text == chat.texts("en")("review-decided")
    await chat.boss.wait_for(says("Nothing is waiting for review"))
    await chat.ben.wait_for(says("the operator has removed it"))
    assert result_message.id not in [message.id for message in await chat.ben.transcript()]
    job_after = (await chat.jobs())[0]
    assert (job_after.prompt, job_after.result_file_id, job_after.id) == ("", None, job.id)
    assert await acts(chat) == ["view-case", "report-upheld"]
    answer = await chat.press(chat.boss, _case_data(case, "✅ Keep"), under_photo=True)
    assert "Somebody decided this already" in answer.text


def _case_data(message: Any, button: str) -> Any:
    return CaseCallback.unpack(message.button(button).data)


async def test_a_kept_picture_stays_and_its_user_gets_no_message(chat: Any, says: Any) -> None:
    await report(chat, says)
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("Waiting for review: 1"))
    await chat.boss.press("Review")
    await chat.boss.wait_for(says("Reported picture"))
    texts_before = len(await chat.texts_to(chat.ben))
    await chat.boss.press("✅ Keep")
    await chat.boss.wait_for(says("Nothing is waiting for review"))
    assert len(await chat.texts_to(chat.ben)) == texts_before
    assert (await chat.jobs())[0].result_file_id is not None


async def test_an_appeal_is_decided_and_answered(chat: Any, says: Any) -> None:
    await chat.boss.send_text("/help")
    await chat.boss.wait_for(says("/photos"))
    job = await refuse(chat, "refused_prompt")
    answer = await chat.ben.press("Appeal")
    assert answer.show_alert and "The operator will see your prompt" in answer.text
    answer = await chat.ben.press("Send appeal")
    assert "Thank you" in answer.text
    notice = await chat.boss.wait_for(says("A user appeals against a refusal"))
    assert job.prompt not in notice.text, "the notice has no content: the audit log says which admin opened the case"
    await chat.boss.press("Open")
    case = await chat.boss.wait_for(says("Appeal against a refusal: prompt", "a risky prompt"))
    assert case.photo is None, "a refused prompt shows no photo of the user"
    await chat.boss.press("Refusal was wrong")
    await chat.ben.wait_for(says("this refusal was a mistake"))
    assert await acts(chat) == ["view-case", "appeal-upheld"]
    answer = await chat.press(chat.ben, JobCallback(action=JobAction.SEND_APPEAL, job_id=job.id))
    assert "appealed already" in answer.text


async def test_the_photos_are_shown_where_a_photo_was_refused(chat: Any, says: Any) -> None:
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("Administration"))
    await refuse(chat, "refused_photo")
    await chat.ben.press("Appeal")
    await chat.ben.press("Send appeal")
    await chat.boss.wait_for(says("A user appeals"))
    await chat.boss.press("Open")
    await chat.boss.wait_for(lambda message: message.photo is not None)
    await chat.boss.wait_for(says("Appeal against a refusal: photo", "are above"))
    await chat.boss.press("Refusal stands")
    await chat.ben.wait_for(says("the refusal stands"))


async def test_only_a_refused_request_of_ones_own_can_be_appealed(chat: Any, says: Any) -> None:
    job = await refuse(chat, "internal")
    answer = await chat.press(chat.ben, JobCallback(action=JobAction.SEND_APPEAL, job_id=job.id))
    assert answer.show_alert and "Thank you" not in answer.text
    await chat.grant(chat.anna)
    answer = await chat.press(chat.anna, JobCallback(action=JobAction.SEND_APPEAL, job_id=job.id))
    assert answer.show_alert
    async with chat.sessions() as session:
        assert list(await session.scalars(select(ReviewCase))) == []
