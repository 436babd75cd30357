"""HTTP clients for tests and the demo: a person in the chat, and the control of the server."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import aiohttp
from pydantic import TypeAdapter

from bot.local.botapi.errors import PersonError
from bot.local.botapi.faults import Fault, FaultKind
from bot.local.botapi.records import JsonObject
from bot.local.botapi.views import (
    CallView,
    ChatMessage,
    ChatView,
    CheckoutAnswer,
    InlineAnswer,
    PressAnswer,
    SentView,
    StateView,
    TranscriptView,
    UserView,
)

POLL_S = 5.0
RETRY_PAUSE_S = 0.1
PATIENCE_S = 60.0
"""The timeout for an answer that takes moments on an idle machine."""
TAIL = 8


class PersonTimeout(TimeoutError):
    """The expected message did not come; the error's message ends with the transcript's tail."""


class _Connection:
    """One HTTP session, opened on first use. Refusals raise PersonError with the server's words."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def _ask(self, verb: str, path: str, **options: Any) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120))
        async with self._session.request(verb, self._url + path, **options) as response:
            content = await response.read()
            if response.status != 200:
                raise PersonError(content.decode(errors="replace"), status=response.status)
            return content


class Person(_Connection):
    """One of the server's users in one chat (their private one by default).

    `mark` is the server's sequence number just before this person's last action: `wait_for` looks beyond it.
    """

    def __init__(self, url: str, user_id: int, *, chat_id: int | None = None) -> None:
        super().__init__(url)
        self.user_id = user_id
        self.chat_id = user_id if chat_id is None else chat_id
        self.mark = 0

    @property
    def _chat(self) -> str:
        return f"/client/chats/{self.chat_id}"

    async def send_text(self, text: str, *, reply_to: int | None = None) -> ChatMessage:
        (message,) = await self._act("POST", "/messages", text=text, reply_to=reply_to)
        return message

    async def send_photo(self, photo: bytes | Path, *, caption: str = "") -> ChatMessage:
        """Re-encoded and stripped of metadata, as Telegram does it."""
        (message,) = await self._send_files([(photo, "photo.jpg")], caption, as_documents=False)
        return message

    async def send_document(self, content: bytes | Path, *, name: str | None = None, caption: str = "") -> ChatMessage:
        """Byte for byte."""
        file_name = name or (content.name if isinstance(content, Path) else "file.bin")
        (message,) = await self._send_files([(content, file_name)], caption, as_documents=True)
        return message

    async def send_album(
        self, photos: Sequence[bytes | Path], *, caption: str = "", as_documents: bool = False
    ) -> list[ChatMessage]:
        """Several at once: the bot gets one update each, with one media_group_id."""
        files = [(photo, f"photo_{number}.jpg") for number, photo in enumerate(photos, start=1)]
        return await self._send_files(files, caption, as_documents=as_documents)

    async def edit_text(self, message_id: int, text: str) -> ChatMessage:
        (message,) = await self._act("PATCH", f"/messages/{message_id}", text=text)
        return message

    async def forward(self, message_id: int, *, from_chat_id: int | None = None) -> ChatMessage:
        source = self.chat_id if from_chat_id is None else from_chat_id
        (message,) = await self._act("POST", "/forwards", message_id=message_id, from_chat_id=source)
        return message

    async def delete(self, message_id: int) -> None:
        await self._act("DELETE", f"/messages/{message_id}")

    async def block(self) -> None:
        await self._act("POST", "/blocked", blocked=True)

    async def unblock(self) -> None:
        await self._act("POST", "/blocked", blocked=False)

    async def press(self, button: str, *, message_id: int | None = None, timeout_s: float = 15.0) -> PressAnswer:
        """Presses the button with this data, this text, or this in its text; on the newest message that has it."""
        candidates = [m for m in await self.transcript() if message_id in (None, m.id)]
        for message in reversed(candidates):
            pressed = message.button(button)
            if pressed is not None and pressed.data is not None:
                return await self.press_data(message.id, pressed.data, timeout_s=timeout_s)
        raise PersonError(f"no button {button!r} to press in:\n{_tail(candidates)}", status=404)

    async def press_data(self, message_id: int, data: str, *, timeout_s: float = 15.0) -> PressAnswer:
        """Presses a button known by its data. If the bot does not answer in time, `answered` is False."""
        body = {"user_id": self.user_id, "data": data, "timeout_s": timeout_s}
        content = await self._ask("POST", f"{self._chat}/messages/{message_id}/press", json=body)
        answer = PressAnswer.model_validate_json(content)
        self.mark = answer.before
        return answer

    async def ask_inline(self, query: str = "", *, offset: str = "", timeout_s: float = 10.0) -> InlineAnswer:
        """Types "@bot query" in some chat."""
        body = {"user_id": self.user_id, "query": query, "offset": offset, "timeout_s": timeout_s}
        return InlineAnswer.model_validate_json(await self._ask("POST", "/client/inline", json=body))

    async def pay(self, message_id: int, *, timeout_s: float = 10.0) -> CheckoutAnswer:
        """Pays the invoice in this message."""
        body = {"user_id": self.user_id, "timeout_s": timeout_s}
        content = await self._ask("POST", f"{self._chat}/messages/{message_id}/pay", json=body)
        answer = CheckoutAnswer.model_validate_json(content)
        self.mark = answer.before
        return answer

    async def transcript(self) -> list[ChatMessage]:
        """The chat as it stands, oldest first, without deleted messages."""
        return (await self._changes(0, 0.0)).messages

    async def message(self, message_id: int) -> ChatMessage:
        for message in await self.transcript():
            if message.id == message_id:
                return message
        raise PersonError(f"no message {message_id} in chat {self.chat_id}", status=404)

    async def download(self, message: ChatMessage) -> bytes:
        """The bytes of its photo (largest size) or document."""
        media = message.photo or message.document
        if media is None:
            raise PersonError(f"message {message.id} has neither photo nor document")
        return await self._ask("GET", media.url)

    async def wait_for(
        self, predicate: Callable[[ChatMessage], bool], timeout_s: float = PATIENCE_S, *, since: int | None = None
    ) -> ChatMessage:
        """The first message of the bot, sent or edited beyond `since` (default: `mark`), that satisfies `predicate`."""
        beyond = self.mark if since is None else since
        found: list[ChatMessage] = []

        def look(messages: list[ChatMessage]) -> bool:
            found.extend(m for m in messages if m.from_bot and m.seq > beyond and not m.deleted and predicate(m))
            return bool(found)

        await self._watch(look, timeout_s)
        return found[0]

    async def wait_until(
        self, predicate: Callable[[list[ChatMessage]], bool], timeout_s: float = PATIENCE_S
    ) -> list[ChatMessage]:
        """The whole transcript, as soon as it satisfies `predicate`."""
        return await self._watch(predicate, timeout_s)

    async def _watch(self, satisfied: Callable[[list[ChatMessage]], bool], timeout_s: float) -> list[ChatMessage]:
        """Reads the transcript after every change until it satisfies the predicate; continues after a restart of the
        server."""
        messages: dict[int, ChatMessage] = {}
        seq, wait_s = 0, 0.0
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    try:
                        changes = await self._changes(seq, wait_s)
                    except aiohttp.ClientConnectionError:
                        await asyncio.sleep(RETRY_PAUSE_S)
                        continue
                    messages |= {message.id: message for message in changes.messages}
                    seq, wait_s = changes.seq, POLL_S
                    visible = [message for _, message in sorted(messages.items()) if not message.deleted]
                    if satisfied(visible):
                        return visible
        except TimeoutError as error:
            tail = _tail([message for _, message in sorted(messages.items())])
            raise PersonTimeout(
                f"user {self.user_id} waited {timeout_s} s in vain; the chat ends with:\n{tail}"
            ) from error

    async def _changes(self, after_seq: int, wait_s: float) -> TranscriptView:
        query = {"after_seq": str(after_seq), "wait_s": str(wait_s)}
        return TranscriptView.model_validate_json(await self._ask("GET", f"{self._chat}/messages", params=query))

    async def _act(self, verb: str, path: str, **body: Any) -> list[ChatMessage]:
        return self._acted(await self._ask(verb, self._chat + path, json={"user_id": self.user_id, **body}))

    async def _send_files(
        self, files: Sequence[tuple[bytes | Path, str]], caption: str, *, as_documents: bool
    ) -> list[ChatMessage]:
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("user_id", str(self.user_id))
        form.add_field("caption", caption)
        form.add_field("as_documents", "true" if as_documents else "false")
        for content, name in files:
            read = await asyncio.to_thread(content.read_bytes) if isinstance(content, Path) else content
            form.add_field("file", io.BytesIO(read), filename=name, content_type="application/octet-stream")
        return self._acted(await self._ask("POST", f"{self._chat}/files", data=form))

    def _acted(self, content: bytes) -> list[ChatMessage]:
        sent = SentView.model_validate_json(content)
        self.mark = sent.before
        return sent.messages


class ApiControl(_Connection):
    """The control of the server for tests: faults, people, and the bot's calls."""

    async def fail_next(
        self,
        method: str = "*",
        *,
        kind: FaultKind,
        times: int = 1,
        retry_after: int = 1,
        lasts_s: float = 0.0,
        delay_s: float = 0.0,
    ) -> None:
        """Makes the next calls fail, see `Fault`."""
        fault = Fault(kind=kind, method=method, times=times, retry_after=retry_after, lasts_s=lasts_s, delay_s=delay_s)
        await self._ask("POST", "/client/faults", json=fault.model_dump())

    async def clear_faults(self) -> None:
        await self._ask("DELETE", "/client/faults")

    async def calls(self, method: str | None = None) -> list[CallView]:
        """The bot's calls since the server started, oldest first."""
        calls = TypeAdapter(list[CallView]).validate_json(await self._ask("GET", "/client/calls"))
        return [call for call in calls if method is None or call.method.lower() == method.lower()]

    async def pending_updates(self) -> int:
        """Updates that no offset has confirmed yet."""
        return TypeAdapter(dict[str, int]).validate_json(await self._ask("GET", "/client/pending"))["updates"]

    async def inject_update(self, kind: str, body: JsonObject) -> None:
        """Queue an update of any kind and content, as a later Bot API or an older server may send it."""
        await self._ask("POST", "/client/updates", json={"kind": kind, "body": body})

    async def add_user(
        self, user_id: int, first_name: str, *, language_code: str = "en", is_admin: bool = False
    ) -> None:
        body = {"id": user_id, "first_name": first_name, "language_code": language_code, "is_admin": is_admin}
        await self._ask("POST", "/client/users", json=body)

    async def users(self) -> list[UserView]:
        return (await self._state()).users

    async def chats(self) -> list[ChatView]:
        return (await self._state()).chats

    async def _state(self) -> StateView:
        return StateView.model_validate_json(await self._ask("GET", "/client/state"))


def _tail(messages: Sequence[ChatMessage]) -> str:
    lines = []
    for message in messages[-TAIL:]:
        media = " [photo]" if message.photo else f" [{message.document.name}]" if message.document else ""
        buttons = f" {message.button_texts}" if message.buttons else ""
        lines.append(f"  {message.id} {message.sender_name}:{media} {message.text!r}{buttons}")
    return "\n".join(lines) or "  (nothing)"
