"""The tables. Postgres is the truth about people, references and jobs; sizes are bytes, times are UTC."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from bot.credits import JOB_KINDS, EntryKind
from bot.db import app_tables, person_tables, service_tables  # noqa: F401  in the metadata, by which data is exported
from bot.db.base import Base as Base
from bot.domain import OPEN_STATES, JobState, ReferenceState

_OPEN = ", ".join(f"'{state}'" for state in JobState if state in OPEN_STATES)


_OF_JOBS = ", ".join(f"'{kind}'" for kind in JOB_KINDS)


class User(Base):
    """A Telegram user who has talked to the bot, or an app's end user. Deleting the row deletes all that is theirs."""

    __tablename__ = "users"
    __table_args__ = (
        Index("users_invited", "invited_by", postgresql_where=text("invited_by is not null")),
        Index("users_companion_id", "companion_id", postgresql_where=text("companion_id is not null")),
        Index("users_active", "active_at"),
        Index("users_of_apps", "app_id", "app_user", unique=True, postgresql_where=text("app_id is not null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    language: Mapped[str]
    consent_version: Mapped[int | None]
    consent_at: Mapped[datetime | None]
    style: Mapped[str | None]
    draft: Mapped[str | None]
    """A prompt that waits for an accepted photo; it is drawn as soon as there is one."""
    draft_key: Mapped[str | None]
    """The idempotency key of the job that the draft will be."""
    likeness: Mapped[str | None]
    """The likeness of the future pictures; NULL leaves it to the style, as for clothes and pose."""
    clothes: Mapped[str | None]
    pose: Mapped[str | None]
    """A preset's name or POSE_PHOTO; NULL for a free pose."""
    pose_pinned: Mapped[bool] = mapped_column(default=False, server_default=false())
    """The pose stays for all future pictures; else it is for the next one."""
    pose_asked_at: Mapped[datetime | None]
    """The time when the user was asked for a pose photo that has not come yet."""
    image_prompt: Mapped[bool] = mapped_column(default=False, server_default=false())
    """The future pictures follow the latest of the user's image prompts."""
    image_prompt_pinned: Mapped[bool] = mapped_column(default=False, server_default=false())
    image_prompt_asked_at: Mapped[datetime | None]
    """The time when the user was asked for an image prompt that has not come yet."""
    aspect: Mapped[str | None]
    """engine.contract.Aspect of the future pictures; NULL leaves it to the model."""
    companion_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("people.id", name="users_companion_id_fkey", ondelete="SET NULL", use_alter=True)
    )
    """The second person in the next picture, one of the user's people."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    active_at: Mapped[datetime] = mapped_column(server_default=func.now())
    blocked_at: Mapped[datetime | None]
    retention_notice_at: Mapped[datetime | None]
    """The time when the notice was sent that their data will be deleted; it holds while nothing of theirs came since
    (`active_at`)."""
    served_at: Mapped[datetime | None]
    """The time when a job of theirs was last handed to a worker: the order of the queue depends on it."""
    invitation_code: Mapped[str | None] = mapped_column(unique=True)
    """Part of the link with which they invite others; drawn at the first /invite."""
    invited_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    """The inviter, until the referral is paid, see bot.db.referrals."""
    app_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("apps.id", name="users_app_id_fkey", ondelete="CASCADE", use_alter=True)
    )
    """The app whose end user this is; NULL for users of Telegram."""
    app_user: Mapped[str | None]
    """The app's own name for its end user."""


class Reference(Base):
    """A normalised photo of a person, with what an examination found."""

    __tablename__ = "reference_photos"
    __table_args__ = (
        Index("reference_photos_once", "user_id", "sha256", unique=True),
        Index("reference_photos_pending", "created_at", postgresql_where=text(f"state = '{ReferenceState.PENDING}'")),
        Index("reference_photos_person", "person_id"),
        Index("reference_photos_unanswered", "created_at", postgresql_where=text("answered_at is null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    """The person on the photo; NULL for a user without people, see bot.db.people."""
    cover_at: Mapped[datetime | None]
    """When it was made the cover of its person; the latest is."""
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
    """The quality as a reference, 0 to 1; NULL for photos examined before this was kept."""
    hints: Mapped[str | None]
    """Names of engine.contract.Hint for an accepted photo, separated by spaces."""
    boxes: Mapped[list[list[float]] | None] = mapped_column(JSONB(none_as_null=True))
    """The boxes of several people on the photo (engine.contract.PersonBox), while the user may choose one."""
    person: Mapped[list[float] | None] = mapped_column(JSONB(none_as_null=True))
    """The box of the one that was chosen."""
    face: Mapped[list[float] | None] = mapped_column(ARRAY(REAL))
    """The face, see engine.contract.Examination.face."""
    for_pose: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it is examined as a pose photo. If accepted, it becomes the PosePhoto, and this row is REJECTED, since it
    may show anybody."""
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    """The number of times that it was handed to the broker."""
    handed_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    answer_message_id: Mapped[int | None]
    """The bot's "looking at it" message, which becomes the answer; one for a whole album."""
    answered_at: Mapped[datetime | None]
    """The time when the user got the verdict."""
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


class ImagePrompt(Base):
    """A normalised picture whose style a user's pictures follow. The latest is the user's; earlier ones are kept while
    pictures are in progress that follow them."""

    __tablename__ = "image_prompts"
    __table_args__ = (Index("image_prompts_user", "user_id", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    message_id: Mapped[int]
    """The message that shows it."""
    album_id: Mapped[str | None]
    job_id: Mapped[UUID | None]
    """The job whose picture it is; it is deleted with that picture."""
    image: Mapped[bytes] = mapped_column(deferred=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class HeldMessage(Base):
    """A message that came before consent: Telegram's id of its photo or file, and its text. No image is stored."""

    __tablename__ = "held_messages"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    album_id: Mapped[str | None]
    file_id: Mapped[str | None]
    """NULL for a text."""
    file_size: Mapped[int | None] = mapped_column(BigInteger)
    text: Mapped[str | None]
    """The prompt, or the caption of the photo."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Job(Base):
    """One picture to draw, from the request to the delivery. `idempotency_key` names the user's act."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("jobs_queued", "created_at", postgresql_where=text(f"state = '{JobState.QUEUED}'")),
        Index("jobs_open", "user_id", postgresql_where=text(f"state in ({_OPEN})")),
        Index("jobs_pending_status", "created_at", postgresql_where=text("closed_at is null")),
        Index("jobs_created", "created_at"),
        Index(
            "jobs_gallery",
            "user_id",
            "created_at",
            postgresql_where=text("result_file_id is not null and removed_at is null"),
        ),
        Index("jobs_originals", "finished_at", postgresql_where=text("result is not null")),
        Index("jobs_albums", "album_id", postgresql_where=text("album_id is not null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    chat_id: Mapped[int] = mapped_column(BigInteger)
    person_id: Mapped[UUID | None]
    """The person on the photos. A picture "again" is drawn from the photos that this person has at that time."""
    companion_id: Mapped[UUID | None]
    """A second person in the picture, likewise."""
    source_job_id: Mapped[UUID | None]
    """The picture under which "again" or "other style" was pressed."""
    request_message_id: Mapped[int | None]
    """The message with the prompt or the button that asked for it: status message and result reply to it."""
    reference_ids: Mapped[list[UUID]] = mapped_column(ARRAY(PgUUID(as_uuid=True)))
    companion_reference_ids: Mapped[list[UUID]] = mapped_column(
        ARRAY(PgUUID(as_uuid=True)), default=list, server_default="{}"
    )
    style: Mapped[str]
    prompt: Mapped[str]
    """The prompt as the user wrote it; the worker applies the style's template."""
    settings: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    """Overrides of the style's settings: fields of engine.contract.Settings."""
    pose: Mapped[str | None]
    """The pose, as in User."""
    pose_photo_id: Mapped[UUID | None]
    pose_skipped: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it was handed out without its pose, because no worker could draw one."""
    image_prompt_id: Mapped[UUID | None]
    image_prompt_skipped: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it was handed out without its image prompt, because some worker reads none."""
    translated_prompt: Mapped[str | None]
    """The prompt that the model gets, where that is a translation."""
    ignored_words: Mapped[str | None]
    """Phrases of the prompt that the model cannot draw, separated by commas."""
    seed: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(default=JobState.QUEUED, server_default=JobState.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    """The number of times that a worker has begun it."""
    handouts: Mapped[int] = mapped_column(default=0, server_default="0")
    """The number of times that it was handed to the broker: a job that no worker ever begins fails at the limit."""
    handed_at: Mapped[datetime | None]
    """The time when it was handed to the broker; the jobs of one batch share it. NULL while it waits in the queue."""
    lease_until: Mapped[datetime | None]
    """The end of the lease, until which the broker (before the start) or a worker (after it) may hold the job without a
    sign of life."""
    worker_id: Mapped[str | None]
    step: Mapped[int] = mapped_column(default=0, server_default="0")
    steps: Mapped[int] = mapped_column(default=0, server_default="0")
    failure: Mapped[str | None]
    status_message_id: Mapped[int | None]
    """The message that is edited while the job runs, and deleted when the result is there."""
    result_message_id: Mapped[int | None]
    """The message that becomes the picture, or says why there is none: a new one, since Telegram does not notify of
    edits. Of the first picture of an album, the message below the album. A picture that is opened again stands in its
    new message."""
    shown_message_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer), default=list, server_default="{}")
    """All messages of the user's private chat that have shown the picture or its file: as delivered, alone or in an
    album, and as opened later."""
    edit_message_id: Mapped[int | None]
    """The message that asked for another prompt for this picture; a reply to it is that prompt."""
    album_id: Mapped[UUID | None]
    """Shared by the variations that one press asked for: they are delivered as one album."""
    album_sent_at: Mapped[datetime | None]
    """The time when the sending of the album began. It is never sent a second time; the pictures stay within reach."""
    closed_at: Mapped[datetime | None]
    """The time when the user had the end (picture, failure or cancellation) and no status message was left: all is
    done."""
    result: Mapped[bytes | None] = mapped_column(deferred=True)
    """The PNG, until the user has it as a file or ORIGINAL_DAYS are over."""
    result_file_id: Mapped[str | None]
    """The picture as Telegram keeps it: a photo, without the marks of the PNG."""
    document_file_id: Mapped[str | None]
    """The PNG as Telegram keeps it, once the user asked for it."""
    favourite_at: Mapped[datetime | None]
    report_reason: Mapped[str | None]
    """A name of bot.domain.ReportReason."""
    reported_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    """The time when the user deleted the picture; prompt and pictures are gone, the row counts in the statistics."""
    backbone: Mapped[str | None]
    seconds: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Consent(Base):
    """One consent that a user gave; the users table has the latest."""

    __tablename__ = "consents"
    __table_args__ = (Index("consents_user", "user_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    version: Mapped[int]
    language: Mapped[str]
    """The language in which the terms were shown."""
    given_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CreditEntry(Base):
    """One change of a user's credits. A trigger refuses every UPDATE, and every DELETE except that of the whole user.

    Credits are in buckets: those of `day` can be spent on that day only (the free quota), those without a day at any
    time. The balance of a bucket is the sum of its entries and never negative.
    """

    __tablename__ = "credit_entries"
    __table_args__ = (
        CheckConstraint(
            f"case kind when '{EntryKind.RESERVE}' then amount < 0 when '{EntryKind.SETTLE}' then amount = 0 "
            f"when '{EntryKind.REFUND}' then amount <= 0 when '{EntryKind.GRANT}' then amount >= 0 else amount > 0 end",
            name="credit_entries_sign",
        ),
        CheckConstraint(f"(kind in ({_OF_JOBS})) = (job_id is not null)", name="credit_entries_job"),
        Index("credit_entries_user", "user_id", "day"),
        Index("credit_entries_reserved", "job_id", postgresql_where=text(f"kind = '{EntryKind.RESERVE}'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(unique=True)
    """Names the event, so that it is booked once however often it is reported."""
    kind: Mapped[str]
    amount: Mapped[int]
    day: Mapped[date | None]
    """The day in UTC."""
    job_id: Mapped[UUID | None]
    charge_id: Mapped[str | None]
    admin_id: Mapped[int | None] = mapped_column(BigInteger)
    """The admin who granted or refunded."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Payment(Base):
    """A payment in Stars. The row outlives its user, whose id is then removed from it: a charge must never count
    twice."""

    __tablename__ = "payments"
    __table_args__ = (Index("payments_user", "user_id"),)

    charge_id: Mapped[str] = mapped_column(primary_key=True)
    """Telegram's telegram_payment_charge_id."""
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    stars: Mapped[int]
    credits: Mapped[int]
    paid_at: Mapped[datetime] = mapped_column(server_default=func.now())
    refunded_at: Mapped[datetime | None]


class Departure(Base):
    """The pseudonym of a user who deleted everything, so that the free quota and invitations do not begin again."""

    __tablename__ = "departures"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    """The pseudonym, see bot.credits.CreditTerms.pseudonym."""
    left_on: Mapped[date]
    """The day in UTC."""
    free_used: Mapped[int]
    """The number of free pictures of that day."""
