"""The whole dispatcher: real database, broker and chat, and a fake worker that follows the contract."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.config import Pace
from bot.db import job_states
from bot.db.session import Sessions
from bot.dispatch.dispatcher import JobDispatcher
from bot.dispatch.leadership import Leadership, LeadershipLost
from bot.dispatch.signals import JobSignals
from bot.domain import ATTEMPTS_MAX, POSE_PHOTO, SCALES, JobState, Likeness, ReferenceState, settings_overrides
from bot.local.botapi import ADMIN_ID, ANNA_ID, BEN_ID, LocalBotAPI, Person
from bot.local.embedded import EmbeddedPostgres, EmbeddedValkey
from bot.styles import load_styles
from bot.telegram.connection import open_bot
from bot.translator import Translator
from bot.usecases.reports import PauseService, ResumeService
from engine import contract

PATIENT = Pace(lease_s=30, handout_s=30, alive_s=30, tick_s=0.25, edit_interval_s=0.1, calls_per_s=200.0)
QUICK = PATIENT.model_copy(update={"lease_s": 2, "handout_s": 2})
"""The pace of tests in which something is lost; not so short that a slow machine looks like a lost worker."""


class Stage:
    """All parts except the conversation."""

    def __init__(self, api: LocalBotAPI, ben: Person, rows: Any, signals: JobSignals) -> None:
        self.api = api
        self.ben = ben
        self.rows = rows
        self.signals = signals
        self.answers = 0
        self.dispatch: Callable[..., Any]
        self.running: asyncio.Task[None]

    async def said(self) -> list[Any]:
        return [message for message in await self.ben.transcript() if message.from_bot]

    async def delivered(self, job_id: Any) -> bool:
        return (await self.rows.get(job_id)).state == JobState.DELIVERED

    async def closed(self, job_id: Any) -> bool:
        return (await self.rows.get(job_id)).closed_at is not None


@pytest.fixture
async def stage(database_url: str, broker_url: str, sessions: Sessions, rows: Any) -> AsyncIterator[Stage]:
    async with LocalBotAPI() as api, Person(api.url, BEN_ID) as ben:
        await ben.send_text("hello")
        await rows.user(BEN_ID)
        bot = open_bot(api.token, api.url, patient=False)
        signals = JobSignals()
        stage = Stage(api, ben, rows, signals)

        async def answer() -> None:
            stage.answers += 1

        @asynccontextmanager
        async def dispatch(pace: Pace = PATIENT) -> AsyncIterator[None]:
            dispatcher = JobDispatcher(
                sessions=sessions, database_url=database_url, broker_url=broker_url, bot=bot, answer_verdicts=answer,
                styles=load_styles(), translator=Translator(), signals=signals, pace=pace,
            )  # fmt: skip
            running = stage.running = asyncio.create_task(dispatcher.run())
            try:
                yield
            finally:
                assert not running.done() or running.cancelled(), running
                running.cancel()
                await asyncio.wait([running])

        stage.dispatch = dispatch
        yield stage
        await bot.session.close()


async def test_a_job_becomes_a_picture_in_its_style(stage: Stage, hire: Any, eventually: Any) -> None:
    worker = hire()
    photo = await stage.rows.photo(BEN_ID, profile=b"known")
    async with stage.dispatch():
        job_id = await stage.rows.job(BEN_ID, photos=[photo], style="film", prompt="on a bridge")
        stage.signals.wake()
        await eventually(lambda: stage.delivered(job_id))
    [request] = worker.requests
    assert (request.prompt, request.style, request.negative_prompt) == ("on a bridge", "film", "")
    assert (request.seed, request.attempt, request.references[0].profile) == (7, 1, b"known")
    [message] = await stage.said()
    assert message.photo is not None


async def test_a_job_carries_its_likeness_clothes_and_pose_and_tells_of_them(
    stage: Stage, hire: Any, eventually: Any
) -> None:
    worker = hire(pose=True)
    overrides = settings_overrides(Likeness.FACE, contract.Clothes.CHANGE)
    photo_id = await stage.rows.pose_photo(BEN_ID, b"a pose")
    async with stage.dispatch():
        preset = await stage.rows.job(BEN_ID, settings=overrides, pose=contract.PosePreset.SITTING)
        photo = await stage.rows.job(BEN_ID, pose=POSE_PHOTO, pose_photo_id=photo_id)
        for job_id in (preset, photo):
            await eventually(lambda job_id=job_id: stage.delivered(job_id))
    request, with_photo = worker.requests
    assert (request.settings.face_scale, request.settings.body_scale) == SCALES[Likeness.FACE]
    assert request.settings.clothes == contract.Clothes.CHANGE
    assert request.pose == contract.Pose(preset=contract.PosePreset.SITTING)
    assert with_photo.pose == contract.Pose(image=b"a pose")
    message, _ = await stage.said()
    assert all(label in message.text for label in ("likeness: focus on the face", "other clothes", "pose: sitting"))
    assert len(message.button_texts) == 6


async def test_after_its_pose_photo_is_deleted_a_job_fails_and_a_free_pose_is_offered(
    stage: Stage, hire: Any, eventually: Any
) -> None:
    worker = hire(pose=True)
    lost = await stage.rows.pose_photo(BEN_ID)
    await stage.rows.pose_photo(BEN_ID)
    async with stage.dispatch():
        job_id = await stage.rows.job(BEN_ID, pose=POSE_PHOTO, pose_photo_id=lost)
        await eventually(lambda: stage.closed(job_id))
    assert (await stage.rows.get(job_id)).failure == contract.FailureCode.BAD_POSE
    [message] = await stage.said()
    assert "could not read the pose" in message.text and not worker.requests


async def test_without_a_worker_for_poses_the_picture_is_drawn_free_and_says_so(
    stage: Stage, hire: Any, eventually: Any
) -> None:
    worker = hire()
    async with stage.dispatch():
        job_id = await stage.rows.job(BEN_ID, pose=contract.PosePreset.LYING)
        await eventually(lambda: stage.delivered(job_id))
    assert worker.requests[0].pose is None
    assert "the model cannot draw a chosen pose" in (await stage.said())[0].text


async def test_the_translation_is_shown_while_it_is_drawn_and_not_under_the_picture(
    stage: Stage, hire: Any, eventually: Any
) -> None:
    worker = hire(on_generate=lambda request: worker.draw(request)[:1], translation="in a <garden>")
    async with stage.dispatch():
        job_id = await stage.rows.job(BEN_ID, prompt="в саду")

        async def display() -> bool:
            return any(
                "Translated for the model: \u2068“in a <garden>”" in message.text for message in await stage.said()
            )

        await eventually(display)
        [message] = await stage.said()
        assert "в саду" in message.text and message.button_texts == ["✖️ Cancel"]
        worker.send(*worker.draw(worker.requests[0])[1:])
        await eventually(lambda: stage.delivered(job_id))
    assert "garden" not in (await stage.said())[0].text


async def test_everyone_is_served_in_turn_and_only_as_many_jobs_are_out_as_workers_can_take(
    stage: Stage, hire: Any, eventually: Any
) -> None:
    await stage.rows.user(ANNA_ID)
    for_ben = [await stage.rows.job(BEN_ID) for _ in range(4)]
    for_anna = await stage.rows.job(ANNA_ID, chat_id=BEN_ID)
    worker = hire(on_generate=lambda request: [])
    async with stage.dispatch():
        await eventually(lambda: len(worker.requests) == 2)
        await asyncio.sleep(0.5)
        assert [request.job_id for request in worker.requests] == [str(for_ben[0]), str(for_anna)]


async def test_a_long_line_is_drawn_in_batches_of_different_users(stage: Stage, hire: Any, eventually: Any) -> None:
    users = [BEN_ID, ANNA_ID, ADMIN_ID, 5, 6, 7]
    for user_id in users[1:]:
        await stage.rows.user(user_id)
    job_ids = [str(await stage.rows.job(user_id, chat_id=BEN_ID)) for user_id in users]
    worker = hire(batch_max=3, on_generate=lambda request: [])
    async with stage.dispatch():
        await eventually(lambda: len(worker.batches) == 2)
    assert [[request.job_id for request in batch.requests] for batch in worker.batches] == [job_ids[:3], job_ids[3:]]


async def test_a_batch_that_fails_is_split_and_each_gets_its_own_chance(
    stage: Stage, hire: Any, eventually: Any
) -> None:
    users = [BEN_ID, ANNA_ID, 5]
    for user_id in users[1:]:
        await stage.rows.user(user_id)
    job_ids = [await stage.rows.job(user_id, chat_id=BEN_ID) for user_id in users]
    bad = str(job_ids[1])
    sizes: Counter[str] = Counter()

    def draw(request: contract.GenerateRequest) -> list[contract.Reply]:
        batch = worker.batches[-1].requests
        sizes[request.job_id] = len(batch)
        if any(other.job_id == bad for other in batch):
            code = contract.FailureCode.OUT_OF_MEMORY
            return [contract.Failure(job_id=request.job_id, attempt=request.attempt, code=code, retry=True)]
        return worker.draw(request)

    worker = hire(batch_max=3, on_generate=draw)
    async with stage.dispatch():
        await eventually(lambda: stage.delivered(job_ids[0]))

        async def all_ended() -> bool:
            return all([(await stage.rows.get(job_id)).finished_at for job_id in job_ids])

        await eventually(all_ended)
    assert set(sizes.values()) == {1}
    states = [(await stage.rows.get(job_id)).state for job_id in job_ids]
    assert states[1] == JobState.FAILED and states[2] in (JobState.DONE, JobState.DELIVERED)
    assert (await stage.rows.get(job_ids[1])).attempts == ATTEMPTS_MAX


async def test_a_worker_that_dies_again_and_again_ends_in_an_honest_message(
    stage: Stage, hire: Any, eventually: Any
) -> None:
    worker = hire(
        on_generate=lambda request: [contract.Started(job_id=request.job_id, attempt=request.attempt, worker_id="fake")]
    )
    async with stage.dispatch(QUICK):
        job_id = await stage.rows.job(BEN_ID)
        await eventually(lambda: stage.closed(job_id))
    assert [request.attempt for request in worker.requests] == [1, 2, 3]
    [message] = await stage.said()
    assert "Sorry about that" in message.text


async def test_a_message_that_the_queue_lost_is_sent_again(stage: Stage, hire: Any, eventually: Any) -> None:
    def lose_the_first(request: contract.GenerateRequest) -> list[contract.Reply]:
        return worker.draw(request) if len(worker.batches) > 1 else []

    worker = hire(on_generate=lose_the_first)
    async with stage.dispatch(QUICK):
        job_id = await stage.rows.job(BEN_ID)
        await eventually(lambda: stage.delivered(job_id))
    assert [request.attempt for request in worker.requests] == [1, 1]


async def test_two_results_make_one_picture(stage: Stage, hire: Any, eventually: Any) -> None:
    worker = hire(on_generate=lambda request: worker.draw(request) + worker.draw(request))
    async with stage.dispatch():
        job_id = await stage.rows.job(BEN_ID)
        await eventually(lambda: stage.delivered(job_id))
        await asyncio.sleep(0.3)
        assert len(await stage.said()) == 1


async def test_a_cancelled_job_is_called_back_from_the_worker(
    stage: Stage, hire: Any, eventually: Any, sessions: Sessions
) -> None:
    worker = hire(on_generate=lambda request: [contract.Started(job_id=request.job_id, attempt=1, worker_id="fake")])
    async with stage.dispatch():
        job_id = await stage.rows.job(BEN_ID)
        await eventually(lambda: worker.requests)
        async with sessions.begin() as session:
            assert await job_states.cancel(session, job_id, BEN_ID)
        stage.signals.wake()
        await eventually(lambda: str(job_id) in worker.cancelled)
        await eventually(lambda: stage.closed(job_id))
        assert "Cancelled" in (await stage.said())[0].text


async def test_a_worker_that_still_holds_a_cancelled_job_gets_the_cancellation_again(
    stage: Stage, hire: Any, eventually: Any
) -> None:
    """Its job was deleted with its user, or the cancellation got lost."""
    await stage.rows.worker()
    job_id = await stage.rows.job(BEN_ID, state=JobState.CANCELLED)
    worker = hire(in_hand=(str(job_id),))
    async with stage.dispatch():
        await eventually(lambda: str(job_id) in worker.cancelled)


async def test_photos_are_examined_before_jobs_and_their_senders_are_answered(
    stage: Stage, hire: Any, eventually: Any
) -> None:
    photo_id = await stage.rows.photo(BEN_ID, state=ReferenceState.PENDING)
    job_id = await stage.rows.job(BEN_ID, photos=[photo_id])
    worker = hire()
    async with stage.dispatch():
        await eventually(lambda: stage.delivered(job_id))
    assert [request.reference_id for request in worker.examined] == [str(photo_id)]
    assert worker.requests[0].references[0].profile == b"profile"
    assert stage.answers > 0
    assert (await stage.rows.get_photo(photo_id)).state == ReferenceState.ACCEPTED


async def test_a_photo_that_kills_every_worker_is_refused_in_the_end(stage: Stage, hire: Any, eventually: Any) -> None:
    photo_id = await stage.rows.photo(BEN_ID, state=ReferenceState.PENDING)
    worker = hire(on_examine=lambda request: [])

    async def verdict() -> str | None:
        return (await stage.rows.get_photo(photo_id)).verdict

    async with stage.dispatch(QUICK):
        await eventually(verdict)
    assert await verdict() == contract.Verdict.UNREADABLE
    assert len(worker.examined) == ATTEMPTS_MAX


async def test_a_job_without_a_photo_left_fails_and_does_not_hold_up_the_line(
    stage: Stage, hire: Any, eventually: Any
) -> None:
    hire()
    orphan = await stage.rows.job(BEN_ID, photos=[])
    job_id = await stage.rows.job(BEN_ID)
    async with stage.dispatch():
        await eventually(lambda: stage.delivered(job_id))
        await eventually(lambda: stage.closed(orphan))
    assert (await stage.rows.get(orphan)).failure == contract.FailureCode.BAD_REFERENCE


async def test_a_job_that_cannot_be_asked_for_fails_and_does_not_hold_up_the_line(
    stage: Stage, hire: Any, eventually: Any
) -> None:
    hire()
    impossible = await stage.rows.job(BEN_ID, settings={"steps": -5})
    job_id = await stage.rows.job(BEN_ID)
    async with stage.dispatch():
        await eventually(lambda: stage.delivered(job_id))
    assert (await stage.rows.get(impossible)).state == JobState.FAILED


async def test_two_dispatchers_draw_nothing_twice(stage: Stage, hire: Any, eventually: Any) -> None:
    worker = hire()
    async with stage.dispatch(), stage.dispatch():
        job_ids = [await stage.rows.job(BEN_ID) for _ in range(3)]
        for job_id in job_ids:
            await eventually(lambda job_id=job_id: stage.delivered(job_id))
    assert len(worker.requests) == 3
    assert len(await stage.said()) == 3


async def test_a_dispatcher_that_ended_is_taken_over_with_its_jobs(stage: Stage, hire: Any, eventually: Any) -> None:
    worker = hire(on_generate=lambda request: [])
    async with stage.dispatch():
        job_id = await stage.rows.job(BEN_ID)
        await eventually(lambda: worker.requests)
    worker.send(*worker.draw(worker.requests[0]))
    async with stage.dispatch():
        await eventually(lambda: stage.delivered(job_id))
    assert len(worker.requests) == 1
    assert len(await stage.said()) == 1


async def test_postgres_killed_and_started_again_costs_no_job(
    stage: Stage, hire: Any, eventually: Any, postgres: EmbeddedPostgres
) -> None:
    hold = asyncio.Event()

    def draw(request: contract.GenerateRequest) -> list[contract.Reply]:
        asyncio.run_coroutine_threadsafe(hold.wait(), loop).result(30)
        return worker.draw(request)

    loop = asyncio.get_running_loop()
    worker = hire(on_generate=draw)
    async with stage.dispatch(QUICK):
        job_ids = [await stage.rows.job(BEN_ID) for _ in range(2)]
        await eventually(lambda: worker.requests)
        postgres.kill()
        hold.set()
        await asyncio.sleep(1)
        postgres.start()
        for job_id in job_ids:
            await eventually(lambda job_id=job_id: stage.delivered(job_id))
        assert len([message for message in await stage.said() if message.photo]) == 2


async def test_the_broker_killed_and_started_again_costs_no_job(
    stage: Stage, hire: Any, eventually: Any, valkey: EmbeddedValkey
) -> None:
    hire()
    async with stage.dispatch(QUICK):
        first = await stage.rows.job(BEN_ID)
        await eventually(lambda: stage.delivered(first))
        valkey.kill()
        second = await stage.rows.job(BEN_ID)
        stage.signals.wake()
        await asyncio.sleep(1)
        valkey.start()
        await eventually(lambda: stage.delivered(second))
        assert len([message for message in await stage.said() if message.photo]) == 2


async def test_a_stop_in_the_moment_of_losing_the_leadership_is_a_stop(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose_it_and_be_stopped(_: Leadership) -> None:
        stage.running.cancel()
        raise LeadershipLost

    monkeypatch.setattr(Leadership, "watch", lose_it_and_be_stopped)
    async with stage.dispatch(), asyncio.timeout(30):
        await asyncio.wait([stage.running])
        assert stage.running.cancelled()


async def test_while_the_service_is_paused_jobs_wait_and_their_users_see_it(
    stage: Stage, sessions: Sessions, hire: Any, eventually: Any
) -> None:
    worker = hire()
    await PauseService(sessions, stage.signals)(ADMIN_ID)
    async with stage.dispatch():
        job_id = await stage.rows.job(BEN_ID)
        stage.signals.wake()

        async def is_shown() -> bool:
            return any("paused" in message.text for message in await stage.said())

        await eventually(is_shown)
        assert worker.requests == []
        await ResumeService(sessions, stage.signals)(1)
        await eventually(lambda: stage.delivered(job_id))
    assert len(worker.requests) == 1
