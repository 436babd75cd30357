"""What the bot and a worker say to each other. Loads no torch: of the engine, the bot imports this module alone.

Requests travel to a worker as the one argument of a Celery task (JSON text); replies travel back through the
durable queue `REPLIES_QUEUE`, cancellations through the fanout exchange `CANCELLATIONS_EXCHANGE`. Everything may arrive
late, twice or not at all: whoever reads a reply decides by `job_id` whether it still matters.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

GENERATE_TASK = "bolid.generate"
EXAMINE_TASK = "bolid.examine"
WORK_QUEUE = "bolid.work"
REPLIES_QUEUE = "bolid.replies"
CANCELLATIONS_EXCHANGE = "bolid.cancellations"
HEARTBEAT_INTERVAL_S = 2.0
PROMPT_MAX_CHARS = 1000
REFERENCES_MAX = 8
REFERENCE_MAX_SIDE_PX = 1280
STYLE_NAME_PATTERN = r"^[a-z_]{1,16}$"


class Message(BaseModel):
    """A border object: immutable, unknown keys refused, bytes as base64 in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


class Clothes(StrEnum):
    """Whether the person keeps the clothes of the photos, or wears what the words say."""

    KEEP = "keep"
    CHANGE = "change"


class PosePreset(StrEnum):
    """Poses that every backbone with pose control knows by name."""

    STANDING = "standing"
    WALKING = "walking"
    SITTING = "sitting"
    KNEELING = "kneeling"
    LYING = "lying"
    ARMS_RAISED = "arms_raised"
    HANDS_ON_HIPS = "hands_on_hips"
    WAVING = "waving"


class Pose(Message):
    """The pose asked for: a preset, or a photo of anybody in that pose (as in Reference). Exactly one of the two."""

    preset: PosePreset | None = None
    image: bytes | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.preset is None) == (self.image is None):
            raise ValueError("expected either a preset or an image")
        return self


class Settings(Message):
    """How to draw; `None` means the backbone's own default."""

    steps: int | None = Field(default=None, ge=1, le=100)
    guidance: float | None = Field(default=None, ge=0.0, le=30.0)
    face_scale: float = Field(default=1.0, ge=0.0, le=2.0)
    body_scale: float = Field(default=1.0, ge=0.0, le=2.0)
    clothes: Clothes = Clothes.KEEP
    pose_scale: float = Field(default=1.0, ge=0.0, le=2.0)

    @property
    def batch_key(self) -> tuple[int | None, float | None]:
        """Pictures can be drawn in one batch where this is equal; all else may differ from picture to picture."""
        return self.steps, self.guidance


class Reference(Message):
    """One normalised photo of the person: RGB JPEG or PNG bytes, longest side <= REFERENCE_MAX_SIDE_PX; the profile
    made by an earlier examination (IdentityProfile bytes), if there is one, spares the worker a second look."""

    image: bytes
    profile: bytes | None = None


class GenerateRequest(Message):
    """One picture for one user. `attempt` counts from 1; the seed makes the picture reproducible on one device.

    `prompt` holds the user's words alone. `style` is a name of engine/styles.toml; one that the worker lacks fails the
    request with BAD_STYLE."""

    kind: Literal["generate"] = "generate"
    job_id: str
    attempt: int = Field(default=1, ge=1)
    references: tuple[Reference, ...] = Field(min_length=1, max_length=REFERENCES_MAX)
    prompt: str = Field(max_length=2 * PROMPT_MAX_CHARS)
    negative_prompt: str = ""
    style: str | None = Field(default=None, pattern=STYLE_NAME_PATTERN)
    seed: int = Field(ge=0, lt=2**63)
    settings: Settings = Settings()
    pose: Pose | None = None
    preview: bool = True


class GenerateBatch(Message):
    """The argument of GENERATE_TASK: jobs of different users drawn together; equal `settings.batch_key`."""

    requests: tuple[GenerateRequest, ...] = Field(min_length=1)


class ExamineRequest(Message):
    """The argument of EXAMINE_TASK: look at one photo and say whether it can serve as a reference."""

    kind: Literal["examine"] = "examine"
    reference_id: str
    image: bytes


class Verdict(StrEnum):
    """What an examination found. Only ACCEPTED photos are used."""

    ACCEPTED = "accepted"
    NO_PERSON = "no_person"
    SEVERAL_PEOPLE = "several_people"
    TOO_SMALL = "too_small"
    TOO_BLURRED = "too_blurred"
    TOO_DARK = "too_dark"
    UNREADABLE = "unreadable"
    MINOR = "minor"
    NUDITY = "nudity"


class FailureCode(StrEnum):
    """Why a job failed, in the terms in which the user is answered."""

    BAD_REFERENCE = "bad_reference"
    BAD_PROMPT = "bad_prompt"
    BAD_POSE = "bad_pose"
    BAD_STYLE = "bad_style"
    REFUSED_PROMPT = "refused_prompt"
    REFUSED_PHOTO = "refused_photo"
    REFUSED_PICTURE = "refused_picture"
    OUT_OF_MEMORY = "out_of_memory"
    CANCELLED = "cancelled"
    INTERNAL = "internal"


class Started(Message):
    """A worker took the job in hand. `prompt` is what the model is about to be told, where that is a translation."""

    kind: Literal["started"] = "started"
    job_id: str
    attempt: int
    worker_id: str
    prompt: str | None = None


class Progress(Message):
    """A denoising step is done; `preview` is a small JPEG of the picture as it stands."""

    kind: Literal["progress"] = "progress"
    job_id: str
    attempt: int
    step: int
    steps: int
    preview: bytes | None = None


class Result(Message):
    """The finished picture as PNG, with how long the drawing itself took."""

    kind: Literal["result"] = "result"
    job_id: str
    attempt: int
    worker_id: str
    image: bytes
    width: int
    height: int
    seconds: float
    backbone: str


class Failure(Message):
    """The job could not be done; `retry` says whether another attempt may help."""

    kind: Literal["failure"] = "failure"
    job_id: str
    attempt: int
    code: FailureCode
    detail: str = ""
    retry: bool = False


class Examination(Message):
    """The answer to an ExamineRequest. `people` counts the faces seen; `profile` is there when accepted."""

    kind: Literal["examination"] = "examination"
    reference_id: str
    verdict: Verdict
    people: int = 0
    profile: bytes | None = None


class Heartbeat(Message):
    """Sent every HEARTBEAT_INTERVAL_S by a thread of the worker, busy or idle; extends the leases of `job_ids`.

    `pose`: it can draw a pose that is asked for. `job_ids` holds the jobs and reference ids in hand. `stopping` is the
    last one of an orderly end."""

    kind: Literal["heartbeat"] = "heartbeat"
    worker_id: str
    backbone: str
    device: str
    batch_max: int = Field(default=1, ge=1)
    pose: bool = False
    job_ids: tuple[str, ...] = ()
    stopping: bool = False


class Cancellation(Message):
    """Broadcast to all workers: stop these jobs at the next step, skip them when they come up."""

    kind: Literal["cancellation"] = "cancellation"
    job_ids: tuple[str, ...]


Reply = Annotated[Started | Progress | Result | Failure | Examination | Heartbeat, Field(discriminator="kind")]
REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)
