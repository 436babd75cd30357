"""Keeps every open status message showing how its job stands, and delivers pictures by editing them into it.

What a user was shown is remembered only in memory: after a restart everything is shown once more, which Telegram
answers with "not modified". The message's id is stored as soon as it is sent, so pictures only ever arrive by editing
and a crash between the edit and our commit repeats the same edit, never the picture. Only our own crash within that
moment of the first sending can leave a second "in the queue" message behind; a crash of the database does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

import structlog

from bot.config import Pace
from bot.db import job_queue, job_states, status_messages, workers
from bot.db.session import Sessions, is_outage
from bot.db.status_messages import PendingStatus
from bot.dispatch.messages import StatusMessages
from bot.dispatch.reports import Preview
from bot.dispatch.status import Screen, Urgency, render
from bot.dispatch.throttle import Throttle
from bot.domain import JobState
from bot.refusals import ChatGone, ChatMoved, MessageGone, NotNow, TelegramRefusal, TooFast
from bot.styles import Styles
from bot.translator import Translator

REFUSALS_MAX = 3
TROUBLE_PAUSE_S = 1.0
TROUBLE_PAUSE_MAX_S = 30.0
FINISH_S = 5.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Shown:
    """What a user sees, as far as we know."""

    screen: Screen | None = None
    has_photo: bool | None = None
    refusals: int = 0
    troubles: int = 0
    not_before: float = 0.0


class Screens:
    """One step: find what users should see and do not, and show it, chats side by side, one thing at a time in each."""

    def __init__(
        self,
        sessions: Sessions,
        messages: StatusMessages,
        translator: Translator,
        styles: Styles,
        previews: dict[UUID, Preview],
        pace: Pace,
        clock: Callable[[], float],
        repaint: Callable[[], None],
        unstored: dict[UUID, int],
    ) -> None:
        """`repaint` asks for another step soon. `unstored` outlives this: messages sent whose ids the database may not
        have yet, because it went away in between."""
        self._sessions = sessions
        self._messages = messages
        self._translator = translator
        self._styles = styles
        self._previews = previews
        self._pace = pace
        self._clock = clock
        self._repaint = repaint
        self._began = clock()
        self._throttle = Throttle(pace.edit_interval_s, pace.calls_per_s, clock)
        self._shown: dict[UUID, _Shown] = {}
        self._unstored = unstored
        self._writing: dict[int, asyncio.Task[None]] = {}
        self._passed_over = False
        self._alone_since: float | None = None
        self._told_paused: set[int] = set()

    async def step(self) -> None:
        # What is being written while we read may be read as not written yet: those chats wait for the next step.
        busy = set(self._writing)
        async with self._sessions() as session:
            jobs = await status_messages.pending(session)
            waiting = any(job.state == JobState.QUEUED for job in jobs)
            places = await job_queue.positions(session) if waiting else {}
            alive = await workers.alive(session, self._pace.alive_s)
            paused = self._is_paused(bool(alive))
            alone_s = self._clock() - (self._alone_since or 0.0)
            photos = await status_messages.chats_with_photos_waiting(session, alone_s) if paused else []
        self._forget_closed({job.job_id for job in jobs})
        self._show_all(jobs, places, busy, paused)
        await self._tell_paused(photos, paused)

    async def finish(self) -> None:
        """Let what is being sent be sent and noted; give up what takes too long."""
        if self._writing:
            _, late = await asyncio.wait(self._writing.values(), timeout=FINISH_S)
            for task in late:
                task.cancel()

    def _is_paused(self, anyone_alive: bool) -> bool:
        """Silence right after our own start only means that nobody has been heard yet."""
        if anyone_alive:
            self._alone_since = None
            return False
        if self._alone_since is None:
            self._alone_since = self._clock()
        return self._clock() - self._began >= self._pace.alive_s

    def _forget_closed(self, open_ids: set[UUID]) -> None:
        for known in (self._shown, self._previews, self._unstored):
            for job_id in known.keys() - open_ids:
                known.pop(job_id, None)
        self._throttle.forget_past()

    def _show_all(self, jobs: list[PendingStatus], places: Mapping[UUID, int], busy: set[int], paused: bool) -> None:
        """Start writing wherever something is due, the most urgent first while calls are scarce."""
        due = []
        for job in jobs:
            screen = render(
                job,
                place=places.get(job.job_id),
                paused=paused,
                preview=self._previews.get(job.job_id),
                texts=self._translator.of(job.language),
                styles=self._styles,
            )
            if self._is_due(job, screen):
                due.append((job, screen))
        self._passed_over = False
        for job, screen in sorted(due, key=lambda item: (item[1].urgency, item[0].created_at)):
            if job.chat_id in busy or job.chat_id in self._writing:
                self._passed_over = True
                continue
            if not self._throttle.take():
                return
            task = asyncio.create_task(self._write(job, screen))
            self._writing[job.chat_id] = task
            task.add_done_callback(partial(self._written, job.chat_id))

    def _written(self, chat_id: int, _: asyncio.Task[None]) -> None:
        self._writing.pop(chat_id, None)
        if self._passed_over:
            self._repaint()

    def _is_due(self, job: PendingStatus, screen: Screen) -> bool:
        shown = self._shown.get(job.job_id, _Shown())
        urgent = screen.urgency == Urgency.END or job.message_id is None
        return (
            (screen != shown.screen or job.message_id is None)
            and shown.not_before <= self._clock()
            and self._throttle.allows(job.chat_id, urgent=urgent)
        )

    async def _write(self, job: PendingStatus, screen: Screen) -> None:
        """Show one screen and note it; the edge of a task, so nothing gets out."""
        shown = self._shown.get(job.job_id, _Shown())
        try:
            await self._show(job, screen, shown)
        except TelegramRefusal as error:
            await self._answer_refusal(job, shown, error)
        except Exception as error:
            if is_outage(error):
                _log.warning("the database is away, a status message waits", job=str(job.job_id))
            else:
                _log.exception("a status message failed", job=str(job.job_id))
            self._pause(job.job_id, shown)

    async def _show(self, job: PendingStatus, screen: Screen, shown: _Shown) -> None:
        message_id = job.message_id
        if message_id is None:
            was_unstored = job.job_id in self._unstored
            message_id = await self._send(job, screen)
            if message_id is None:
                return
            if not screen.shows_picture and not was_unstored:
                await self._note(job, replace(screen, preview=None), has_photo=False)
                return
        if screen.shows_picture:
            await self._deliver(job, message_id, screen)
            return
        has_photo = await self._messages.edit(job.chat_id, message_id, screen, has_photo=shown.has_photo)
        await self._note(job, screen, has_photo=has_photo)

    async def _send(self, job: PendingStatus, screen: Screen) -> int | None:
        """A new status message, its id stored at once; `None` if the job's row vanished meanwhile."""
        if screen.shows_picture:
            texts = self._translator.of(job.language)
            screen = replace(screen, text=texts("status-ready", prompt=""))
        message_id = self._unstored.get(job.job_id)
        if message_id is None:
            message_id = self._unstored[job.job_id] = await self._messages.send(job.chat_id, screen)
            self._throttle.wrote(job.chat_id)
        async with self._sessions.begin() as session:
            stored = await status_messages.message_sent(session, job.job_id, message_id)
        self._unstored.pop(job.job_id, None)
        if stored:
            return message_id
        await self._messages.delete(job.chat_id, message_id)
        return None

    async def _deliver(self, job: PendingStatus, message_id: int, screen: Screen) -> None:
        async with self._sessions() as session:
            picture = await status_messages.picture(session, job.job_id)
        if picture is None:
            return
        file_id = await self._messages.deliver(job.chat_id, message_id, screen, picture)
        async with self._sessions.begin() as session:
            await job_states.deliver(session, job.job_id, file_id)
        self._throttle.wrote(job.chat_id)
        self._shown.pop(job.job_id, None)
        _log.info("delivered", job=str(job.job_id))

    async def _note(self, job: PendingStatus, screen: Screen, *, has_photo: bool) -> None:
        self._throttle.wrote(job.chat_id)
        self._shown[job.job_id] = _Shown(screen, has_photo)
        if screen.urgency == Urgency.END:
            async with self._sessions.begin() as session:
                await job_states.close(session, job.job_id)

    async def _answer_refusal(self, job: PendingStatus, shown: _Shown, error: TelegramRefusal) -> None:
        """What a refusal asks for. Whatever fails here is tried again by the next step."""
        try:
            match error:
                case TooFast():
                    self._throttle.told_to_wait(job.chat_id, error.retry_after_s)
                case NotNow():
                    _log.warning("Telegram is away, a status message waits", job=str(job.job_id), error=str(error))
                    self._pause(job.job_id, shown)
                case MessageGone():
                    self._shown.pop(job.job_id, None)
                    self._unstored.pop(job.job_id, None)
                    async with self._sessions.begin() as session:
                        await status_messages.message_sent(session, job.job_id, None)
                case ChatGone():
                    _log.info("the chat is closed to us", chat=job.chat_id, reason=str(error))
                    async with self._sessions.begin() as session:
                        await status_messages.unreachable(session, job.user_id, job.chat_id)
                case ChatMoved():
                    async with self._sessions.begin() as session:
                        await status_messages.chat_moved(session, job.chat_id, error.chat_id)
                case _:
                    await self._refused(job, shown, error)
        except Exception:
            _log.exception("a refusal could not be answered", job=str(job.job_id))
            self._pause(job.job_id, shown)

    async def _refused(self, job: PendingStatus, shown: _Shown, error: TelegramRefusal) -> None:
        """Telegram may be wrong once; a picture it never takes becomes a failure, and what it never shows is closed."""
        refusals = shown.refusals + 1
        _log.error("Telegram refused a status message", job=str(job.job_id), state=job.state, error=str(error))
        if refusals < REFUSALS_MAX:
            self._pause(job.job_id, replace(shown, refusals=refusals))
            return
        self._shown.pop(job.job_id, None)
        async with self._sessions.begin() as session:
            if job.state == JobState.DONE:
                await job_states.fail_delivery(session, job.job_id)
            elif job.state in (JobState.FAILED, JobState.CANCELLED):
                await job_states.close(session, job.job_id)
            else:
                self._pause(job.job_id, replace(shown, refusals=refusals))

    def _pause(self, job_id: UUID, shown: _Shown) -> None:
        pause_s = min(TROUBLE_PAUSE_S * 2**shown.troubles, TROUBLE_PAUSE_MAX_S)
        self._shown[job_id] = replace(
            shown, screen=None, troubles=min(shown.troubles + 1, 10), not_before=self._clock() + pause_s
        )

    async def _tell_paused(self, chats: list[tuple[int, str]], paused: bool) -> None:
        """Once a pause and chat, for photos that came while a worker was here; later ones are told on arrival."""
        if not paused:
            self._told_paused.clear()
        for chat_id, language in chats:
            if chat_id in self._told_paused:
                continue
            self._told_paused.add(chat_id)
            try:
                await self._messages.say(chat_id, self._translator("photo-paused", language))
            except TelegramRefusal as error:
                _log.info("could not tell of the pause", chat=chat_id, reason=str(error))
