"""Workers, as their heartbeats describe them."""

from __future__ import annotations

from typing import Any

import pytest

from bot.db import workers
from bot.db.session import Sessions
from engine.contract import Heartbeat

ALIVE_S = 8.0


async def _hear(sessions: Sessions, *, worker_id: str = "w", pose: bool = False, stopping: bool = False) -> None:
    beat = Heartbeat(worker_id=worker_id, backbone="b", device="cpu", pose=pose, stopping=stopping)
    async with sessions.begin() as session:
        await workers.store(session, beat)


async def _can_pose(sessions: Sessions) -> bool:
    async with sessions() as session:
        return await workers.any_can_pose(session, ALIVE_S)


async def test_poses_are_drawn_as_long_as_a_worker_that_can_is_heard_of(sessions: Sessions) -> None:
    assert not await _can_pose(sessions)
    await _hear(sessions)
    assert not await _can_pose(sessions)
    await _hear(sessions, worker_id="poser", pose=True)
    assert await _can_pose(sessions)
    await _hear(sessions, worker_id="poser", stopping=True)
    assert not await _can_pose(sessions)


@pytest.mark.parametrize("pose", [True, False])
async def test_a_worker_is_what_it_said_last(sessions: Sessions, pose: bool) -> None:
    await _hear(sessions, pose=not pose)
    await _hear(sessions, pose=pose)
    assert await _can_pose(sessions) == pose


async def test_a_worker_not_heard_of_for_long_draws_nothing(sessions: Sessions, rows: Any) -> None:
    await rows.worker(seen_s_ago=ALIVE_S + 1, pose=True)
    assert not await _can_pose(sessions)
