"""Methods that change or delete messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import JsonValue

from bot.local.botapi.entities import FormattedText
from bot.local.botapi.errors import BadRequest
from bot.local.botapi.keyboards import parse_reply_markup
from bot.local.botapi.methods.targets import (
    caption_given,
    chat_named,
    input_media,
    message_named,
    text_given,
    writable_chat,
)
from bot.local.botapi.parameters import Parameters
from bot.local.botapi.records import Chat, Keyboard, Message
from bot.local.botapi.world import World

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)
DELETABLE_S = 48 * 3600


class EditingMethods:
    def __init__(self, world: World) -> None:
        self._world = world

    def table(self) -> dict[str, Callable[[Parameters], Awaitable[JsonValue]]]:
        return {
            "editMessageText": self.edit_text,
            "editMessageCaption": self.edit_caption,
            "editMessageMedia": self.edit_media,
            "editMessageReplyMarkup": self.edit_reply_markup,
            "deleteMessage": self.delete_message,
            "deleteMessages": self.delete_messages,
        }

    async def edit_text(self, parameters: Parameters) -> JsonValue:
        content = text_given(parameters)
        keyboard = self._keyboard(parameters)
        message = self._editable(parameters)
        if message.media:
            raise BadRequest("there is no text in the message to edit")
        return self._show(message, keyboard, content)

    async def edit_caption(self, parameters: Parameters) -> JsonValue:
        content = caption_given(parameters)
        keyboard = self._keyboard(parameters)
        message = self._editable(parameters)
        if not message.media:
            raise BadRequest("there is no caption in the message to edit")
        return self._show(message, keyboard, content)

    async def edit_media(self, parameters: Parameters) -> JsonValue:
        """Also turns a text message into one with media. A new upload always counts as a change."""
        keyboard = self._keyboard(parameters)
        self._editable(parameters)
        item = parameters.tree("media")
        if item is None:
            raise BadRequest('parameter "media" is required')
        media, caption = await input_media(self._world, parameters, item)
        message = self._editable(parameters)  # decoding took a while: the message may have changed
        if message.media_group_id and message.media and message.media.kind != media.kind:
            raise BadRequest("can't use the media of the specified type in the album")
        return self._show(message, keyboard, caption, media=media)

    async def edit_reply_markup(self, parameters: Parameters) -> JsonValue:
        keyboard = self._keyboard(parameters)
        message = self._editable(parameters)
        if keyboard == message.keyboard:
            raise BadRequest(NOT_MODIFIED)
        return self._world.wire.message(self._world.change_keyboard(message, keyboard))

    async def delete_message(self, parameters: Parameters) -> JsonValue:
        chat = chat_named(self._world, parameters)
        message = message_named(self._world, chat, parameters, "delete")
        self._check_deletable(chat, message)
        self._world.remove(message)
        return True

    async def delete_messages(self, parameters: Parameters) -> JsonValue:
        """Skips absent messages, as Telegram does."""
        chat = chat_named(self._world, parameters)
        message_ids = [item for item in parameters.items("message_ids") if isinstance(item, int)]
        if not 1 <= len(message_ids) <= 100:
            raise BadRequest("message identifiers are not specified")
        messages = [message for message_id in message_ids if (message := self._world.message(chat.id, message_id))]
        for message in messages:
            self._check_deletable(chat, message)
        for message in messages:
            self._world.remove(message)
        return True

    def _keyboard(self, parameters: Parameters) -> Keyboard:
        return parse_reply_markup(parameters.tree("reply_markup"), inline_only=True)

    def _editable(self, parameters: Parameters) -> Message:
        chat = writable_chat(self._world, parameters)
        message = message_named(self._world, chat, parameters, "edit")
        if message.sender_id != self._world.bot.id or message.forwarded_from:
            raise BadRequest("message can't be edited")
        return message

    def _show(self, message: Message, keyboard: Keyboard, content: FormattedText, **changes: Any) -> JsonValue:
        """An edit without reply_markup takes the buttons away."""
        changes |= {"text": content.text, "entities": content.entities}
        unchanged = all(getattr(message, name) == value for name, value in changes.items())
        if unchanged and keyboard == message.keyboard:
            raise BadRequest(NOT_MODIFIED)
        if unchanged:
            return self._world.wire.message(self._world.change_keyboard(message, keyboard))
        return self._world.wire.message(self._world.revise(message, keyboard=keyboard, **changes))

    def _check_deletable(self, chat: Chat, message: Message) -> None:
        if chat.kind == "group" and message.sender_id != self._world.bot.id:
            raise BadRequest("message can't be deleted")
        if self._world.clock() - message.sent_at > DELETABLE_S:
            raise BadRequest("message can't be deleted for everyone")
