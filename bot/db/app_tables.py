"""The tables of the HTTP API: apps, their keys and limits, and the jobs that apps asked for; times are UTC.

The end users of an app are rows of the users table with ids that Telegram does not give
(`bot.domain.APP_USER_IDS_FROM`), so that photos, jobs, consents, export and deletion are those of every user.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, Index, Sequence, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base
from bot.domain import APP_USER_IDS_FROM

APP_USER_IDS = Sequence("app_user_ids", start=APP_USER_IDS_FROM, metadata=Base.metadata)


class App(Base):
    """Another program that draws through the API. Its owner's credits pay for its pictures."""

    __tablename__ = "apps"
    __table_args__ = (Index("apps_name", "user_id", "name", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    """The owner."""
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ApiKey(Base):
    """A key of an app. The key itself is shown once and not stored."""

    __tablename__ = "api_keys"
    __table_args__ = (Index("api_keys_app", "app_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    """The public part of the key, by which it is found."""
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    digest: Mapped[bytes]
    """SHA-256 of the whole key, which has 256 random bits."""
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Names of bot.domain.ApiScope."""
    per_minute: Mapped[int]
    """Requests per minute."""
    admin_id: Mapped[int] = mapped_column(BigInteger)
    """The admin who created it."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class ApiAllowance(Base):
    """The token bucket of a key or a user of the Mini App. Unlogged: after a crash of the database it is full."""

    __tablename__ = "api_allowances"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012

    name: Mapped[str] = mapped_column(primary_key=True)
    """A key's id, or "user" and the user's id."""
    tokens: Mapped[float]
    taken: Mapped[bool]
    """Whether the latest request was within the allowance."""
    filled_at: Mapped[datetime]


class ApiStream(Base):
    """A stream of events that a key has open, in any process."""

    __tablename__ = "api_streams"
    __table_args__ = (Index("api_streams_key", "key_id"), {"prefixes": ["UNLOGGED"]})

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"))
    open_until: Mapped[datetime]
    """The end of the stream's lease, which its process extends while the stream is open."""


class AppJob(Base):
    """One request of an app for pictures of one end user: the jobs whose `album_id` is its id."""

    __tablename__ = "app_jobs"
    __table_args__ = (
        Index("app_jobs_once", "app_id", "idempotency_key", unique=True),
        Index("app_jobs_listed", "app_id", "created_at", "id"),
        Index("app_jobs_user", "user_id"),
        Index("app_jobs_open", "created_at", postgresql_where=text("ended_at is null")),
        Index("app_jobs_calls", "call_at", postgresql_where=text("call_at is not null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"))
    """The key of the request; callbacks are signed with this key's secret."""
    idempotency_key: Mapped[str | None]
    fingerprint: Mapped[bytes]
    """SHA-256 of the request: an idempotency key with another request is an error."""
    callback_url: Mapped[str | None]
    call_at: Mapped[datetime | None]
    """The time of the next callback; NULL: none is due."""
    calls: Mapped[int] = mapped_column(default=0, server_default="0")
    """The number of attempts."""
    called_at: Mapped[datetime | None]
    """The time when the app confirmed the callback."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
