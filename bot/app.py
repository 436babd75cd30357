"""The composition root: builds the parts of the bot from its configuration, and runs them."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog
from aiogram import Bot, Dispatcher
from aiogram.exceptions import TelegramAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.broadcasting import Broadcaster
from bot.config import Config, read_listen
from bot.credits import departure_key, pseudonym_of
from bot.db.readiness import database_answers, wait_for_database
from bot.db.session import Sessions, autocommitting, make_sessions, open_pool
from bot.dispatch.dispatcher import JobDispatcher
from bot.dispatch.photo_verdicts import VerdictAnswers
from bot.dispatch.signals import JobSignals
from bot.ledger_upkeep import ReferralNotices, keep_ledger
from bot.monitoring.alerts import AdminNotices, Watch, watch_service
from bot.monitoring.metrics import Metrics
from bot.monitoring.server import monitoring
from bot.monitoring.state import StateReader
from bot.retention import keep_retention
from bot.retention_notices import RetentionNotices
from bot.role import Role
from bot.stopping import finishes_before
from bot.style_upkeep import keep_styles
from bot.styles import Styles, load_styles
from bot.telegram.commands import publish_commands
from bot.telegram.connection import open_bot, wait_for_telegram
from bot.telegram.handlers import build_router
from bot.telegram.intake import Intake, OpenAlbums
from bot.telegram.middlewares import AnswerCallbacks, KnowUser, ReplyErrors, SendNotice
from bot.telegram.photo_fetching import PhotoFetcher
from bot.telegram.polling import Polling
from bot.telegram.preset_pages import PresetSheets
from bot.telegram.profile import publish_menu_button, publish_profile
from bot.telegram.spool import UpdateSpool
from bot.telegram.webhook import Webhook, derive_secret
from bot.translator import Translator
from bot.usecases import UseCases
from bot.usecases.admin import build_admin
from bot.usecases.admin.accounts import ReadAdmission
from bot.usecases.admin.review import Appeal
from bot.usecases.answers import ReadAnswers
from bot.usecases.apps import build_keys
from bot.usecases.credits import build_credits
from bot.usecases.drafts import DrawDraft, TakeBackDraft
from bot.usecases.export import ExportData
from bot.usecases.held import HoldMessage, TakeHeld
from bot.usecases.image_prompts import ImagePromptUseCases
from bot.usecases.payments import build_payments
from bot.usecases.people import (
    ChooseLanguage,
    ChooseStyle,
    CountHoldings,
    DeleteEverything,
    FindLanguage,
    FindStage,
    GiveConsent,
    MeetUser,
    NoteBlocked,
)
from bot.usecases.persons import build_people
from bot.usecases.photos import (
    AnnounceAnswer,
    ChoosePerson,
    DecideOtherPerson,
    DeletePhoto,
    ListPhotos,
    ReceivePhoto,
)
from bot.usecases.pictures import AskForPicture, CancelPicture, FindPicture, Redraw
from bot.usecases.ports import DrawSeed, Signals, new_seed
from bot.usecases.poses import ChoosePosePhoto, DeletePosePhoto
from bot.usecases.preferences import ChooseAspect, ChooseClothes, ChooseLikeness, ChoosePose, OpenPreferences, PinPose
from bot.usecases.reports import PauseService, ReadUsage, ResumeService
from bot.usecases.results import (
    BrowseGallery,
    NoteMessage,
    RemovePicture,
    ReportPicture,
    SearchPictures,
    SetFavourite,
    TakeOriginal,
)

_log = structlog.get_logger(__name__)


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Runs all parts until `stop` is set. Raises OperatorError."""
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        pool = open_pool(config.database_url.get_secret_value())
        stack.push_async_callback(pool.dispose)
        token = config.bot_token.get_secret_value()
        bot = open_bot(token, config.bot_api_url, patient=True, observe=metrics.count_call)
        stack.push_async_callback(bot.session.close)
        status_bot = open_bot(token, config.bot_api_url, patient=False, observe=metrics.count_call)
        stack.push_async_callback(status_bot.session.close)
        role, sessions = Role(), make_sessions(pool)
        reader = StateReader(sessions, config.broker_url.get_secret_value(), role, config.alive_s)
        listen = None if config.monitor_listen is None else read_listen(config.monitor_listen)
        await stack.enter_async_context(monitoring(listen, reader, metrics))
        await _serve(config, pool, bot, status_bot, reader, role, metrics, stop)


async def _serve(
    config: Config,
    pool: AsyncEngine,
    bot: Bot,
    status_bot: Bot,
    reader: StateReader,
    role: Role,
    metrics: Metrics,
    stop: asyncio.Event,
) -> None:
    database = asyncio.create_task(wait_for_database(pool, config.start_patience_s, time.monotonic))
    if not await finishes_before(stop, database):
        return
    telegram = asyncio.create_task(wait_for_telegram(status_bot, config.start_patience_s, time.monotonic))
    if not await finishes_before(stop, telegram):
        return
    translator, sessions, signals = Translator(), make_sessions(pool), JobSignals()
    albums, fetch_photo = OpenAlbums(), PhotoFetcher(metrics.count_photo)
    dispatcher, jobs = build(config, pool, bot, status_bot, translator, albums, role, fetch_photo, signals)
    intake = Intake(
        bot,
        dispatcher,
        database_answers=partial(database_answers, pool),
        albums=albums,
        burst=config.message_burst,
        per_s=config.messages_per_s,
    )
    metrics.watch_updates(intake.counts)
    await dispatcher.emit_startup(bot=bot, **dispatcher.workflow_data)
    jobs_running = asyncio.create_task(jobs.run())
    notices = AdminNotices(status_bot, sessions, translator, config.admin_ids)
    background = {
        jobs_running,
        asyncio.create_task(_publish_profile(bot, translator, config)),
        asyncio.create_task(watch_service(reader, Watch(config), role, notices)),
        asyncio.create_task(keep_retention(sessions, config.retention_terms, config.original_days, role)),
        asyncio.create_task(keep_styles(sessions, dispatcher["styles"])),
        asyncio.create_task(Broadcaster(status_bot, sessions, translator, config.broadcast_per_s).run(role)),
        asyncio.create_task(keep_ledger(sessions, config.credit_terms, ReferralNotices(status_bot, translator), role)),
    }
    retention = config.retention_terms
    if retention is not None and retention.notice_days:
        retention_notices = RetentionNotices(status_bot, sessions, translator, retention, config.broadcast_per_s)
        background.add(asyncio.create_task(retention_notices.run(role)))
    _log.info("serving", bot=(await status_bot.me()).username)
    spare_collections()
    try:
        async with _api(config, sessions, dispatcher, signals, bot, metrics):
            await _source(config, bot, intake, role, UpdateSpool(sessions)).run(stop)
    finally:
        await dispatcher.emit_shutdown(bot=bot, **dispatcher.workflow_data)
        for task in background:
            task.cancel()
        await asyncio.wait(background)
        _log.info("stopped")


def spare_collections() -> None:
    """Exempts what start-up has made (modules, models of aiogram and SQLAlchemy) from garbage collection: a full
    collection of it stops the event loop for 0.3 s and more, several times per minute under load."""
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def _api(
    config: Config, sessions: Sessions, dispatcher: Dispatcher, signals: JobSignals, bot: Bot, metrics: Metrics
) -> AsyncIterator[None]:
    """A context in which other apps and the Mini App are served, if API_LISTEN is set; without it the API is not
    imported."""
    if config.api_listen is None:
        yield
        return
    from bot.api.start import serving_api

    data = dispatcher.workflow_data
    parts = (data["use"], data["styles"], data["translator"], data["fetch_photo"])
    async with serving_api(config, sessions, signals, bot, *parts, metrics):
        yield


def _source(config: Config, bot: Bot, intake: Intake, role: Role, spool: UpdateSpool) -> Polling | Webhook:
    """The source of updates: the webhook if one is configured, else polling."""
    if config.webhook_url is None:
        return Polling(bot, intake, role=role, spool=spool)
    secret = webhook_secret(config)
    listen = read_listen(config.webhook_listen)
    return Webhook(bot, intake, url=config.webhook_url, secret=secret, listen=listen, spool=spool)


def webhook_secret(config: Config) -> str:
    """The secret from the configuration, else one derived from the token, which is equal in every process."""
    if config.webhook_secret is not None:
        return config.webhook_secret.get_secret_value()
    return derive_secret(config.bot_token.get_secret_value())


def build(
    config: Config,
    pool: AsyncEngine,
    bot: Bot,
    status_bot: Bot,
    translator: Translator,
    albums: OpenAlbums,
    role: Role,
    fetch_photo: PhotoFetcher,
    signals: JobSignals,
) -> tuple[Dispatcher, JobDispatcher]:
    """The conversation and the dispatcher of jobs, connected by `signals`. `status_bot` writes status messages."""
    sessions, styles = make_sessions(pool), load_styles()
    use = build_use_cases(config, sessions, signals, draw_seed=new_seed, is_arriving=albums)
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
    return build_conversation(use, styles, translator, config, fetch_photo), jobs


def build_conversation(
    use: UseCases,
    styles: Styles,
    translator: Translator,
    config: Config,
    fetch_photo: PhotoFetcher | None = None,
) -> Dispatcher:
    """aiogram's dispatcher with all handlers, the objects that they take by name, and the middlewares around them."""
    dispatcher = Dispatcher(
        use=use,
        styles=styles,
        translator=translator,
        admin_ids=config.admin_ids,
        fetch_photo=fetch_photo or PhotoFetcher(),
        contact=config.operator_contact,
        broadcast_per_s=config.broadcast_per_s,
        worker_price=config.worker_hour_price,
        credits=use.credits,
        sheets=PresetSheets(),
    )
    dispatcher.update.outer_middleware(KnowUser(use, translator))
    for observer in (dispatcher.message, dispatcher.edited_message, dispatcher.callback_query):
        observer.outer_middleware(SendNotice())
    dispatcher.message.outer_middleware(ReplyErrors())
    dispatcher.callback_query.outer_middleware(AnswerCallbacks(time.monotonic))
    dispatcher.include_router(build_router(credits_on=use.credits is not None, keys_on=use.keys is not None))
    return dispatcher


def build_use_cases(
    config: Config,
    sessions: Sessions,
    signals: Signals,
    draw_seed: DrawSeed,
    is_arriving: Callable[[int, str], bool] = lambda chat_id, album_id: False,
) -> UseCases:
    """`is_arriving`: see ReadAnswers."""
    terms, at_once = config.credit_terms, autocommitting(sessions)
    drawing = (sessions, signals, draw_seed, config.open_jobs_max, terms)
    pseudonym = partial(pseudonym_of, departure_key(config.bot_token.get_secret_value()))
    return UseCases(
        meet_user=MeetUser(at_once, pseudonym),
        note_blocked=NoteBlocked(at_once),
        give_consent=GiveConsent(sessions),
        hold_message=HoldMessage(sessions),
        take_held=TakeHeld(sessions),
        choose_language=ChooseLanguage(sessions),
        find_language=FindLanguage(at_once),
        choose_style=ChooseStyle(sessions),
        find_stage=FindStage(sessions),
        open_preferences=OpenPreferences(sessions, config.alive_s),
        choose_likeness=ChooseLikeness(sessions),
        choose_aspect=ChooseAspect(sessions),
        choose_clothes=ChooseClothes(sessions),
        choose_pose=ChoosePose(sessions),
        pin_pose=PinPose(sessions),
        choose_pose_photo=ChoosePosePhoto(sessions),
        delete_pose_photo=DeletePosePhoto(sessions),
        image_prompts=ImagePromptUseCases(sessions, config.alive_s),
        count_holdings=CountHoldings(sessions, config.original_days),
        delete_everything=DeleteEverything(sessions, signals, terms),
        receive_photo=ReceivePhoto(sessions, signals, config.alive_s),
        announce_answer=AnnounceAnswer(sessions, signals),
        choose_person=ChoosePerson(sessions, signals, config.alive_s),
        decide_other_person=DecideOtherPerson(sessions, signals),
        list_photos=ListPhotos(sessions),
        delete_photo=DeletePhoto(sessions),
        read_answers=ReadAnswers(sessions, is_arriving, config.alive_s),
        draw_draft=DrawDraft(*drawing),
        take_back_draft=TakeBackDraft(sessions),
        ask_for_picture=AskForPicture(*drawing),
        redraw=Redraw(*drawing),
        find_picture=FindPicture(at_once),
        cancel_picture=CancelPicture(sessions, signals),
        set_favourite=SetFavourite(sessions),
        take_original=TakeOriginal(sessions),
        report_picture=ReportPicture(sessions),
        remove_picture=RemovePicture(sessions),
        browse_gallery=BrowseGallery(sessions),
        search_pictures=SearchPictures(sessions),
        note_message=NoteMessage(sessions),
        read_usage=ReadUsage(sessions, config.alive_s),
        pause_service=PauseService(sessions, signals),
        resume_service=ResumeService(sessions, signals),
        export_data=ExportData(sessions),
        people=build_people(sessions, config.alive_s),
        read_admission=ReadAdmission(at_once),
        appeal=Appeal(sessions),
        admin=build_admin(
            sessions, signals, pseudonym, open_jobs_max=config.open_jobs_max, alive_s=config.alive_s, terms=terms
        ),
        payments=build_payments(sessions, terms),
        credits=None if terms is None else build_credits(sessions, terms),
        keys=None if config.api_listen is None else build_keys(sessions, config.bot_token.get_secret_value()),
    )


async def _publish_profile(bot: Bot, translator: Translator, config: Config) -> None:
    try:
        await publish_commands(bot, translator, config.admin_ids, credits_on=config.credits)
    except TelegramAPIError as error:
        _log.warning("the menu of commands could not be published", error=str(error)[:200])
    await publish_profile(bot, translator, config.bot_name)
    await publish_menu_button(bot, translator, config.mini_app_url)
