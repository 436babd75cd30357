"""Measures requests of the API: counts and times until the answer, by route."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ObserveRequest = Callable[[str, str, int, float], None]
"""Called with the method, the route (as `/v1/jobs/{job_id}`), the status and the seconds until the answer began."""
NO_ROUTE = "none"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "other"


class TimedRequests:
    """The application, each of whose answers is observed when it begins: a stream of events lasts as long as its
    job."""

    def __init__(self, application: ASGIApp, observe: ObserveRequest) -> None:
        self._application = application
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        began = time.monotonic()

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._observe(method_of(scope), route_of(scope), message["status"], time.monotonic() - began)
            await send(message)

        await self._application(scope, receive, observed)


def method_of(scope: Scope) -> str:
    """The method, if it is one of METHODS, else one label for all others: a client may send any word."""
    method: str = scope["method"]
    return method if method in METHODS else OTHER_METHOD


def route_of(scope: Scope) -> str:
    """The pattern of the matched path, or the folder of the Mini App's files. Never a part of the requested path,
    because each would be a separate label."""
    route = getattr(scope.get("route"), "path", None)
    return str(route or scope.get("root_path") or NO_ROUTE)
