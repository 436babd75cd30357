"""Work that ends early when the process is to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any


async def finishes_before(stop: asyncio.Event | Sequence[asyncio.Event], task: asyncio.Task[Any]) -> bool:
    """Wait for `task`, but cancel it once `stop` (or one of several events) is set; whether it finished.

    Raises what the task raised.
    """
    events = [stop] if isinstance(stop, asyncio.Event) else stop
    stopping = {asyncio.create_task(event.wait()) for event in events}
    try:
        await asyncio.wait({task, *stopping}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        return task.done()
    finally:
        for waiting in stopping:
            waiting.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
