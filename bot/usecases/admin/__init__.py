"""The use cases of /admin. Handlers pass the admin's id, after checking that it is in ADMIN_IDS."""

from __future__ import annotations

from dataclasses import dataclass

from bot.credits import CreditTerms
from bot.db.session import Sessions
from bot.usecases.admin.accounts import ReadAccounts, RuleAccess
from bot.usecases.admin.broadcasts import Broadcasts
from bot.usecases.admin.exports import ExportTables
from bot.usecases.admin.review import Reviews
from bot.usecases.admin.service import Questions, ReadAudit, RetryFailed
from bot.usecases.admin.styles import EditStyles
from bot.usecases.ports import Pseudonym, Signals


@dataclass(frozen=True)
class AdminUseCases:
    """The use cases of admins, `use.admin` in handlers."""

    accounts: ReadAccounts
    access: RuleAccess
    reviews: Reviews
    broadcasts: Broadcasts
    styles: EditStyles
    retry: RetryFailed
    audit: ReadAudit
    questions: Questions
    export: ExportTables


def build_admin(
    sessions: Sessions,
    signals: Signals,
    pseudonym: Pseudonym,
    *,
    open_jobs_max: int,
    alive_s: float,
    terms: CreditTerms | None,
) -> AdminUseCases:
    return AdminUseCases(
        accounts=ReadAccounts(sessions),
        access=RuleAccess(sessions, signals, pseudonym),
        reviews=Reviews(sessions),
        broadcasts=Broadcasts(sessions),
        styles=EditStyles(sessions),
        retry=RetryFailed(sessions, signals, open_jobs_max, terms),
        audit=ReadAudit(sessions),
        questions=Questions(sessions),
        export=ExportTables(sessions, alive_s),
    )
