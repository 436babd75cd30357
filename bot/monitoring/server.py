"""/healthz, /readyz and /metrics over HTTP, for a supervisor, an orchestrator and Prometheus.

/healthz answers 200 as long as the event loop turns: a process that does not answer is to be started again. An outage
of Telegram, Postgres or the broker is no reason for that; /readyz reports it, with 503. Neither shows anything of
users.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from bot.errors import OperatorError
from bot.monitoring.metrics import LoopLag, Metrics
from bot.monitoring.state import ServiceState, StateReader


@asynccontextmanager
async def monitoring(listen: tuple[str, int] | None, reader: StateReader, metrics: Metrics) -> AsyncIterator[None]:
    """Serves the endpoints at `listen` (host, port) during the block; None: nowhere. Raises OperatorError when the
    address cannot be used."""
    if listen is None:
        yield
        return
    lag = LoopLag()
    metrics.watch_lag(lag.take)
    application = web.Application()
    application.add_routes(_Endpoints(reader, metrics).routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    beating = asyncio.create_task(_beat(lag))
    try:
        try:
            await web.TCPSite(runner, *listen).start()
        except OSError as error:
            raise OperatorError(
                f"MONITOR_LISTEN: cannot listen at {listen[0]}:{listen[1]}: {error.strerror}; choose another port"
            ) from None
        yield
    finally:
        beating.cancel()
        await asyncio.wait({beating})
        await runner.cleanup()


async def _beat(lag: LoopLag) -> None:
    while True:
        await asyncio.sleep(lag.INTERVAL_S)
        lag.beat()


class _Endpoints:
    def __init__(self, reader: StateReader, metrics: Metrics) -> None:
        self._reader = reader
        self._metrics = metrics

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/healthz", self.health),
            web.get("/readyz", self.readiness),
            web.get("/metrics", self.metrics),
        ]

    async def health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readiness(self, _request: web.Request) -> web.Response:
        state = await self._reader.read()
        return web.json_response(_facts(state), status=200 if state.is_ready else 503)

    async def metrics(self, _request: web.Request) -> web.Response:
        body = self._metrics.render(await self._reader.read())
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _facts(state: ServiceState) -> dict[str, object]:
    return {
        "database": state.queue is not None,
        "broker": state.messages is not None,
        "leads": state.leads,
        "workers": state.queue.workers_alive if state.queue is not None else None,
    }
