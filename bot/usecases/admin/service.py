"""Use cases of admins about the service as a whole: retry what failed, read the audit log, ask for an input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.admin_acts import Act, QuestionKind
from bot.credits import CreditTerms
from bot.db import audit, image_prompts, jobs, people, questions, retries
from bot.db.admin_tables import AdminQuestion, AuditEntry
from bot.db.session import Sessions
from bot.domain import ReferenceState
from bot.errors import DomainError
from bot.usecases.ports import Signals, log_queued


@dataclass(frozen=True)
class Retried:
    """The numbers of repeated jobs, and of those that could not be: their user has no photo, no credits or no place in
    the queue."""

    queued: int
    skipped: int


@dataclass(frozen=True)
class RetryFailed:
    """Requests again every picture that failed within a day through a fault of the service, each once."""

    sessions: Sessions
    signals: Signals
    open_jobs_max: int
    credit_terms: CreditTerms | None = None

    async def count(self) -> int:
        async with self.sessions() as session:
            return len(await retries.failed(session))

    async def __call__(self, admin_id: int) -> Retried:
        async with self.sessions() as session:
            failed = await retries.failed(session)
        queued = 0
        for job in failed:
            async with self.sessions() as session:
                person_id = job.person_id or await people.current_id(session, job.user_id)
                photos = await people.photo_ids(session, job.user_id, person_id, ReferenceState.ACCEPTED)
                companion_photo_ids = job.companion_id and await people.photo_ids(
                    session, job.user_id, job.companion_id, ReferenceState.ACCEPTED
                )
                if not photos or companion_photo_ids == []:
                    continue
                followed = job.image_prompt_id
                followed_there = followed is not None and await image_prompts.exists_still(session, followed)
                try:
                    again, created = await jobs.submit(
                        session,
                        user_id=job.user_id,
                        chat_id=job.chat_id,
                        idempotency_key=retries.retry_key(job.id),
                        request_message_id=job.request_message_id,
                        person_id=person_id,
                        companion_id=job.companion_id,
                        companion_reference_ids=companion_photo_ids or (),
                        source_job_id=job.id,
                        reference_ids=photos,
                        style=job.style,
                        prompt=job.prompt,
                        settings=job.settings,
                        pose=job.pose,
                        pose_photo_id=job.pose_photo_id,
                        image_prompt_id=followed if followed_there else None,
                        seed=job.seed,
                        open_jobs_max=self.open_jobs_max,
                        credit_terms=self.credit_terms,
                    )
                except DomainError:  # the session rolls back; the others go on
                    continue
                await session.commit()
            queued += created
            log_queued(again.id)
        async with self.sessions.begin() as session:
            await audit.note(session, admin_id, Act.RETRY, subject=queued)
        self.signals.wake()
        return Retried(queued, len(failed) - queued)


@dataclass(frozen=True)
class ReadAudit:
    sessions: Sessions

    async def __call__(self, offset: int, limit: int) -> tuple[Sequence[AuditEntry], int]:
        """The entries of the audit log, newest first, and their number."""
        async with self.sessions() as session:
            return await audit.page(session, offset, limit), await audit.count(session)


@dataclass(frozen=True)
class Questions:
    """Messages of the bot to which an admin replies with an input."""

    sessions: Sessions

    async def ask(self, admin_id: int, message_id: int, kind: QuestionKind, subject: int | None = None) -> None:
        async with self.sessions.begin() as session:
            await questions.ask(session, admin_id, message_id, kind, subject)

    async def find(self, admin_id: int, message_id: int) -> AdminQuestion | None:
        async with self.sessions() as session:
            return await questions.find(session, admin_id, message_id)
