"""Telegram's refusals, read by class and description, and the bot's reactions."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiogram import Bot
from aiogram.client.session.base import BaseSession
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.methods import EditMessageText, SendMessage, TelegramMethod
from aiogram.types import Chat, InlineKeyboardMarkup, Message

from bot.app import build_use_cases
from bot.config import Config
from bot.db.session import Sessions
from bot.db.tables import Reference
from bot.dispatch.photo_verdicts import VerdictAnswers
from bot.dispatch.signals import JobSignals
from bot.domain import ReferenceState
from bot.styles import load_styles
from bot.telegram.edits import edit_buttons, edit_caption, edit_text
from bot.telegram.refusals import (
    ApiRefusal,
    ChatGone,
    ChatMoved,
    FileTooBig,
    MessageGone,
    NotNow,
    QueryExpired,
    TooFast,
    Unmodified,
    WithoutText,
    refusal_of,
    refusals,
    suppress_refusals,
)
from bot.translator import Translator

METHOD = SendMessage(chat_id=1, text="x")
BUTTONS = InlineKeyboardMarkup(inline_keyboard=[])
UNMODIFIED = "Bad Request: message is not modified: specified new message content and reply markup are exactly the same"
TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TelegramRetryAfter(METHOD, "Too Many Requests", retry_after=7), TooFast),
        (TelegramMigrateToChat(METHOD, "group chat was upgraded", migrate_to_chat_id=-100), ChatMoved),
        (TelegramForbiddenError(METHOD, "Forbidden: bot was blocked by the user"), ChatGone),
        (TelegramEntityTooLarge(METHOD, "Request Entity Too Large"), FileTooBig),
        (TelegramNetworkError(METHOD, "ClientConnectorError"), NotNow),
        (TelegramServerError(METHOD, "Bad Gateway"), NotNow),
        (ClientDecodeError("no JSON", ValueError(), "<html>"), NotNow),
        *(
            (TelegramBadRequest(METHOD, description), kind)
            for description, kind in [
                (UNMODIFIED, Unmodified),
                ("Bad Request: there is no text in the message to edit", WithoutText),
                ("Bad Request: message to edit not found", MessageGone),
                ("Bad Request: message to delete not found", MessageGone),
                ("Bad Request: message can't be edited", MessageGone),
                ("Bad Request: MESSAGE_ID_INVALID", MessageGone),
                ("Bad Request: chat not found", ChatGone),
                ("Bad Request: PEER_ID_INVALID", ChatGone),
                ("Bad Request: CHAT_WRITE_FORBIDDEN", ChatGone),
                ("Bad Request: not enough rights to send text messages to the chat", ChatGone),
                (TOO_OLD, QueryExpired),
                ("Bad Request: QUERY_ID_INVALID", QueryExpired),
                ("Bad Request: file is too big", FileTooBig),
                ("Bad Request: can't parse entities", ApiRefusal),
            ]
        ),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, Exception) else None,
)
def test_each_refusal_has_one_meaning(error: TelegramAPIError | ClientDecodeError, kind: type) -> None:
    assert type(refusal_of(error)) is kind
    with pytest.raises(kind), refusals():
        raise error


def test_only_the_named_refusals_are_suppressed_and_others_stay_as_aiogram_raised_them() -> None:
    gone = TelegramBadRequest(METHOD, "Bad Request: message to edit not found")
    with suppress_refusals(MessageGone, Unmodified):
        raise gone
    with pytest.raises(TelegramBadRequest), suppress_refusals(ChatGone):
        raise gone


class RefusingSession(BaseSession):
    """Answers each call with what `answers` holds for its method: an exception, or a result."""

    def __init__(self, answers: dict[type, Any]) -> None:
        super().__init__()
        self.answers = answers
        self.methods: list[str] = []

    async def make_request(self, bot: Bot, method: TelegramMethod[Any], timeout: int | None = None) -> Any:
        self.methods.append(type(method).__name__)
        answer = self.answers.get(type(method), self.answers.get(object))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        pass

    def stream_content(self, *args: Any, **kwargs: Any) -> AsyncGenerator[bytes, None]:
        raise NotImplementedError


def message(message_id: int = 5) -> Message:
    return Message(message_id=message_id, date=datetime(2026, 11, 1, tzinfo=UTC), chat=Chat(id=1, type="private"))


@pytest.mark.parametrize("description", ["Bad Request: MESSAGE_ID_INVALID", UNMODIFIED.upper()])
async def test_an_edit_of_a_handler_passes_over_a_message_that_is_gone_or_shows_it_already(description: str) -> None:
    bot = Bot("1:a", session=RefusingSession({object: TelegramBadRequest(METHOD, description)}))
    edited = message().as_(bot)
    await edit_text(edited, "text")
    await edit_caption(edited, "caption")
    await edit_buttons(edited, BUTTONS)


async def answered_photo(sessions: Sessions, rows: Any, answers: dict[type, Any]) -> tuple[Reference, list[str]]:
    """A refused photo after its verdict was sent once, and the methods that were called."""
    await rows.user()
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    refused = {"state": ReferenceState.REJECTED, "verdict": "too_dark"}
    photo_id = await rows.photo(**refused, created_at=long_ago, answer_message_id=5)
    session = RefusingSession(answers)
    config = Config(bot_token="1:a", database_url="postgresql://unused", broker_url="redis://unused", _env_file=None)
    use = build_use_cases(config, sessions, JobSignals(), draw_seed=lambda: 1)
    await VerdictAnswers(Bot("1:a", session=session), use, Translator(), load_styles())()
    return await rows.get_photo(photo_id), session.methods


@pytest.mark.parametrize("description", ["Bad Request: MESSAGE_ID_INVALID", "Bad Request: message to edit not found"])
async def test_a_verdict_whose_message_is_gone_comes_in_a_new_one(
    sessions: Sessions, rows: Any, description: str
) -> None:
    answers = {EditMessageText: TelegramBadRequest(METHOD, description), SendMessage: message(6)}
    photo, methods = await answered_photo(sessions, rows, answers)
    assert methods == ["EditMessageText", "SendMessage"]
    assert photo.answered_at is not None and photo.answer_message_id == 6


async def test_a_verdict_that_was_sent_before_counts_as_sent(sessions: Sessions, rows: Any) -> None:
    photo, methods = await answered_photo(sessions, rows, {EditMessageText: TelegramBadRequest(METHOD, UNMODIFIED)})
    assert methods == ["EditMessageText"]
    assert photo.answered_at is not None and photo.answer_message_id == 5


@pytest.mark.parametrize("description", ["Bad Request: chat not found", "Bad Request: PEER_ID_INVALID"])
async def test_a_verdict_for_a_chat_that_is_gone_is_not_tried_again(
    sessions: Sessions, rows: Any, description: str
) -> None:
    photo, _ = await answered_photo(sessions, rows, {object: TelegramBadRequest(METHOD, description)})
    assert photo.answered_at is not None and photo.answer_message_id is None
    assert (await rows.get_user()).blocked_at is not None


@pytest.mark.parametrize(
    "error",
    [
        TelegramServerError(METHOD, "Bad Gateway"),
        ClientDecodeError("no JSON", ValueError(), "<html>"),
        TelegramBadRequest(METHOD, "Bad Request: can't parse entities"),
    ],
)
async def test_a_verdict_that_telegram_does_not_take_stays_due(sessions: Sessions, rows: Any, error: Exception) -> None:
    photo, _ = await answered_photo(sessions, rows, {object: error})
    assert photo.answered_at is None
