"""The parts of the bot that the routes of the API use; `bot.api.start` builds them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated

from aiogram import Bot
from fastapi import Depends, Request

from bot.dispatch.signals import JobSignals
from bot.monitoring.metrics import Metrics
from bot.photos import NormalPhoto, Refusal
from bot.styles import Styles
from bot.translator import Translator
from bot.usecases import UseCases
from bot.usecases.app_jobs import AppJobUseCases, ReadDrawable
from bot.usecases.app_limits import ApiLimits
from bot.usecases.apps import Authenticate
from bot.usecases.end_users import EndUserUseCases, ListReferences, ReadReference
from bot.usecases.people import FindUser
from bot.usecases.results import ListPictures


@dataclass(frozen=True)
class ApiServices:
    """The services of the HTTP API, one object per process."""

    authenticate: Authenticate
    end_users: EndUserUseCases
    jobs: AppJobUseCases
    use: UseCases
    read_drawable: ReadDrawable
    styles: Styles
    translator: Translator
    signals: JobSignals
    decode: Callable[[bytes], Awaitable[NormalPhoto | Refusal]]
    """Decodes a photo in a child process."""
    uploads: asyncio.Semaphore
    """Limits the number of photos in memory at once."""
    limits: ApiLimits
    metrics: Metrics
    pictures_kept_days: int
    mini_app: MiniApp | None = None
    exports: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """Limits the number of data copies that are built in memory at once."""


@dataclass(frozen=True)
class MiniApp:
    """The parts that only the Mini App uses."""

    token: str = field(repr=False)
    """The bot's token, with which Telegram signs init data."""
    bot: Bot
    find_user: FindUser
    list_pictures: ListPictures
    list_references: ListReferences
    read_reference: ReadReference
    language_of: Callable[[str | None], str]
    downloads: asyncio.Semaphore
    """Limits the number of concurrent downloads from Telegram."""
    decodings: asyncio.Semaphore
    """Limits the number of pictures that are reduced at once."""


def services_of(request: Request) -> ApiServices:
    services: ApiServices = request.app.state.services
    return services


Services = Annotated[ApiServices, Depends(services_of)]
