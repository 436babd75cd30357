"""Use cases of review: appeal, view a case, decide it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from bot.admin_acts import Act
from bot.db import audit, image_prompts, results, review
from bot.db.review import CaseFile
from bot.db.session import Sessions
from bot.domain import REFUSALS, CaseKind
from bot.errors import PictureGone
from bot.usecases.results import job_of_user
from engine.contract import FailureCode

_ACTS = {
    (CaseKind.REPORT, True): Act.REPORT_UPHELD,
    (CaseKind.REPORT, False): Act.REPORT_DISMISSED,
    (CaseKind.APPEAL, True): Act.APPEAL_UPHELD,
    (CaseKind.APPEAL, False): Act.APPEAL_DISMISSED,
}


@dataclass(frozen=True)
class Appeal:
    """Opens a case about a refusal; returns it, or `None` when there is one already. Raises PictureGone, also for a job
    that was not refused."""

    sessions: Sessions

    async def __call__(self, user_id: int, job_id: UUID) -> UUID | None:
        async with self.sessions.begin() as session:
            job = await job_of_user(session, job_id, user_id)
            if job.failure not in REFUSALS:
                raise PictureGone
            return await review.open_case(session, job, CaseKind.APPEAL, job.failure)


@dataclass(frozen=True)
class Evidence:
    """A case as an admin sees it: the prompt and the picture of a report, the prompt and (where a photo was refused)
    the photos of an appeal. A refused picture is not stored."""

    file: CaseFile
    photos: list[bytes]


@dataclass(frozen=True)
class Decision:
    """A decided case with its earlier state, and the messages (chat, message) that show the deleted picture."""

    file: CaseFile
    shown: list[tuple[int, int]]


@dataclass(frozen=True)
class Reviews:
    sessions: Sessions

    async def count(self) -> int:
        async with self.sessions() as session:
            return await review.count_open(session)

    async def view_next(self, admin_id: int, after: UUID | None = None) -> Evidence | None:
        """The oldest open case, or the one that follows `after`; `None`: there is none."""
        async with self.sessions() as session:
            case_id = await review.next_open(session, after)
        return None if case_id is None else await self.view(admin_id, case_id)

    async def view(self, admin_id: int, case_id: UUID) -> Evidence | None:
        """The content of a case; `None`: the user deleted everything. The audit log notes the view."""
        async with self.sessions.begin() as session:
            file = await review.find(session, case_id)
            if file is None:
                return None
            await audit.note(session, admin_id, Act.VIEW_CASE, user_id=file.case.user_id, subject=str(file.job.id))
            shows_photos = file.case.reason == FailureCode.REFUSED_PHOTO and file.case.decided_at is None
            return Evidence(file, await review.photos(session, file.job) if shows_photos else [])

    async def decide(self, admin_id: int, case_id: UUID, *, upheld: bool) -> Decision | None:
        """Decides a case; `upheld`: in favour of the user, and a reported picture is deleted. `None`: it is decided
        already, or deleted."""
        async with self.sessions.begin() as session:
            file = await review.find(session, case_id)
            if file is None or not await review.decide(session, case_id, upheld=upheld):
                return None
            kind = CaseKind(file.case.kind)
            act = _ACTS[kind, upheld]
            await audit.note(session, admin_id, act, user_id=file.case.user_id, subject=str(file.job.id))
            if kind is not CaseKind.REPORT or not upheld:
                return Decision(file, [])
            await image_prompts.remove_of_job(session, file.job.id)
            messages = await results.shown_messages(session, file.job)
            await results.remove(session, file.job.id)
            return Decision(file, messages)
