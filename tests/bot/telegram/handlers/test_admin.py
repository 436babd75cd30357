"""/admin for operators: statistics and service. That it does not exist for others is in test_admin_gate."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from bot import charts
from bot.db import service, usage, users
from bot.db.tables import ImagePrompt, Job, User
from bot.domain import JobState
from bot.telegram.admin_callbacks import AdminCallback, DeskAction, DeskCallback
from bot.telegram.handlers.admin import statistics
from bot.usecases.admin.exports import ExportTables
from engine.contract import Verdict

PATIENCE_S = 60.0
NOW = datetime.now(UTC)


async def fill(chat, created_at: datetime = NOW - timedelta(days=20)) -> None:
    """Eleven pictures of one user: seven delivered, one failed, one refused, one cancelled, one queued; two of them
    earlier this week."""
    states = [JobState.DELIVERED] * 7 + [JobState.FAILED, JobState.CANCELLED, JobState.QUEUED, JobState.FAILED]
    failures = {7: "internal", 10: "refused_prompt"}
    async with chat.sessions.begin() as session:
        session.add(User(id=1, language="en", active_at=NOW - timedelta(days=3), created_at=created_at))
        await session.flush()
        for number, state in enumerate(states):
            requested_at = NOW - timedelta(minutes=number) - (timedelta(days=2) if number < 2 else timedelta())
            started = requested_at + timedelta(seconds=number) if state == JobState.DELIVERED else None
            session.add(
                Job(
                    idempotency_key=str(number), user_id=1, chat_id=1, reference_ids=[], prompt="x", seed=1,
                    style="sketch" if number % 3 else "none", state=state, created_at=requested_at, started_at=started,
                    seconds=10.0 if started else None, failure=failures.get(number),
                )
            )  # fmt: skip


async def test_the_report_counts_what_happened_in_the_period(chat):
    await fill(chat)
    async with chat.sessions() as session:
        day, week = [await usage.report(session, days, alive_s=8) for days in (1, 7)]
    assert (day.total("asked"), week.total("asked")) == (9, 11)
    assert [day.total(end) for end in ("delivered", "failed", "refused", "cancelled")] == [5, 1, 1, 1]
    assert day.success_rate == 5 / 6
    assert (day.failures, day.refusals) == ({"internal": 1}, {"refused_prompt": 1})
    assert (week.wait.p50_s, week.drawing.p95_s, week.seconds_per_picture) == (3.0, 10.0, 10.0)
    assert (day.active_users, week.active_users, day.users, week.new_users) == (0, 1, 1, 0)
    assert [style for style, _ in week.styles] == ["sketch", "none"]
    assert (week.workers_alive, week.queued) == (1, 1)


async def test_a_deleted_user_leaves_anonymous_counts(chat):
    await fill(chat, created_at=NOW - timedelta(hours=3))
    async with chat.sessions() as session:
        before = await usage.report(session, 7, alive_s=8)
    assert list(before.funnel) == [1, 0, 1, 1, 1]
    async with chat.sessions.begin() as session:
        await users.remove(session, 1)
    async with chat.sessions() as session:
        after = await usage.report(session, 7, alive_s=8)
        assert await session.scalar(select(func.count()).select_from(Job)) == 0
    for field in ("delivered", "failed", "refused"):
        assert after.total(field) == before.total(field)
    assert after.total("cancelled") == before.total("cancelled") + before.total("open")
    assert (after.funnel, after.styles, after.drawing_s) == (before.funnel, before.styles, before.drawing_s)
    assert (after.users, after.deleted_users) == (0, 1)


async def test_rejected_photos_are_counted_before_their_rows_go(chat, says, jpeg):
    await chat.grant(chat.anna)
    chat.stage.verdicts += [Verdict.SEVERAL_PEOPLE]
    await chat.anna.send_photo(jpeg(1))
    await chat.anna.wait_for(says("несколько"))
    await chat.anna.send_document(b"no picture", name="a.jpg")
    await chat.settled()
    async with chat.sessions() as session:
        report = await usage.report(session, 1, alive_s=8)
    assert report.rejected_photos == {"several_people": 1, "not_an_image": 1}


async def test_an_empty_database_has_a_report_too(chat):
    async with chat.sessions() as session:
        for days in usage.BUCKETS:
            report = await usage.report(session, days, alive_s=8)
            assert (report.total("asked"), report.success_rate, report.wait.p50_s) == (0, None, None)
            assert len(report.buckets) == timedelta(days=days) // usage.BUCKETS[days]


async def test_an_admin_sees_the_usage_as_text_and_chart_and_changes_period_and_page(chat, says):
    await fill(chat)
    await chat.boss.send_text("/admin")
    home = await chat.boss.wait_for(says("Administration", "Waiting for review: 0"))
    assert len(home.button_texts) == 6
    await chat.boss.press("Statistics")
    report = await chat.boss.wait_for(lambda message: message.photo is not None, 60)
    for part in (
        "Usage, last 24 hours",
        "delivered 5 · refused 1 · failed 1 · cancelled 1",
        "Success rate: 83%",
        "1 worker running, 1 in the queue",
    ):
        assert part in report.text
    assert report.button_texts == [
        "• 24 h",
        "7 days",
        "30 days",
        "👥 Users",
        "💰 Revenue",
        "📄 CSV",
    ]
    assert report.photo.width >= 900
    await chat.boss.press("7 days")
    week = await chat.boss.wait_for(says("Usage, last 7 days", "delivered 7"), 60)
    assert (week.id, week.button_texts[1]) == (report.id, "• 7 days")
    assert "median 3.0 s" in week.text and "95% within 10.0 s" in week.text
    await chat.boss.press("👥 Users", message_id=week.id)
    await chat.boss.wait_for(says("last 7 days", "Refused: prompt (1)", "Failed: internal fault (1)"), 60)
    await chat.boss.press("💰 Revenue")
    await chat.boss.wait_for(says("Revenue: 0 Stars", "Drawing time per delivered picture: 10.0 s", "0.0069 EUR"), 60)
    await chat.boss.press("CSV")
    table = await chat.boss.wait_for(lambda message: message.document is not None)
    rows = list(csv.DictReader(io.StringIO((await chat.boss.download(table)).decode("utf-8-sig"))))
    assert len(rows) == 90
    assert sum(int(row["delivered"]) for row in rows) == 7 and sum(int(row["refused"]) for row in rows) == 1


@pytest.mark.parametrize("button", [DeskCallback(action=DeskAction.STATISTICS), AdminCallback(days=7)])
async def test_a_button_is_answered_before_its_chart_is_drawn(chat, says, monkeypatch, button):
    begun, may_end = threading.Event(), threading.Event()

    def draw(*chart):
        begun.set()
        assert may_end.wait(PATIENCE_S)
        return charts.draw_chart(*chart)

    monkeypatch.setattr(statistics, "draw_chart", draw)
    await chat.boss.send_text("/help")
    await chat.boss.wait_for(says("/photos"))
    answer = await chat.press(chat.boss, button, under_photo=True)
    assert answer.answered
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    may_end.set()
    await chat.boss.wait_for(lambda message: message.photo is not None and "Usage" in message.text)


async def test_a_fault_after_the_answer_is_a_message(chat, says, monkeypatch):
    def draw(*chart):
        raise RuntimeError("no chart")

    monkeypatch.setattr(statistics, "draw_chart", draw)
    chat.expects_fault = True
    await chat.boss.send_text("/help")
    await chat.boss.wait_for(says("/photos"))
    answer = await chat.press(chat.boss, DeskCallback(action=DeskAction.STATISTICS))
    assert (answer.answered, answer.text) == (True, "")
    await chat.boss.wait_for(lambda message: message.text == chat.texts("en")("error-unexpected"))


@pytest.mark.parametrize(
    ("export", "action"),
    [("usage", DeskAction.USAGE_CSV), ("audit", DeskAction.AUDIT_CSV), ("payments", DeskAction.PAYMENTS_CSV)],
)
async def test_a_button_is_answered_before_its_file_is_made(chat, says, monkeypatch, export, action):
    may_end, make = asyncio.Event(), getattr(ExportTables, export)

    async def wait_and_make(*arguments):
        await may_end.wait()
        return await make(*arguments)

    monkeypatch.setattr(ExportTables, export, wait_and_make)
    await chat.boss.send_text("/help")
    await chat.boss.wait_for(says("/photos"))
    answer = await chat.press(chat.boss, DeskCallback(action=action))
    assert answer.answered
    may_end.set()
    await chat.boss.wait_for(lambda message: message.document is not None)


async def test_without_the_api_there_is_no_page_of_keys(chat, says):
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("Administration"))
    await chat.boss.press("Service")
    service_page = await chat.boss.wait_for(says("Service: works"))
    assert len(service_page.button_texts) == 5 and not service_page.button("API keys")
    answer = await chat.press(chat.boss, DeskCallback(action=DeskAction.KEYS))
    assert answer.text == chat.texts("en")("unknown-press")


async def test_a_made_up_period_is_an_unknown_button(chat, says):
    await chat.boss.send_text("/help")
    await chat.boss.wait_for(says("/photos"))
    answer = await chat.press(chat.boss, AdminCallback(days=10_000))
    assert answer.text == chat.texts("en")("unknown-press")


async def test_an_admin_pauses_the_service_and_resumes_it(chat, says):
    await fill(chat)
    await chat.boss.send_text("/admin resume")
    await chat.boss.wait_for(says("The service is not paused."))
    await chat.boss.send_text("/admin pause")
    await chat.boss.wait_for(says("The service is paused.", "0 pictures are being drawn, 1 in the queue"))
    async with chat.sessions() as session:
        assert await service.is_paused(session)
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("/admin resume ends the pause"))
    await chat.boss.press("Service")
    await chat.boss.wait_for(says("Service: paused"))
    await chat.boss.press("Resume")
    await chat.boss.wait_for(says("Service: works"))
    async with chat.sessions() as session:
        assert not await service.is_paused(session)
    await chat.boss.press("Audit log")
    log = await chat.boss.wait_for(says("Audit log", "paused", "resumed"))
    assert str(chat.boss.user_id) in log.text


async def test_failed_pictures_are_asked_for_again_once(chat, says):
    await chat.grant(chat.ben)
    await chat.ben.send_text("in a forest")
    job = await chat.job()
    facts = {"state": JobState.FAILED, "failure": "internal", "finished_at": func.now(), "closed_at": func.now()}
    async with chat.sessions.begin() as session:
        image_prompt = ImagePrompt(user_id=job.user_id, message_id=1, image=b"a picture")
        session.add(image_prompt)
        await session.flush()
        facts["image_prompt_id"] = image_prompt.id
        await session.execute(update(Job).where(Job.id == job.id).values(**facts))
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("Administration"))
    await chat.boss.press("Service")
    await chat.boss.wait_for(says("not repeated: 1"))
    await chat.boss.press("Repeat failed")
    await chat.boss.wait_for(says("Repeated: 1, not possible: 0"))
    again = await chat.job(2)
    assert (again.prompt, again.seed, again.source_job_id) == (job.prompt, job.seed, job.id)
    assert again.image_prompt_id == image_prompt.id
    await chat.press(chat.boss, DeskCallback(action=DeskAction.RETRY))
    await chat.boss.wait_for(says("Repeated: 0, not possible: 0"))
    assert len(await chat.jobs()) == 2
