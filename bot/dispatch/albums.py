"""Albums: the variations that one press asked for, with one status message and one delivery.

The sending of an album cannot be repeated as an edit can. So the pictures are uploaded first, by edits of the status
message, and the moment of the sending is stored before it. After a crash in that moment the album is not sent a second
time: the message below it, which opens each picture by its number, says so and is sent in any case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from bot.db import job_states, results, status_messages
from bot.db.session import Sessions
from bot.db.status_messages import MessageRole, PendingStatus
from bot.dispatch.job_messages import JobMessages
from bot.dispatch.status_messenger import StatusMessenger
from bot.dispatch.status_view import PROMPT_SHOWN_MAX, StatusView, Urgency, bar, ready
from bot.domain import UNDRAWN_STATES, JobState
from bot.styles import Styles
from bot.telegram import keyboards
from bot.telegram.captions import caption
from bot.telegram.quotes import quoted
from bot.telegram.refusals import ApiRefusal, MessageGone, NotNow, TelegramRefusal, may_be_done
from bot.translator import Texts

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Album:
    """The jobs of one album that are not closed. The first job has the ids of the messages."""

    jobs: tuple[PendingStatus, ...]

    @property
    def lead(self) -> PendingStatus:
        return self.jobs[0]

    @property
    def id(self) -> UUID:
        return self.lead.album_id or self.lead.job_id

    @property
    def is_drawn(self) -> bool:
        return all(job.state not in UNDRAWN_STATES for job in self.jobs)

    @property
    def urgency(self) -> Urgency:
        """The urgency of the message that will be shown, before it is rendered."""
        if self.is_drawn:
            return Urgency.END
        begun = any(job.state not in UNDRAWN_STATES or job.steps > 0 for job in self.jobs)
        return Urgency.PROGRESS if begun else Urgency.PLACE

    @property
    def pictures(self) -> tuple[PendingStatus, ...]:
        return tuple(job for job in self.jobs if job.state in (JobState.DONE, JobState.DELIVERED))

    @property
    def single(self) -> PendingStatus | None:
        """The job by which the album is shown as a single job: the job of its only picture, else a failed job, else the
        first job. `None` for two or more pictures, and once the sending of the album has begun."""
        if len(self.pictures) > 1 or any(job.album_sent_at for job in self.jobs):
            return None
        failed = [job for job in self.jobs if job.state == JobState.FAILED]
        return next(iter([*self.pictures, *failed, self.lead]))


def albums_of(jobs: Sequence[PendingStatus]) -> list[Album]:
    """Albums in the order of `jobs`; a job without an album forms an album of its own."""
    grouped: dict[object, list[PendingStatus]] = {}
    for job in jobs:
        grouped.setdefault(job.album_id or job.job_id, []).append(job)
    return [Album(tuple(members)) for members in grouped.values()]


def render_album(album: Album, waiting: StatusView, texts: Texts) -> StatusView:
    """The status message of an album. `waiting`, that of its first job, is shown until another job has begun."""
    if album.is_drawn:
        return StatusView(waiting.text, None, Urgency.END)
    if all(job.state == JobState.QUEUED for job in album.jobs):
        return waiting
    done = sum(job.state not in UNDRAWN_STATES for job in album.jobs)
    steps = max(1, *(job.steps for job in album.jobs)) * len(album.jobs)
    step = done * steps // len(album.jobs) + sum(job.step for job in album.jobs if job.state == JobState.RUNNING)
    prompt = quoted(texts, album.lead.prompt, PROMPT_SHOWN_MAX)
    text = texts("album-progress", done=done, count=len(album.jobs), bar=bar(step, steps), prompt=prompt)
    return StatusView(text, keyboards.cancel(texts, album.lead.job_id), Urgency.PROGRESS)


class AlbumDelivery:
    """Delivers an album of two or more pictures. Raises TelegramRefusal; then call it again."""

    def __init__(self, sessions: Sessions, messenger: StatusMessenger, messages: JobMessages, styles: Styles) -> None:
        self._sessions = sessions
        self._messenger = messenger
        self._messages = messages
        self._styles = styles
        self._unstored: dict[UUID, dict[UUID, int]] = {}
        """Message ids by album and job: the ids of a sent album that the database may not have, because it became
        unreachable."""

    async def __call__(self, album: Album, texts: Texts) -> Album | None:
        """Delivers what is still undelivered. Returns the album that can be closed now; `None` where that has to
        wait."""
        if all(job.state != JobState.DONE for job in album.jobs):
            return await self._say(album, "album-delivered", texts)
        message_ids = self._unstored.get(album.id)
        if message_ids is None and any(job.album_sent_at for job in album.jobs):
            _log.warning("an album may not have arrived", job=str(album.lead.job_id))
            if await self._say(album, "album-unconfirmed", texts) is None:
                return None
            await self._settle(album, {})
            return album
        if message_ids is None:
            if album.lead.message_id is None:
                status = ready(album.lead, texts)
                message_id = await self._messages.send(album.lead, MessageRole.STATUS, status)
                album = Album((replace(album.lead, message_id=message_id), *album.jobs[1:]))
            file_ids = await self._upload(album, texts)
            if file_ids is None:
                return None
            message_ids = self._unstored[album.id] = await self._send(album, file_ids, texts)
        await self._settle(album, message_ids)
        del self._unstored[album.id]
        return await self._say(album, "album-delivered", texts)

    async def _upload(self, album: Album, texts: Texts) -> list[str] | None:
        """Telegram's ids of the pictures; `None` where the status message or a picture no longer exists."""
        lead, message_id = album.lead, album.lead.message_id
        file_ids: list[str] = []
        for job in album.pictures:
            file_id = job.result_file_id
            if file_id is None:
                async with self._sessions() as session:
                    picture = await status_messages.picture(session, job.job_id)
                if picture is None or message_id is None:
                    return None
                try:
                    file_id = await self._messenger.deliver(lead.chat_id, message_id, ready(lead, texts), picture)
                except MessageGone:
                    await self._messages.forget(lead.job_id, MessageRole.STATUS)
                    return None
                except ApiRefusal as error:
                    _log.error("Telegram refused a picture of an album", job=str(job.job_id), error=str(error))
                    async with self._sessions.begin() as session:
                        await job_states.fail_delivery(session, job.job_id)
                    return None
                if file_id is None:
                    raise ApiRefusal("Telegram gave no id for a picture")
                async with self._sessions.begin() as session:
                    await results.note_upload(session, job.job_id, file_id)
            file_ids.append(file_id)
        return file_ids

    async def _send(self, album: Album, file_ids: Sequence[str], texts: Texts) -> dict[UUID, int]:
        """Sends the album; returns the ids of its messages by job."""
        ids = [job.job_id for job in album.jobs]
        async with self._sessions.begin() as session:
            await results.note_album(session, ids, sent=True)
        seeds = ", ".join(str(job.seed) for job in album.pictures)
        text = caption(album.pictures[0], texts, self._styles, seeds=seeds)
        try:
            reply_to = album.lead.request_message_id
            message_ids = await self._messenger.send_album(album.lead.chat_id, file_ids, text, reply_to=reply_to)
        except TelegramRefusal as refusal:
            if not isinstance(refusal, NotNow) or not may_be_done(refusal):
                async with self._sessions.begin() as session:
                    await results.note_album(session, ids, sent=False)
            raise
        return dict(zip((job.job_id for job in album.pictures), message_ids, strict=False))

    async def _settle(self, album: Album, message_ids: Mapping[UUID, int]) -> None:
        """Records the delivery of every picture. `message_ids`: by job, where they are known."""
        async with self._sessions.begin() as session:
            for job in album.pictures:
                message_id = message_ids.get(job.job_id)
                await job_states.deliver(session, job.job_id, job.result_file_id, message_id)
        _log.info("delivered an album", job=str(album.lead.job_id), pictures=len(album.pictures))

    async def _say(self, album: Album, key: str, texts: Texts) -> Album | None:
        """Sends the message below the album once; `None` if the album's row was deleted meanwhile."""
        if album.lead.result_message_id is not None:
            return album
        numbers = keyboards.album(texts, [job.job_id for job in album.pictures])
        view = StatusView(texts(key, count=len(album.pictures)), numbers, Urgency.END)
        return album if await self._messages.send(album.lead, MessageRole.RESULT, view) is not None else None
