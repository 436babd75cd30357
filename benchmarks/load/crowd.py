"""The simulated users: they ask for pictures, wait for them, and send /help meanwhile. One event stream for all."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import aiohttp

FIRST_ID = 1_000_000
HELP_EACH_S = 60.0
"""The average time between two /help of one user."""
THINK_S = 8.0
"""The average time between a picture and the next prompt of its user."""
END_WAIT_S = 900.0
HEAVY_PAUSE_S = 1.2
"""Between two prompts of the heavy user: MESSAGES_PER_S allows one per second."""


MessageRecord = dict[str, Any]
"""A message as the local Bot API server shows it to a person (`bot.local.botapi.views.ChatMessage`), as JSON."""


def job_actions(message: MessageRecord) -> dict[str, set[str]]:
    """job id -> the actions that the message's buttons offer for it."""
    found: dict[str, set[str]] = {}
    for row in message["buttons"]:
        for button in row:
            prefix, _, rest = (button["data"] or "").partition(":")
            if prefix == "job":
                action, _, job_id = rest.partition(":")
                found.setdefault(job_id, set()).add(action)
    return found


def is_announcement(message: MessageRecord) -> bool:
    """Whether it is the text that becomes the picture a moment later."""
    return message["text"].startswith("🖼") and message["photo"] is None


def is_end(message: MessageRecord) -> bool:
    """Whether this answer to a prompt is its last: the picture, the text about a failure, or a refusal. Status messages
    have the button "cancel"."""
    if not message["from_bot"] or message["deleted"]:
        return False
    if offered := job_actions(message):
        return all("cancel" not in actions for actions in offered.values())
    return not is_announcement(message)


def is_help(message: MessageRecord) -> bool:
    """Whether it answers /help, which replies to no message."""
    return bool(message["from_bot"]) and message["reply_to"] is None and "/photos" in message["text"]


@dataclass
class Ask:
    """A prompt and its end. Times are seconds of the monotonic clock of this process."""

    user_id: int
    message_id: int
    asked_at: float
    ended_at: float | None = None
    drawn: bool = False


@dataclass
class Crowd:
    """`run` until every user has asked for enough pictures and `enough` holds."""

    url: str
    users: int
    pictures: int
    """In total, the heavy user's included."""
    heavy_open: int
    enough: Callable[[], bool] = lambda: True
    asks: list[Ask] = field(default_factory=list)
    helps: list[tuple[int, int]] = field(default_factory=list)
    """(chat, message) of every /help."""
    unsent: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(7)
        self._waiting: dict[tuple[int, int], asyncio.Future[MessageRecord]] = {}
        self._early: dict[
            tuple[int, int], MessageRecord
        ] = {}  # ends that came before the sender had the id of the prompt
        self._probe_help: asyncio.Future[MessageRecord] | None = None
        self._left = self.pictures
        self.loop: asyncio.AbstractEventLoop | None = None

    @property
    def heavy_id(self) -> int:
        return FIRST_ID

    @property
    def light_id(self) -> int:
        return FIRST_ID + 1

    @property
    def probe_id(self) -> int:
        """Asks only when a fault calls for it."""
        return FIRST_ID + self.users

    async def run(self) -> None:
        self.loop = asyncio.get_running_loop()
        connector = aiohttp.TCPConnector(limit=100)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=120)) as session:
            self._session = session
            listening = asyncio.create_task(self._listen())
            users = [self._heavy(), self._light()]
            users += [self._ordinary(FIRST_ID + number) for number in range(2, self.users)]
            helping = [asyncio.create_task(self._ask_for_help(FIRST_ID + number)) for number in range(2, self.users)]
            try:
                await asyncio.gather(*users)
            finally:
                for task in (*helping, listening):
                    task.cancel()
                await asyncio.gather(*helping, listening, return_exceptions=True)

    def probe(self) -> Coroutine[Any, Any, tuple[float, float]]:
        """Seconds until a /help and a picture asked for now are there."""

        async def ask() -> tuple[float, float]:
            began = time.monotonic()
            self._probe_help = asyncio.get_running_loop().create_future()
            await self._send(self.probe_id, "/help")
            asking = asyncio.create_task(self._ask_and_wait(self.probe_id, "a probe"))
            try:
                await asyncio.wait_for(self._probe_help, END_WAIT_S)
                help_s = time.monotonic() - began
            except TimeoutError:
                help_s = float("inf")
            ask = await asking
            return help_s, (ask.ended_at or float("inf")) - began

        return ask()

    async def _heavy(self) -> None:
        """Keeps as many pictures open as one user may have."""
        open_: set[asyncio.Task[Ask]] = set()
        while self._takes_one():
            open_.add(asyncio.create_task(self._ask_and_wait(self.heavy_id, f"heavy {len(self.asks)}")))
            if len(open_) >= self.heavy_open:
                _, open_ = await asyncio.wait(open_, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(HEAVY_PAUSE_S)
        if open_:
            await asyncio.wait(open_)

    async def _light(self) -> None:
        """One picture after another, with hardly a pause."""
        while self._takes_one():
            await self._ask_and_wait(self.light_id, f"light {len(self.asks)}")
            await asyncio.sleep(HEAVY_PAUSE_S)

    async def _ordinary(self, user_id: int) -> None:
        await asyncio.sleep(self._random.uniform(0, THINK_S))
        while self._takes_one():
            await self._ask_and_wait(user_id, f"in a garden, {len(self.asks)}")
            await asyncio.sleep(self._random.expovariate(1 / THINK_S))

    async def _ask_for_help(self, user_id: int) -> None:
        while True:
            await asyncio.sleep(self._random.expovariate(1 / HELP_EACH_S))
            self.helps.append((user_id, await self._send(user_id, "/help")))

    def _takes_one(self) -> bool:
        self._left -= 1
        return self._left >= 0 or not self.enough()

    async def _ask_and_wait(self, user_id: int, prompt: str) -> Ask:
        began = time.monotonic()
        ask = Ask(user_id, await self._send(user_id, prompt), began)
        self.asks.append(ask)
        key = (user_id, ask.message_id)
        future = self._waiting[key] = asyncio.get_running_loop().create_future()
        if (early := self._early.pop(key, None)) is not None:
            future.set_result(early)
        try:
            message: MessageRecord = await asyncio.wait_for(future, END_WAIT_S)
        except TimeoutError:
            return ask
        finally:
            del self._waiting[key]
        ask.ended_at, ask.drawn = time.monotonic(), message["photo"] is not None
        return ask

    async def _send(self, user_id: int, text: str) -> int:
        """The id of the message; a send that fails is repeated."""
        while True:
            try:
                address = f"{self.url}/client/chats/{user_id}/messages"
                async with self._session.post(address, json={"user_id": user_id, "text": text}) as response:
                    response.raise_for_status()
                    message_id: int = (await response.json())["messages"][0]["id"]
                    return message_id
            except aiohttp.ClientError:
                self.unsent += 1
                await asyncio.sleep(0.5)

    async def _listen(self) -> None:
        """Every message that appears or changes in any chat."""
        while True:
            try:
                timeout = aiohttp.ClientTimeout(total=None)
                async with self._session.get(
                    f"{self.url}/client/events", timeout=timeout, read_bufsize=2**22
                ) as stream:
                    async for line in stream.content:
                        if line.startswith(b"data: "):
                            self._notice(json.loads(line[6:]))
            except (aiohttp.ClientError, ValueError):
                await asyncio.sleep(0.5)

    def _notice(self, event: dict[str, Any]) -> None:
        if event.get("type") != "message" or not event["message"]["from_bot"]:
            return
        message: MessageRecord = event["message"]
        chat_id, reply_to = message["chat_id"], message["reply_to"]
        if chat_id == self.probe_id and is_help(message) and self._probe_help and not self._probe_help.done():
            self._probe_help.set_result(message)
        if reply_to is None or not is_end(message):
            return
        future = self._waiting.get((chat_id, reply_to))
        if future is None:
            self._early[chat_id, reply_to] = message
        elif not future.done():
            future.set_result(message)
