"""Jobs that share a batch."""

from __future__ import annotations

from uuid import UUID, uuid4

from bot.dispatch.batching import QueuedJob, plan_batches
from engine.contract import Clothes, Settings


def _job(user_id: int, *, attempts: int = 0, steps: int | None = None) -> QueuedJob:
    return QueuedJob(uuid4(), user_id, attempts, Settings(steps=steps))


def _ids(batches: list[list[QueuedJob]]) -> list[list[UUID]]:
    return [[job.job_id for job in batch] for batch in batches]


def test_everyone_goes_alone_while_there_are_slots_for_all() -> None:
    queue = [_job(1), _job(2)]
    assert plan_batches(queue, slots=2, batch_max=4) == [[queue[0]], [queue[1]]]


def test_a_line_longer_than_the_slots_is_packed_in_its_order() -> None:
    queue = [_job(user) for user in range(1, 8)]
    batches = plan_batches(queue, slots=2, batch_max=3)
    assert _ids(batches) == _ids([queue[:3], queue[3:6]])


def test_jobs_with_other_settings_or_of_the_same_user_do_not_share() -> None:
    first, other, same_user, fits = _job(1), _job(2, steps=9), _job(1), _job(3)
    batches = plan_batches([first, other, same_user, fits], slots=2, batch_max=4)
    assert batches == [[first, fits], [other]]


def test_jobs_with_other_likeness_clothes_or_pose_scale_share_a_batch() -> None:
    wishes = [
        Settings(),
        Settings(face_scale=1.3, body_scale=0.7),
        Settings(clothes=Clothes.CHANGE),
        Settings(pose_scale=0.5),
    ]
    queue = [QueuedJob(uuid4(), user, 0, settings) for user, settings in enumerate(wishes)]
    other = QueuedJob(uuid4(), 9, 0, Settings(guidance=2.0))
    assert plan_batches([*queue, other], slots=2, batch_max=5) == [queue, [other]]


def test_a_job_that_was_tried_before_goes_alone() -> None:
    tried, fresh, second = _job(1, attempts=1), _job(2), _job(3)
    assert plan_batches([tried, fresh, second], slots=2, batch_max=4) == [[tried], [fresh, second]]


def test_a_worker_that_draws_one_at_a_time_gets_one_at_a_time() -> None:
    queue = [_job(user) for user in range(5)]
    assert plan_batches(queue, slots=2, batch_max=1) == [[queue[0]], [queue[1]]]


def test_nothing_comes_of_nothing() -> None:
    assert plan_batches([], slots=2, batch_max=4) == []
    assert plan_batches([_job(1)], slots=0, batch_max=4) == []
