"""A step renders what it may write and what has changed: with many open jobs, rendering holds up the whole process."""

from __future__ import annotations

from typing import Any

import pytest

from bot.dispatch import status_updater
from bot.domain import JobState


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every job that is rendered, in order."""
    jobs: list[Any] = []
    real = status_updater.render

    def render(job: Any, **options: Any) -> Any:
        jobs.append(job.job_id)
        return real(job, **options)

    monkeypatch.setattr(status_updater, "render", render)
    return jobs


async def test_what_has_not_changed_is_not_rendered_again(stage: Any, rows: Any, ben: int, rendered: list[Any]) -> None:
    job_id = await rows.job(ben)
    await stage.step()
    await stage.step(later_s=5)
    rendered.clear()
    for _ in range(3):
        await stage.step(later_s=5)
    assert rendered == []
    await rows.change(job_id, state=JobState.RUNNING, step=1, steps=4)
    await stage.step(later_s=5)
    assert rendered == [job_id] and "25" in (await stage.only()).text


async def test_a_chat_that_may_not_be_written_to_yet_costs_no_rendering(
    stage: Any, rows: Any, ben: int, rendered: list[Any]
) -> None:
    job_id = await rows.job(ben)
    await stage.step()
    await rows.change(job_id, state=JobState.RUNNING, step=1, steps=4)
    rendered.clear()
    await stage.step(later_s=1)
    assert rendered == []
    await stage.step(later_s=2)
    assert rendered == [job_id]
