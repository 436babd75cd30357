"""The order of the queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, update

from bot.db import job_queue, job_states, photo_states
from bot.db.session import Sessions
from bot.db.tables import Job
from bot.domain import JobState, ReferenceState


async def _order(sessions: Sessions, limit: int = 100) -> list[Any]:
    async with sessions.begin() as session:
        return [job.id for job in await job_queue.next_jobs(session, limit)]


async def test_users_come_in_turn_and_each_users_oldest_first(sessions: Sessions, rows: Any) -> None:
    for user_id in (1, 2, 3):
        await rows.user(user_id)
    greedy = [await rows.job(1) for _ in range(3)]
    modest, late = await rows.job(2), await rows.job(3)
    assert await _order(sessions) == [greedy[0], modest, late, greedy[1], greedy[2]]


async def test_who_was_served_longest_ago_comes_first_and_who_never_was_before_them(
    sessions: Sessions, rows: Any
) -> None:
    await rows.user(1, served_s_ago=10)
    await rows.user(2, served_s_ago=100)
    await rows.user(3)
    just, long_ago, never = await rows.job(1), await rows.job(2), await rows.job(3)
    assert await _order(sessions) == [never, long_ago, just]


async def test_being_handed_out_puts_a_user_at_the_end(sessions: Sessions, rows: Any) -> None:
    await rows.user(1)
    await rows.user(2)
    first, second, other = await rows.job(1), await rows.job(1), await rows.job(2)
    async with sessions.begin() as session:
        handed = await job_queue.next_jobs(session, 1)
        assert [job.id for job in handed] == [first]
        await job_states.hand_out(session, handed, 30)
    assert await _order(sessions) == [other, second]


async def test_what_is_handed_out_running_or_ended_is_not_in_the_line(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    for state in JobState:
        await rows.job(state=state)
    async with sessions.begin() as session:
        await job_states.hand_out(session, await job_queue.next_jobs(session, 1), 30)
        assert await job_queue.next_jobs(session, 10) == []
        assert await job_queue.positions(session) == {}


async def test_a_row_that_someone_else_holds_is_passed_over(sessions: Sessions, rows: Any) -> None:
    await rows.user(1)
    await rows.user(2)
    first, second = await rows.job(1), await rows.job(2)
    async with sessions.begin() as one:
        assert [job.id for job in await job_queue.next_jobs(one, 1)] == [first]
        assert await _order(sessions) == [second]


async def test_a_job_waits_for_its_photos_to_be_examined(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    pending = await rows.photo(state=ReferenceState.PENDING)
    early = await rows.job(photos=[pending, await rows.photo()])
    late = await rows.job()
    assert await _order(sessions) == [late]
    async with sessions() as session:
        assert await job_queue.positions(session) == {early: 1, late: 2}
    await rows.change_photo(pending, state=ReferenceState.ACCEPTED)
    assert await _order(sessions) == [early, late]


async def test_places_count_those_that_wait_in_the_queue(sessions: Sessions, rows: Any) -> None:
    await rows.user(1)
    await rows.user(2)
    await rows.job(1)
    async with sessions.begin() as session:
        await job_states.hand_out(session, await job_queue.next_jobs(session, 1), 30)
    next_one = await rows.job(2)
    async with sessions() as session:
        assert await job_queue.positions(session) == {next_one: 2}
        assert await job_queue.count_batches_out(session) == 1


async def test_a_batch_counts_as_one_until_its_last_job_ends(sessions: Sessions, rows: Any) -> None:
    for user_id in (1, 2):
        await rows.user(user_id)
        await rows.job(user_id)
    async with sessions.begin() as session:
        batch = await job_queue.next_jobs(session, 2)
        await job_states.hand_out(session, batch, 30)
        assert await job_queue.count_batches_out(session) == 1
    await rows.change(batch[0].id, state=JobState.DONE)
    async with sessions() as session:
        assert await job_queue.count_batches_out(session) == 1
    await rows.change(batch[1].id, state=JobState.FAILED)
    async with sessions() as session:
        assert await job_queue.count_batches_out(session) == 0


async def test_what_the_queue_did_not_take_is_as_if_never_handed_out(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    job_id = await rows.job()
    async with sessions.begin() as session:
        await job_states.hand_out(session, await job_queue.next_jobs(session, 1), 30)
        await job_states.take_back(session, [job_id])
    job = await rows.get(job_id)
    assert (job.handed_at, job.lease_until, job.handouts, job.attempts) == (None, None, 0, 0)


async def test_a_cancelled_job_that_was_handed_out_is_withdrawn_once(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    handed = await rows.job()
    async with sessions.begin() as session:
        await job_states.hand_out(session, await job_queue.next_jobs(session, 1), 30)
    waiting = await rows.job()
    async with sessions.begin() as session:
        assert await job_states.cancel(session, handed, 1)
        assert await job_states.cancel(session, waiting, 1)
        assert await job_states.take_cancelled(session) == [handed]
        assert await job_states.take_cancelled(session) == []


async def test_photos_go_oldest_first_with_their_images(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    photo_ids = [await rows.photo(state=ReferenceState.PENDING) for _ in range(3)]
    await rows.photo(state=ReferenceState.ACCEPTED)
    async with sessions.begin() as session:
        photos = await photo_states.next_photos(session, 2)
        assert [photo.id for photo in photos] == photo_ids[:2]
        assert all(photo.image for photo in photos)
        await photo_states.hand_out(session, [photo.id for photo in photos], 30)
        assert await photo_states.count_out(session) == 2
        assert [photo.id for photo in await photo_states.next_photos(session, 9)] == photo_ids[2:]
        await photo_states.take_back(session, photo_ids[:1])
        assert [photo.id for photo in await photo_states.next_photos(session, 1)] == photo_ids[:1]


async def test_the_time_of_a_picture_is_the_median_of_the_latest(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    drawn = [await rows.job(state=JobState.DELIVERED) for _ in range(job_queue.MEASURED_MIN)]
    async with sessions.begin() as session:
        assert await job_queue.drawing_s(session) is None, "nothing was measured yet"
        for job_id, seconds in zip(drawn, (2, 100, 6), strict=True):
            times = {"started_at": func.now() - timedelta(seconds=seconds), "finished_at": func.now()}
            await session.execute(update(Job).where(Job.id == job_id).values(**times))
        assert await job_queue.drawing_s(session) == 6
        await session.execute(update(Job).values(created_at=func.now() - 2 * job_queue.MEASURED_WITHIN))
        assert await job_queue.drawing_s(session) is None, "what was measured long ago does not count"
