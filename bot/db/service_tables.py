"""The tables of the service itself: the pause, the workers, the leader, updates to be finished; times are UTC."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, SmallInteger, Text, false, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base
from engine.contract import REFERENCES_MAX


class Pause(Base):
    """The table's only row, which exists while the service is paused and hands nothing to workers."""

    __tablename__ = "pauses"
    __table_args__ = (CheckConstraint("id = 1", name="pauses_one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    paused_by: Mapped[int] = mapped_column(BigInteger)
    paused_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Worker(Base):
    """A worker, as its heartbeats describe it."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    backbone: Mapped[str]
    device: Mapped[str]
    batch_max: Mapped[int]
    references_max: Mapped[int] = mapped_column(default=REFERENCES_MAX, server_default=str(REFERENCES_MAX))
    """The number of photos of a person that its model reads."""
    pose: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it can draw a pose that is asked for."""
    image_prompt: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it reads image prompts."""
    companion: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it draws two people in one picture."""
    aspects: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    """The values of engine.contract.Aspect that it can draw."""
    busy: Mapped[bool]
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LeaderLease(Base):
    """The one row that names the bot process which polls and dispatches, and until when."""

    __tablename__ = "leader_lease"
    __table_args__ = (CheckConstraint("id = 1", name="leader_lease_once"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    holder: Mapped[UUID]
    """The id that the process draws at its start."""
    until: Mapped[datetime]


class SpooledUpdate(Base):
    """An update that was confirmed to Telegram before it was handled completely (bot.telegram.polling,
    bot.telegram.webhook). The row is deleted when it has been handled."""

    __tablename__ = "spooled_updates"

    update_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    content: Mapped[str]
    """JSON as Telegram gave it: what a user sent."""
    spooled_at: Mapped[datetime] = mapped_column(server_default=func.now())
    claimed_until: Mapped[datetime] = mapped_column(server_default=func.now())
    """The end of the claim of the process that handles the update (one of several behind a webhook). Afterwards any
    process may claim it."""
