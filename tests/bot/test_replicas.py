"""Two bot processes and two workers on one database and one broker; the bots are replaced one by one."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import skimage.data
from PIL import Image

from bot.domain import CONSENT_VERSION, JobState
from bot.local.botapi import BEN_ID, LocalBotAPI, Person
from bot.telegram.callbacks import ConsentCallback
from engine.contract import GenerateRequest, Reply

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

START_S = 240.0
PICTURES = 3
"""The number of pictures that one user may have in progress."""


@asynccontextmanager
async def bot_process(environment: dict[str, str], log: Path) -> AsyncIterator[Process]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    with log.open("w") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            cwd=log.parent,
            stderr=output,
            env={**inherited, **environment, "LOG_JSON": "1"},
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def end(process: Process) -> None:
    """Ends a replica as an orchestrator does."""
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(120):
        assert await process.wait() == 0


def has_started(log: Path) -> Callable[[], bool]:
    return lambda: '"serving"' in log.read_text()


async def introduce(person: Person) -> None:
    """Goes from /start to an accepted photo."""
    photo = io.BytesIO()
    Image.fromarray(skimage.data.astronaut()).save(photo, "JPEG")
    agree = ConsentCallback(version=CONSENT_VERSION).pack()
    await person.send_text("/start")
    await person.wait_for(lambda message: message.button(agree) is not None, 120)
    await person.press(agree)
    await person.send_photo(photo.getvalue())
    await person.wait_for(lambda message: message.text.startswith("✅"), 120)


async def test_replicas_are_replaced_without_losing_or_doubling_a_picture(
    database_url: str, broker_url: str, tmp_path: Path, hire: Any, rows: Any, eventually: Any
) -> None:
    released = asyncio.Event()
    workers = [hire(worker_id="host1"), hire(worker_id="host2")]
    for worker in workers:
        worker.on_generate = _held(worker.draw, released)
    async with LocalBotAPI() as api, Person(api.url, BEN_ID) as ben, AsyncExitStack() as processes:
        environment = {
            "BOT_TOKEN": api.token, "BOT_API_URL": api.url, "DATABASE_URL": database_url, "BROKER_URL": broker_url,
            "EDIT_INTERVAL_S": "0.2", "TICK_S": "0.25", "LEASE_S": "120", "ALIVE_S": "60", "HANDOUT_S": "120",
        }  # fmt: skip
        logs = [tmp_path / f"bot{number}.log" for number in range(3)]
        first = await processes.enter_async_context(bot_process(environment, logs[0]))
        await eventually(has_started(logs[0]), START_S)
        await introduce(ben)
        second = await processes.enter_async_context(bot_process(environment, logs[1]))
        await eventually(has_started(logs[1]), START_S)
        for number in range(PICTURES):
            await ben.send_text(f"on a beach, picture number {'abc'[number]}")
        await eventually(lambda: all(worker.requests for worker in workers), 120)
        await end(first)
        third = await processes.enter_async_context(bot_process(environment, logs[2]))
        released.set()
        await eventually(lambda: sum(len(worker.requests) for worker in workers) >= PICTURES, 120)
        requests = [request for worker in workers for request in worker.requests]

        async def all_delivered() -> bool:
            return all([(await rows.get(request.job_id)).state == JobState.DELIVERED for request in requests])

        await eventually(all_delivered, 120)
        await eventually(has_started(logs[2]), START_S)
        await end(second)
        await ben.send_text("/help")
        await ben.wait_for(lambda message: "/photos" in message.text, 120)
        await end(third)
        pictures = [message for message in await ben.transcript() if message.photo is not None and message.from_bot]
    assert len(requests) == len(pictures) == PICTURES, "each picture is drawn and delivered once"
    written = "".join(log.read_text() for log in logs)
    assert "Traceback" not in written and api.token not in written


def _held(
    draw: Callable[[GenerateRequest], list[Reply]], released: asyncio.Event
) -> Callable[[GenerateRequest], list[Reply]]:
    """The drawing of a worker, in its own thread, that ends after `released`."""
    loop = asyncio.get_running_loop()

    def drawn(request: GenerateRequest) -> list[Reply]:
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result(300)
        return draw(request)

    return drawn
