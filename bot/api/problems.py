"""Every error of the API as a problem (RFC 9457, application/problem+json)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from bot.db.session import is_outage
from bot.errors import (
    AppBusy,
    AppRefusal,
    Banned,
    BotError,
    CannotDraw,
    DomainError,
    IdempotencyConflict,
    NoConsent,
    NoImagePrompt,
    NoPhotos,
    NotEnoughCredits,
    PictureGone,
    PromptRefused,
    SeedTooLarge,
    TooManyOpenJobs,
    UnknownUser,
)
from bot.photos import Refusal

MEDIA_TYPE = "application/problem+json"
RETRY_S = 5
_log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """A problem by RFC 9457; further members have the details."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="urn:bolid:problem:NAME; programs decide by it.")
    title: str
    status: int
    detail: str | None = None


class ProblemRaised(Exception):
    """Raised by routes with the problem to answer."""

    def __init__(self, status: int, name: str, title: str, *, headers: Mapping[str, str] | None = None, **more: Any):
        super().__init__(title)
        self.status, self.name, self.title = status, name, title
        self.headers, self.more = headers, more

    def response(self) -> JSONResponse:
        content = {"type": f"urn:bolid:problem:{self.name}", "title": self.title, "status": self.status, **self.more}
        return JSONResponse(content, self.status, headers=self.headers, media_type=MEDIA_TYPE)


def register(application: FastAPI) -> None:
    application.add_exception_handler(ProblemRaised, _raised)
    application.add_exception_handler(HTTPException, _http)
    application.add_exception_handler(RequestValidationError, _invalid)
    application.add_exception_handler(BotError, _refused)
    application.add_exception_handler(Exception, _unexpected)


async def _raised(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemRaised)
    return error.response()


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    name = str(error.detail).lower().replace(" ", "-")
    return ProblemRaised(error.status_code, name, str(error.detail), headers=error.headers).response()


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        {"location": ".".join(str(part) for part in fault["loc"]), "message": fault["msg"]} for fault in error.errors()
    ]
    return ProblemRaised(422, "invalid-request", "The request does not fit openapi.json.", errors=faults).response()


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AppRefusal | DomainError)
    return problem_of(error).response()


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    if is_outage(error):
        headers = {"Retry-After": str(RETRY_S)}
        return ProblemRaised(503, "unavailable", "The database is away. Try again.", headers=headers).response()
    _log.exception("a request failed", path=request.url.path, exc_info=error)
    return ProblemRaised(500, "internal", "Something went wrong on the server.").response()


def problem_of(error: AppRefusal | DomainError) -> ProblemRaised:
    """The problem for a use case's refusal."""
    match error:
        case UnknownUser():
            return ProblemRaised(
                404, "unknown-end-user", "There is no such end user. Declare their consent: PUT /v1/end-users/NAME."
            )
        case PictureGone():
            return ProblemRaised(404, "not-found", "There is no such job or picture of this app.")
        case NoConsent():
            title = "The end user has to agree to the terms in force first."
            return ProblemRaised(403, "consent-required", title, consent_version=error.version)
        case NoPhotos():
            return ProblemRaised(409, "no-references", "The end user has no such photo that could be drawn from.")
        case SeedTooLarge():
            return ProblemRaised(409, "prompt-refused", "The seed in the prompt is too large.", rule="seed")
        case PromptRefused():
            return ProblemRaised(
                409, "prompt-refused", "The prompt has to be a text with words, and no command.", rule=error.key
            )
        case CannotDraw():
            title = f"No worker can draw the {error.feature} that is asked for. See /v1/options."
            return ProblemRaised(409, "cannot-draw", title, feature=error.feature)
        case NoImagePrompt():
            title = "The end user has no image prompt. Keep one: PUT /v1/end-users/NAME/image-prompt."
            return ProblemRaised(409, "no-image-prompt", title)
        case IdempotencyConflict():
            return ProblemRaised(
                409, "idempotency-conflict", "This Idempotency-Key was used for another request. Take a new one."
            )
        case Banned():
            return ProblemRaised(403, "owner-blocked", "The operator has blocked the app's owner.")
        case NotEnoughCredits():
            return ProblemRaised(402, "no-credits", "The credits of the app's owner do not pay for this.")
        case AppBusy():
            return _too_many("too-many-open-pictures", "of the app", error.limit)
        case TooManyOpenJobs():
            return _too_many("too-many-open-pictures-of-end-user", "of the end user", error.variables.get("limit"))
        case _:
            return ProblemRaised(409, "not-possible", "This is not possible now.")


def _too_many(name: str, whose: str, limit: object) -> ProblemRaised:
    headers = {"Retry-After": str(RETRY_S)}
    title = f"As many pictures {whose} as allowed are in progress. Try again when one has ended."
    return ProblemRaised(429, name, title, headers=headers, limit=limit)


def photo_problem(refusal: Refusal) -> ProblemRaised:
    """The problem for a photo that is refused before a worker reads it; `reason` is a name of bot.photos.Refusal."""
    status = {Refusal.FILE_TOO_BIG: 413, Refusal.NOT_AN_IMAGE: 415, Refusal.TOO_MANY: 409}.get(refusal, 422)
    title = "There is no room for another photo. Delete one." if refusal is Refusal.TOO_MANY else (
        "The photo cannot be used."
    )  # fmt: skip
    return ProblemRaised(status, "photo-refused", title, reason=refusal.value)
