"""The person's side over HTTP: /client/... JSON, multipart for files, server-sent events for news."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TypeVar
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.local.botapi.bot_routes import BotRoutes
from bot.local.botapi.errors import PersonError
from bot.local.botapi.faults import Fault, FaultPlan
from bot.local.botapi.methods.settings import commands_shown
from bot.local.botapi.parameters import Upload
from bot.local.botapi.people import People
from bot.local.botapi.records import Chat, JsonObject, Message, User
from bot.local.botapi.views import BotView, ChatView, SentView, StateView, TranscriptView, UserView
from bot.local.botapi.world import World

HEARTBEAT_S = 15.0
WAIT_MAX_S = 60.0
FOREVER = "private, max-age=31536000, immutable"


class Action(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    user_id: int


class Say(Action):
    text: str
    reply_to: int | None = None


class Edit(Action):
    text: str


class Forward(Action):
    message_id: int
    from_chat_id: int


class Press(Action):
    data: str
    timeout_s: float = Field(default=15.0, gt=0, le=WAIT_MAX_S)


class AskInline(Action):
    query: str = Field(default="", max_length=256)
    offset: str = Field(default="", max_length=64)
    timeout_s: float = Field(default=10.0, gt=0, le=WAIT_MAX_S)


class Pay(Action):
    timeout_s: float = Field(default=10.0, gt=0, le=WAIT_MAX_S)


class Block(Action):
    blocked: bool


class Injection(BaseModel):
    """An update that no person's action causes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str
    body: JsonObject


class NewUser(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    id: int = Field(gt=0, lt=2**52)
    first_name: str = Field(min_length=1, max_length=64)
    language_code: str = Field(default="en", min_length=2, max_length=8)
    is_admin: bool = False


BodyT = TypeVar("BodyT", bound=BaseModel)


class PersonRoutes:
    def __init__(self, world: World, people: People, bot_routes: BotRoutes, faults: FaultPlan) -> None:
        self._world = world
        self._people = people
        self._bot_routes = bot_routes
        self._faults = faults

    def routes(self) -> list[web.RouteDef]:
        chat = "/client/chats/{chat_id:-?[0-9]{1,15}}"
        message = chat + "/messages/{message_id:[0-9]{1,15}}"
        return [
            web.get("/client/state", self.state),
            web.post("/client/users", self.add_user),
            web.get("/client/events", self.events),
            web.get("/client/files/{unique_id:[A-Za-z0-9_-]+}", self.file),
            web.get(chat + "/messages", self.transcript),
            web.post(chat + "/messages", self.say),
            web.post(chat + "/files", self.send_files),
            web.post(chat + "/forwards", self.forward),
            web.post(chat + "/blocked", self.block),
            web.patch(message, self.edit),
            web.delete(message, self.delete),
            web.post(message + "/press", self.press),
            web.post(message + "/pay", self.pay),
            web.post("/client/inline", self.ask_inline),
            web.post("/client/faults", self.add_fault),
            web.delete("/client/faults", self.clear_faults),
            web.get("/client/calls", self.calls),
            web.get("/client/pending", self.pending),
            web.post("/client/updates", self.inject),
        ]

    async def state(self, request: web.Request) -> web.Response:
        profile, bot = self._world.profile, self._world.bot
        state = StateView(
            bot=BotView(
                name=profile.names.get("") or bot.first_name,
                username=bot.username,
            ),
            users=[UserView(**user.model_dump(exclude={"is_bot"})) for user in self._world.users.values()],
            chats=[self._chat_view(chat) for chat in self._world.chats.values()],
            seq=self._world.seq,
        )
        return _answer(state)

    async def add_user(self, request: web.Request) -> web.Response:
        body = await _body(request, NewUser)
        if body.id in self._world.users or body.id == self._world.bot.id:
            raise PersonError(f"user {body.id} exists already", status=409)
        self._world.add_user(User(username=f"person_{body.id}", **body.model_dump()))
        return web.json_response({})

    async def events(self, request: web.Request) -> web.StreamResponse:
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await response.write(b"retry: 500\n\n")
        with suppress(ConnectionResetError):  # the page was closed
            async for event in self._world.events.stream(HEARTBEAT_S):
                line = ": still here" if event is None else "data: " + json.dumps(event)
                await response.write(f"{line}\n\n".encode())
        return response

    async def file(self, request: web.Request) -> web.Response:
        """Photos and thumbnails are our own JPEG and shown; documents are only ever saved."""
        file = self._world.library.by_unique_id(request.match_info["unique_id"])
        if file is None:
            raise PersonError("no such file", status=404)
        headers = {"Cache-Control": FOREVER}
        if file.category == "documents":
            headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
        mime_type = "application/octet-stream" if file.category == "documents" else file.mime_type
        return web.Response(body=await self._world.library.read(file), content_type=mime_type, headers=headers)

    async def transcript(self, request: web.Request) -> web.Response:
        """`after_seq` and `wait_s`: only changes, and wait for the first of them."""
        chat = self._chat(request)
        after_seq, wait_s = _number(request, "after_seq"), min(_number(request, "wait_s"), WAIT_MAX_S)

        def news() -> list[Message]:
            return self._world.transcript(chat.id, after_seq=int(after_seq), with_deleted=after_seq > 0)

        if wait_s > 0:
            await self._world.events.wait_until(lambda: bool(news()), wait_s)
        return _answer(TranscriptView(messages=[self._world.view(m) for m in news()], seq=self._world.seq))

    async def say(self, request: web.Request) -> web.Response:
        body, before = await _body(request, Say), self._world.seq
        return self._sent(self._people.say(self._chat(request).id, body.user_id, body.text, body.reply_to), before)

    async def send_files(self, request: web.Request) -> web.Response:
        try:
            form = await request.post()
        except ValueError as error:
            raise PersonError("expected a multipart form") from error
        uploads = []
        for value in form.getall("file", []):
            if isinstance(value, web.FileField):
                with value.file as opened:
                    uploads.append(Upload(value.filename, opened.read()))
        user_id, caption = str(form.get("user_id", "")), form.get("caption", "")
        if not re.fullmatch("[0-9]{1,18}", user_id) or not isinstance(caption, str):
            raise PersonError("expected the fields user_id, caption, as_documents and one or more parts named file")
        before = self._world.seq
        messages = await self._people.send_files(
            self._chat(request).id, int(user_id), uploads, caption, as_documents=form.get("as_documents") == "true"
        )
        return self._sent(messages, before)

    async def forward(self, request: web.Request) -> web.Response:
        body, before = await _body(request, Forward), self._world.seq
        chat_id = self._chat(request).id
        return self._sent(self._people.forward(chat_id, body.user_id, body.from_chat_id, body.message_id), before)

    async def edit(self, request: web.Request) -> web.Response:
        body, before = await _body(request, Edit), self._world.seq
        chat_id, message_id = self._chat(request).id, int(request.match_info["message_id"])
        return self._sent([self._people.edit(chat_id, body.user_id, message_id, body.text)], before)

    async def delete(self, request: web.Request) -> web.Response:
        body, before = await _body(request, Action), self._world.seq
        self._people.delete(self._chat(request).id, body.user_id, int(request.match_info["message_id"]))
        return self._sent([], before)

    async def press(self, request: web.Request) -> web.Response:
        body, before = await _body(request, Press), self._world.seq
        chat_id, message_id = self._chat(request).id, int(request.match_info["message_id"])
        answer = await self._people.press(chat_id, body.user_id, message_id, body.data, body.timeout_s)
        return _answer(answer.model_copy(update={"before": before}))

    async def ask_inline(self, request: web.Request) -> web.Response:
        body, before = await _body(request, AskInline), self._world.seq
        answer = await self._people.ask_inline(body.user_id, body.query, body.offset, body.timeout_s)
        return _answer(answer.model_copy(update={"before": before}))

    async def pay(self, request: web.Request) -> web.Response:
        body, before = await _body(request, Pay), self._world.seq
        chat_id, message_id = self._chat(request).id, int(request.match_info["message_id"])
        answer = await self._people.pay(chat_id, body.user_id, message_id, body.timeout_s)
        return _answer(answer.model_copy(update={"before": before}))

    async def block(self, request: web.Request) -> web.Response:
        body, before = await _body(request, Block), self._world.seq
        if body.user_id != self._chat(request).id:
            raise PersonError("a person blocks the bot in their own private chat", status=403)
        self._people.set_blocked(body.user_id, body.blocked)
        return self._sent([], before)

    async def add_fault(self, request: web.Request) -> web.Response:
        self._faults.add(await _body(request, Fault))
        return web.json_response({})

    async def clear_faults(self, request: web.Request) -> web.Response:
        self._faults.clear()
        return web.json_response({})

    async def calls(self, request: web.Request) -> web.Response:
        return web.json_response([call.model_dump() for call in self._bot_routes.calls])

    async def pending(self, request: web.Request) -> web.Response:
        return web.json_response({"updates": len(self._world.updates)})

    async def inject(self, request: web.Request) -> web.Response:
        body = await _body(request, Injection)
        self._world.inject_update(body.kind, body.body)
        return web.json_response({})

    def _chat(self, request: web.Request) -> Chat:
        return self._people.chat(int(request.match_info["chat_id"]))

    def _chat_view(self, chat: Chat) -> ChatView:
        language = self._world.users[chat.id].language_code if chat.kind == "private" else ""
        messages, texts = self._world.transcript(chat.id), self._world.profile.descriptions
        return ChatView(
            **chat.model_dump(),
            commands=commands_shown(self._world.profile, chat, language),
            about=texts.get(language) or texts.get("", ""),
            last_message=self._world.view(messages[-1]) if messages else None,
        )

    def _sent(self, messages: list[Message], before: int) -> web.Response:
        return _answer(SentView(messages=[self._world.view(message) for message in messages], before=before))


def _answer(view: BaseModel) -> web.Response:
    return web.Response(text=view.model_dump_json(), content_type="application/json")


async def _body(request: web.Request, kind: type[BodyT]) -> BodyT:
    try:
        return kind.model_validate_json(await request.read())
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors())
        raise PersonError(f"expected {kind.__name__}: {problems}") from error


def _number(request: web.Request, name: str) -> float:
    try:
        return max(float(request.query.get(name, "0")), 0.0)
    except ValueError as error:
        raise PersonError(f"{name} must be a number") from error
