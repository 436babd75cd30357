"""Methods that put messages into chats."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from pydantic import JsonValue

from bot.local.botapi.errors import BadRequest
from bot.local.botapi.keyboards import forces_reply, parse_reply_markup
from bot.local.botapi.methods.targets import (
    caption_given,
    chat_named,
    input_media,
    media_given,
    message_named,
    replied_message,
    text_given,
    writable_chat,
)
from bot.local.botapi.parameters import Parameters
from bot.local.botapi.records import Chat, JsonObject, MediaKind
from bot.local.botapi.world import Draft, World

ALBUM_MIN, ALBUM_MAX = 2, 10
ACTIONS = frozenset(
    {
        "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
        "choose_sticker", "find_location", "record_video_note", "upload_video_note",
    }
)  # fmt: skip


class SendingMethods:
    def __init__(self, world: World) -> None:
        self._world = world

    def table(self) -> dict[str, Callable[[Parameters], Awaitable[JsonValue]]]:
        return {
            "sendMessage": self.send_message,
            "sendPhoto": self.send_photo,
            "sendDocument": self.send_document,
            "sendMediaGroup": self.send_media_group,
            "sendChatAction": self.send_chat_action,
            "forwardMessage": self.forward_message,
            "copyMessage": self.copy_message,
        }

    async def send_message(self, parameters: Parameters) -> JsonValue:
        content = text_given(parameters)
        markup = parameters.tree("reply_markup")
        keyboard, forced = parse_reply_markup(markup), forces_reply(markup)
        chat = writable_chat(self._world, parameters)
        reply_to = replied_message(self._world, chat, parameters)
        protected = parameters.flag("protect_content")
        draft = Draft(
            self._world.bot.id, content, keyboard=keyboard, force_reply=forced, protected=protected, reply_to=reply_to
        )
        return self._post(chat, draft)

    async def send_photo(self, parameters: Parameters) -> JsonValue:
        return await self._send_media(parameters, "photo")

    async def send_document(self, parameters: Parameters) -> JsonValue:
        return await self._send_media(parameters, "document")

    async def _send_media(self, parameters: Parameters, kind: MediaKind) -> JsonValue:
        caption = caption_given(parameters)
        keyboard = parse_reply_markup(parameters.tree("reply_markup"))
        media = await media_given(self._world, parameters, kind)
        chat = writable_chat(self._world, parameters)
        reply_to = replied_message(self._world, chat, parameters)
        protected = parameters.flag("protect_content")
        draft = Draft(self._world.bot.id, caption, media, keyboard=keyboard, protected=protected, reply_to=reply_to)
        return self._post(chat, draft)

    async def send_media_group(self, parameters: Parameters) -> JsonValue:
        """Telegram's contract says 2-10 items; its server lets one pass, this one does not."""
        items = parameters.items("media")
        if not items:
            raise BadRequest("there are no messages to send")
        if len(items) > ALBUM_MAX:
            raise BadRequest("too many messages to send as an album")
        if len(items) < ALBUM_MIN:
            raise BadRequest(f"media group must include {ALBUM_MIN}-{ALBUM_MAX} items")
        contents = [await input_media(self._world, parameters, item) for item in items]
        if len({media.kind for media, _ in contents}) > 1:
            raise BadRequest("document can't be mixed with other media types")
        chat = writable_chat(self._world, parameters)
        reply_to = replied_message(self._world, chat, parameters)
        group_id, protected = str(secrets.randbelow(2**62)), parameters.flag("protect_content")
        drafts = [
            Draft(self._world.bot.id, caption, media, media_group_id=group_id, protected=protected, reply_to=reply_to)
            for media, caption in contents
        ]
        return [self._world.wire.message(message) for message in self._world.post(chat, drafts)]

    async def send_chat_action(self, parameters: Parameters) -> JsonValue:
        chat = writable_chat(self._world, parameters)
        action = parameters.text("action")
        if action not in ACTIONS:
            raise BadRequest("wrong parameter action in request")
        self._world.events.publish({"type": "action", "chat_id": chat.id, "action": action})
        return True

    async def forward_message(self, parameters: Parameters) -> JsonValue:
        chat = writable_chat(self._world, parameters)
        source = chat_named(self._world, parameters, "from_chat_id")
        original = message_named(self._world, source, parameters, "forward")
        if original.protected:
            raise BadRequest("the message can't be forwarded")
        origin = original.forwarded_from or original.sender_id
        content, protected = original.model_copy(update={"keyboard": ()}), parameters.flag("protect_content")
        draft = Draft.copying(content, self._world.bot.id, forwarded_from=origin, protected=protected)
        return self._post(chat, draft)

    async def copy_message(self, parameters: Parameters) -> JsonValue:
        """A bot may copy a protected message, though not forward it, as on Telegram."""
        keyboard = parse_reply_markup(parameters.tree("reply_markup"))
        chat = writable_chat(self._world, parameters)
        source = chat_named(self._world, parameters, "from_chat_id")
        original = message_named(self._world, source, parameters, "copy")
        if original.media and "caption" in parameters.values:
            caption = caption_given(parameters)
            original = original.model_copy(update={"text": caption.text, "entities": caption.entities})
        content, protected = original.model_copy(update={"keyboard": keyboard}), parameters.flag("protect_content")
        copy = Draft.copying(content, self._world.bot.id, protected=protected)
        return {"message_id": self._post(chat, copy)["message_id"]}

    def _post(self, chat: Chat, draft: Draft) -> JsonObject:
        (message,) = self._world.post(chat, [draft])
        return self._world.wire.message(message)
