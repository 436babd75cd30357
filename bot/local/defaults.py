"""Addresses and identities that the parts of a local stack share. Loads nothing."""

from __future__ import annotations

HOST = "127.0.0.1"
BOT_ID = 7000000001
DEFAULT_TOKEN = f"{BOT_ID}:local-bot-api"
"""The bot token that a local Bot API server accepts unless it is given another."""
ANNA_ID, BEN_ID, ADMIN_ID, GROUP_ID = 1001, 1002, 1003, -2001
"""The users and the group of its chat page."""
