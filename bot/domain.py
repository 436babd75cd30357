"""The rules that need neither a database nor Telegram: states, limits, transitions of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from engine.contract import Aspect, Clothes, FailureCode

CONSENT_VERSION = 2
"""The version of the terms and of /privacy; users who agreed to an older one are asked again."""
ATTEMPTS_MAX = 3
LANGUAGES = ("en", "ru")
POSE_PHOTO = "photo"
"""The value beside the names of presets: the pose of the user's pose photo."""
SENT_PHOTO_PATIENCE = timedelta(minutes=10)
"""The time after the bot's question within which a photo counts as the pose photo or the image prompt; a later photo
shows the person."""

PEOPLE_MAX = 5
"""People per user; REFERENCES_MAX photos each."""
PERSON_NAME_MAX = 32

ASPECT_DEFAULT = Aspect.PORTRAIT
"""The aspect that every model draws unless asked for another."""


MINI_APP_PATH = "/app/"
"""The path of the Mini App on the server of API_URL."""
APP_USER_IDS_FROM = 2**52
"""The end users of apps have ids from here on; those of Telegram's users and chats have at most 52 bits."""


@dataclass(frozen=True)
class RetentionTerms:
    """Users without an update for `days` days are deleted, `notice_days` days after a notice; 0: without a notice."""

    days: int
    notice_days: int


class ApiScope(StrEnum):
    """The rights of a key of the HTTP API."""

    READ = "read"
    """Read jobs, pictures, end users, and data about their photos."""
    DRAW = "draw"
    """Ask for pictures, cancel and delete them."""
    PEOPLE = "people"
    """Manage end users: consent, photos, export and deletion of all their data."""


class Stage(StrEnum):
    """The next input that the bot needs from a user; it follows from the user's row and is not stored."""

    CONSENT = "consent"
    PHOTO = "photo"
    STYLE = "style"
    PROMPT = "prompt"


def stage_of(consent_version: int | None, accepted: int, style: str | None) -> Stage:
    """The stage of a user with `accepted` photos; an older consent does not count."""
    if consent_version != CONSENT_VERSION:
        return Stage.CONSENT
    if not accepted:
        return Stage.PHOTO
    return Stage.STYLE if style is None else Stage.PROMPT


class Likeness(StrEnum):
    """The branch that the pictures favour."""

    FACE = "face"
    BALANCED = "balanced"
    BODY = "body"


SCALES: dict[Likeness, tuple[float, float]] = {
    Likeness.FACE: (1.3, 0.7),
    Likeness.BALANCED: (1.0, 1.0),
    Likeness.BODY: (0.7, 1.3),
}
"""The face_scale and body_scale of engine.contract.Settings. One rises where the other falls: raising both would reduce
the effect of the prompt."""


def settings_overrides(likeness: str | None, clothes: str | None, aspect: str | None = None) -> dict[str, object]:
    """The choices as fields of engine.contract.Settings; a choice that is `None` is left to the style."""
    settings: dict[str, object] = {}
    if likeness is not None:
        settings["face_scale"], settings["body_scale"] = SCALES[Likeness(likeness)]
    if clothes is not None:
        settings["clothes"] = Clothes(clothes).value
    if aspect is not None:
        settings["aspect"] = Aspect(aspect).value
    return settings


def likeness_of(settings: Mapping[str, object]) -> Likeness:
    """The likeness that such settings mean."""
    face, body = settings.get("face_scale", 1.0), settings.get("body_scale", 1.0)
    if not isinstance(face, int | float) or not isinstance(body, int | float) or face == body:
        return Likeness.BALANCED
    return Likeness.FACE if face > body else Likeness.BODY


def clothes_of(settings: Mapping[str, object]) -> Clothes:
    return Clothes.CHANGE if settings.get("clothes") == Clothes.CHANGE else Clothes.KEEP


class ReportReason(StrEnum):
    """The user's reason to report a picture."""

    NUDITY = "nudity"
    CONSENT = "consent"
    """The picture shows a person who has not agreed."""
    OFFENSIVE = "offensive"
    OTHER = "other"


OTHER_PERSON = "other_person"
"""The verdict on a photo whose face differs from the person's other photos, until the user decides."""


class OtherPersonChoice(StrEnum):
    """The ways to treat such a photo: give it to a new person, draw from it in place of the earlier photos, beside
    them, or delete it."""

    SEPARATE = "separate"
    REPLACE = "replace"
    ADD = "add"
    IGNORE = "ignore"


REFUSALS = frozenset({FailureCode.REFUSED_PROMPT, FailureCode.REFUSED_PHOTO, FailureCode.REFUSED_PICTURE})
"""Failures because of content that is not allowed. Users may appeal against them."""


class CaseKind(StrEnum):
    """The kind of a case for review by admins."""

    REPORT = "report"
    APPEAL = "appeal"


class ReferenceState(StrEnum):
    """PENDING photos wait for a worker's examination; pictures are drawn from ACCEPTED ones."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class JobState(StrEnum):
    """The states of a job: queued -> running -> done -> delivered, or failed / cancelled (their message is still to be
    sent)."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobMove(StrEnum):
    """The reason for a change of state."""

    START = "start"
    """A worker begins it, or reports on it."""
    REQUEUE = "requeue"
    """An attempt failed, a worker vanished, or the broker lost the job; an attempt is left."""
    FINISH = "finish"
    """A worker sends the picture."""
    FAIL = "fail"
    """The job ends without a picture."""
    CANCEL = "cancel"
    """The user cancels it, or the bot may no longer write to the chat."""
    DELIVER = "deliver"
    """Telegram has the picture."""
    FAIL_DELIVERY = "fail_delivery"
    """Telegram never takes the picture."""


UNDRAWN_STATES = frozenset({JobState.QUEUED, JobState.RUNNING})
"""States before the picture is finished."""
MOVES: Mapping[JobMove, tuple[frozenset[JobState], JobState]] = {
    JobMove.START: (UNDRAWN_STATES, JobState.RUNNING),
    JobMove.REQUEUE: (UNDRAWN_STATES, JobState.QUEUED),
    JobMove.FINISH: (UNDRAWN_STATES, JobState.DONE),
    JobMove.FAIL: (UNDRAWN_STATES, JobState.FAILED),
    JobMove.CANCEL: (UNDRAWN_STATES, JobState.CANCELLED),
    JobMove.DELIVER: (frozenset({JobState.DONE}), JobState.DELIVERED),
    JobMove.FAIL_DELIVERY: (frozenset({JobState.DONE}), JobState.FAILED),
}
"""(the states from which a move may start, the state in which it ends). `bot.db.job_states` makes the moves; a move
into the current state renews the job's lease or takes the job back from the broker."""
OPEN_STATES = frozenset(state for sources, _ in MOVES.values() for state in sources)
"""States that the job can leave; in every other state it has ended."""
