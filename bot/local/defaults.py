"""Addresses and identities that the parts of a local stack share. Loads nothing."""

from __future__ import annotations

HOST = "127.0.0.1"
DEFAULT_TOKEN = "7000000001:local-bot-api"
"""The bot token that the local Bot API server accepts."""
ANNA_ID, BEN_ID, ADMIN_ID, GROUP_ID = 1001, 1002, 1003, -2001
"""The users and the group of its chat page."""
