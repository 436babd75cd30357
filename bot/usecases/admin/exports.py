"""Tables for operators as CSV files (UTF-8 with a byte order mark, so that spreadsheets read them)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.admin_acts import Act
from bot.db import audit, daily_counts, usage
from bot.db.session import Sessions

USAGE_DAYS = 90
AUDIT_MAX = 10_000
USAGE_COLUMNS = (
    "day", "new_users", "asked", "delivered", "refused", "failed", "cancelled", "open", "rejected_photos", "stars_kept",
    "stars_refunded", "wait_median_s",
)  # fmt: skip


@dataclass(frozen=True)
class ExportTables:
    """Each use case returns the content of a file and notes the export in the audit log."""

    sessions: Sessions
    alive_s: float

    async def usage(self, admin_id: int) -> bytes:
        """The usage as CSV, one row per day (UTC) of the last USAGE_DAYS."""
        async with self.sessions.begin() as session:
            report = await usage.daily(session, USAGE_DAYS, self.alive_s)
            since = report.buckets[0].start
            came = await daily_counts.arrivals(session, since)
            rejected = await daily_counts.rejected_photos(session, since)
            refunds = await daily_counts.refunds(session, since)
            await audit.note(session, admin_id, Act.EXPORT_USAGE)
        return _csv(
            USAGE_COLUMNS,
            (
                (
                    day.start.date(), came[day.start], day.asked, day.delivered, day.refused, day.failed, day.cancelled,
                    day.open, rejected[day.start], day.stars, refunds[day.start],
                    "" if day.wait_s is None else round(day.wait_s, 1),
                )
                for day in report.buckets
            ),
        )  # fmt: skip

    async def payments(self, admin_id: int) -> bytes:
        """All payments in Stars; those of users who deleted their data have no Telegram ID."""
        async with self.sessions.begin() as session:
            rows = await daily_counts.payments(session)
            await audit.note(session, admin_id, Act.EXPORT_PAYMENTS)
        return _csv(
            ("paid_at", "charge_id", "user_id", "stars", "credits", "refunded_at"),
            (
                (_moment(row.paid_at), row.charge_id, row.user_id, row.stars, row.credits, _moment(row.refunded_at))
                for row in rows
            ),
        )

    async def audit(self, admin_id: int) -> bytes:
        """The latest AUDIT_MAX acts, newest first."""
        async with self.sessions.begin() as session:
            await audit.note(session, admin_id, Act.EXPORT_AUDIT)
            rows = await audit.page(session, 0, AUDIT_MAX)
        return _csv(
            ("at", "admin_id", "key_id", "act", "user_id", "subject"),
            ((_moment(row.created_at), row.admin_id, row.key_id, row.act, row.user_id, row.subject) for row in rows),
        )


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds")


def _csv(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")
