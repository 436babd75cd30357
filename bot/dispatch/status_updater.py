"""Keeps every status message equal to the state of its job, and brings the end as a new message.

The last view of each message is kept in memory only: after a restart every message is edited again, which Telegram
answers with "not modified". The end of a job is a message of its own in reply to the request, because Telegram does not
notify of edits. It begins as text; its id is stored, and the picture is edited into it. So a crash between the edit and
the commit repeats the same edit, never the picture. Then the status message is deleted and the job closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

import structlog

from bot.config import Pace
from bot.db import job_queue, job_states, service, status_messages, workers
from bot.db.session import Sessions, autocommitting, is_outage
from bot.db.status_messages import MessageRole, PendingStatus
from bot.dispatch.albums import Album, AlbumDelivery, albums_of, render_album
from bot.dispatch.job_messages import JobMessages, UnstoredMessages
from bot.dispatch.reply_handler import Preview
from bot.dispatch.status_messenger import StatusMessenger
from bot.dispatch.status_view import StatusView, Urgency, in_chat, ready, render
from bot.dispatch.timing import Throttle, expected_s
from bot.domain import JobState
from bot.styles import Styles
from bot.telegram.refusals import ChatGone, ChatMoved, MessageGone, NotNow, TelegramRefusal, TooFast
from bot.translator import Texts, Translator

REFUSALS_MAX = 3
TROUBLE_PAUSE_S = 1.0
TROUBLE_PAUSE_MAX_S = 30.0
FINISH_S = 5.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Display:
    """The view that a user sees, as far as this process has sent it."""

    view: StatusView | None = None
    has_photo: bool | None = None
    refusals: int = 0
    troubles: int = 0
    not_before: float = 0.0


class StatusUpdater:
    """One step of the dispatcher: edits the messages that are out of date; chats in parallel, and in each chat one
    message at a time."""

    def __init__(
        self,
        sessions: Sessions,
        messenger: StatusMessenger,
        translator: Translator,
        styles: Styles,
        previews: dict[UUID, Preview],
        pace: Pace,
        clock: Callable[[], float],
        repaint: Callable[[], None],
        unstored: UnstoredMessages,
    ) -> None:
        """`repaint` requests another step soon. `unstored` outlives this object."""
        self._sessions = sessions
        self._messenger = messenger
        self._translator = translator
        self._styles = styles
        self._previews = previews
        self._pace = pace
        self._clock = clock
        self._repaint = repaint
        self._began = clock()
        self._throttle = Throttle(pace.edit_interval_s, pace.calls_per_s, clock)
        self._displays: dict[UUID, _Display] = {}
        self._rendered: dict[UUID, tuple[object, StatusView]] = {}
        self._messages = JobMessages(autocommitting(sessions), messenger, unstored)
        self._deliver_album = AlbumDelivery(sessions, messenger, self._messages, styles)
        self._writing: dict[int, asyncio.Task[None]] = {}
        self._passed_over = False
        self._alone_since: float | None = None
        self._was_paused = False
        self._chats_with_notice: set[int] = set()

    async def step(self) -> None:
        # A message that is written during the query may be read as not written yet: its chat waits for the next step.
        busy = set(self._writing)
        async with self._sessions() as session:
            jobs = await status_messages.pending(session)
            waiting = any(job.state == JobState.QUEUED for job in jobs)
            places = await job_queue.positions(session) if waiting else {}
            drawing_s = await job_queue.drawing_s(session) if waiting else None
            alive = await workers.alive(session, self._pace.alive_s)
            paused = self._is_paused(bool(alive)) or await service.is_paused(session)
            alone_s = self._clock() - (self._alone_since or 0.0)
            poses_drawn = not alive or await workers.any_can_pose(session, self._pace.alive_s)
            image_prompts_read = all(worker.image_prompt for worker in alive)
            photos = await status_messages.chats_with_photos_waiting(session, alone_s) if paused else []
        if paused is not self._was_paused:
            self._was_paused = paused
            self._throttle.forget_writing()
        self._forget_closed({job.job_id for job in jobs})
        times = {}
        if drawing_s is not None:
            times = {job_id: expected_s(place, len(alive), drawing_s) for job_id, place in places.items()}
        self._show_all(jobs, places, times, busy, paused, poses_drawn, image_prompts_read)
        await self._announce_pause(photos, paused)

    async def finish(self) -> None:
        """Waits for the messages that are being sent, for at most FINISH_S."""
        if self._writing:
            _, late = await asyncio.wait(self._writing.values(), timeout=FINISH_S)
            for task in late:
                task.cancel()

    def _is_paused(self, anyone_alive: bool) -> bool:
        """Whether no worker is alive. Before the process has listened for `alive_s`, missing heartbeats mean
        nothing."""
        if anyone_alive:
            self._alone_since = None
            return False
        if self._alone_since is None:
            self._alone_since = self._clock()
        return self._clock() - self._began >= self._pace.alive_s

    def _forget_closed(self, open_ids: set[UUID]) -> None:
        for by_job in (self._displays, self._rendered, self._previews):
            for job_id in by_job.keys() - open_ids:
                by_job.pop(job_id, None)
        self._messages.keep_only(open_ids)
        self._throttle.forget_past()

    def _show_all(
        self,
        jobs: list[PendingStatus],
        places: Mapping[UUID, int],
        times: Mapping[UUID, int],
        busy: set[int],
        paused: bool,
        poses_drawn: bool,
        image_prompts_read: bool,
    ) -> None:
        """Starts to write wherever something is due, the most urgent first when the rate limit allows few calls.
        Renders only what may be written now and has changed, because rendering blocks the event loop."""
        self._passed_over = False
        for album in sorted(albums_of(jobs), key=lambda album: (album.urgency, album.lead.created_at)):
            job = album.lead
            place, expected = places.get(job.job_id), times.get(job.job_id)
            if not self._may_write(album, place):
                continue
            view = self._view(album, place, expected, paused, poses_drawn, image_prompts_read)
            if job.message_id is not None and view == self._displays.get(job.job_id, _Display()).view:
                continue
            if job.chat_id in busy or job.chat_id in self._writing:
                self._passed_over = True
                continue
            if not self._throttle.take():
                return
            task = asyncio.create_task(self._write(album, view))
            self._writing[job.chat_id] = task
            task.add_done_callback(partial(self._written, job.chat_id))

    def _view(
        self,
        album: Album,
        place: int | None,
        expected: int | None,
        paused: bool,
        poses_drawn: bool,
        image_prompts_read: bool,
    ) -> StatusView:
        job = album.lead
        preview = self._previews.get(job.job_id)
        inputs = (album, place, expected, paused, poses_drawn, image_prompts_read, preview)
        rendered = self._rendered.get(job.job_id)
        if rendered is None or rendered[0] != inputs:
            texts = self._texts(job)
            view = render(
                job, place=place, paused=paused, preview=preview, texts=texts, styles=self._styles,
                poses_drawn=poses_drawn, image_prompts_read=image_prompts_read, expected_s=expected,
            )  # fmt: skip
            rendered = inputs, in_chat(job, view if len(album.jobs) == 1 else render_album(album, view, texts))
            self._rendered[job.job_id] = rendered
        return rendered[1]

    def _written(self, chat_id: int, _: asyncio.Task[None]) -> None:
        self._writing.pop(chat_id, None)
        if self._passed_over:
            self._repaint()

    def _may_write(self, album: Album, place: int | None) -> bool:
        job = album.lead
        display = self._displays.get(job.job_id, _Display())
        urgent = album.urgency == Urgency.END or job.message_id is None
        return display.not_before <= self._clock() and self._throttle.allows(job.chat_id, urgent=urgent, place=place)

    async def _write(self, album: Album, view: StatusView) -> None:
        """Sends one view and records it. Raises nothing, because it runs in a task of its own."""
        job = album.lead
        display = self._displays.get(job.job_id, _Display())
        try:
            if len(album.jobs) == 1:
                await self._show(job, view, display)
            else:
                await self._show_album(album, view, display)
        except TelegramRefusal as error:
            await self._answer_refusal(job, display, error)
        except Exception as error:
            if is_outage(error):
                _log.warning("the database is away, a status message waits", job=str(job.job_id))
            else:
                _log.exception("a status message failed", job=str(job.job_id))
            self._pause(job.job_id, display)

    async def _show(self, job: PendingStatus, view: StatusView, display: _Display) -> None:
        if job.state in (JobState.DELIVERED, JobState.DONE, JobState.FAILED):
            await self._show_end(job, view)
        else:
            await self._show_status(job, view, display)

    async def _show_album(self, album: Album, view: StatusView, display: _Display) -> None:
        """Shows an album. An album with at most one picture is shown as a single job, which closes it."""
        lead, texts, single = album.lead, self._texts(album.lead), album.single
        if not album.is_drawn:
            await self._show_status(lead, view, display)
        elif single is None:
            delivered = await self._deliver_album(album, texts)
            if delivered is not None:
                await self._close(delivered.lead, delivered)
        elif single.state == JobState.CANCELLED:
            view = render(lead, place=None, paused=False, preview=None, texts=texts, styles=self._styles)
            await self._show_status(lead, view, display, album)
        else:
            about = replace(single, message_id=lead.message_id)
            view = render(about, place=None, paused=False, preview=None, texts=texts, styles=self._styles)
            await self._show_end(about, view, album)

    async def _show_end(self, job: PendingStatus, view: StatusView, album: Album | None = None) -> None:
        match job.state:
            case JobState.DELIVERED:
                await self._close(job, album)
            case JobState.DONE:
                await self._deliver(job, view, album)
            case _:
                await self._tell_failure(job, view, album)

    async def _show_status(
        self, job: PendingStatus, view: StatusView, display: _Display, album: Album | None = None
    ) -> None:
        message_id, has_photo = job.message_id, display.has_photo
        if message_id is None:
            was_unstored = self._messages.is_unstored(job.job_id, MessageRole.STATUS)
            message_id = await self._messages.send(job, MessageRole.STATUS, view)
            if message_id is None:
                return
            if not was_unstored:
                await self._note(job, replace(view, preview=None), has_photo=False, album=album)
                return
        has_photo = await self._messenger.edit(job.chat_id, message_id, view, has_photo=has_photo)
        await self._note(job, view, has_photo=has_photo, album=album)

    async def _deliver(self, job: PendingStatus, view: StatusView, album: Album | None) -> None:
        """Sends the message "the picture is ready", which is then edited into the picture."""
        message_id = job.result_message_id
        if message_id is None:
            message_id = await self._messages.send(job, MessageRole.RESULT, ready(job, self._texts(job)))
        async with self._sessions() as session:
            picture = await status_messages.picture(session, job.job_id)
        if picture is None or message_id is None:
            return
        try:
            file_id = await self._messenger.deliver(job.chat_id, message_id, view, picture)
        except MessageGone:
            await self._messages.forget(job.job_id, MessageRole.RESULT)
            return
        async with self._sessions.begin() as session:
            await job_states.deliver(session, job.job_id, file_id, message_id)
        _log.info("delivered", job=str(job.job_id))
        await self._close(job, album)

    async def _tell_failure(self, job: PendingStatus, view: StatusView, album: Album | None) -> None:
        """Replaces the text of the message that was to become the picture by the reason why there is none, once."""
        message_id = job.result_message_id
        if message_id is None:
            was_unstored = self._messages.is_unstored(job.job_id, MessageRole.RESULT)
            message_id = await self._messages.send(job, MessageRole.RESULT, view)
            if message_id is None or not was_unstored:
                await self._close(job, album)
                return
        try:
            await self._messenger.edit(job.chat_id, message_id, view, has_photo=None)
        except MessageGone:
            await self._messages.forget(job.job_id, MessageRole.RESULT)
            return
        await self._close(job, album)

    async def _close(self, job: PendingStatus, album: Album | None = None) -> None:
        self._throttle.wrote(job.chat_id)
        others = _ids(album)
        await self._messages.close(job, ready(job, self._texts(job)), others)
        for job_id in (job.job_id, *others):
            self._displays.pop(job_id, None)

    def _texts(self, job: PendingStatus) -> Texts:
        return self._translator.of(job.language)

    async def _note(self, job: PendingStatus, view: StatusView, *, has_photo: bool, album: Album | None = None) -> None:
        self._throttle.wrote(job.chat_id)
        self._displays[job.job_id] = _Display(view, has_photo)
        if view.urgency == Urgency.END:
            async with self._sessions.begin() as session:
                await job_states.close(session, job.job_id, *_ids(album))

    async def _answer_refusal(self, job: PendingStatus, display: _Display, error: TelegramRefusal) -> None:
        """Reacts to a refusal. The next step repeats it if it fails."""
        try:
            match error:
                case TooFast():
                    self._throttle.pause(job.chat_id, error.retry_after_s)
                case NotNow():
                    _log.warning("Telegram is away, a status message waits", job=str(job.job_id), error=str(error))
                    self._pause(job.job_id, display)
                case MessageGone():
                    self._displays.pop(job.job_id, None)
                    await self._messages.forget(job.job_id, MessageRole.STATUS)
                case ChatGone():
                    _log.info("the chat is closed to us", chat=job.chat_id, reason=str(error))
                    async with self._sessions.begin() as session:
                        await status_messages.unreachable(session, job.user_id, job.chat_id)
                case ChatMoved():
                    async with self._sessions.begin() as session:
                        await status_messages.chat_moved(session, job.chat_id, error.chat_id)
                case _:
                    await self._refused(job, display, error)
        except Exception:
            _log.exception("a refusal could not be answered", job=str(job.job_id))
            self._pause(job.job_id, display)

    async def _refused(self, job: PendingStatus, display: _Display, error: TelegramRefusal) -> None:
        """Counts refusals. After REFUSALS_MAX of them a picture fails, and a message about an ended job is closed."""
        refusals = display.refusals + 1
        _log.error("Telegram refused a status message", job=str(job.job_id), state=job.state, error=str(error))
        if refusals < REFUSALS_MAX:
            self._pause(job.job_id, replace(display, refusals=refusals))
            return
        self._displays.pop(job.job_id, None)
        async with self._sessions.begin() as session:
            if job.state == JobState.DONE:
                await job_states.fail_delivery(session, job.job_id)
            elif job.state in (JobState.FAILED, JobState.CANCELLED):
                await job_states.close(session, job.job_id)
            else:
                self._pause(job.job_id, replace(display, refusals=refusals))

    def _pause(self, job_id: UUID, display: _Display) -> None:
        pause_s = min(TROUBLE_PAUSE_S * 2**display.troubles, TROUBLE_PAUSE_MAX_S)
        self._displays[job_id] = replace(
            display, view=None, troubles=min(display.troubles + 1, 10), not_before=self._clock() + pause_s
        )

    async def _announce_pause(self, chats: list[tuple[int, str]], paused: bool) -> None:
        """Sends the notice of a pause, once per pause and chat, for photos that arrived before it; later photos get it
        at once."""
        if not paused:
            self._chats_with_notice.clear()
        for chat_id, language in chats:
            if chat_id in self._chats_with_notice:
                continue
            self._chats_with_notice.add(chat_id)
            try:
                await self._messenger.say(chat_id, self._translator("photo-paused", language))
            except TelegramRefusal as error:
                _log.info("the notice of the pause was refused", chat=chat_id, reason=str(error))


def _ids(album: Album | None) -> list[UUID]:
    return [] if album is None else [job.job_id for job in album.jobs]
