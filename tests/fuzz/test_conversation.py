"""Updates and button data that no client sends, through the real dispatcher and database: every user is answered.

Telegram is replaced by a session that takes every call, so that many updates can be handled in a second.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.session.base import BaseSession
from aiogram.methods import AnswerCallbackQuery, GetFile, GetMe, TelegramMethod
from aiogram.types import Chat, File, Message, User
from hypothesis import given, note
from hypothesis import strategies as st
from mutation import LEAVES, mutated
from sqlalchemy import delete, func, select, text
from structlog.processors import format_exc_info
from structlog.testing import capture_logs

from bot.app import build_conversation, build_use_cases
from bot.config import Config
from bot.db.session import Sessions
from bot.db.tables import HeldMessage, Job, Reference
from bot.dispatch.signals import JobSignals
from bot.domain import CONSENT_VERSION
from bot.photos import NormalPhoto, PhotoRefused, Refusal
from bot.styles import load_styles
from bot.telegram import callbacks, photo_fetching
from bot.telegram.intake import Intake
from bot.telegram.updates import album_of, chat_of, id_of, read_update
from bot.translator import Translator

USER_ID = 71
ROWS_KEPT = 100
SENDER = {"id": USER_ID, "is_bot": False, "first_name": "Ann", "language_code": "en"}
CHAT = {"id": USER_ID, "type": "private", "first_name": "Ann"}
BARE = {"message_id": 5, "date": 1_700_000_000, "chat": CHAT, "from": SENDER}
PHOTO = {"file_id": "p", "file_unique_id": "p", "width": 90, "height": 90, "file_size": 100}
MESSAGES: list[dict[str, Any]] = [
    {**BARE, "text": "in a garden"},
    {**BARE, "text": "/start abc", "entities": [{"type": "bot_command", "offset": 0, "length": 6}]},
    {**BARE, "text": "/settings"},
    {**BARE, "text": "/photos"},
    {**BARE, "text": "again", "reply_to_message": {**BARE, "message_id": 4, "text": "x"}},
    {**BARE, "photo": [PHOTO], "caption": "me on a beach"},
    {**BARE, "photo": [PHOTO], "media_group_id": "a"},
    {**BARE, "document": {"file_id": "d", "file_unique_id": "d", "file_name": "a.jpg", "file_size": 99}},
    {**BARE, "sticker": {**PHOTO, "type": "regular", "is_animated": False, "is_video": False}},
    {**BARE, "location": {"longitude": 1.0, "latitude": 2.0}},
    {**BARE, "contact": {"phone_number": "1", "first_name": "x"}},
    {**BARE, "voice": {"file_id": "v", "file_unique_id": "v", "duration": 1}},
]
PREFIXES = sorted(
    {
        each.__prefix__
        for each in vars(callbacks).values()
        if isinstance(each, type) and issubclass(each, callbacks.CallbackData) and each is not callbacks.CallbackData
    }
)
FIELDS = st.one_of(
    LEAVES.map(str),
    st.just(str(UUID(int=1))),
    st.just(UUID(int=1).hex),
    st.sampled_from([*callbacks.JobAction, "0", "1", "en", "none", "oil", "-1", str(2**70)]),
)
BUTTONS = st.builds(
    lambda prefix, rest: ":".join([prefix, *rest]), st.sampled_from(PREFIXES), st.lists(FIELDS, max_size=4)
) | st.text(max_size=64)


class EveryCallSession(BaseSession):
    """Answers every call of the bot as Telegram would, and remembers it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[TelegramMethod[Any]] = []
        self.content = b"a file"

    async def make_request(self, bot: Bot, method: TelegramMethod[Any], timeout: int | None = None) -> Any:
        self.calls.append(method)
        if isinstance(method, GetMe):
            return User(id=bot.id, is_bot=True, first_name="BoLID", username="bolid_bot")
        if isinstance(method, GetFile):
            return File(file_id="f", file_unique_id="f", file_path="f.jpg", file_size=len(self.content))
        if "Message" in str(method.__returning__):
            message = Message(
                message_id=1000 + len(self.calls), date=1_700_000_000, chat=Chat(id=USER_ID, type="private"), text="x"
            )
            return [message] if str(method.__returning__).startswith("list") else message.as_(bot)
        return True

    async def stream_content(self, *_: Any, **__: Any) -> AsyncGenerator[bytes, None]:
        yield self.content

    async def close(self) -> None:
        return None


@dataclass
class Conversation:
    """A bot on a database with one user who has agreed; each update gets an id of its own."""

    sessions: Sessions
    bot: Bot
    telegram: EveryCallSession
    dispatcher: Dispatcher
    number: int = field(default=1)
    asked_for: int = 0
    deleted: int = 0

    async def handle(self, kind: str, body: Any) -> tuple[list[TelegramMethod[Any]], int]:
        """Handles an update. Returns the calls to the chat that the bot made, and the number of pictures and of answers
        to photos that it left to the dispatcher."""
        before = self.asked_for
        self.telegram.calls.clear()
        self.number += 1
        intake = Intake(self.bot, self.dispatcher, database_answers=_always)
        ticket = intake.take({"update_id": self.number, kind: body})
        if ticket.task is not None:
            await ticket.task
        assert ticket.finished
        await self._count()
        shown = [call for call in self.telegram.calls if not isinstance(call, GetFile)]
        return shown, self.asked_for - before

    async def _count(self) -> None:
        """Few rows are kept, else counting them would take the most time."""
        unanswered = Reference.answered_at.is_(None)  # the dispatcher's next step answers these photos
        jobs, held = (select(func.count()).select_from(table).scalar_subquery() for table in (Job, HeldMessage))
        photos = select(func.count()).where(unanswered).scalar_subquery()
        async with self.sessions.begin() as session:
            rows = await session.scalar(select(jobs + held + photos)) or 0
            self.asked_for = self.deleted + rows
            if rows > ROWS_KEPT:
                self.deleted += rows
                await session.execute(delete(HeldMessage))
                await session.execute(delete(Job))
                await session.execute(delete(Reference).where(unanswered))


async def _always() -> bool:
    return True


async def _refuse(data: bytes) -> NormalPhoto:
    """Replaces the child process, which takes half a second to start; test_uploads.py tests its decoding."""
    raise PhotoRefused(Refusal.TOO_SMALL)


@pytest.fixture
async def conversation(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Conversation]:
    monkeypatch.setattr(photo_fetching, "normalise", _refuse)
    telegram = EveryCallSession()
    bot = Bot("42:TEST", session=telegram)
    config = Config(
        bot_token="42:TEST", database_url="postgresql://unused", broker_url="redis://unused", open_jobs_max=100_000,
        _env_file=None,
    )  # fmt: skip
    signals, styles, translator = JobSignals(), load_styles(), Translator()
    use = build_use_cases(config, sessions, signals, lambda: 7, lambda chat_id, album_id: False)
    dispatcher = build_conversation(use, styles, translator, config)
    async with sessions.begin() as session:
        await session.execute(
            text("insert into users (id, language, consent_version, style) values (:id, 'en', :version, 'none')"),
            {"id": USER_ID, "version": CONSENT_VERSION},
        )
        await session.execute(
            text(
                "insert into reference_photos (id, user_id, chat_id, message_id, state, image, width, height, sha256,"
                " answered_at) values (gen_random_uuid(), :id, :id, 1, 'accepted', 'x', 9, 9, 'x', now())"
            ),
            {"id": USER_ID},
        )
    yield Conversation(sessions, bot, telegram, dispatcher)


def _is_message_id(value: Any) -> bool:
    """Whether the number is within Telegram's range of message ids, which the columns for them have too."""
    return isinstance(value, int) and 0 < value < 2**31


def _replied(message: dict[str, Any]) -> dict[str, Any]:
    replied = message.get("reply_to_message")
    return replied if isinstance(replied, dict) else BARE


@given(message=st.sampled_from(MESSAGES).flatmap(mutated))
async def test_a_message_of_any_content_is_answered(conversation: Conversation, message: Any) -> None:
    sender = message.get("from") if isinstance(message, dict) else None
    whole = isinstance(sender, dict) and (sender.get("id"), sender.get("is_bot")) == (USER_ID, False)
    whole = whole and message.get("chat") == CHAT  # Telegram sends no private chat without its person
    whole = whole and all(_is_message_id(each.get("message_id")) for each in (message, _replied(message)))
    if whole:
        message["message_id"] = 100 + conversation.number  # the same message again changes nothing
    if whole and isinstance(message.get("media_group_id"), str):
        message["media_group_id"] += str(conversation.number)  # an album is answered once
    note(repr(message))
    raw = {"update_id": 1, "message": message}
    readable = read_update(raw, conversation.bot).update is not None
    with capture_logs([format_exc_info]) as logs:
        calls, asked_for = await conversation.handle("message", message)
    note(repr(logs))
    if whole and readable:
        assert [log for log in logs if log["event"] == "an update failed"] == []
        assert calls or asked_for, "its sender waits in vain"


@given(data=BUTTONS, has_message=st.booleans())
async def test_a_press_of_any_button_is_answered(conversation: Conversation, data: str, has_message: bool) -> None:
    press = {"id": str(conversation.number), "from": SENDER, "chat_instance": "1", "data": data}
    if has_message:
        press["message"] = {**BARE, "from": {**SENDER, "id": 42, "is_bot": True}, "text": "a question"}
    with capture_logs() as logs:
        calls, _ = await conversation.handle("callback_query", press)
    assert [log for log in logs if log["event"] == "an update failed"] == []
    assert sum(isinstance(call, AnswerCallbackQuery) for call in calls) == 1


@given(update=mutated({"update_id": 3, "message": {**BARE, "text": "x"}}, 6) | mutated({"update_id": 3, "poll": {}}))
def test_an_update_of_any_shape_is_read_or_skipped(update: Any) -> None:
    bot = Bot("42:TEST", session=EveryCallSession())
    assert id_of(update) is None or isinstance(id_of(update), int)
    if not isinstance(update, dict):
        return
    reading = read_update(update, bot)
    if reading.update is not None:
        assert isinstance(chat_of(reading.update), int)
        album_of(reading.update)
