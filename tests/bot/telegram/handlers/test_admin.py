"""/admin for operators; that it does not exist for others is in test_unknown_input."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.db import service, usage
from bot.db.tables import Job, User
from bot.domain import JobState
from bot.telegram.admin_callbacks import AdminCallback

NOW = datetime.now(UTC)


async def fill(chat) -> None:
    """Ten pictures of one user: seven delivered, one failed, one cancelled, one queued; two of them last week."""
    states = [JobState.DELIVERED] * 7 + [JobState.FAILED, JobState.CANCELLED, JobState.QUEUED]
    async with chat.sessions.begin() as session:
        session.add(User(id=1, language="en", active_at=NOW - timedelta(days=3), created_at=NOW - timedelta(days=20)))
        await session.flush()
        for number, state in enumerate(states):
            asked = NOW - timedelta(minutes=number) - (timedelta(days=2) if number < 2 else timedelta())
            started = asked + timedelta(seconds=number) if state == JobState.DELIVERED else None
            session.add(
                Job(
                    idempotency_key=str(number), user_id=1, chat_id=1, reference_ids=[], prompt="x", seed=1,
                    style="sketch" if number % 3 else "none", state=state, created_at=asked, started_at=started,
                    seconds=10.0 if started else None,
                )
            )  # fmt: skip


async def test_the_report_counts_what_happened_in_the_period(chat):
    await fill(chat)
    async with chat.sessions() as session:
        day, week = [await usage.report(session, days, alive_s=8) for days in (1, 7)]
    assert (day.asked, week.asked) == (8, 10)
    assert (day.jobs[JobState.DELIVERED], day.jobs[JobState.FAILED], day.jobs[JobState.CANCELLED]) == (5, 1, 1)
    assert day.success_rate == 5 / 6
    assert (week.wait.p50_s, week.drawing.p95_s) == (3.0, 10.0)
    assert (day.active_users, week.active_users, day.users, week.new_users) == (0, 1, 1, 0)
    assert [style for style, _ in week.styles] == ["sketch", "none"]
    assert (week.workers_alive, week.queued) == (1, 1)
    for report in (day, week):
        assert sum(b.delivered + b.failed + b.cancelled + b.open for b in report.buckets) == report.asked


async def test_an_empty_database_has_a_report_too(chat):
    async with chat.sessions() as session:
        for days in usage.BUCKETS:
            report = await usage.report(session, days, alive_s=8)
            assert (report.asked, report.success_rate, report.wait.p50_s) == (0, None, None)
            assert len(report.buckets) == timedelta(days=days) // usage.BUCKETS[days]


async def test_an_admin_sees_the_usage_as_text_and_chart_and_changes_the_period(chat, says):
    await fill(chat)
    await chat.boss.send_text("/admin")
    report = await chat.boss.wait_for(lambda message: message.photo is not None, 60)
    for figure in (
        "Usage, last 24 hours",
        "delivered 5",
        "failed 1",
        "Success rate: 83%",
        "1 worker running, 1 in the queue",
    ):
        assert figure in report.text
    assert report.button_texts == ["• 24 hours", "7 days", "30 days"]
    assert report.photo.width >= 1000
    await chat.boss.press("7 days")
    week = await chat.boss.wait_for(says("Usage, last 7 days", "delivered 7"), 60)
    assert (week.id, week.button_texts[1]) == (report.id, "• 7 days")
    assert "median 3.0 s" in week.text and "95% within 10.0 s" in week.text


async def test_an_admin_without_consent_or_data_gets_a_report(chat, says):
    await chat.boss.send_text("/admin")
    report = await chat.boss.wait_for(lambda message: message.photo is not None, 60)
    assert "nothing yet" in report.text
    for days in (30, 7):
        await chat.boss.press(AdminCallback(days=days).pack())
        await chat.boss.wait_for(says(f"last {days} days"), 60)


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
    await chat.boss.send_text("/admin pause")
    await chat.boss.send_text("/admin")
    report = await chat.boss.wait_for(lambda message: message.photo is not None, 60)
    assert "/admin resume ends the pause" in report.text
    await chat.boss.send_text("/admin resume")
    await chat.boss.wait_for(says("The service works again."))
    async with chat.sessions() as session:
        assert not await service.is_paused(session)


async def test_others_cannot_pause_the_service(chat, says):
    await chat.ben.send_text("/admin pause")
    await chat.settled()
    async with chat.sessions() as session:
        assert not await service.is_paused(session)
