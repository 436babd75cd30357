"""The refusals of the local Bot API, in Telegram's own words.

LocalAPIError
├── BotAPIError          an answer to the bot: {"ok": false, "error_code", "description"}
│   ├── BadRequest           400
│   ├── Unauthorized         401
│   ├── Forbidden            403
│   ├── NotFound             404
│   ├── PostNeeded           405, unlike Telegram: a web page must not act as the bot by a GET
│   ├── Conflict             409
│   ├── EntityTooLarge       413
│   ├── TooManyRequests      429, with retry_after
│   └── ServerFailure        500
├── PersonError          an answer to the person's side (chat page, `Person`)
└── StorageError         the data folder cannot be used
"""

from __future__ import annotations

from typing import ClassVar


class LocalAPIError(Exception):
    """Root of everything this package raises on purpose."""


class BotAPIError(LocalAPIError):
    """A refused Bot API call; `description` is what Telegram would have answered."""

    code: ClassVar[int] = 400
    prefix: ClassVar[str] = ""
    retry_after: int | None = None

    def __init__(self, detail: str = "") -> None:
        self.description = f"{self.prefix}: {detail}" if detail else self.prefix
        super().__init__(self.description)


class BadRequest(BotAPIError):
    prefix = "Bad Request"


class Unauthorized(BotAPIError):
    code = 401
    prefix = "Unauthorized"


class Forbidden(BotAPIError):
    code = 403
    prefix = "Forbidden"


class NotFound(BotAPIError):
    code = 404
    prefix = "Not Found"


class PostNeeded(BotAPIError):
    code = 405
    prefix = "Method Not Allowed: call methods that change something with POST"


class Conflict(BotAPIError):
    code = 409
    prefix = "Conflict"


class EntityTooLarge(BotAPIError):
    code = 413
    prefix = "Request Entity Too Large"


class TooManyRequests(BotAPIError):
    """Flood control: the bot must stay silent for `retry_after` seconds."""

    code = 429
    prefix = "Too Many Requests"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"retry after {retry_after}")
        self.retry_after = retry_after


class ServerFailure(BotAPIError):
    code = 500
    prefix = "Internal Server Error"


class GatewayTimeout(BotAPIError):
    code = 504
    prefix = "Gateway Timeout"


class PersonError(LocalAPIError):
    """The person asked for something a Telegram client would not offer; `status` is the HTTP status of the answer."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class StorageError(LocalAPIError):
    """The data folder is in use by another server, or was written by another version."""
