"""Posts updates to the address that setWebhook named, several at a time, again until they are answered with 2xx."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import aiohttp

from bot.local.botapi.records import Update, WebhookTarget
from bot.local.botapi.world import World

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
ANSWER_MAX_S = 60.0
RETRY_S = 0.2


class WebhookSender:
    """Posts the updates: call `run`, and cancel it to stop. It does nothing while no webhook is set."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._posting: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        queue = self._world.updates
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_MAX_S)) as session:
            try:
                while True:
                    await queue.changed.wait()
                    queue.changed.clear()
                    target = self._world.profile.webhook
                    for update in queue.first(target.max_connections) if target is not None else ():
                        if target is not None and update.id not in self._posting:
                            self._posting[update.id] = asyncio.create_task(self._post(session, target, update))
            finally:
                for task in self._posting.values():
                    task.cancel()
                await asyncio.gather(*self._posting.values(), return_exceptions=True)

    async def _post(self, session: aiohttp.ClientSession, target: WebhookTarget, update: Update) -> None:
        body = {"update_id": update.id, update.type: update.body}
        headers = {SECRET_HEADER: target.secret_token} if target.secret_token else {}
        try:
            async with session.post(target.url, json=body, headers=headers) as response:
                taken = response.status < HTTPStatus.MULTIPLE_CHOICES
        except (aiohttp.ClientError, TimeoutError):
            taken = False
        if taken:
            self._world.updates.remove(update.id)
        else:
            await asyncio.sleep(RETRY_S)
        del self._posting[update.id]
        self._world.updates.changed.set()
