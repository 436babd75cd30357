"""Conversations over HTTP with the real polling, handlers and Postgres; only the worker is simulated."""

from __future__ import annotations

import asyncio
import hashlib
import io
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from aiogram import Bot, Dispatcher
from aiogram.filters.callback_data import CallbackData
from aiogram.types import BufferedInputFile, InlineKeyboardButton, InlineKeyboardMarkup
from PIL import Image
from sqlalchemy import func, make_url, select, text, update
from sqlalchemy.pool import NullPool
from structlog.testing import capture_logs

from bot import photos
from bot.app import build_conversation, build_use_cases
from bot.config import Config
from bot.db import photo_states, poses
from bot.db.service_tables import Worker
from bot.db.session import Sessions, make_engine, make_sessions, open_pool
from bot.db.tables import Base, Job, PosePhoto, Reference, User
from bot.dispatch.photo_verdicts import VerdictAnswers
from bot.dispatch.signals import JobSignals
from bot.domain import CONSENT_VERSION, POSE_PHOTO, JobState, ReferenceState
from bot.local.botapi import ApiControl, LocalBotAPI, Person
from bot.local.botapi.views import ChatMessage, PressAnswer
from bot.local.embedded import EmbeddedPostgres
from bot.photos import FILE_MAX_BYTES, NormalPhoto, PhotoRefused, Refusal
from bot.styles import Styles, load_styles
from bot.telegram import photo_fetching
from bot.telegram.callbacks import ConsentCallback
from bot.telegram.captions import caption
from bot.telegram.connection import open_bot
from bot.telegram.handlers.results import first_page
from bot.telegram.intake import Intake, OpenAlbums
from bot.telegram.polling import Polling
from bot.translator import Texts, Translator
from bot.usecases import UseCases
from bot.usecases.photos import SentPhoto
from engine.contract import Aspect, Examination, Hint, Verdict
from engine.photo_reader import CannotRead, ReaderSettings, encode_jpeg

LOOK_S = 0.02
TICK_S = 0.2
BOSSES, PEOPLE = 5_000, 10_000
_numbers = itertools.count()


class NotedSignals(JobSignals):
    """The real signals; a test may ask what was called off."""

    called_off: list[UUID]

    def __init__(self) -> None:
        super().__init__()
        self.called_off = []

    async def cancelled(self, job_ids: Sequence[UUID]) -> None:
        self.called_off += job_ids
        await super().cancelled(job_ids)


@dataclass
class Stage:
    """The parts that all conversations share."""

    api: LocalBotAPI
    control: ApiControl
    bot: Bot
    dispatcher: Dispatcher
    sessions: Sessions
    signals: NotedSignals
    styles: Styles
    translator: Translator
    passed_s: float = 0.0
    """Added to the clock of the message allowances, which are full again an hour later."""
    verdicts: list[Verdict] = field(default_factory=list)
    """Verdicts on the next photos, in order; ACCEPTED after the last one."""
    boxes: list[list[float]] = field(default_factory=list)
    """The boxes of the people on photos with the verdict SEVERAL_PEOPLE."""
    hints: str | None = None
    """The hints of accepted photos."""
    faces: list[tuple[float, ...]] = field(default_factory=list)
    """The faces of the next accepted photos, in order; without any left, photos have none."""
    worker_looks: bool = True
    quiet: asyncio.Lock = field(default_factory=asyncio.Lock)

    def clock(self) -> float:
        return time.monotonic() + self.passed_s


@dataclass
class Chat:
    """The test's access to the people, the bot, the database, and the verdicts that photos get."""

    stage: Stage
    anna: Person
    ben: Person
    boss: Person
    expects_fault: bool = False

    def __post_init__(self) -> None:
        stage = self.stage
        self.api, self.control, self.bot, self.dispatcher = stage.api, stage.control, stage.bot, stage.dispatcher
        self.sessions, self.signals, self.styles = stage.sessions, stage.signals, stage.styles
        self.use: UseCases = stage.dispatcher["use"]

    def texts(self, language: str = "ru") -> Texts:
        return self.stage.translator.of(language)

    async def consent(self, person: Person) -> None:
        """Starts the conversation and agrees, up to the question for a photo."""
        await person.send_text("/start")
        await person.wait_for(lambda message: bool(message.buttons))
        await person.press(ConsentCallback(version=CONSENT_VERSION).pack())
        await person.wait_for(lambda message: message.text.startswith(("Пришлите своё фото", "Send me a photo")))

    async def accept_photo(self, person: Person, seed: int = 0) -> ChatMessage:
        """Sends a photo that is accepted; returns the bot's answer."""
        await person.send_photo(jpeg(seed))
        return await person.wait_for(says("✅"))

    async def ready(self, person: Person) -> None:
        """Starts the conversation up to the question for a prompt."""
        await self.consent(person)
        await self.accept_photo(person)

    async def jobs(self) -> list[Job]:
        async with self.sessions() as session:
            return list(await session.scalars(select(Job).order_by(Job.created_at)))

    async def job(self, count: int = 1) -> Job:
        """The newest job, as soon as there are `count`."""
        for _ in range(300):
            if len(jobs := await self.jobs()) == count:
                return jobs[-1]
            await asyncio.sleep(LOOK_S)
        raise AssertionError(f"expected {count} jobs, got {[job.prompt for job in jobs]}")

    async def move(self, job: Job, state: JobState) -> None:
        """Changes the job as the dispatcher would."""
        async with self.sessions.begin() as session:
            await session.execute(update(Job).where(Job.id == job.id).values(state=state))

    async def picture(self, person: Person, job: Job) -> ChatMessage:
        """The finished picture with its buttons, as the dispatcher would deliver it; its PNG is kept."""
        texts = self.texts()
        sent = await self.bot.send_photo(
            person.user_id,
            BufferedInputFile(jpeg(99 + job.seed % 1000), "picture.jpg"),
            caption=caption(job, texts, self.styles),
            reply_markup=first_page(texts, job),
        )
        assert sent.photo
        values = {
            "state": JobState.DELIVERED,
            "result": encoded(Image.new("RGB", (60, 90), "teal"), "PNG"),
            "result_file_id": sent.photo[-1].file_id,
            "result_message_id": sent.message_id,
            "shown_message_ids": [sent.message_id],
            "closed_at": func.now(),
            "finished_at": func.now(),
        }
        async with self.sessions.begin() as session:
            await session.execute(update(Job).where(Job.id == job.id).values(**values))
        return await person.message(sent.message_id)

    async def result_of(self, job: Job) -> bytes | None:
        """The PNG that the database keeps."""
        async with self.sessions() as session:
            return await session.scalar(select(Job.result).where(Job.id == job.id))

    async def references(self) -> list[Reference]:
        async with self.sessions() as session:
            return list(await session.scalars(select(Reference).order_by(Reference.message_id)))

    async def states(self) -> list[str]:
        """The photos' states in the order in which they were sent."""
        return [photo.state for photo in await self.references()]

    async def stored_bytes(self) -> list[int]:
        async with self.sessions() as session:
            return list(await session.scalars(select(func.length(Reference.image)).order_by(Reference.message_id)))

    async def sent_again(self, person: Person, message_id: int, jpeg: bytes) -> SentPhoto:
        """A message with a photo, as it reaches the use case."""
        return SentPhoto(person.user_id, person.user_id, message_id, None, await decoded_here(jpeg))

    async def note_status(self, job: Job, message_id: int) -> None:
        async with self.sessions.begin() as session:
            await session.execute(update(Job).where(Job.id == job.id).values(status_message_id=message_id))

    async def user(self, person: Person) -> User | None:
        async with self.sessions() as session:
            return await session.get(User, person.user_id)

    async def press(self, person: Person, data: CallbackData, *, under_photo: bool = False) -> PressAnswer:
        """Press a button that the bot may have sent once, on a message of its own."""
        button = InlineKeyboardButton(text="button", callback_data=data.pack())
        keyboard = InlineKeyboardMarkup(inline_keyboard=[[button]])
        if under_photo:
            photo = BufferedInputFile(jpeg(98), "old.jpg")
            sent = await self.bot.send_photo(person.user_id, photo, reply_markup=keyboard)
        else:
            sent = await self.bot.send_message(person.user_id, "an old message", reply_markup=keyboard)
        return await person.press_data(sent.message_id, data.pack())

    async def grant(self, person: Person, *, photos: int = 1, style: str | None = None) -> None:
        """Stores the outcome of a conversation: consent, accepted photos, a style."""
        await person.send_text("/help")
        await person.wait_for(says("/photos"))
        async with self.sessions.begin() as session:
            user = await session.get_one(User, person.user_id)
            user.consent_version, user.style = CONSENT_VERSION, style
            for number in range(photos):
                image = jpeg(200 + number, (60, 80))
                session.add(
                    Reference(
                        user_id=user.id, chat_id=user.id, message_id=-1 - number, state=ReferenceState.ACCEPTED,
                        verdict=Verdict.ACCEPTED, image=image, width=60, height=80, answered_at=func.now(),
                        sha256=hashlib.sha256(image).hexdigest(),
                    )
                )  # fmt: skip

    async def grant_pose_photo(self, person: Person) -> UUID:
        """A photo kept for its pose, and chosen; gives its id."""
        photo = PosePhoto(id=uuid4(), user_id=person.user_id, message_id=-100, image=jpeg(97, (60, 80)))
        async with self.sessions.begin() as session:
            user = await session.get_one(User, person.user_id)
            user.pose = POSE_PHOTO
            await poses.replace(session, photo)
        return photo.id

    async def pose_photo(self, person: Person) -> PosePhoto | None:
        async with self.sessions() as session:
            return await poses.of_user(session, person.user_id)

    async def set_worker(
        self,
        worker_id: str = "w1",
        *,
        alive: bool,
        pose: bool = False,
        image_prompt: bool = False,
        companion: bool = False,
        aspects: Sequence[Aspect] = (),
    ) -> None:
        facts = {"backbone": "nano", "device": "cpu", "batch_max": 1, "busy": False}
        facts |= {"image_prompt": image_prompt, "companion": companion}
        async with self.sessions.begin() as session:
            await session.merge(Worker(id=worker_id, **facts, pose=pose, aspects=[aspect.value for aspect in aspects]))
            await session.flush()
            seen_at = func.now() - timedelta(hours=0 if alive else 100)
            await session.execute(update(Worker).values(seen_at=seen_at))

    async def feed(self, person: Person, kind: str = "message", /, **content: Any) -> None:
        """A message of a kind that the local server does not know, as an update of Telegram's."""
        sent = await person.send_text("/help")
        await self.settled()
        chat = {"id": person.user_id, "type": "private", "first_name": "X"}
        sender = {"id": person.user_id, "is_bot": False, "first_name": "X", "language_code": "ru"}
        message = {"message_id": sent.id, "date": 1_700_000_000, "chat": chat, "from": sender, **content}
        await self.dispatcher.feed_raw_update(self.bot, {"update_id": 10_000_000, kind: message})

    async def row_counts(self) -> dict[str, int]:
        async with self.sessions() as session:
            tables = Base.metadata.sorted_tables
            return {table.name: await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}

    async def settled(self) -> None:
        """Every update sent so far has been handled, with what followed from it."""
        for _ in range(300):
            if not await self.control.pending_updates():
                break
            await asyncio.sleep(LOOK_S)
        await asyncio.sleep(LOOK_S)

    async def texts_to(self, person: Person) -> list[str]:
        """All texts of the bot to a person."""
        await self.settled()
        return [message.text for message in await person.transcript() if message.from_bot]


async def decoded_here(data: bytes) -> NormalPhoto:
    """Decodes as bot.photos.normalise, but in a thread: a process per photo takes ten times as long as the photo."""

    def decode() -> NormalPhoto:
        if len(data) > FILE_MAX_BYTES:
            raise PhotoRefused(Refusal.FILE_TOO_BIG)
        try:
            photo = ReaderSettings.from_json(photos._SETTINGS).reader.read(data)
        except CannotRead as cannot:
            raise PhotoRefused(Refusal(cannot.fault)) from None
        return NormalPhoto(encode_jpeg(photo), photo.width, photo.height)

    return await asyncio.to_thread(decode)


def says(*parts: str) -> Callable[[ChatMessage], bool]:
    """Whether a message has all these parts."""
    return lambda message: all(part in message.text for part in parts)


def jpeg(seed: int = 0, size: tuple[int, int] = (300, 400), **options: Any) -> bytes:
    """A photo unlike that of another seed."""
    return encoded(Image.radial_gradient("L").resize(size).convert("RGB").point(_shifted(seed)), "JPEG", **options)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _shifted(seed: int) -> list[int]:
    return [(level + 37 * seed + 20 * channel) % 256 for channel in range(3) for level in range(256)]


@pytest.fixture(name="says", scope="session")
def says_fixture() -> Callable[..., Callable[[ChatMessage], bool]]:
    return says


@pytest.fixture(name="jpeg", scope="session")
def jpeg_fixture() -> Callable[..., bytes]:
    return jpeg


@pytest.fixture(autouse=True)
def decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """tests/bot/test_photos.py and test_hostile_files.py have the decoder in its process."""
    monkeypatch.setattr(photo_fetching, "normalise", decoded_here)


@pytest.fixture(scope="session")
def translator() -> Translator:
    return Translator()


@pytest.fixture(scope="session")
def chat_database_url(postgres: EmbeddedPostgres, migrated_template: str) -> str:
    """One database for all conversations: emptying it is faster than making another."""
    return _make_database("conversations", postgres, migrated_template)


@pytest.fixture(scope="session")
def make_database(postgres: EmbeddedPostgres, migrated_template: str) -> Callable[[str], str]:
    """Makes another migrated database, by name; gives its URL."""
    return lambda name: _make_database(name, postgres, migrated_template)


def _make_database(name: str, postgres: EmbeddedPostgres, template: str) -> str:
    asyncio.run(_create(name, postgres.url, template))
    # the shared loop stands still while other tests run, perhaps within a transaction
    patient = {"options": "-c idle_in_transaction_session_timeout=1h"}
    url = make_url(postgres.url).set(database=name).update_query_dict(patient)
    return url.render_as_string(hide_password=False)


async def _create(name: str, server_url: str, template: str) -> None:
    pool = make_engine(server_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with pool.connect() as connection:
        await connection.execute(text(f"create database {name} template {template}"))
    await pool.dispose()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all conversations, since they share the servers."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(chat_database_url: str, translator: Translator) -> AsyncIterator[Stage]:
    """The bot is up and photos are examined as soon as they come."""
    async with open_stage(chat_database_url, translator) as stage:
        yield stage


@pytest.fixture(name="open_stage", scope="session")
def open_stage_fixture() -> Callable[..., AbstractAsyncContextManager[Stage]]:
    """Starts a bot with other settings, on a database of its own."""
    return open_stage


@asynccontextmanager
async def open_stage(database_url: str, translator: Translator, **options: Any) -> AsyncIterator[Stage]:
    """Opens the stage. `options`: settings of bot.config."""
    async with AsyncExitStack() as stack:
        pool = open_pool(database_url)
        stack.push_async_callback(pool.dispose)
        api = await stack.enter_async_context(LocalBotAPI())
        control = await stack.enter_async_context(ApiControl(api.url))
        bot = open_bot(api.token, api.url, patient=True)
        stack.push_async_callback(bot.session.close)
        config = Config(
            bot_token=api.token, database_url="postgresql://unused", broker_url="redis://unused",
            admin_ids=frozenset(range(BOSSES, PEOPLE)), alive_s=3600, worker_hour_price="2.50 EUR", _env_file=None,
            **options,
        )  # fmt: skip
        sessions, signals, styles = make_sessions(pool), NotedSignals(), load_styles()
        albums = OpenAlbums()
        use = build_use_cases(config, sessions, signals, lambda: secrets.randbelow(2**63), albums)
        dispatcher = build_conversation(use, styles, translator, config)
        stage = Stage(api, control, bot, dispatcher, sessions, signals, styles, translator)
        stop = asyncio.Event()
        intake = Intake(bot, dispatcher, database_answers=_always, albums=albums, clock=stage.clock)
        polling = asyncio.create_task(Polling(bot, intake).run(stop))
        answers = VerdictAnswers(bot, use, translator, styles)
        examining = asyncio.create_task(_examine(stage, answers, stop))
        yield stage
        stop.set()
        signals.wake()
        await asyncio.gather(polling, examining)


@pytest_asyncio.fixture(loop_scope="session")
async def chat(stage: Stage) -> AsyncIterator[Chat]:
    """An empty database, a living worker, and people who are new to the bot."""
    number = next(_numbers)
    async with AsyncExitStack() as stack:
        people = []
        for user_id, name, language in (
            (PEOPLE + 2 * number, "Анна", "ru"),
            (PEOPLE + 2 * number + 1, "Ben", "en"),
            (BOSSES + number, "Boss", "en"),
        ):
            await stage.control.add_user(user_id, name, language_code=language)
            people.append(await stack.enter_async_context(Person(stage.api.url, user_id)))
        async with stage.quiet:
            await _empty(stage.sessions)
        stage.passed_s += 3600
        stage.verdicts.clear()
        stage.boxes.clear()
        stage.faces.clear()
        stage.hints, stage.worker_looks = None, True
        stage.signals.called_off.clear()
        stage.styles.apply(())
        chat = Chat(stage, *people)
        await chat.set_worker(alive=True)
        with capture_logs() as logs:
            yield chat
            await chat.settled()
        faults = [log for log in logs if log["log_level"] == "error"]
        assert bool(faults) == chat.expects_fault, faults


async def _empty(sessions: Sessions) -> None:
    """Triggers and foreign keys are off meanwhile. To delete a few rows costs Postgres a small part of what it costs to
    truncate all tables."""
    deletions = " ".join(f"delete from {table};" for table in Base.metadata.tables)
    async with sessions.begin() as session:
        await session.execute(text("set local session_replication_role = replica"))
        await session.execute(text(f"do $$ begin {deletions} end $$"))


async def _always() -> bool:
    return True


async def _examine(stage: Stage, answers: VerdictAnswers, stop: asyncio.Event) -> None:
    """Handles verdicts like the dispatcher: stores them, then sends the answers."""
    news = stage.signals.listen()
    while not stop.is_set():
        async with stage.quiet:
            if stage.worker_looks:
                await _look(stage)
            await answers()
        news.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), TICK_S)


async def _look(stage: Stage) -> None:
    async with stage.sessions.begin() as session:
        announced = Reference.answer_message_id.is_not(None)
        pending = select(Reference).where(Reference.state == ReferenceState.PENDING, announced)
        for photo in list(await session.scalars(pending.order_by(Reference.message_id))):
            verdict = stage.verdicts.pop(0) if stage.verdicts else Verdict.ACCEPTED
            several, accepted = verdict == Verdict.SEVERAL_PEOPLE, verdict == Verdict.ACCEPTED
            report = Examination(
                reference_id=str(photo.id),
                verdict=verdict,
                boxes=tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in stage.boxes) if several else (),
                hints=tuple(Hint(hint) for hint in (stage.hints or "").split()) if accepted else (),
                face=stage.faces.pop(0) if accepted and stage.faces else None,
            )
            await photo_states.decide(session, report)
