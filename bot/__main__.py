"""`python -m bot`: the conversation and the dispatcher in one process, until SIGTERM or Ctrl-C.

Exits with 0 after an orderly stop, and with 2 and one line when the operator has to do something.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
import time
from contextlib import AsyncExitStack
from functools import partial
from urllib.parse import unquote, urlsplit

import structlog
from aiogram import Bot, Dispatcher
from aiogram.exceptions import TelegramAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import logs, middlewares
from bot.commands import publish_commands
from bot.config import Config, load_config, read_listen
from bot.db.address import read_address
from bot.db.session import make_sessions, open_pool
from bot.dispatch.dispatcher import JobDispatcher
from bot.dispatch.leadership import Role
from bot.dispatch.photo_verdicts import VerdictAnswers
from bot.dispatch.signals import JobSignals
from bot.errors import OperatorError
from bot.handlers import build_router
from bot.intake import Intake, OpenAlbums
from bot.polling import Polling
from bot.readiness import database_answers, wait_for_database, wait_for_telegram
from bot.stopping import finishes_before
from bot.styles import load_styles
from bot.telegram import open_bot
from bot.translator import Translator
from bot.usecases import wiring
from bot.webhook import Webhook, derive_secret
from engine.contract import MISCONFIGURED_EXIT_CODE

_log = structlog.get_logger(__name__)


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Everything, until `stop` is set. Raises OperatorError."""
    async with AsyncExitStack() as stack:
        pool = open_pool(config.database_url.get_secret_value())
        stack.push_async_callback(pool.dispose)
        token = config.bot_token.get_secret_value()
        bot = open_bot(token, config.bot_api_url, patient=True)
        stack.push_async_callback(bot.session.close)
        status_bot = open_bot(token, config.bot_api_url, patient=False)
        stack.push_async_callback(status_bot.session.close)
        await _serve(config, pool, bot, status_bot, stop)


async def _serve(config: Config, pool: AsyncEngine, bot: Bot, status_bot: Bot, stop: asyncio.Event) -> None:
    database = asyncio.create_task(wait_for_database(pool, config.start_patience_s, time.monotonic))
    if not await finishes_before(stop, database):
        return
    telegram = asyncio.create_task(wait_for_telegram(status_bot, config.start_patience_s, time.monotonic))
    if not await finishes_before(stop, telegram):
        return
    translator = Translator()
    albums, role = OpenAlbums(), Role()
    dispatcher, jobs = wire(config, pool, bot, status_bot, translator, albums, role)
    intake = Intake(
        bot,
        dispatcher,
        database_answers=partial(database_answers, pool),
        albums=albums,
        burst=config.message_burst,
        per_s=config.messages_per_s,
    )
    await dispatcher.emit_startup(bot=bot, **dispatcher.workflow_data)
    jobs_running = asyncio.create_task(jobs.run())
    menu = asyncio.create_task(_publish_menu(bot, translator, config.admin_ids))
    _log.info("serving", bot=(await status_bot.me()).username)
    try:
        await _source(config, bot, intake, role).run(stop)
    finally:
        await dispatcher.emit_shutdown(bot=bot, **dispatcher.workflow_data)
        menu.cancel()
        jobs_running.cancel()
        await asyncio.wait({menu, jobs_running})
        _log.info("stopped")


def _source(config: Config, bot: Bot, intake: Intake, role: Role) -> Polling | Webhook:
    """Where updates come from."""
    if config.webhook_url is None:
        return Polling(bot, intake, role=role)
    secret = webhook_secret(config)
    return Webhook(bot, intake, url=config.webhook_url, secret=secret, listen=read_listen(config.webhook_listen))


def webhook_secret(config: Config) -> str:
    """The one configured, or else one that every process with this token has."""
    if config.webhook_secret is not None:
        return config.webhook_secret.get_secret_value()
    return derive_secret(config.bot_token.get_secret_value())


def wire(
    config: Config,
    pool: AsyncEngine,
    bot: Bot,
    status_bot: Bot,
    translator: Translator,
    albums: OpenAlbums,
    role: Role,
) -> tuple[Dispatcher, JobDispatcher]:
    """The conversation and what moves jobs, tied together by their signals."""
    sessions, styles, signals = make_sessions(pool), load_styles(), JobSignals()
    use = wiring.wire(config, sessions, signals, draw_seed=lambda: secrets.randbelow(2**63), is_arriving=albums)
    dispatcher = Dispatcher()
    middlewares.install(dispatcher, use, styles, translator, config.admin_ids)
    dispatcher.include_router(build_router())
    jobs = JobDispatcher(
        sessions=sessions,
        database_url=config.database_url.get_secret_value(),
        broker_url=config.broker_url.get_secret_value(),
        bot=status_bot,
        answer_verdicts=VerdictAnswers(bot, use, translator, styles),
        styles=styles,
        translator=translator,
        signals=signals,
        pace=config,
        role=role,
    )
    return dispatcher, jobs


async def _publish_menu(bot: Bot, translator: Translator, admin_ids: frozenset[int]) -> None:
    try:
        await publish_commands(bot, translator, admin_ids)
    except TelegramAPIError as error:
        _log.warning("the menu of commands could not be published", error=str(error)[:200])


async def _main(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(config, stop)


def _secrets(config: Config) -> list[str]:
    """What must not show in logs: the token, and the passwords in addresses."""
    address = read_address(config.database_url.get_secret_value())
    broker_password = urlsplit(config.broker_url.get_secret_value()).password or ""
    return [
        config.bot_token.get_secret_value(),
        webhook_secret(config),
        *address.secrets,
        broker_password,
        unquote(broker_password),
    ]


def main() -> int:
    """The exit code."""
    try:
        config = load_config()
        logs.configure(config.log_level, as_json=config.log_json, secrets=_secrets(config))
        asyncio.run(_main(config))
    except OperatorError as error:
        print(f"bot: {error}", file=sys.stderr)
        return MISCONFIGURED_EXIT_CODE
    return 0


if __name__ == "__main__":
    sys.exit(main())
