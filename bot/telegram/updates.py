"""Raw updates -> aiogram's. One that this aiogram cannot read is a line in the log, never an exception.

Telegram adds kinds, fields and enum values with every release of the Bot API, and a Bot API server of one's own may be
older than aiogram: both give updates that fail validation.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import structlog
from aiogram import Bot
from aiogram.methods import TelegramMethod
from aiogram.types import Message, Update
from aiogram.types.update import UpdateTypeLookupError
from pydantic import ValidationError

RawUpdate = dict[str, Any]
FAULTS_LOGGED_MAX = 5
_ESSENTIALS = ("message_id", "date", "chat", "from", "successful_payment", "refunded_payment")
_log = structlog.get_logger(__name__)


class GetRawUpdates(TelegramMethod[list[Any]]):
    """getUpdates without validation: aiogram's own fails for the whole batch if it fails for one update."""

    __returning__ = list[Any]
    __api_method__ = "getUpdates"

    offset: int | None = None
    limit: int | None = None
    timeout: int | None = None
    allowed_updates: list[str] | None = None


def id_of(raw: object) -> int | None:
    """The id of an update, read or not; None where it has none."""
    update_id = raw.get("update_id") if isinstance(raw, dict) else None
    return update_id if isinstance(update_id, int) else None


@dataclass(frozen=True)
class Reading:
    """The readable part of an update: all of it (`whole`), the essentials of a message, or nothing."""

    update: Update | None
    whole: bool


def read_update(raw: RawUpdate, bot: Bot) -> Reading:
    """An unreadable update is logged with its id and keys, without content.

    Of a message that cannot be read, the essentials are kept, so that its sender gets an answer.
    """
    try:
        update = Update.model_validate(raw, context={"bot": bot})
        update.event_type  # noqa: B018  raises for a kind that is not known yet
    except ValidationError as error:
        faults = [_place(fault["loc"]) for fault in error.errors(include_input=False, include_url=False)]
        _log.error("an update cannot be read", faults=faults[:FAULTS_LOGGED_MAX], **_names(raw))
        return Reading(_bare_message(raw, bot), whole=False)
    except UpdateTypeLookupError:
        _log.warning("an update of an unknown kind is skipped", **_names(raw))
        return Reading(None, whole=False)
    return Reading(update, whole=True)


def chat_of(update: Update) -> int:
    """The chat whose order matters, or the sender's id where there is no chat, or 0."""
    event = update.event
    message = getattr(event, "message", None)
    chat = getattr(event, "chat", None) or getattr(message, "chat", None)
    sender = getattr(event, "from_user", None)
    return chat.id if chat is not None else sender.id if sender is not None else 0


def album_of(update: Update) -> tuple[int, str] | None:
    """(chat id, album id) of a message that belongs to an album."""
    message = update.message
    if not isinstance(message, Message) or message.media_group_id is None:
        return None
    return message.chat.id, message.media_group_id


class Work(Enum):
    """The kinds of updates by what their handling takes."""

    QUICK = auto()
    """Commands, buttons and all else that Telegram or a user waits for."""
    PROMPT = auto()
    FILE = auto()
    """A download and a decoding: seconds, or a minute."""


def work_of(update: Update) -> Work:
    message = update.message
    if not isinstance(message, Message) or is_payment(update):
        return Work.QUICK
    if message.photo or message.document:
        return Work.FILE
    return Work.QUICK if (message.text or "").startswith("/") else Work.PROMPT


def keeps_no_order(update: Update) -> bool:
    """Whether its handling neither depends on earlier updates of its chat nor changes what later ones find: /help, and
    a query before a payment, for which Telegram waits ten seconds."""
    if update.pre_checkout_query is not None:
        return True
    message = update.message
    text = (message.text or "") if isinstance(message, Message) else ""
    return text.partition(" ")[0].partition("@")[0] == "/help"


def is_payment(update: Update) -> bool:
    """A message of Telegram's about money that has moved."""
    message = update.message
    return message is not None and (message.successful_payment or message.refunded_payment) is not None


def _bare_message(raw: RawUpdate, bot: Bot) -> Update | None:
    message = raw.get("message")
    if not isinstance(message, dict):
        return None
    essentials = {name: message[name] for name in _ESSENTIALS if name in message}
    try:
        return Update.model_validate({"update_id": id_of(raw), "message": essentials}, context={"bot": bot})
    except ValidationError:
        return None


def _names(raw: RawUpdate) -> dict[str, Any]:
    """The id and the keys of an update and of what it holds; Telegram's names, no word of any user."""
    inside = {key: sorted(map(str, value)) for key, value in raw.items() if isinstance(value, dict)}
    return {"update": id_of(raw), "keys": sorted(map(str, raw)), "inside": inside}


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location))
