"""The tables. Postgres is the truth about people, references and jobs; sizes are bytes, times are UTC."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bot.domain import OPEN_STATES, JobState, ReferenceState
from engine.contract import REFERENCES_MAX

_OPEN = ", ".join(f"'{state}'" for state in JobState if state in OPEN_STATES)


class Base(DeclarativeBase):
    """Python types map to Postgres types the same way in every table."""

    type_annotation_map = {  # noqa: RUF012
        str: Text,
        datetime: DateTime(timezone=True),
        UUID: PgUUID(as_uuid=True),
        bytes: LargeBinary,
    }


class User(Base):
    """A Telegram user who has talked to the bot. Deleting the row deletes all that is theirs."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    language: Mapped[str]
    consent_version: Mapped[int | None]
    consent_at: Mapped[datetime | None]
    style: Mapped[str | None]
    draft: Mapped[str | None]
    """A prompt that waits for a photo to be accepted; drawn as soon as one is."""
    draft_key: Mapped[str | None]
    """The idempotency key of the job that the draft will be."""
    likeness: Mapped[str | None]
    """Of the pictures to come, as are clothes and pose; NULL leaves it to the style."""
    clothes: Mapped[str | None]
    pose: Mapped[str | None]
    """A preset's name or POSE_PHOTO; NULL for a free pose."""
    pose_asked_at: Mapped[datetime | None]
    """When the user was asked for a photo of a pose that has not come yet."""
    aspect: Mapped[str | None]
    """engine.contract.Aspect of the pictures to come; NULL leaves it to the model."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    active_at: Mapped[datetime] = mapped_column(server_default=func.now())
    blocked_at: Mapped[datetime | None]
    served_at: Mapped[datetime | None]
    """When a job of theirs was last handed to a worker: the order of the queue depends on it."""


class Reference(Base):
    """A normalised photo of a person, with what an examination found."""

    __tablename__ = "reference_photos"
    __table_args__ = (
        Index("reference_photos_once", "user_id", "sha256", unique=True),
        Index("reference_photos_pending", "created_at", postgresql_where=text(f"state = '{ReferenceState.PENDING}'")),
        Index("reference_photos_unanswered", "created_at", postgresql_where=text("answered_at is null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    chat_id: Mapped[int] = mapped_column(BigInteger)
    message_id: Mapped[int]
    """The user's message that brought the photo: the answer replies to it."""
    album_id: Mapped[str | None]
    state: Mapped[str] = mapped_column(default=ReferenceState.PENDING, server_default=ReferenceState.PENDING)
    verdict: Mapped[str | None]
    image: Mapped[bytes] = mapped_column(deferred=True)
    width: Mapped[int]
    height: Mapped[int]
    sha256: Mapped[str]
    profile: Mapped[bytes | None] = mapped_column(deferred=True)
    quality: Mapped[float | None]
    """How good it is as a reference, 0 to 1; NULL for photos examined before this was kept."""
    hints: Mapped[str | None]
    """Of an accepted photo: names of engine.contract.Hint, spaces between."""
    boxes: Mapped[list[list[float]] | None] = mapped_column(JSONB(none_as_null=True))
    """Of a photo of several people: where they are (engine.contract.PersonBox), while the user may choose one."""
    person: Mapped[list[float] | None] = mapped_column(JSONB(none_as_null=True))
    """The box of the one that was chosen."""
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often it was handed to the broker."""
    handed_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    answer_message_id: Mapped[int | None]
    """The bot's "looking at it" message, which becomes the answer; one for a whole album."""
    answered_at: Mapped[datetime | None]
    """When the user got the verdict."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PosePhoto(Base):
    """The normalised photo whose pose a user's pictures take; one per user, a new one replaces it."""

    __tablename__ = "pose_photos"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    """New with every photo, so that a job never takes the pose of a later photo."""
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    message_id: Mapped[int]
    album_id: Mapped[str | None]
    image: Mapped[bytes] = mapped_column(deferred=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Job(Base):
    """One picture to draw, from the request to the delivery. `idempotency_key` names the user's act."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("jobs_queued", "created_at", postgresql_where=text(f"state = '{JobState.QUEUED}'")),
        Index("jobs_open", "user_id", postgresql_where=text(f"state in ({_OPEN})")),
        Index("jobs_pending_status", "created_at", postgresql_where=text("closed_at is null")),
        Index("jobs_created", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    chat_id: Mapped[int] = mapped_column(BigInteger)
    source_job_id: Mapped[UUID | None]
    """The picture under which "again" or "other style" was pressed."""
    reference_ids: Mapped[list[UUID]] = mapped_column(ARRAY(PgUUID(as_uuid=True)))
    style: Mapped[str]
    prompt: Mapped[str]
    """As the user wrote it; the worker applies the style's template."""
    settings: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    """Overrides of the style's settings: fields of engine.contract.Settings."""
    pose: Mapped[str | None]
    """As in User."""
    pose_photo_id: Mapped[UUID | None]
    pose_skipped: Mapped[bool] = mapped_column(default=False, server_default=false())
    """It was handed out without its pose: no worker could draw one."""
    translated_prompt: Mapped[str | None]
    """The prompt that the model gets, where that is a translation."""
    ignored_words: Mapped[str | None]
    """What of the prompt the model cannot draw, phrases with commas between."""
    seed: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(default=JobState.QUEUED, server_default=JobState.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often a worker has begun it."""
    handouts: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often it was handed to the broker: bounds what no worker ever begins."""
    handed_at: Mapped[datetime | None]
    """When it was handed to the broker; the jobs of one batch share it. NULL while it waits in the queue."""
    lease_until: Mapped[datetime | None]
    """Until when the broker (before the start) or a worker (after it) may hold the job without a sign of life."""
    worker_id: Mapped[str | None]
    step: Mapped[int] = mapped_column(default=0, server_default="0")
    steps: Mapped[int] = mapped_column(default=0, server_default="0")
    failure: Mapped[str | None]
    status_message_id: Mapped[int | None]
    """The one message that is edited from the place in the queue to the picture."""
    closed_at: Mapped[datetime | None]
    """When the status message showed the end (picture, failure or cancellation): nothing is left to do."""
    result: Mapped[bytes | None] = mapped_column(deferred=True)
    """The PNG, until Telegram has it."""
    result_file_id: Mapped[str | None]
    backbone: Mapped[str | None]
    seconds: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Pause(Base):
    """The one row that is there while the service is paused: nothing is handed to workers."""

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
    """How many photos of a person its model reads."""
    pose: Mapped[bool] = mapped_column(default=False, server_default=false())
    """It can draw a pose that is asked for."""
    aspects: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    """Those of engine.contract.Aspect that it can draw."""
    busy: Mapped[bool]
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LeaderLease(Base):
    """The one row that names the bot process which polls and dispatches, and until when."""

    __tablename__ = "leader_lease"
    __table_args__ = (CheckConstraint("id = 1", name="leader_lease_once"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    holder: Mapped[UUID]
    """Drawn by the process at its start."""
    until: Mapped[datetime]
