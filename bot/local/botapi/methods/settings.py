"""Methods that describe the bot: commands, name, descriptions; each by language, commands also by scope."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from pydantic import JsonValue

from bot.local.botapi.errors import BadRequest
from bot.local.botapi.parameters import Parameters
from bot.local.botapi.records import BotCommand, BotProfile, Chat, MenuButton
from bot.local.botapi.world import World

COMMANDS_MAX = 100
SCOPES = frozenset(
    {
        "default",
        "all_private_chats",
        "all_group_chats",
        "all_chat_administrators",
        "chat",
        "chat_administrators",
        "chat_member",
    }
)
TEXTS = {
    "Name": ("names", "name", 64),
    "Description": ("descriptions", "description", 512),
    "ShortDescription": ("short_descriptions", "short_description", 120),
}


class SettingsMethods:
    def __init__(self, world: World) -> None:
        self._world = world

    def table(self) -> dict[str, Callable[[Parameters], Awaitable[JsonValue]]]:
        methods: dict[str, Callable[[Parameters], Awaitable[JsonValue]]] = {
            "setMyCommands": self.set_commands,
            "getMyCommands": self.get_commands,
            "deleteMyCommands": self.delete_commands,
            "setChatMenuButton": self.set_menu_button,
            "getChatMenuButton": self.get_menu_button,
        }
        for suffix, (field, parameter, limit) in TEXTS.items():
            methods[f"setMy{suffix}"] = self._setter(field, parameter, limit)
            methods[f"getMy{suffix}"] = self._getter(field, parameter)
        return methods

    async def set_commands(self, parameters: Parameters) -> JsonValue:
        commands = tuple(_command(item) for item in parameters.items("commands"))
        if len(commands) > COMMANDS_MAX:
            raise BadRequest("BOT_COMMANDS_TOO_MUCH")
        self._keep_commands(_command_key(parameters), commands)
        return True

    async def get_commands(self, parameters: Parameters) -> JsonValue:
        commands = self._world.profile.commands.get(_command_key(parameters), ())
        return [command.model_dump() for command in commands]

    async def delete_commands(self, parameters: Parameters) -> JsonValue:
        self._keep_commands(_command_key(parameters), ())
        return True

    async def set_menu_button(self, parameters: Parameters) -> JsonValue:
        self._world.change_profile(menu_button=_menu_button(parameters.tree("menu_button")))
        return True

    async def get_menu_button(self, parameters: Parameters) -> JsonValue:
        button = self._world.profile.menu_button
        if button is None:
            return {"type": "commands"}
        return {"type": "web_app", "text": button.text, "web_app": {"url": button.url}}

    def _keep_commands(self, key: str, commands: tuple[BotCommand, ...]) -> None:
        self._world.change_profile(commands=self._world.profile.commands | {key: commands})

    def _setter(self, field: str, parameter: str, limit: int) -> Callable[[Parameters], Awaitable[JsonValue]]:
        async def set_text(parameters: Parameters) -> JsonValue:
            text = parameters.text(parameter)
            if len(text) > limit:
                raise BadRequest(f"{parameter.replace('_', ' ')} is too long; the maximum is {limit} characters")
            texts: dict[str, str] = getattr(self._world.profile, field)
            self._world.change_profile(**{field: texts | {parameters.text("language_code"): text}})
            return True

        return set_text

    def _getter(self, field: str, parameter: str) -> Callable[[Parameters], Awaitable[JsonValue]]:
        async def get_text(parameters: Parameters) -> JsonValue:
            texts: dict[str, str] = getattr(self._world.profile, field)
            return {parameter: texts.get(parameters.text("language_code")) or texts.get("", "")}

        return get_text


def commands_shown(profile: BotProfile, chat: Chat, language_code: str) -> list[BotCommand]:
    """The menu a person sees in a chat: the narrowest scope that has commands, their language before the default."""
    kind = "all_private_chats" if chat.kind == "private" else "all_group_chats"
    for scope in (f"chat:{chat.id}", kind, "default"):
        for language in (language_code, ""):
            if commands := profile.commands.get(f"{scope}|{language}"):
                return list(commands)
    return []


def _command_key(parameters: Parameters) -> str:
    scope = parameters.tree("scope")
    kind = scope.get("type", "default") if isinstance(scope, dict) else "default"
    if kind not in SCOPES:
        raise BadRequest("can't parse BotCommandScope: unsupported type specified")
    chat = f":{scope.get('chat_id')}" if isinstance(scope, dict) and "chat_id" in scope else ""
    return f"{kind}{chat}|{parameters.text('language_code')}"


def _menu_button(given: JsonValue) -> MenuButton | None:
    match given:
        case None | {"type": "default" | "commands"}:
            return None
        case {"type": "web_app", "text": str(text), "web_app": {"url": str(url)}} if text:
            if not url.startswith("https://"):
                raise BadRequest("menu button Web App URL is invalid: Only HTTPS links are allowed")
            return MenuButton(text=text, url=url)
        case _:
            raise BadRequest("can't parse menu button")


def _command(item: JsonValue) -> BotCommand:
    match item:
        case {"command": str(command), "description": str(description)}:
            name = command.removeprefix("/")
            if not re.fullmatch(r"[a-z0-9_]{1,32}", name):
                raise BadRequest("BOT_COMMAND_INVALID")
            if not 1 <= len(description) <= 256:
                raise BadRequest("BOT_COMMAND_DESCRIPTION_INVALID")
            return BotCommand(command=name, description=description)
        case _:
            raise BadRequest("can't parse BotCommand: expected an Object with command and description")
