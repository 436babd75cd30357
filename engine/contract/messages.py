"""The messages between the bot and a worker.

A request is the one argument (JSON text) of a Celery task on `WORK_QUEUE`; replies return through `REPLIES_QUEUE`;
`CANCELLATIONS_EXCHANGE` copies each cancellation to every worker. A message may arrive late, twice or not at all: the
reader of a reply decides by `job_id` whether it still matters.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

PROMPT_MAX_CHARS = 1000
REFERENCES_MAX = 8
REFERENCE_MAX_SIDE_PX = 1280
STYLE_NAME_PATTERN = r"^[a-z_]{1,16}$"
PHOTO_FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF")
"""The formats of photos, by Pillow's names (its JPEG includes the MPO of phones). Every reader passes them to
`Image.open`, so that no other decoder runs: Pillow's EPS decoder would start Ghostscript."""


class Message(BaseModel):
    """The base of all messages: immutable; unknown keys are an error; JSON carries bytes as base64."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


class Clothes(StrEnum):
    """KEEP: the person wears the clothes of the photos. CHANGE: the prompt decides."""

    KEEP = "keep"
    CHANGE = "change"


class PosePreset(StrEnum):
    """The named poses; every backbone with pose control draws each of them."""

    STANDING = "standing"
    WALKING = "walking"
    SITTING = "sitting"
    KNEELING = "kneeling"
    LYING = "lying"
    ARMS_RAISED = "arms_raised"
    HANDS_ON_HIPS = "hands_on_hips"
    WAVING = "waving"


class Aspect(StrEnum):
    """The approximate ratio of width to height; a backbone draws at the sizes that it was trained at."""

    SQUARE = "1:1"
    PORTRAIT = "2:3"
    LANDSCAPE = "3:2"
    TALL = "9:16"


class Pose(Message):
    """The pose of the picture: exactly one of a preset and a photo of any person in that pose.

    `image` has the format of Reference.image. Raises ValidationError for none or both of the two."""

    preset: PosePreset | None = None
    image: bytes | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.preset is None) == (self.image is None):
            raise ValueError("expected either a preset or an image")
        return self


class Settings(Message):
    """Sampling settings; `None` selects the backbone's default. `guidance` is the classifier-free guidance scale.

    Scales multiply the backbone's default strength of the face, the body, the pose and the image prompt; 0.0 switches
    each off. A backbone without the aspect draws its default."""

    steps: int | None = Field(default=None, ge=1, le=100)
    guidance: float | None = Field(default=None, ge=0.0, le=30.0)
    face_scale: float = Field(default=1.0, ge=0.0, le=2.0)
    body_scale: float = Field(default=1.0, ge=0.0, le=2.0)
    clothes: Clothes = Clothes.KEEP
    pose_scale: float = Field(default=1.0, ge=0.0, le=2.0)
    image_prompt_scale: float = Field(default=1.0, ge=0.0, le=2.0)
    aspect: Aspect | None = None

    @property
    def batch_key(self) -> tuple[int | None, float | None, Aspect | None]:
        """Requests with equal keys fit into one batch; all other settings may differ within it."""
        return self.steps, self.guidance, self.aspect


PersonBox = tuple[float, float, float, float]
"""left, top, right, bottom of a person on a photo, in 0..1 of its width and height."""


class Reference(Message):
    """One normalised photo of the person.

    `image`: RGB, JPEG or PNG, longest side <= REFERENCE_MAX_SIDE_PX. `profile`: Examination.profile of this photo, the
    bytes of `engine.identity.observation.Observation.to_bytes`. Without it, and where another version of the vision
    networks wrote it, the worker examines the photo again for every job. `person`: the box of the person that the user
    chose among several."""

    image: bytes
    profile: bytes | None = None
    person: PersonBox | None = None


class GenerateRequest(Message):
    """One picture for one user. `attempt` counts from 1. The same seed gives the same picture on the same device.

    `prompt` is the user's own. `style` is a name of engine/styles.toml; a worker that lacks it fails the request with
    BAD_STYLE. `style_template` is used instead for a style of the operator, a template as in that file. `image_prompt`:
    a picture in the format of Reference.image whose style or layout is followed; a worker whose backbone reads none
    fails the request with BAD_IMAGE_PROMPT. `companion`: photos of a second person, drawn at the right of the first,
    without a `pose`; a backbone that cannot do this fails the request with BAD_COMPANION. `preview` asks for
    Progress.preview."""

    kind: Literal["generate"] = "generate"
    job_id: str
    attempt: int = Field(default=1, ge=1)
    references: tuple[Reference, ...] = Field(min_length=1, max_length=REFERENCES_MAX)
    prompt: str = Field(max_length=2 * PROMPT_MAX_CHARS)
    negative_prompt: str = ""
    style: str | None = Field(default=None, pattern=STYLE_NAME_PATTERN)
    style_template: str | None = Field(default=None, max_length=PROMPT_MAX_CHARS)
    seed: int = Field(ge=0, lt=2**63)
    settings: Settings = Settings()
    pose: Pose | None = None
    image_prompt: bytes | None = None
    companion: tuple[Reference, ...] = Field(default=(), max_length=REFERENCES_MAX)
    preview: bool = True


class GenerateBatch(Message):
    """The argument of GENERATE_TASK: requests with equal `settings.batch_key`, sampled as one batch."""

    requests: tuple[GenerateRequest, ...] = Field(min_length=1)


class ExamineRequest(Message):
    """The argument of EXAMINE_TASK: decide whether one photo (as in Reference) can serve as a reference, or, with
    `for_pose`, as Pose.image."""

    kind: Literal["examine"] = "examine"
    reference_id: str
    image: bytes
    person: PersonBox | None = None
    for_pose: bool = False


class Verdict(StrEnum):
    """The outcome of an examination. The bot sends only ACCEPTED photos as references."""

    ACCEPTED = "accepted"
    NO_PERSON = "no_person"
    SEVERAL_PEOPLE = "several_people"
    TOO_SMALL = "too_small"
    TOO_BLURRED = "too_blurred"
    TOO_DARK = "too_dark"
    UNREADABLE = "unreadable"
    MINOR = "minor"
    NUDITY = "nudity"
    NO_POSE = "no_pose"
    """A pose photo shows too little of the body, or its skeleton is anatomically impossible."""


class Framing(StrEnum):
    """The extent of the person on a photo: to the chest, to the hips or knees, to the feet."""

    PORTRAIT = "portrait"
    HALF_LENGTH = "half_length"
    FULL_LENGTH = "full_length"


class Hint(StrEnum):
    """Something that an accepted photo lacks; the bot has one sentence per hint on what another photo should show."""

    PORTRAIT = "portrait"
    HALF_LENGTH = "half_length"
    SITTING = "sitting"
    LYING = "lying"
    FROM_BEHIND = "from_behind"
    NO_FACE = "no_face"
    SMALL_FACE = "small_face"
    HEAD_CUT_OFF = "head_cut_off"
    SUNGLASSES = "sunglasses"


class FailureCode(StrEnum):
    """The reason why a job failed. The bot has one text for users per code."""

    BAD_REFERENCE = "bad_reference"
    BAD_PROMPT = "bad_prompt"
    BAD_POSE = "bad_pose"
    BAD_STYLE = "bad_style"
    BAD_IMAGE_PROMPT = "bad_image_prompt"
    BAD_COMPANION = "bad_companion"
    REFUSED_PROMPT = "refused_prompt"
    REFUSED_PHOTO = "refused_photo"
    REFUSED_PICTURE = "refused_picture"
    OUT_OF_MEMORY = "out_of_memory"
    CANCELLED = "cancelled"
    INTERNAL = "internal"


class Started(Message):
    """A worker begins the job. `translated_prompt` (`prompt` in JSON) is `None` where the model gets the user's own.
    `ignored`: phrases of the user's prompt that name what the model cannot draw."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    kind: Literal["started"] = "started"
    job_id: str
    attempt: int
    worker_id: str
    translated_prompt: str | None = Field(default=None, alias="prompt")
    ignored: tuple[str, ...] = ()


class Progress(Message):
    """Denoising step `step` of `steps` is done, counted from 1. `preview`: a small JPEG of the current prediction."""

    kind: Literal["progress"] = "progress"
    job_id: str
    attempt: int
    step: int
    steps: int
    preview: bytes | None = None


class Result(Message):
    """The finished picture. `image`: PNG of `width` x `height` pixels. `seconds`: the whole batch in the backbone."""

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
    """The attempt failed; `retry`: another attempt may succeed. `detail` is for logs, not for users."""

    kind: Literal["failure"] = "failure"
    job_id: str
    attempt: int
    code: FailureCode
    detail: str = ""
    retry: bool = False


class Examination(Message):
    """The answer to an ExamineRequest. `people` counts the people who could be the subject, without passers-by.

    `face`: the embedding of the face on an accepted photo; two faces at a Euclidean distance above 1 are of two people.
    None where no embedding can be computed: no face, a small one, or no network for it. `boxes`: the boxes of these
    people, from left to right, with the verdict SEVERAL_PEOPLE alone; ExamineRequest.person is one of them. `profile`:
    the bytes of an Observation, see Reference; it, `framing`, `hints` and `quality`, 0 (useless) to 1, by which the bot
    chooses the photos of a job, come with the verdict ACCEPTED alone."""

    kind: Literal["examination"] = "examination"
    reference_id: str
    verdict: Verdict
    people: int = 0
    profile: bytes | None = None
    quality: float | None = Field(default=None, ge=0.0, le=1.0)
    boxes: tuple[PersonBox, ...] = ()
    framing: Framing | None = None
    hints: tuple[Hint, ...] = ()
    face: tuple[float, ...] | None = None


class Heartbeat(Message):
    """Sent by each worker every HEARTBEAT_INTERVAL_S seconds, busy or idle; extends the leases of `job_ids`.

    `pose`: the backbone supports GenerateRequest.pose; `image_prompt`: it supports GenerateRequest.image_prompt.
    `companion`: it supports GenerateRequest.companion. `aspects`: those of Settings.aspect that it draws, the default
    first. `job_ids`: the jobs and the photos (reference ids) that the worker holds. `references_max`: the number of
    references that the backbone reads; the bot sends no more. `stopping`: the last heartbeat before an orderly exit."""

    kind: Literal["heartbeat"] = "heartbeat"
    worker_id: str
    backbone: str
    device: str
    batch_max: int = Field(default=1, ge=1)
    references_max: int = Field(default=REFERENCES_MAX, ge=1, le=REFERENCES_MAX)
    pose: bool = False
    image_prompt: bool = False
    companion: bool = False
    aspects: tuple[Aspect, ...] = ()
    job_ids: tuple[str, ...] = ()
    stopping: bool = False


class Cancellation(Message):
    """Sent to every worker: stop these jobs at the next denoising step, and skip those that have not started."""

    kind: Literal["cancellation"] = "cancellation"
    job_ids: tuple[str, ...]


Reply = Annotated[Started | Progress | Result | Failure | Examination | Heartbeat, Field(discriminator="kind")]
REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)
