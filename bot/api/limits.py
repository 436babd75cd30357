"""Limits on the size of a request's body, which hold before anything reads it."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.photos import FILE_MAX_BYTES

JSON_MAX_BYTES = 64 * 1024
UPLOADS = (("POST", "/references"), ("PUT", "/image-prompt"))
"""Methods and suffixes of the paths of uploads."""


class BodyLimit:
    """Middleware: answers 413 to a body longer than FILE_MAX_BYTES (uploads) or JSON_MAX_BYTES (other requests),
    whether its length is stated or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_upload = any(scope["method"] == method and scope["path"].endswith(end) for method, end in UPLOADS)
        limit = FILE_MAX_BYTES if is_upload else JSON_MAX_BYTES
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit or _stated(scope) > limit:
                raise HTTPException(413, "Content Too Large")
            return message

        await self._app(scope, bounded, send)


def _stated(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
