"""The table of the people whom users have photos of; times are UTC."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base


class Person(Base):
    """Somebody whom a user has photos of."""

    __tablename__ = "people"
    __table_args__ = (Index("people_user", "user_id", "chosen_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str | None]
    """NULL: the bot shows the number instead."""
    chosen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """The person chosen last is drawn, and new photos are theirs."""
    question_id: Mapped[int | None]
    """The message that asked for the name; a reply to it is the name."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
