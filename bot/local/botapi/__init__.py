"""A local Bot API server over HTTP with a chat page, for use without Telegram.

aiogram runs against it unchanged: `TelegramAPIServer.from_base(api.url)`. `LocalBotAPI` is the server, `Person` a
client that writes to the bot, `ApiControl` causes faults and lists the bot's calls.
"""

from bot.local.botapi.errors import PersonError, StorageError
from bot.local.botapi.person import ApiControl, Person, PersonTimeout
from bot.local.botapi.server import LocalBotAPI
from bot.local.botapi.views import CallView, ChatMessage, PressAnswer
from bot.local.defaults import ADMIN_ID, ANNA_ID, BEN_ID, DEFAULT_TOKEN, GROUP_ID

__all__ = [
    "ADMIN_ID",
    "ANNA_ID",
    "BEN_ID",
    "DEFAULT_TOKEN",
    "GROUP_ID",
    "ApiControl",
    "CallView",
    "ChatMessage",
    "LocalBotAPI",
    "Person",
    "PersonError",
    "PersonTimeout",
    "PressAnswer",
    "StorageError",
]
