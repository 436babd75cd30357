"""Methods through which the bot learns things: itself, updates, files, chats; and answers to buttons."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from pydantic import JsonValue

from bot.local.botapi.errors import BadRequest, Conflict
from bot.local.botapi.methods.targets import chat_named
from bot.local.botapi.parameters import Parameters
from bot.local.botapi.records import JsonObject, WebhookTarget
from bot.local.botapi.views import InlineAnswer, PressAnswer
from bot.local.botapi.world import World

WEBHOOK_ACTIVE = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
DOWNLOAD_MAX_BYTES = 20 * 1024 * 1024
ANSWER_MAX = 200
INLINE_RESULTS_MAX = 50
INLINE_ID_MAX_BYTES = 64
GIFT_KINDS = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")


class ReceivingMethods:
    def __init__(self, world: World) -> None:
        self._world = world

    def table(self) -> dict[str, Callable[[Parameters], Awaitable[JsonValue]]]:
        return {
            "getMe": self.get_me,
            "getUpdates": self.get_updates,
            "setWebhook": self.set_webhook,
            "deleteWebhook": self.delete_webhook,
            "getWebhookInfo": self.get_webhook_info,
            "getFile": self.get_file,
            "getChat": self.get_chat,
            "getChatMember": self.get_chat_member,
            "answerCallbackQuery": self.answer_callback_query,
            "answerInlineQuery": self.answer_inline_query,
        }

    async def get_me(self, parameters: Parameters) -> JsonValue:
        profile = self._world.profile
        return self._world.wire.user(self._world.bot) | {
            "first_name": profile.names.get("") or self._world.bot.first_name,
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": True,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    async def get_updates(self, parameters: Parameters) -> JsonValue:
        if self._world.profile.webhook is not None:
            raise Conflict(WEBHOOK_ACTIVE)
        self._note_allowed(parameters)
        offset, limit = parameters.integer("offset"), parameters.integer("limit", 100)
        return [*await self._world.updates.take(offset, limit, parameters.integer("timeout"))]

    def _note_allowed(self, parameters: Parameters) -> None:
        allowed = parameters.tree("allowed_updates")
        if isinstance(allowed, list):
            names = tuple(name for name in allowed if isinstance(name, str)) or None
            if names != self._world.profile.allowed_updates:
                self._world.change_profile(allowed_updates=names)

    async def set_webhook(self, parameters: Parameters) -> JsonValue:
        """Plain HTTP is allowed, as by a Bot API server in local mode."""
        url, secret = parameters.text("url"), parameters.text("secret_token")
        connections = parameters.integer("max_connections", 40)
        if not url.startswith(("http://", "https://")):
            raise BadRequest("bad webhook: invalid webhook URL specified")
        if secret and not re.fullmatch("[A-Za-z0-9_-]{1,256}", secret):
            raise BadRequest("secret token contains unallowed characters")
        self._note_allowed(parameters)
        target = WebhookTarget(url=url, secret_token=secret, max_connections=min(max(connections, 1), 100))
        self._world.change_profile(webhook=target)
        self._world.updates.changed.set()
        return True

    async def delete_webhook(self, parameters: Parameters) -> JsonValue:
        if self._world.profile.webhook is not None:
            self._world.change_profile(webhook=None)
        if parameters.flag("drop_pending_updates"):
            self._world.updates.drop()
        return True

    async def get_webhook_info(self, parameters: Parameters) -> JsonValue:
        target = self._world.profile.webhook
        return {
            "url": target.url if target else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self._world.updates),
        }

    async def get_file(self, parameters: Parameters) -> JsonValue:
        media = self._world.library.by_file_id(parameters.text("file_id"))
        if media is None:
            raise BadRequest("invalid file_id")
        file, _ = media
        if file.size > DOWNLOAD_MAX_BYTES:
            raise BadRequest("file is too big")
        return self._world.wire.file(file) | {"file_path": file.path}

    async def get_chat(self, parameters: Parameters) -> JsonValue:
        chat = chat_named(self._world, parameters)
        gifts: JsonObject = dict.fromkeys(GIFT_KINDS, False)
        return self._world.wire.chat(chat) | {
            "accent_color_id": 0,
            "max_reaction_count": 11,
            "accepted_gift_types": gifts,
        }

    async def get_chat_member(self, parameters: Parameters) -> JsonValue:
        chat = chat_named(self._world, parameters)
        user_id = parameters.integer("user_id")
        if user_id == self._world.bot.id:
            return {"status": "member", "user": self._world.wire.user(self._world.bot)}
        if user_id not in self._world.users:
            raise BadRequest("invalid user_id specified")
        user = self._world.users[user_id]
        status = ("creator" if user.is_admin else "member") if user_id in chat.member_ids else "left"
        member: JsonObject = {"status": status, "user": self._world.wire.user(user)}
        return member | {"is_anonymous": False} if status == "creator" else member

    async def answer_callback_query(self, parameters: Parameters) -> JsonValue:
        """A query takes one answer, within its lifetime."""
        text = parameters.text("text")
        if len(text) > ANSWER_MAX:
            raise BadRequest("MESSAGE_TOO_LONG")
        waiting = self._world.callbacks.pop(parameters.text("callback_query_id"), None)
        if waiting is None or waiting.done():
            raise BadRequest("query is too old and response timeout expired or query ID is invalid")
        show_alert, url = parameters.flag("show_alert"), parameters.text("url")
        waiting.set_result(PressAnswer(answered=True, text=text, show_alert=show_alert, url=url))
        return True

    async def answer_inline_query(self, parameters: Parameters) -> JsonValue:
        """Results of one kind: photos that Telegram has. https://core.telegram.org/bots/api#answerinlinequery"""
        results = parameters.tree("results")
        if not isinstance(results, list) or len(results) > INLINE_RESULTS_MAX:
            raise BadRequest("RESULTS_TOO_MUCH")
        photos, names = [], []
        for result in results:
            photo, name = (_text(result, key) for key in ("photo_file_id", "id"))
            if not name or len(name.encode()) > INLINE_ID_MAX_BYTES or name in names:
                raise BadRequest("RESULT_ID_INVALID")
            if self._world.library.by_file_id(photo) is None:
                raise BadRequest("wrong file identifier/HTTP URL specified")
            photos.append(photo)
            names.append(name)
        waiting = self._world.inline_queries.pop(parameters.text("inline_query_id"), None)
        if waiting is None or waiting.done():
            raise BadRequest("query is too old and response timeout expired or query ID is invalid")
        answer = InlineAnswer(
            answered=True,
            photo_file_ids=photos,
            result_ids=names,
            next_offset=parameters.text("next_offset"),
            is_personal=parameters.flag("is_personal"),
            button=_text(parameters.tree("button"), "text"),
        )
        waiting.set_result(answer)
        return True


def _text(tree: JsonValue, key: str) -> str:
    """A field of a JSON object; "" where there is none."""
    value = tree.get(key) if isinstance(tree, dict) else None
    return value if isinstance(value, str) else ""
