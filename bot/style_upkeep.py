"""Reloads the styles of this process, which admins may edit in any process."""

from __future__ import annotations

import asyncio

import structlog

from bot.db.session import Sessions, is_outage
from bot.styles import Styles
from bot.usecases.admin.styles import EditStyles

INTERVAL_S = 5.0
_log = structlog.get_logger(__name__)


async def keep_styles(sessions: Sessions, styles: Styles, *, interval_s: float = INTERVAL_S) -> None:
    """Reloads the styles every `interval_s` seconds until cancelled."""
    while True:
        try:
            styles.apply(await EditStyles(sessions).read())
        except Exception as error:  # the edge of a loop that must go on
            if not is_outage(error):
                _log.exception("the styles could not be read")
        await asyncio.sleep(interval_s)
