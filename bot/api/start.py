"""Builds the API from the parts of the bot, and serves it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog
from aiogram import Bot

from bot.api.application import build_application
from bot.api.callbacks import Callbacks
from bot.api.measuring import TimedRequests
from bot.api.server import serving
from bot.api.services import ApiServices, MiniApp
from bot.config import Config, read_listen
from bot.db.session import Sessions
from bot.dispatch.signals import JobSignals
from bot.monitoring.metrics import Metrics
from bot.styles import Styles
from bot.telegram.photo_fetching import PhotoFetcher
from bot.translator import Translator, language_of
from bot.usecases import UseCases
from bot.usecases.app_calls import TakeDueCalls
from bot.usecases.app_jobs import ReadDrawable, build_app_jobs
from bot.usecases.app_limits import ApiLimits
from bot.usecases.apps import Authenticate, signing_secret
from bot.usecases.end_users import ListReferences, ReadReference, build_end_users
from bot.usecases.people import FindUser
from bot.usecases.ports import new_seed
from bot.usecases.results import ListPictures

UPLOADS_AT_ONCE = 8
"""The number of uploads in memory at once, each up to bot.photos.FILE_MAX_BYTES."""
DOWNLOADS_AT_ONCE = 8
DECODINGS_AT_ONCE = 2
"""The number of pictures that are reduced at once; each uses a core, and some 50 MB for 12 megapixels."""
_log = structlog.get_logger(__name__)


def build_services(
    config: Config,
    sessions: Sessions,
    signals: JobSignals,
    use: UseCases,
    styles: Styles,
    translator: Translator,
    fetch_photo: PhotoFetcher,
    metrics: Metrics,
    bot: Bot | None = None,
) -> ApiServices:
    """Builds the services of the HTTP API; without `bot` there is no Mini App."""
    token = config.bot_token.get_secret_value()
    jobs = build_app_jobs(
        sessions,
        signals,
        new_seed,
        open_jobs_max=config.open_jobs_max,
        open_app_jobs_max=config.api_open_pictures,
        alive_s=config.alive_s,
        credit_terms=config.credit_terms,
    )
    return ApiServices(
        authenticate=Authenticate(sessions),
        end_users=build_end_users(sessions, signals, use.receive_photo),
        jobs=jobs,
        use=use,
        read_drawable=ReadDrawable(sessions, config.alive_s),
        styles=styles,
        translator=translator,
        signals=signals,
        decode=fetch_photo.decode,
        uploads=asyncio.Semaphore(UPLOADS_AT_ONCE),
        limits=ApiLimits(sessions),
        metrics=metrics,
        pictures_kept_days=config.original_days,
        mini_app=None if bot is None else _mini_app(token, bot, sessions),
    )


def _mini_app(token: str, bot: Bot, sessions: Sessions) -> MiniApp:
    return MiniApp(
        token=token,
        bot=bot,
        find_user=FindUser(sessions),
        list_pictures=ListPictures(sessions),
        list_references=ListReferences(sessions),
        read_reference=ReadReference(sessions),
        language_of=language_of,
        downloads=asyncio.Semaphore(DOWNLOADS_AT_ONCE),
        decodings=asyncio.Semaphore(DECODINGS_AT_ONCE),
    )


@asynccontextmanager
async def serving_api(
    config: Config,
    sessions: Sessions,
    signals: JobSignals,
    bot: Bot,
    use: UseCases,
    styles: Styles,
    translator: Translator,
    fetch_photo: PhotoFetcher,
    metrics: Metrics,
) -> AsyncIterator[None]:
    """A context in which the API answers at API_LISTEN, and callbacks are made. Raises OperatorError."""
    assert config.api_listen is not None
    services = build_services(config, sessions, signals, use, styles, translator, fetch_photo, metrics, bot)
    secret_of = partial(signing_secret, config.bot_token.get_secret_value())
    callbacks = Callbacks(TakeDueCalls(sessions), styles, signals, secret_of)
    application = TimedRequests(build_application(services), metrics.count_request)
    async with serving(application, read_listen(config.api_listen)):
        calling = asyncio.create_task(callbacks.run())
        _log.info("serving the API", listen=config.api_listen)
        try:
            yield
        finally:
            calling.cancel()
            await asyncio.wait({calling})
