"""The rules that need neither a database nor Telegram: states, limits, how a job may move."""

from __future__ import annotations

from enum import StrEnum

CONSENT_VERSION = 1
ATTEMPTS_MAX = 3
LANGUAGES = ("en", "ru")


class Stage(StrEnum):
    """What the bot waits for from a user; it follows from what is stored of them and is not stored itself."""

    CONSENT = "consent"
    PHOTO = "photo"
    STYLE = "style"
    PROMPT = "prompt"


def stage_of(consent_version: int | None, accepted: int, style: str | None) -> Stage:
    """What to ask of a user who has `accepted` photos; an older consent does not count."""
    if consent_version != CONSENT_VERSION:
        return Stage.CONSENT
    if not accepted:
        return Stage.PHOTO
    return Stage.STYLE if style is None else Stage.PROMPT


class ReferenceState(StrEnum):
    """PENDING photos wait for a worker's examination."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class JobState(StrEnum):
    """queued -> running -> done -> delivered, or failed / cancelled (each of which still has its message to show)."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_STATES = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.DONE})
MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.DONE, JobState.FAILED, JobState.CANCELLED}),
    JobState.RUNNING: frozenset({JobState.QUEUED, JobState.DONE, JobState.FAILED, JobState.CANCELLED}),
    JobState.DONE: frozenset({JobState.DELIVERED, JobState.FAILED}),
    JobState.DELIVERED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}
