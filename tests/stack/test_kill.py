"""kill -9 of the worker, the bot, Valkey or Postgres while people wait: every accepted job ends exactly once."""

from __future__ import annotations

import asyncio
import io
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import asyncpg
import pytest
import skimage.data
from PIL import Image

from bot.domain import CONSENT_VERSION
from bot.local.botapi import ADMIN_ID, ANNA_ID, BEN_ID, ChatMessage, Person
from bot.local.embedded import EmbeddedPostgres
from bot.local.parts import last_words
from bot.local.supervisor import Stack
from bot.telegram.callbacks import ConsentCallback, JobAction, SettingsAction, SettingsCallback, StyleCallback

pytestmark = [pytest.mark.slow, pytest.mark.kill, pytest.mark.timeout(300)]

PROMPTS_EACH = 2
KILL_WITHIN_S = 4.0
"""The approximate duration of one test's jobs without a kill."""
INTRODUCTION_S = 120.0
DELIVERY_S = 120.0


@dataclass(frozen=True)
class JobRow:
    """A job as Postgres has it."""

    user_id: int
    state: str
    closed: bool


@pytest.fixture
async def people(stack: Stack, tending: None) -> AsyncIterator[list[Person]]:
    """Three people who have agreed to the terms, sent a photo and chosen a style."""
    assert stack.chat_url is not None
    async with AsyncExitStack() as exits:
        people = [
            await exits.enter_async_context(Person(stack.chat_url, user_id)) for user_id in (ANNA_ID, BEN_ID, ADMIN_ID)
        ]
        await asyncio.gather(*(introduce(person) for person in people))
        yield people


async def introduce(person: Person) -> None:
    """Goes from /start to the chosen style, unless the person has been here before."""
    style = StyleCallback(name="none").pack()
    if any(message.button(style) for message in await person.transcript()):
        return
    await person.send_text("/start")
    agree = ConsentCallback(version=CONSENT_VERSION).pack()
    await person.wait_for(lambda message: message.button(agree) is not None, INTRODUCTION_S)
    await person.press(agree)
    await person.send_photo(portrait(person.user_id))
    styles = SettingsCallback(action=SettingsAction.STYLES).pack()
    await person.wait_for(lambda message: message.button(styles) is not None, INTRODUCTION_S)
    await person.press(styles)
    await person.wait_for(lambda message: message.button(style) is not None, INTRODUCTION_S)
    await person.press(style)


def portrait(user_id: int) -> bytes:
    """A photo with a face, another one for each person."""
    face = Image.fromarray(skimage.data.astronaut())
    tint = Image.new("RGB", face.size, (user_id * 97 % 256, user_id * 57 % 256, user_id * 31 % 256))
    content = io.BytesIO()
    Image.blend(face, tint, 0.1).save(content, "JPEG", quality=95)
    return content.getvalue()


@pytest.mark.parametrize("victim", ["worker", "bot", "Valkey", "Postgres"])
async def test_a_kill_loses_no_job_and_doubles_none(stack: Stack, people: list[Person], victim: str) -> None:
    moment_s = random.Random(seed := secrets.randbelow(10**6)).uniform(0.0, KILL_WITHIN_S)
    print(f"killing {victim} after {moment_s:.2f} s (seed {seed})")
    before = await jobs(stack)
    for round_number in range(PROMPTS_EACH):
        await asyncio.gather(*(person.send_text(f"on a beach, picture {round_number}") for person in people))
    await asyncio.sleep(moment_s)
    stack.part(victim).kill()

    asked_for = PROMPTS_EACH * len(people)
    new = await closed_jobs(stack, before, asked_for)
    if not all(job.closed for job in new.values()):
        print(new, *(last_words(stack.part(name), 60) for name in ("bot", "worker")), sep="\n")
    assert len(new) == asked_for
    assert {job.state for job in new.values()} <= {"delivered", "failed"}
    for person in people:
        jobs_of_person = {job_id: job for job_id, job in new.items() if job.user_id == person.user_id}
        assert len(jobs_of_person) == PROMPTS_EACH
        # Telegram has no idempotent sending: a bot killed between sending a message and storing its id sends it again.
        await check_chat(person, jobs_of_person, stale_max=1 if victim == "bot" else 0)
    assert Counter(job.state for job in new.values())["delivered"] == asked_for, "one crash should fail no job"


async def check_chat(person: Person, jobs: dict[str, JobRow], stale_max: int) -> None:
    """Each of the person's jobs has one last message: the picture, or a text about the failure.

    At most `stale_max` messages of a job still show the status "waiting", and at most as many of a person announce a
    picture.
    """
    transcript = await person.transcript()
    announcements = [message for message in transcript if message.text.startswith("🖼") and not message.photo]
    assert len(announcements) <= stale_max
    for job_id, job in jobs.items():
        about = [message for message in transcript if job_id in job_buttons(message)]
        endings = [message for message in about if JobAction.CANCEL not in job_buttons(message)[job_id]]
        assert len(about) - len(endings) <= stale_max
        assert sum(message.photo is not None for message in about) <= 1
        (last,) = endings
        assert (last.photo is not None) == (job.state == "delivered")
        assert last.photo is not None or last.text


def job_buttons(message: ChatMessage) -> dict[str, set[str]]:
    """job id -> actions that the message's buttons offer for it."""
    found: dict[str, set[str]] = {}
    for row in message.buttons:
        for button in row:
            prefix, _, rest = (button.data or "").partition(":")
            if prefix == "job":
                action, _, job_id = rest.partition(":")
                found.setdefault(job_id, set()).add(action)
    return found


async def closed_jobs(stack: Stack, before: dict[str, JobRow], expected: int) -> dict[str, JobRow]:
    """Waits until the expected number of jobs beyond `before` are closed, or the time is up; returns these jobs."""
    deadline = asyncio.get_running_loop().time() + DELIVERY_S
    while True:
        new = {job_id: job for job_id, job in (await jobs(stack)).items() if job_id not in before}
        done = len(new) >= expected and all(job.closed for job in new.values())
        if done or asyncio.get_running_loop().time() > deadline:
            return new
        await asyncio.sleep(0.2)


async def jobs(stack: Stack) -> dict[str, JobRow]:
    """All jobs by id (as buttons carry it); waits while Postgres is away."""
    postgres = stack.part("Postgres")
    assert isinstance(postgres, EmbeddedPostgres)
    while True:
        try:
            connection = await asyncpg.connect(postgres.url.replace("+asyncpg", ""))
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.1)
            continue
        try:
            rows = await connection.fetch("select id, user_id, state, closed_at is not null as closed from jobs")
        finally:
            await connection.close()
        return {row["id"].hex: JobRow(row["user_id"], row["state"], row["closed"]) for row in rows}
