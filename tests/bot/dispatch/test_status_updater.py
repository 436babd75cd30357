"""The messages about a job, from the queue to the picture, through all refusals of Telegram."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import text

from bot.db import job_states, status_messages
from bot.dispatch.reply_handler import Preview
from bot.dispatch.status_updater import REFUSALS_MAX
from bot.domain import JobState, ReferenceState
from bot.local.botapi import ANNA_ID, Person


async def test_the_status_message_goes_and_the_picture_comes_as_a_new_reply(
    stage: Any, rows: Any, ben: int, picture: Any
) -> None:
    request = await stage.person.send_text("in a garden")
    job_id = await rows.job(ben, request_message_id=request.id)
    await stage.step()
    message = await stage.only()
    assert "next" in message.text and message.button_texts and message.reply_to == request.id
    assert (await rows.get(job_id)).status_message_id == message.id

    await rows.change(job_id, state=JobState.RUNNING, step=1, steps=4)
    await stage.step(later_s=5)
    assert "25" in (await stage.only()).text

    stage.updater._previews[job_id] = Preview(2, picture("grey", "JPEG"))
    await rows.change(job_id, step=2)
    await stage.step(later_s=5)
    assert (await stage.only()).photo is not None

    await rows.change(job_id, state=JobState.DONE, result=picture("teal"))
    await stage.step()
    display = await stage.only()
    assert display.id > message.id and display.reply_to == request.id and len(display.button_texts) == 6
    assert [version.text for version in display.history] == [
        "🖼 The picture is ready, one moment…\n\u2068“in a garden”\u2069"
    ]
    job = await rows.get(job_id)
    assert (job.state, job.closed_at is not None) == (JobState.DELIVERED, True)
    assert job.result_file_id and job.result_message_id == display.id
    content = await stage.person.download(display)
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (64, 96)


async def test_nothing_is_sent_when_nothing_has_changed(stage: Any, rows: Any, ben: int) -> None:
    await rows.job(ben)
    for _ in range(4):
        await stage.step(later_s=5)
    assert await stage.count("sendMessage") == 1
    assert await stage.count("editMessageText") == 0


async def test_a_result_quicker_than_the_status_message_comes_without_one(
    stage: Any, rows: Any, ben: int, picture: Any
) -> None:
    job_id = await rows.job(ben, state=JobState.DONE, result=picture())
    await stage.step()
    assert (await stage.only()).photo is not None
    assert (await rows.get(job_id)).state == JobState.DELIVERED
    assert await stage.count("sendMessage") == 1 and await stage.count("deleteMessage") == 0


async def test_a_request_that_was_deleted_does_not_keep_the_picture_back(
    stage: Any, rows: Any, ben: int, picture: Any
) -> None:
    request = await stage.person.send_text("in a garden")
    await stage.person.delete(request.id)
    job_id = await rows.job(ben, state=JobState.DONE, result=picture(), request_message_id=request.id)
    await stage.step()
    assert (await stage.only()).photo is not None
    assert (await rows.get(job_id)).state == JobState.DELIVERED


async def test_progress_is_shown_at_most_every_interval_but_the_end_at_once(
    stage: Any, rows: Any, ben: int, picture: Any
) -> None:
    job_id = await rows.job(ben, state=JobState.RUNNING, steps=10)
    for step in range(10):
        await rows.change(job_id, step=step)
        await stage.step(later_s=1)
    assert 2 <= await stage.count("editMessageText") <= 4
    await rows.change(job_id, state=JobState.DONE, result=picture())
    await stage.step()
    assert (await rows.get(job_id)).state == JobState.DELIVERED


async def test_flood_control_is_obeyed_even_for_the_picture(stage: Any, rows: Any, ben: int, picture: Any) -> None:
    job_id = await rows.job(ben)
    await stage.step()
    await rows.change(job_id, state=JobState.DONE, result=picture())
    await stage.control.fail_next("editMessageMedia", kind="flood", retry_after=7)
    await stage.step()
    for _ in range(3):
        await stage.step(later_s=2)
    assert await stage.count("editMessageMedia") == 1
    assert (await rows.get(job_id)).state == JobState.DONE
    await stage.step(later_s=2)
    assert (await rows.get(job_id)).state == JobState.DELIVERED


@pytest.mark.parametrize("kind", ["drop", "drop_after", "server_error"])
async def test_a_picture_survives_a_bad_network_and_comes_once(
    stage: Any, rows: Any, ben: int, picture: Any, kind: Any
) -> None:
    job_id = await rows.job(ben)
    await stage.step()
    await rows.change(job_id, state=JobState.DONE, result=picture())
    await stage.control.fail_next("editMessageMedia", kind=kind, times=2)
    for _ in range(3):
        await stage.step(later_s=10)
    assert (await rows.get(job_id)).state == JobState.DELIVERED
    assert (await stage.only()).photo is not None


async def test_after_a_restart_everything_is_shown_once_more_and_nothing_twice(
    stage: Any, rows: Any, ben: int, picture: Any
) -> None:
    job_id = await rows.job(ben, state=JobState.RUNNING, step=1, steps=4)
    stage.updater._previews[job_id] = Preview(1, picture("grey", "JPEG"))
    await stage.step()
    await stage.step(later_s=5)
    assert (await stage.only()).photo is not None
    stage.restart()
    stage.updater._previews.clear()
    await rows.change(job_id, step=2)
    await stage.step()
    message = await stage.only()
    assert message.photo is not None and "50" in message.text
    stage.restart()
    await stage.step()
    assert (await stage.only()).id == message.id


async def test_a_delivery_repeated_after_a_crash_before_the_commit_is_one_delivery(
    stage: Any, rows: Any, ben: int, picture: Any
) -> None:
    job_id = await rows.job(ben, state=JobState.DONE, result=picture())
    await stage.step()
    await rows.change(job_id, state=JobState.DONE, result=picture(), closed_at=None, result_file_id=None)
    stage.restart()
    await stage.step()
    assert (await stage.only()).photo is not None
    assert (await rows.get(job_id)).state == JobState.DELIVERED


@pytest.mark.parametrize("kind", ["drop", "drop_after", "flood", "server_error"])
async def test_a_status_message_that_cannot_be_deleted_now_is_deleted_later(
    stage: Any, rows: Any, ben: int, picture: Any, kind: Any
) -> None:
    job_id = await rows.job(ben)
    await stage.step()
    await rows.change(job_id, state=JobState.DONE, result=picture())
    await stage.control.fail_next("deleteMessage", kind=kind, times=2)
    await stage.step()
    assert len([message for message in await stage.said() if message.photo]) == 1
    assert (await rows.get(job_id)).closed_at is None
    stage.restart()
    for _ in range(3):
        await stage.step(later_s=10)
    assert (await stage.only()).photo is not None
    assert await stage.count("editMessageMedia") == 1
    assert (await rows.get(job_id)).closed_at is not None


async def test_a_status_message_too_old_to_be_deleted_says_that_the_picture_is_ready(
    stage: Any, rows: Any, ben: int, picture: Any
) -> None:
    job_id = await rows.job(ben)
    await stage.step()
    status = await stage.only()
    await rows.change(job_id, state=JobState.DONE, result=picture())
    stage.server_clock.late_s = 3 * 24 * 3600
    await stage.step()
    old, new = await stage.said()
    assert (old.id, old.buttons, "ready" in old.text) == (status.id, [], True)
    assert new.photo is not None
    assert (await rows.get(job_id)).closed_at is not None


async def test_a_bot_killed_between_the_delivery_and_its_commit_delivers_once(
    stage: Any, rows: Any, ben: int, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await rows.job(ben)
    await stage.step()
    await rows.change(job_id, state=JobState.DONE, result=picture())

    async def killed(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as death:
        death.setattr(job_states, "deliver", killed)
        await stage.step()
    assert (await rows.get(job_id)).state == JobState.DONE
    stage.restart()
    await stage.step()
    assert (await stage.only()).photo is not None
    assert (await rows.get(job_id)).state == JobState.DELIVERED


async def test_a_deleted_announcement_of_the_picture_is_sent_again(
    stage: Any, rows: Any, ben: int, picture: Any
) -> None:
    job_id = await rows.job(ben, state=JobState.DONE, result=picture())
    await stage.control.fail_next("editMessageMedia", kind="server_error")
    await stage.step()
    await stage.person.delete((await stage.only()).id)
    for _ in range(3):
        await stage.step(later_s=10)
    assert (await stage.only()).photo is not None
    assert (await rows.get(job_id)).state == JobState.DELIVERED


async def test_a_deleted_status_message_is_replaced(stage: Any, rows: Any, ben: int, picture: Any) -> None:
    job_id = await rows.job(ben)
    await stage.step()
    await stage.person.delete((await stage.only()).id)
    await rows.change(job_id, state=JobState.DONE, result=picture())
    for _ in range(2):
        await stage.step(later_s=5)
    assert (await stage.only()).photo is not None
    assert (await rows.get(job_id)).state == JobState.DELIVERED


async def test_a_cancelled_job_says_so_and_offers_another_try(stage: Any, rows: Any, ben: int, picture: Any) -> None:
    job_id = await rows.job(ben, state=JobState.RUNNING, step=1, steps=4)
    stage.updater._previews[job_id] = Preview(1, picture("grey", "JPEG"))
    await stage.step()
    await stage.step(later_s=5)
    await rows.change(job_id, state=JobState.CANCELLED)
    await stage.step()
    message = await stage.only()
    assert "Cancelled" in message.text and len(message.button_texts) == 2
    assert (await rows.get(job_id)).closed_at is not None


async def test_a_failure_comes_as_a_new_message_in_place_of_the_status_message(stage: Any, rows: Any, ben: int) -> None:
    job_id = await rows.job(ben)
    await stage.step()
    status = await stage.only()
    await rows.change(job_id, state=JobState.FAILED, failure="worker_lost")
    await stage.step()
    message = await stage.only()
    assert "Sorry about that" in message.text and message.id > status.id and message.button_texts
    assert (await rows.get(job_id)).closed_at is not None


async def test_a_user_who_blocked_the_bot_ends_their_jobs(stage: Any, rows: Any, ben: int, picture: Any) -> None:
    running = await rows.job(ben, state=JobState.RUNNING, steps=4)
    done = await rows.job(ben, state=JobState.DONE, result=picture())
    await stage.person.block()
    await stage.step()
    for job_id, state in ((running, JobState.CANCELLED), (done, JobState.FAILED)):
        job = await rows.get(job_id)
        assert (job.state, job.closed_at is not None) == (state, True)
    assert (await rows.get_user(ben)).blocked_at is not None
    calls = len(await stage.control.calls())
    await stage.step(later_s=60)
    assert len(await stage.control.calls()) == calls


async def test_a_picture_that_telegram_never_takes_becomes_a_failure_with_a_message(
    stage: Any, rows: Any, ben: int
) -> None:
    job_id = await rows.job(ben, state=JobState.DONE, result=b"this is no picture")
    for _ in range(REFUSALS_MAX + 1):
        await stage.step(later_s=60)
    job = await rows.get(job_id)
    assert (job.state, job.failure, job.closed_at is not None) == (JobState.FAILED, "undeliverable", True)
    message = await stage.only()
    assert "did not accept" in message.text and message.button_texts


async def test_the_status_names_a_paused_queue_and_its_end(stage: Any, rows: Any, ben: int) -> None:
    await rows.worker(seen_s_ago=100)
    await rows.job(ben)
    await stage.step()
    assert "paused" not in (await stage.only()).text
    await stage.step(later_s=stage.updater._pace.alive_s + 1)
    assert "paused" in (await stage.only()).text
    await rows.worker()
    await stage.step(later_s=5)
    message = await stage.only()
    assert "paused" not in message.text and "next" in message.text


async def test_a_photo_that_waits_in_a_paused_queue_gets_one_message(stage: Any, rows: Any, ben: int) -> None:
    await rows.photo(ben, state=ReferenceState.PENDING)
    await rows.worker(seen_s_ago=100)
    await stage.step()
    await asyncio.sleep(0.05)
    for _ in range(3):
        await stage.step(later_s=stage.updater._pace.alive_s + 1)
    assert await stage.said() == []  # it was there before the pause only by the test's own clock
    async with stage.sessions.begin() as session:
        await session.execute(text("update reference_photos set created_at = now() - interval '1 hour'"))
    for _ in range(3):
        await stage.step(later_s=5)
    assert "photo is saved" in (await stage.only()).text


async def test_a_user_deleted_in_the_moment_of_sending_leaves_no_message(stage: Any, rows: Any, ben: int) -> None:
    await rows.job(ben)
    await stage.control.fail_next("sendMessage", kind="latency", delay_s=0.5)
    step = asyncio.create_task(stage.step())
    await asyncio.sleep(0.2)
    async with stage.sessions.begin() as session:
        await session.execute(text("delete from users"))
    await step
    assert await stage.said() == []


@pytest.mark.parametrize("leadership_lost", [False, True])
@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.DONE, JobState.FAILED])
async def test_a_database_lost_in_the_moment_of_sending_leaves_one_message(
    stage: Any,
    rows: Any,
    ben: int,
    picture: Any,
    monkeypatch: pytest.MonkeyPatch,
    leadership_lost: bool,
    state: JobState,
) -> None:
    job_id = await rows.job(ben, state=state, result=picture() if state == JobState.DONE else None)

    async def lost(*_: object) -> bool:
        raise ConnectionResetError("the server went away")

    with monkeypatch.context() as outage:
        outage.setattr(status_messages, "message_sent", lost)
        await stage.step()
    if leadership_lost:
        stage.regain()
    await stage.step(later_s=5)
    assert await stage.count("sendMessage") == 1
    job, message = await rows.get(job_id), await stage.only()
    assert message.id in (job.status_message_id, job.result_message_id)
    assert (message.photo is not None) == (state == JobState.DONE)


async def test_a_step_while_a_message_is_being_sent_does_not_send_it_again(stage: Any, rows: Any, ben: int) -> None:
    await rows.job(ben)
    await stage.control.fail_next("sendMessage", kind="latency", delay_s=0.4)
    for _ in range(8):
        await stage.updater.step()
        await asyncio.sleep(0.1)
    await stage.step()
    assert await stage.count("sendMessage") == 1


async def test_chats_do_not_wait_for_each_other(stage: Any, rows: Any, ben: int) -> None:
    await rows.user(ANNA_ID, language="ru")
    async with Person(stage.api.url, ANNA_ID) as anna:
        await anna.send_text("привет")
        await rows.job(ben)
        await stage.control.fail_next("sendMessage", kind="latency", delay_s=3)
        await stage.updater.step()
        await asyncio.sleep(0.1)
        await rows.job(ANNA_ID)
        await stage.updater.step()
        await anna.wait_for(lambda message: "очеред" in message.text.lower() or "следующ" in message.text, timeout_s=2)
        await stage.updater.finish()


async def test_places_move_up_as_the_line_moves(stage: Any, rows: Any, ben: int) -> None:
    await rows.user(ANNA_ID)
    first = await rows.job(ANNA_ID, closed_at=datetime.now(UTC))
    await rows.job(ben)
    await stage.step()
    assert "#2 in the queue" in (await stage.only()).text
    await rows.change(first, state=JobState.RUNNING)
    await stage.step(later_s=5)
    assert "next" in (await stage.only()).text
