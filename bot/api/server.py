"""Serves the API and the Mini App in plain HTTP, behind a reverse proxy with TLS."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from bot.errors import OperatorError

STOP_S = 2
BACKLOG = 256


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Installs no signal handlers: the bot, in whose process this runs, has its own."""
        yield


@asynccontextmanager
async def serving(application: ASGIApp, listen: tuple[str, int]) -> AsyncIterator[None]:
    """A context in which the application answers at `listen` (host, port). Raises OperatorError where the address
    cannot be used."""
    opened = _open(listen)
    config = uvicorn.Config(
        application,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_S,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve([opened]))
    try:
        yield
    finally:
        server.should_exit = True
        await running
        opened.close()


def _open(listen: tuple[str, int]) -> socket.socket:
    host, port = listen
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise OperatorError(
            f"API_LISTEN: cannot listen at {host}:{port}: {error.strerror}; choose another port"
        ) from None
