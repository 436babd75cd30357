"""The Bot API methods, grouped as the documentation groups them. https://core.telegram.org/bots/api#available-methods"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydantic import JsonValue

from bot.local.botapi.methods.editing import EditingMethods
from bot.local.botapi.methods.paying import PayingMethods
from bot.local.botapi.methods.receiving import ReceivingMethods
from bot.local.botapi.methods.sending import SendingMethods
from bot.local.botapi.methods.settings import SettingsMethods
from bot.local.botapi.parameters import Parameters
from bot.local.botapi.world import World

Method = Callable[[Parameters], Awaitable[JsonValue]]


def method_table(world: World) -> dict[str, Method]:
    """Every supported method by its lower-case name, as Telegram looks them up."""
    groups = (
        ReceivingMethods(world),
        SendingMethods(world),
        EditingMethods(world),
        SettingsMethods(world),
        PayingMethods(world),
    )
    return {name.lower(): method for group in groups for name, method in group.table().items()}
