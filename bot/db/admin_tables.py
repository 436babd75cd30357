"""The tables behind /admin: rules of access, audit log, counters, review, broadcasts, changed styles."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, SmallInteger, func, text, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.tables import Base


class AccessRule(Base):
    """An admin's decision about one Telegram user, who need not have a row in users.

    A trigger removes `user_id` when the user's data are deleted; `digest` recognises them when they come back.
    """

    __tablename__ = "access_rules"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    """The pseudonym of the Telegram ID, see bot.credits.pseudonym_of."""
    user_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    allowed: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether the user is on the access list."""
    banned_at: Mapped[datetime | None]
    daily_limit: Mapped[int | None]
    """Pictures per day (UTC); NULL for no limit of their own."""
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AccessClosure(Base):
    """Has one row while only people on the access list are served, else none."""

    __tablename__ = "access_closures"
    __table_args__ = (CheckConstraint("id = 1", name="access_closures_one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    closed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AuditEntry(Base):
    """One act of an admin, or of an app by its key. Triggers refuse every change except the removal of `user_id` with
    the user's data."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("audit_entries_user", "user_id"),
        CheckConstraint("num_nonnulls(admin_id, key_id) = 1", name="audit_entries_one_actor"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    admin_id: Mapped[int | None] = mapped_column(BigInteger)
    key_id: Mapped[str | None]
    """The key of the HTTP API whose app acted."""
    act: Mapped[str]
    """A name of bot.admin_acts.Act."""
    user_id: Mapped[int | None] = mapped_column(BigInteger)
    """The Telegram user that the act concerned."""
    subject: Mapped[str | None]
    """A number or a name: the job, the amount, the style. Never a prompt, a picture or a text."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AdminQuestion(Base):
    """A message of the bot that asks an admin for an input; the admin's reply to it is the answer."""

    __tablename__ = "admin_questions"

    admin_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    subject: Mapped[int | None] = mapped_column(BigInteger)
    """The user or the broadcast that the question is about."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UsageCounter(Base):
    """An anonymous count: of rejected photos, and of a deleted user's rows. Rows are added by triggers and never
    changed, so that transactions do not wait for each other; a figure is a sum."""

    __tablename__ = "usage_counters"
    __table_args__ = (Index("usage_counters_hour", "hour"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    hour: Mapped[datetime]
    """The hour (UTC) of the event; for `funnel`, the hour of the user's first message."""
    name: Mapped[str]
    """The kind of the count: job (label: state:failure), style, drawing_ms, funnel (label: step), photo (label:
    verdict) or departure."""
    label: Mapped[str] = mapped_column(default="", server_default="")
    count: Mapped[int] = mapped_column(BigInteger)


class ReviewCase(Base):
    """A picture that a user reported, or a refusal that a user appealed against."""

    __tablename__ = "review_cases"
    __table_args__ = (
        Index("review_cases_once", "job_id", "kind", unique=True),
        Index("review_cases_open", "opened_at", postgresql_where=text("decided_at is null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str]
    """report or appeal."""
    reason: Mapped[str]
    """A name of bot.domain.ReportReason, or the FailureCode of the refusal."""
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    decided_at: Mapped[datetime | None]
    upheld: Mapped[bool | None]
    """Whether the report or the appeal was justified."""


class Broadcast(Base):
    """One message to many users, in the order of their ids; `cursor` determines the next one."""

    __tablename__ = "broadcasts"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    admin_id: Mapped[int] = mapped_column(BigInteger)
    """The admin who wrote it and gets its progress."""
    html: Mapped[str | None]
    """NULL once it has been sent or discarded."""
    photo_file_id: Mapped[str | None]
    language: Mapped[str | None]
    """The language of the users who get it; NULL for all."""
    state: Mapped[str]
    """draft, sending, stopped, sent or discarded."""
    cursor: Mapped[int | None] = mapped_column(BigInteger)
    """The last user it was sent to: users up to this id do not get it again."""
    recipients: Mapped[int] = mapped_column(default=0, server_default="0")
    """The number of recipients when it was started."""
    handled: Mapped[int] = mapped_column(default=0, server_default="0")
    """The number of users it was sent to. A user with an unknown outcome (the process was killed) is in no other
    count."""
    delivered: Mapped[int] = mapped_column(default=0, server_default="0")
    unreachable: Mapped[int] = mapped_column(default=0, server_default="0")
    """The number of users who have blocked the bot."""
    refused: Mapped[int] = mapped_column(default=0, server_default="0")
    """The number of users for whom Telegram refused the message."""
    progress_message_id: Mapped[int | None]
    """The message in the admin's chat that shows the progress."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]


class StyleChange(Base):
    """A style of styles.toml that an admin moved or switched off, or (with a template) a style of an admin."""

    __tablename__ = "style_changes"

    name: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int | None]
    """The order of the buttons; those without one come last, in the order of the file."""
    enabled: Mapped[bool] = mapped_column(default=True, server_default=true())
    title: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    """Titles by language."""
    emoji: Mapped[str | None]
    template: Mapped[str | None]
    """The template of the prompt, as in engine/styles.toml."""
