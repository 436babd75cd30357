"""The acts of people in their chats, and the updates about them that the bot gets."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace

from bot.local.botapi.entities import FormattedText, plain_text
from bot.local.botapi.errors import PersonError
from bot.local.botapi.methods.targets import CAPTION_MAX, TEXT_MAX
from bot.local.botapi.parameters import Upload
from bot.local.botapi.photos import PhotoRefused
from bot.local.botapi.records import Button, Chat, JsonObject, Media, Message, Payment, User
from bot.local.botapi.views import CheckoutAnswer, InlineAnswer, PressAnswer
from bot.local.botapi.world import Draft, World

ALBUM_MAX = 10
CHECKOUT_LIFETIME_S = 10.0
"""Telegram's limit: a payment that the bot has not confirmed by then is cancelled."""


class People:
    """The person's side of the world. Every method raises PersonError for what a Telegram client would not offer."""

    def __init__(self, world: World, *, callback_lifetime_s: float) -> None:
        self._world = world
        self._callback_lifetime_s = callback_lifetime_s

    def chat(self, chat_id: int) -> Chat:
        chat = self._world.chats.get(chat_id)
        if chat is None:
            raise PersonError(f"no chat {chat_id}; there are {sorted(self._world.chats)}", status=404)
        return chat

    def say(self, chat_id: int, user_id: int, text: str, reply_to: int | None = None) -> list[Message]:
        chat = self._ready(chat_id, user_id)
        content = _checked(text, TEXT_MAX)
        if not content.text:
            raise PersonError("an empty message cannot be sent")
        if reply_to is not None:
            self._message(chat, reply_to)
        return self._post(chat, [Draft(user_id, content, reply_to=reply_to)])

    async def send_files(
        self, chat_id: int, user_id: int, files: Sequence[Upload], caption: str, *, as_documents: bool
    ) -> list[Message]:
        """One message per file; several are an album, captioned on the first. Only photos are re-encoded."""
        self._ready(chat_id, user_id)
        content = _checked(caption, CAPTION_MAX)
        if not 1 <= len(files) <= ALBUM_MAX:
            raise PersonError(f"expected 1 to {ALBUM_MAX} files, got {len(files)}")
        media = [await self._stored(file, as_documents=as_documents) for file in files]
        group_id = str(secrets.randbelow(2**62)) if len(media) > 1 else None
        captions = [content, *[FormattedText("")] * (len(media) - 1)]
        drafts = [
            Draft(user_id, text, item, media_group_id=group_id) for text, item in zip(captions, media, strict=True)
        ]
        return self._post(self._ready(chat_id, user_id), drafts)

    def forward(self, chat_id: int, user_id: int, from_chat_id: int, message_id: int) -> list[Message]:
        chat = self._ready(chat_id, user_id)
        source = self.chat(from_chat_id)
        self._check_member(source, user_id)
        original = self._message(source, message_id)
        if original.protected:
            raise PersonError(f"message {message_id} is protected: it cannot be forwarded", status=403)
        content = original.model_copy(update={"keyboard": ()})
        origin = original.forwarded_from or original.sender_id
        return self._post(chat, [Draft.copying(content, user_id, forwarded_from=origin)])

    def edit(self, chat_id: int, user_id: int, message_id: int, text: str) -> Message:
        chat = self._ready(chat_id, user_id)
        message = self._own(chat, user_id, message_id)
        content = _checked(text, CAPTION_MAX if message.media else TEXT_MAX)
        if not content.text and not message.media:
            raise PersonError("an empty message cannot be sent")
        if content.text == message.text:
            return message
        tell_bot = self._reaches_bot(chat, Draft(user_id, content, reply_to=message.reply_to))
        return self._world.revise(message, tell_bot=tell_bot, text=content.text, entities=content.entities)

    def delete(self, chat_id: int, user_id: int, message_id: int) -> None:
        """Deletes a message for everyone. The bot gets no update, as on Telegram."""
        chat = self.chat(chat_id)
        self._check_member(chat, user_id)
        message = self._message(chat, message_id)
        if chat.kind == "group" and message.sender_id != user_id:
            raise PersonError("only the sender deletes a message in a group", status=403)
        self._world.remove(message)

    def set_blocked(self, user_id: int, blocked: bool) -> None:
        """The bot learns it from my_chat_member."""
        chat = self.chat(user_id)
        if chat.kind != "private":
            raise PersonError("a group cannot block the bot")
        if chat.blocked == blocked:
            return
        self._world.change_chat(chat, blocked=blocked)
        wire = self._world.wire
        member: JsonObject = {"status": "member", "user": wire.user(self._world.bot)}
        kicked: JsonObject = {"status": "kicked", "user": wire.user(self._world.bot), "until_date": 0}
        self._world.queue_update(
            "my_chat_member",
            {
                "chat": wire.chat(chat),
                "from": wire.user(self._world.users[user_id]),
                "date": int(self._world.clock()),
                "old_chat_member": member if blocked else kicked,
                "new_chat_member": kicked if blocked else member,
            },
        )

    async def press(self, chat_id: int, user_id: int, message_id: int, data: str, timeout_s: float) -> PressAnswer:
        """Presses the button with this callback data and waits for the bot's answer, at most `timeout_s`."""
        chat = self._ready(chat_id, user_id)
        message = self._message(chat, message_id)
        button = next((b for row in message.keyboard for b in row if b.callback_data == data), None)
        if button is None:
            raise PersonError(f"message {message_id} has no button with data {data!r}", status=404)
        waiting = self._ask(self._world.users[user_id], message, button)
        try:
            return await asyncio.wait_for(asyncio.shield(waiting), min(timeout_s, self._callback_lifetime_s))
        except TimeoutError:
            return PressAnswer(answered=False)

    def _ask(self, user: User, message: Message, button: Button) -> asyncio.Future[PressAnswer]:
        query_id = str(secrets.randbelow(2**62))
        loop = asyncio.get_running_loop()
        waiting = self._world.callbacks[query_id] = loop.create_future()
        loop.call_later(self._callback_lifetime_s, self._world.callbacks.pop, query_id, None)
        self._world.queue_update(
            "callback_query",
            {
                "id": query_id,
                "from": self._world.wire.user(user),
                "message": self._world.wire.message(message),
                "chat_instance": str(abs(message.chat_id) * 7919),
                "data": button.callback_data,
            },
        )
        return waiting

    async def ask_inline(self, user_id: int, query: str, offset: str, timeout_s: float) -> InlineAnswer:
        """Types "@bot query" in some chat, and waits for what the bot offers."""
        if user_id not in self._world.users:
            raise PersonError(f"no user {user_id}", status=404)
        query_id = str(secrets.randbelow(2**62))
        waiting: asyncio.Future[InlineAnswer] = asyncio.get_running_loop().create_future()
        self._world.inline_queries[query_id] = waiting
        callback_query: JsonObject = {
            "id": query_id,
            "from": self._world.wire.user(self._world.users[user_id]),
            "query": query,
            "offset": offset,
        }
        self._world.queue_update("inline_query", callback_query)
        try:
            return await asyncio.wait_for(waiting, timeout_s)
        except TimeoutError:
            return InlineAnswer(answered=False)
        finally:
            self._world.inline_queries.pop(query_id, None)

    async def pay(self, chat_id: int, user_id: int, message_id: int, timeout_s: float) -> CheckoutAnswer:
        """Pays an invoice in Stars (people here have enough of them) once the bot agrees; it has ten seconds."""
        chat = self._ready(chat_id, user_id)
        message = self._message(chat, message_id)
        invoice = message.invoice
        if invoice is None or (message.forwarded_from and invoice.start_parameter):
            raise PersonError(f"message {message_id} has no Pay button", status=404)
        query_id = str(secrets.randbelow(2**62))
        waiting: asyncio.Future[CheckoutAnswer] = asyncio.get_running_loop().create_future()
        self._world.checkouts[query_id] = waiting
        query: JsonObject = {
            "id": query_id,
            "from": self._world.wire.user(self._world.users[user_id]),
            "currency": invoice.currency,
            "total_amount": invoice.total_amount,
            "invoice_payload": invoice.payload,
        }
        self._world.queue_update("pre_checkout_query", query)
        try:
            answer = await asyncio.wait_for(waiting, min(timeout_s, CHECKOUT_LIFETIME_S))
        except TimeoutError:
            return CheckoutAnswer(answered=False)
        finally:
            self._world.checkouts.pop(query_id, None)
        if not answer.ok:
            return answer
        payment = Payment(
            charge_id=f"local_{secrets.token_hex(16)}",
            payload=invoice.payload,
            currency=invoice.currency,
            total_amount=invoice.total_amount,
        )
        self._post(chat, [Draft(user_id, payment=payment)])
        return answer.model_copy(update={"charge_id": payment.charge_id})

    async def _stored(self, file: Upload, *, as_documents: bool) -> Media:
        if not file.content:
            raise PersonError("an empty file cannot be sent")
        if as_documents:
            return await self._world.library.add_document(file.content, file.name)
        try:
            return await self._world.library.add_photo(file.content, sides_max_px=None)
        except PhotoRefused as refused:
            raise PersonError(f"{refused}: this cannot go as a photo; send it as a file") from refused

    def _post(self, chat: Chat, drafts: Sequence[Draft]) -> list[Message]:
        if not chat.started:
            chat = self._world.change_chat(chat, started=True)
        return self._world.post(chat, [replace(draft, tell_bot=self._reaches_bot(chat, draft)) for draft in drafts])

    def _reaches_bot(self, chat: Chat, draft: Draft) -> bool:
        """Whether the bot gets the message: in a group, a bot in privacy mode gets commands, mentions of it and replies
        to its own messages."""
        if chat.kind == "private":
            return True
        replied = self._world.message(chat.id, draft.reply_to) if draft.reply_to else None
        if replied and replied.sender_id == self._world.bot.id:
            return True
        first_word = next(iter(draft.content.text.split(maxsplit=1)), "")
        command, _, addressee = first_word.partition("@")
        if command.startswith("/") and addressee.lower() in ("", self._world.bot.username):
            return True
        return re.search(rf"(?<!\w)@{self._world.bot.username}(?!\w)", draft.content.text, re.IGNORECASE) is not None

    def _ready(self, chat_id: int, user_id: int) -> Chat:
        chat = self.chat(chat_id)
        self._check_member(chat, user_id)
        if chat.blocked:
            raise PersonError("the bot is blocked in this chat: unblock it first", status=409)
        return chat

    def _check_member(self, chat: Chat, user_id: int) -> None:
        if user_id not in chat.member_ids:
            raise PersonError(f"user {user_id} is not in chat {chat.id}", status=403)

    def _message(self, chat: Chat, message_id: int) -> Message:
        message = self._world.message(chat.id, message_id)
        if message is None:
            raise PersonError(f"no message {message_id} in chat {chat.id}", status=404)
        return message

    def _own(self, chat: Chat, user_id: int, message_id: int) -> Message:
        message = self._message(chat, message_id)
        if message.sender_id != user_id or message.forwarded_from:
            raise PersonError("only one's own messages can be edited", status=403)
        return message


def _checked(text: str, limit: int) -> FormattedText:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PersonError("text must be valid Unicode") from error
    content = plain_text(text)
    if len(content.text) > limit:
        raise PersonError(f"at most {limit} characters fit here, got {len(content.text)}")
    return content
