"""The targets of a method: the chat, the message, the text and the media named by its parameters."""

from __future__ import annotations

import re
from typing import cast

from pydantic import JsonValue

from bot.local.botapi.entities import FormattedText, format_text
from bot.local.botapi.errors import BadRequest, EntityTooLarge, Forbidden
from bot.local.botapi.parameters import Parameters, Upload
from bot.local.botapi.photos import UPLOAD_MAX_BYTES, PhotoRefused
from bot.local.botapi.records import Chat, JsonObject, Media, MediaKind, Message
from bot.local.botapi.world import World

CHAT_ID = re.compile(r"-?[0-9]{1,18}")
TEXT_MAX = 4096
CAPTION_MAX = 1024
DOCUMENT_MAX_BYTES = 50 * 1024 * 1024


def chat_named(world: World, parameters: Parameters, name: str = "chat_id") -> Chat:
    """The chat that the parameter names. Raises BadRequest for a chat that the bot does not know."""
    value = parameters.text(name)
    if not value:
        raise BadRequest("chat_id is empty")
    chat = world.chats.get(int(value)) if CHAT_ID.fullmatch(value) else None
    if chat is None:
        raise BadRequest("chat not found")
    return chat


def writable_chat(world: World, parameters: Parameters) -> Chat:
    """The chat, where the bot may write; raises Forbidden where the person does not let it."""
    chat = chat_named(world, parameters)
    if chat.blocked:
        raise Forbidden("bot was blocked by the user")
    if not chat.started:
        raise Forbidden("bot can't initiate conversation with a user")
    return chat


def message_named(world: World, chat: Chat, parameters: Parameters, action: str, name: str = "message_id") -> Message:
    """The message that the parameter names. Raises BadRequest; `action` completes Telegram's phrase "message to ... not
    found"."""
    message_id = parameters.integer(name)
    if not message_id:
        raise BadRequest("message identifier is not specified")
    message = world.message(chat.id, message_id)
    if message is None:
        raise BadRequest(f"message to {action} not found")
    return message


def replied_message(world: World, chat: Chat, parameters: Parameters) -> int | None:
    reply = parameters.tree("reply_parameters")
    message_id = reply.get("message_id") if isinstance(reply, dict) else parameters.integer("reply_to_message_id")
    if not message_id:
        return None
    if not isinstance(message_id, int):
        raise BadRequest("can't parse reply parameters: message_id must be an Integer")
    if world.message(chat.id, message_id):
        return message_id
    lenient = reply.get("allow_sending_without_reply") if isinstance(reply, dict) else None
    if lenient or parameters.flag("allow_sending_without_reply"):
        return None
    raise BadRequest("message to be replied not found")


def text_given(parameters: Parameters) -> FormattedText:
    formatted = format_text(parameters.text("text"), parameters.text("parse_mode"), parameters.tree("entities"))
    if not formatted.text:
        raise BadRequest("message text is empty")
    if len(formatted.text) > TEXT_MAX:
        raise BadRequest("message is too long")
    return formatted


def caption_given(parameters: Parameters) -> FormattedText:
    return caption_of(parameters.text("caption"), parameters.text("parse_mode"), parameters.tree("caption_entities"))


def caption_of(text: str, parse_mode: str, entities: JsonValue) -> FormattedText:
    formatted = format_text(text, parse_mode, entities)
    if len(formatted.text) > CAPTION_MAX:
        raise BadRequest("message caption is too long")
    return formatted


async def media_given(world: World, parameters: Parameters, kind: MediaKind) -> Media:
    """The photo or document of sendPhoto and sendDocument: a part of that name, attach://, or a file_id."""
    upload = parameters.uploads.get(kind)
    reference = parameters.text(kind)
    if upload is None and not reference:
        raise BadRequest(f"there is no {kind} in the request")
    return await _media(world, parameters, kind, reference, upload)


async def input_media(world: World, parameters: Parameters, item: JsonValue) -> tuple[Media, FormattedText]:
    """An InputMediaPhoto or InputMediaDocument with its caption."""
    if not isinstance(item, dict):
        raise BadRequest("can't parse InputMedia: expected an Object")
    kind, reference = item.get("type"), item.get("media")
    if kind not in ("photo", "document"):
        raise BadRequest(f'can\'t parse InputMedia: type "{kind}" is unsupported')
    if not isinstance(reference, str) or not reference:
        raise BadRequest("can't parse InputMedia: media not found")
    caption = caption_of(_string(item, "caption"), _string(item, "parse_mode"), item.get("caption_entities"))
    return await _media(world, parameters, cast(MediaKind, kind), reference, None), caption


def _string(item: JsonObject, name: str) -> str:
    value = item.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"can't parse InputMedia: {name} must be a String")
    return value or ""


async def _media(world: World, parameters: Parameters, kind: MediaKind, reference: str, upload: Upload | None) -> Media:
    if reference.startswith("attach://"):
        upload = parameters.uploads.get(reference.removeprefix("attach://"))
        if upload is None:
            raise BadRequest("can't parse InputMedia: media not found")
    if upload is not None:
        return await _uploaded(world, kind, upload)
    item = world.library.by_file_id(reference)
    if item is not None:
        file, media = item
        if media.kind != kind or file.category == "thumbnails":
            found = "Thumbnail" if file.category == "thumbnails" else media.kind.title()
            raise BadRequest(f"can't use file of type {found} as {kind.title()}")
        return media
    if "." in reference:
        raise BadRequest("failed to get HTTP URL content")
    raise BadRequest("wrong file identifier/HTTP URL specified")


async def _uploaded(world: World, kind: MediaKind, upload: Upload) -> Media:
    size = len(upload.content)
    if not size:
        raise BadRequest("file must be non-empty")
    if size > DOCUMENT_MAX_BYTES:
        raise EntityTooLarge()
    if kind == "document":
        return await world.library.add_document(upload.content, upload.name)
    if size > UPLOAD_MAX_BYTES:
        raise BadRequest(
            f"file of size {size} bytes is too big for a photo; the maximum size is {UPLOAD_MAX_BYTES} bytes"
        )
    try:
        return await world.library.add_photo(upload.content)
    except PhotoRefused as refused:
        raise BadRequest(str(refused)) from refused
