"""Counts the requests of the API and times their answers, by route."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ObserveRequest = Callable[[str, str, int, float], None]
"""Gets the method, the route (as `/v1/jobs/{job_id}`), the status and the seconds until the answer began."""
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
    """The method, if it is one of METHODS: a client may send any word, and each would be a label of its own."""
    method: str = scope["method"]
    return method if method in METHODS else OTHER_METHOD


def route_of(scope: Scope) -> str:
    """The pattern of the path that was matched; of the Mini App's files the folder. Never a part of what was asked
    for, which would be a label of its own each time."""
    route = getattr(scope.get("route"), "path", None)
    return str(route or scope.get("root_path") or NO_ROUTE)
