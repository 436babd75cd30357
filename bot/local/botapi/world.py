"""The local Telegram's state: people, messages, and pending updates. Written through to disk."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bot.local.botapi.entities import FormattedText
from bot.local.botapi.events import EventHub
from bot.local.botapi.library import Library
from bot.local.botapi.records import (
    BotProfile,
    Chat,
    Counters,
    Invoice,
    JsonObject,
    Keyboard,
    Media,
    Message,
    Payment,
    Update,
    User,
    Version,
)
from bot.local.botapi.storage import Storage
from bot.local.botapi.updates import UpdateQueue
from bot.local.botapi.views import ChatMessage, CheckoutAnswer, InlineAnswer, PressAnswer, view_message
from bot.local.botapi.wire import Wire
from bot.local.defaults import ADMIN_ID, ANNA_ID, BEN_ID, GROUP_ID

HISTORY_KEPT = 50
DEFAULT_USERS = (
    User(id=ANNA_ID, first_name="Анна", username="anna_local", language_code="ru"),
    User(id=BEN_ID, first_name="Ben", username="ben_local", language_code="en"),
    User(id=ADMIN_ID, first_name="Admin", username="admin_local", language_code="en", is_admin=True),
)
SILENT_UPDATE_TYPES = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Types of updates that a bot gets only if it names them."""


@dataclass(frozen=True)
class Draft:
    """A message about to be posted."""

    sender_id: int
    content: FormattedText = field(default_factory=lambda: FormattedText(""))
    media: Media | None = None
    invoice: Invoice | None = None
    payment: Payment | None = None
    media_group_id: str | None = None
    keyboard: Keyboard = ()
    force_reply: bool = False
    protected: bool = False
    reply_to: int | None = None
    forwarded_from: int | None = None
    tell_bot: bool = False
    """Whether the bot gets an update about the message."""

    @classmethod
    def copying(
        cls, message: Message, sender_id: int, *, forwarded_from: int | None = None, protected: bool = False
    ) -> Draft:
        """A copy of the content from another sender, outside any album."""
        content = FormattedText(message.text, message.entities)
        return cls(
            sender_id,
            content,
            message.media,
            message.invoice,
            keyboard=message.keyboard,
            protected=protected,
            forwarded_from=forwarded_from,
        )


class World:
    """The state of the local Telegram. Every change is made by a method of this class, which updates memory and disk
    and calls the listeners. `clock` gives Unix seconds."""

    def __init__(self, storage: Storage, token: str, *, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.events = EventHub()
        self._storage = storage
        bot_id = int(token.partition(":")[0])
        self.bot = User(id=bot_id, first_name="BoLID", username="bolid_local_bot", language_code="", is_bot=True)
        self._counters = next(iter(storage.load(Counters)), Counters())
        self.profile = next(iter(storage.load(BotProfile)), BotProfile())
        self.users = {user.id: user for user in storage.load(User)}
        self.chats = {chat.id: chat for chat in storage.load(Chat)}
        self._messages: dict[int, dict[int, Message]] = {chat_id: {} for chat_id in self.chats}
        for message in sorted(storage.load(Message), key=lambda message: message.id):
            self._messages[message.chat_id][message.id] = message
        self.library = Library(storage, token, storage.load(Media), lambda: self._next("file"))
        self.updates = UpdateQueue(storage.load(Update), self._forget_updates)
        self.callbacks: dict[str, asyncio.Future[PressAnswer]] = {}
        self.inline_queries: dict[str, asyncio.Future[InlineAnswer]] = {}
        self.checkouts: dict[str, asyncio.Future[CheckoutAnswer]] = {}
        self.wire = Wire(self)
        if not self.users:
            self._settle()

    @property
    def seq(self) -> int:
        return self._counters.seq

    def add_user(self, user: User) -> None:
        """Adds a person with a private chat, as a member of every group."""
        with self._storage.batch():
            self._put_user(user)
            for chat in list(self.chats.values()):
                if chat.kind == "group" and user.id not in chat.member_ids:
                    self._put_chat(chat.model_copy(update={"member_ids": (*chat.member_ids, user.id)}))
        self.events.publish({"type": "state"})

    def change_chat(self, chat: Chat, **changes: Any) -> Chat:
        changed = chat.model_copy(update=changes)
        self._put_chat(changed)
        self.events.publish({"type": "state"})
        return changed

    def change_profile(self, **changes: Any) -> None:
        self.profile = self.profile.model_copy(update=changes)
        self._storage.put("", self.profile)
        self.events.publish({"type": "state"})

    def message(self, chat_id: int, message_id: int) -> Message | None:
        found = self._messages.get(chat_id, {}).get(message_id)
        return None if found is None or found.deleted else found

    def transcript(self, chat_id: int, *, after_seq: int = 0, with_deleted: bool = False) -> list[Message]:
        """Messages changed after a sequence number, oldest first."""
        messages = self._messages.get(chat_id, {}).values()
        return [m for m in messages if m.seq > after_seq and (with_deleted or not m.deleted)]

    def post(self, chat: Chat, drafts: Iterable[Draft]) -> list[Message]:
        """Posts messages together, with the updates they cause."""
        posted = []
        with self._storage.batch():
            for draft in drafts:
                message = self._message_of(chat, draft)
                self._put_message(message)
                posted.append(message)
                if draft.tell_bot:
                    self._queue("message", self.wire.message(message))
        self._publish("message", posted)
        return posted

    def revise(self, message: Message, *, tell_bot: bool = False, **changes: Any) -> Message:
        """Edits a message, and keeps its earlier versions."""
        version = Version(
            at=message.edited_at or message.sent_at, text=message.text, has_media=message.media is not None
        )
        changes |= {
            "history": (*message.history, version)[-HISTORY_KEPT:],
            "edit_count": message.edit_count + 1,
            "edited_at": self.clock(),
        }
        return self._change(message, changes, tell_bot=tell_bot)

    def change_keyboard(self, message: Message, keyboard: Keyboard) -> Message:
        """Replaces a message's buttons; the message does not count as edited."""
        return self._change(message, {"keyboard": keyboard}, tell_bot=False)

    def remove(self, message: Message) -> None:
        """Deletes a message. An empty record of it remains, so that the person's client learns of the deletion."""
        emptied = {"text": "", "entities": (), "media": None, "keyboard": (), "history": (), "deleted": True}
        self._change(message, emptied, tell_bot=False)

    def payments(self) -> Iterable[Message]:
        """Every message about a payment or a refund, in any order."""
        return (message for chat in self._messages.values() for message in chat.values() if message.payment is not None)

    def queue_update(self, kind: str, body: JsonObject) -> None:
        with self._storage.batch():
            self._queue(kind, body)

    def inject_update(self, kind: str, body: JsonObject) -> None:
        """Queues an update that a later Bot API or an older server may send. Its type and content are not checked."""
        with self._storage.batch():
            self._add_update(kind, body)

    def view(self, message: Message) -> ChatMessage:
        forwarder = self.user_or_bot(message.forwarded_from) if message.forwarded_from else None
        return view_message(message, self.user_or_bot(message.sender_id), forwarder)

    def user_or_bot(self, user_id: int) -> User:
        return self.bot if user_id == self.bot.id else self.users[user_id]

    def close(self) -> None:
        self.updates.close()
        self.events.close()
        for waiting in self.callbacks.values():
            if not waiting.done():
                waiting.set_result(PressAnswer(answered=False))
        for checkout in self.checkouts.values():
            if not checkout.done():
                checkout.set_result(CheckoutAnswer(answered=False))

    def _settle(self) -> None:
        with self._storage.batch():
            self._put_chat(Chat(id=GROUP_ID, kind="group", title="Друзья · Friends", member_ids=(), started=True))
            start = 100_000_000 + secrets.randbelow(800_000_000)
            self._counters = Counters(update=start)
            self._storage.put("", self._counters)
        for user in DEFAULT_USERS:
            self.add_user(user)

    def _message_of(self, chat: Chat, draft: Draft) -> Message:
        return Message(
            id=self._next("message"),
            chat_id=chat.id,
            sender_id=draft.sender_id,
            sent_at=self.clock(),
            text=draft.content.text,
            entities=draft.content.entities,
            media=draft.media,
            invoice=draft.invoice,
            payment=draft.payment,
            media_group_id=draft.media_group_id,
            keyboard=draft.keyboard,
            force_reply=draft.force_reply,
            protected=draft.protected,
            reply_to=draft.reply_to,
            forwarded_from=draft.forwarded_from,
            forwarded_at=self.clock() if draft.forwarded_from else None,
            seq=self._next("seq"),
        )

    def _change(self, message: Message, changes: dict[str, Any], *, tell_bot: bool) -> Message:
        with self._storage.batch():
            changed = message.model_copy(update=changes | {"seq": self._next("seq")})
            self._put_message(changed)
            if tell_bot:
                self._queue("edited_message", self.wire.message(changed))
        self._publish("message", [changed])
        return changed

    def _publish(self, kind: str, messages: Iterable[Message]) -> None:
        for message in messages:
            self.events.publish({"type": kind, "message": self.view(message).model_dump(mode="json")})

    def _queue(self, kind: str, body: JsonObject) -> None:
        allowed = self.profile.allowed_updates
        if kind not in allowed if allowed else kind in SILENT_UPDATE_TYPES:
            return
        self._add_update(kind, body)

    def _add_update(self, kind: str, body: JsonObject) -> None:
        update = Update(id=self._next("update"), type=kind, body=body)
        self._storage.put(update.id, update)
        self.updates.add(update)

    def _forget_updates(self, ids: Iterable[int]) -> None:
        with self._storage.batch():
            for update_id in ids:
                self._storage.forget(Update, update_id)

    def _put_message(self, message: Message) -> None:
        self._storage.put(f"{message.chat_id}/{message.id}", message)
        self._messages[message.chat_id][message.id] = message

    def _put_user(self, user: User) -> None:
        self._storage.put(user.id, user)
        self.users[user.id] = user
        if user.id not in self.chats:
            self._put_chat(Chat(id=user.id, kind="private", title=user.first_name, member_ids=(user.id,)))

    def _put_chat(self, chat: Chat) -> None:
        self._storage.put(chat.id, chat)
        self.chats[chat.id] = chat
        self._messages.setdefault(chat.id, {})

    def _next(self, counter: str) -> int:
        value: int = getattr(self._counters, counter) + 1
        self._counters = self._counters.model_copy(update={counter: value})
        self._storage.put("", self._counters)
        return value
