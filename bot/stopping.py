"""Work that ends early when the process is to stop."""

from __future__ import annotations

import asyncio
from typing import Any


async def finishes_before(stop: asyncio.Event, task: asyncio.Task[Any]) -> bool:
    """Wait for `task`, but cancel it once `stop` is set; whether it finished. Raises what the task raised."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        return task.done()
    finally:
        stopping.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
