"""One load run: the stack, its users, the faults if asked for, and the figures."""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import skimage.data
from PIL import Image

from benchmarks.load.checks import JobRow, help_latencies, judge, spread
from benchmarks.load.crowd import FIRST_ID, Crowd, MessageRecord
from benchmarks.load.faults import FaultContext, StackFault, all_faults
from benchmarks.load.memory import MemorySampler, cpu_seconds
from benchmarks.load.stack import HEAVY_OPEN_MAX, LoadStack, SmallDisk
from bot.domain import CONSENT_VERSION
from bot.local.botapi import ANNA_ID, ApiControl, Person
from bot.local.parts import last_words
from bot.local.supervisor import TEND_INTERVAL_S, kept_up
from bot.telegram.callbacks import ConsentCallback, SettingsAction, SettingsCallback

FIRST_USER_S = 180.0
FAULT_PAUSE_S = 5.0
SETTLE_S = 240.0
"""How long the last jobs may take to end."""
Figures = dict[str, Any]
COPY_USERS = """
insert into users (id, language, consent_version, consent_at, style)
select u, 'en', $1, now(), 'none' from generate_series($2::bigint, $3::bigint) u
"""
COPY_PHOTOS = """
insert into reference_photos (id, user_id, chat_id, message_id, state, verdict, image, width, height, sha256, profile,
    quality, hints, answered_at)
select gen_random_uuid(), u, u, -1, state, verdict, image, width, height, sha256, profile, quality, hints, now()
from generate_series($1::bigint, $2::bigint) u, reference_photos where user_id = $3 and state = 'accepted'
"""


class LoadRunError(Exception):
    """The run could not begin; the message is for the terminal."""


@dataclass(frozen=True)
class LoadPlan:
    """The size of a run: users, pictures in total, and whether faults happen meanwhile."""

    users: int = 500
    pictures: int = 2000
    faults: bool = False


def measure_load(plan: LoadPlan, say: Callable[[str], None]) -> Figures:
    """Runs it; gives the figures, with `broken` empty where every job came out once. Call it from the main thread."""
    with tempfile.TemporaryDirectory(prefix="bolid-load-", ignore_cleanup_errors=True) as name:
        state_dir = Path(name)
        state_dir.chmod(0o755)
        disk = SmallDisk(state_dir / "postgres")
        with_disk = plan.faults and disk.mount()
        stack = LoadStack(state_dir, proxied=plan.faults)
        try:
            with kept_up(stack):
                return asyncio.run(_Run(plan, stack, disk, say).measure(with_disk))
        finally:
            disk.unmount()


class _CrowdThread(threading.Thread):
    """The users have a thread of their own: a start of Postgres, which waits, must not keep them from sending."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__(daemon=True)
        self._crowd = crowd
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._crowd.run())
        except BaseException as error:
            self.failure = error


class _Run:
    def __init__(self, plan: LoadPlan, stack: LoadStack, disk: SmallDisk, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._stack = stack
        self._disk = disk
        self._say = say

    async def measure(self, with_disk: bool) -> Figures:
        plan, url = self._plan, self._stack.chat_url
        assert url is not None
        load_before = os.getloadavg()
        await self._make_users(url)
        faults = all_faults(with_disk=with_disk) if plan.faults else []
        if plan.faults and not with_disk:
            self._say("no fault of a full disk: only root may mount a file system for Postgres alone")
        over = threading.Event()
        crowd = Crowd(url, plan.users, plan.pictures, HEAVY_OPEN_MAX, enough=over.is_set)
        thread, memory = _CrowdThread(crowd), MemorySampler(self._stack)
        cpu_before, began = cpu_seconds(self._stack), time.monotonic()
        memory.start()
        thread.start()
        try:
            recoveries = await self._happen(faults, url, crowd)
            over.set()
            while thread.is_alive():
                await self._pause(TEND_INTERVAL_S)
            seconds = time.monotonic() - began
            cpu = {name: used - cpu_before.get(name, 0.0) for name, used in cpu_seconds(self._stack).items()}
        finally:
            memory.stop()
        if thread.failure is not None:
            raise thread.failure
        jobs = await self._settled_jobs()
        chats = await self._chats(url, crowd)
        return self._figures(crowd, jobs, chats, memory, cpu, seconds, recoveries, load_before)

    async def _happen(self, faults: list[StackFault], url: str, crowd: Crowd) -> Figures:
        """Each fault, and seconds from its end to the answers that a user then gets."""
        recoveries = {}
        async with ApiControl(url) as control:
            context = FaultContext(self._stack, control, self._disk, self._pause)
            for fault in faults:
                await self._pause(FAULT_PAUSE_S)
                self._say(f"fault: {fault.name}")
                await fault.happen(context)
                assert crowd.loop is not None
                probing: Future[tuple[float, float]] = asyncio.run_coroutine_threadsafe(crowd.probe(), crowd.loop)
                while not probing.done():
                    await self._pause(TEND_INTERVAL_S)
                help_s, picture_s = probing.result()
                recoveries[fault.name] = {"help_s": help_s, "picture_s": picture_s}
                self._say(f"  /help answered {help_s:.1f} s after it, a picture delivered after {picture_s:.1f} s")
                await control.clear_faults()
        return recoveries

    async def _pause(self, seconds: float) -> None:
        """The supervisor's work goes on meanwhile."""
        deadline = time.monotonic() + seconds
        while True:
            self._stack.tend()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(min(TEND_INTERVAL_S, left))

    async def _make_users(self, url: str) -> None:
        """One user comes as users do, and a worker reads the photo. The others get a copy of its row."""
        self._say("the first user: consent, a photo, a picture")
        agree = ConsentCallback(version=CONSENT_VERSION).pack()
        styles = SettingsCallback(action=SettingsAction.STYLES).pack()
        face = io.BytesIO()
        Image.fromarray(skimage.data.astronaut()).save(face, "JPEG", quality=90)
        async with Person(url, ANNA_ID) as first, ApiControl(url) as control:
            try:
                await first.send_text("/start")
                await first.wait_for(lambda message: message.button(agree) is not None, FIRST_USER_S)
                await first.press(agree)
                await first.send_photo(face.getvalue())
                await first.wait_for(lambda message: message.button(styles) is not None, FIRST_USER_S)
            except TimeoutError as error:
                words = (last_words(self._stack.part(name)) for name in ("bot", "worker"))
                raise LoadRunError("\n".join((str(error), *words))) from error
            users = [FIRST_ID + number for number in range(self._plan.users + 1)]
            for user_id in users:
                await control.add_user(user_id, f"User {user_id}")
        connection = await self._stack.connect()
        try:
            await connection.execute(COPY_USERS, CONSENT_VERSION, users[0], users[-1])
            await connection.execute(COPY_PHOTOS, users[0], users[-1], ANNA_ID)
        finally:
            await connection.close()

    async def _settled_jobs(self) -> list[JobRow]:
        """All jobs of the crowd once they are closed; as they are when patience ends."""
        deadline = time.monotonic() + SETTLE_S
        while True:
            connection = await self._stack.connect()
            try:
                rows = await connection.fetch(
                    "select id, user_id, request_message_id, state, failure, closed_at is not null as closed from jobs"
                    " where user_id >= $1",
                    FIRST_ID,
                )
            finally:
                await connection.close()
            if all(row["closed"] for row in rows) or time.monotonic() > deadline:
                return [JobRow(row["id"].hex, *list(row.values())[1:]) for row in rows]
            await self._pause(1.0)

    async def _chats(self, url: str, crowd: Crowd) -> dict[int, list[MessageRecord]]:
        chats = {}
        async with aiohttp.ClientSession() as session:
            for user_id in range(FIRST_ID, crowd.probe_id + 1):
                async with session.get(f"{url}/client/chats/{user_id}/messages") as response:
                    messages = (await response.json())["messages"]
                chats[user_id] = [message for message in messages if not message["deleted"]]
        return chats

    def _figures(
        self,
        crowd: Crowd,
        jobs: list[JobRow],
        chats: dict[int, list[MessageRecord]],
        memory: MemorySampler,
        cpu: dict[str, float],
        seconds: float,
        recoveries: Figures,
        load_before: tuple[float, float, float],
    ) -> Figures:
        asks = crowd.asks
        verdicts = judge(asks, jobs, chats)
        latencies, unanswered = help_latencies(crowd.helps, chats)
        ended = [ask for ask in asks if ask.ended_at is not None]
        kinds = {crowd.heavy_id: "heavy", crowd.light_id: "light", crowd.probe_id: "probe"}
        waits: dict[str, list[float]] = {"heavy": [], "light": [], "ordinary": [], "probe": []}
        for ask in ended:
            waits[kinds.get(ask.user_id, "ordinary")].append((ask.ended_at or 0.0) - ask.asked_at)
        return {
            "plan": vars(self._plan),
            "cores": os.cpu_count(),
            "load_average": {"before": load_before, "after": os.getloadavg()},
            "seconds": seconds,
            "pictures_per_s": sum(ask.drawn for ask in asks) / seconds,
            "help_s": {**spread(latencies), "count": len(latencies), "unanswered": unanswered},
            "wait_s": {kind: {**spread(values), "count": len(values)} for kind, values in waits.items() if values},
            "memory_mib": memory.growth(),
            "cpu_s": cpu,
            "outcomes": dict(verdicts.outcomes),
            "prompts_without_end": len(asks) - len(ended),
            "doubled_texts": verdicts.doubled_texts,
            "broken": verdicts.broken,
            "recoveries_s": recoveries,
            "supervisor": self._stack.announcements.warnings,
        }
