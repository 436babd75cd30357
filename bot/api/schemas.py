"""The bodies of the API, as openapi.json describes them. Times are UTC."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.api.addresses import check_callback_url
from bot.domain import CONSENT_VERSION, JobState, Likeness, ReferenceState
from bot.styles import NO_STYLE, Styles
from bot.usecases.app_jobs import PICTURES_MAX, SEEDS_END, AppPictures
from engine.contract import (
    PROMPT_MAX_CHARS,
    REFERENCES_MAX,
    STYLE_NAME_PATTERN,
    Aspect,
    Clothes,
    FailureCode,
    PosePreset,
    Verdict,
)

END_USER_PATTERN = r"^[A-Za-z0-9._~-]{1,64}$"
CALLBACK_PATTERN = r"^https://([A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]*(:[1-9][0-9]{1,3})?(/[!-~]*)?$"
"""The full name of a host, no IP address; its last label begins with a letter."""
RULES: dict[str, str] = {
    FailureCode.REFUSED_PROMPT: "The prompt asks for nudity or for somebody under 18.",
    FailureCode.REFUSED_PHOTO: "A photo shows nudity or somebody who looks under 18.",
    FailureCode.REFUSED_PICTURE: "The picture shows nudity or somebody who looks under 18. It was not kept.",
    Verdict.MINOR: "The person looks under 18. Only adults are drawn.",
    Verdict.NUDITY: "Photos with nudity are not accepted.",
}
"""The rule behind a refusal, by the code of a failure or the verdict on a photo."""


class _Body(BaseModel):
    """The base of the bodies that apps send: an unknown field is an error, so that no setting is silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ConsentDeclaration(_Body):
    """The app declares that the end user has read these terms and agrees to them."""

    consent_version: int = Field(description="The version of the terms in /v1/options.", ge=1, le=CONSENT_VERSION)
    language: Literal["en", "ru"] = Field("en", description="The language in which the terms were shown.")


class EndUserView(BaseModel):
    """An end user of the app."""

    end_user: str = Field(description="The app's own name for this person.")
    language: str
    consent_version: int | None
    consent_at: datetime | None
    references: int = Field(description="Photos that are accepted or wait for their verdicts.")
    created_at: datetime


class EndUserPage(BaseModel):
    items: list[EndUserView]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class ReferenceView(BaseModel):
    """A photo of an end user. Only the verdict of a refused one is stored, for about ten minutes."""

    id: UUID
    state: ReferenceState
    verdict: Verdict | None = Field(description="Null until a worker has looked at the photo.")
    rule: str | None = Field(description="The rule behind a refusal.")
    hints: list[str] = Field(description="Parts or views that an accepted photo lacks, such as half_length.")
    quality: float | None = Field(description="How good it is as a reference, 0 to 1.")
    people: list[list[float]] = Field(
        description="With the verdict several_people: left, top, right, bottom of each, in 0..1. Choose one within an "
        "hour, by PUT …/person."
    )
    created_at: datetime


class ReferencePage(BaseModel):
    items: list[ReferenceView]
    limit: int = Field(REFERENCES_MAX, description="How many photos of one end user are kept.")


class PersonChoice(_Body):
    """The number of the end user among the people on the photo."""

    number: int = Field(ge=1, le=100, description="Counted from 1 in the order of `people`.")


class JobOrder(_Body):
    """One job: pictures of one end user. The style and the model decide fields that are left out."""

    end_user: str = Field(pattern=END_USER_PATTERN)
    prompt: str = Field(min_length=1, max_length=PROMPT_MAX_CHARS, description="In English or Russian.")
    count: int = Field(1, ge=1, le=PICTURES_MAX, description="Pictures; each costs what a picture costs in the chat.")
    style: str | None = Field(None, pattern=STYLE_NAME_PATTERN, description="A name of /v1/options.")
    pose: PosePreset | None = None
    aspect: Aspect | None = Field(None, description="Width to height; of those in /v1/options.")
    likeness: Likeness | None = Field(None, description="The branch that the pictures favour: face, body or both.")
    clothes: Clothes | None = Field(None, description="keep: as on the photos; change: as the prompt says.")
    image_prompt: bool = Field(False, description="Follow the style of the end user's image prompt.")
    seed: int | None = Field(None, ge=0, lt=SEEDS_END, description="Of the first picture; the others follow it.")
    references: list[UUID] = Field(
        default_factory=list, max_length=REFERENCES_MAX, description="The photos to draw from; none: all."
    )
    callback_url: Annotated[
        str | None,
        Field(
            max_length=2000,
            pattern=CALLBACK_PATTERN,
            description="Called once the job has ended, signed as Standard Webhooks says. A public https address.",
        ),
        AfterValidator(check_callback_url),
    ] = None


class JobStatus(StrEnum):
    """The status of a job. succeeded: at least one picture was drawn; failed, cancelled: none was."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class FailureView(BaseModel):
    """The reason why there is no picture."""

    code: str
    rule: str | None = Field(description="The rule behind a refusal.")


class PictureView(BaseModel):
    """One picture of a job."""

    number: int
    status: JobStatus
    progress: float = Field(description="0 to 1.")
    seed: int
    url: str | None = Field(description="The path of the PNG, for as long as it is kept.")
    failure: FailureView | None
    translated_prompt: str | None = Field(description="The prompt as the model got it, where that is a translation.")
    ignored: list[str] = Field(description="Phrases of the prompt that the model cannot draw.")
    pose_skipped: bool = Field(description="No worker could draw the pose.")
    image_prompt_skipped: bool = Field(description="Some worker could not read the image prompt.")
    backbone: str | None
    seconds: float | None


class JobView(BaseModel):
    """The current state of a job."""

    id: UUID
    end_user: str
    status: JobStatus
    place: int | None = Field(description="The place in the queue, while it waits.")
    prompt: str
    style: str
    pose: str | None
    image_prompt: bool
    pictures: list[PictureView]
    callback_url: str | None
    created_at: datetime
    ended_at: datetime | None


class JobPage(BaseModel):
    items: list[JobView]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class JobEnded(BaseModel):
    """The body of a callback."""

    type: Literal["job.ended"] = "job.ended"
    timestamp: datetime
    data: JobView


class StyleView(BaseModel):
    name: str
    title: dict[str, str] = Field(description="By language.")


class Terms(BaseModel):
    """The terms that an end user has to agree to."""

    version: int
    text: dict[str, str] = Field(description="By language.")


class OptionsView(BaseModel):
    """The options of jobs that are available now."""

    styles: list[StyleView]
    poses: list[PosePreset]
    aspects: list[Aspect] = Field(description="Empty where the model draws one aspect alone, or no worker is alive.")
    image_prompts: bool = Field(description="Whether every living worker reads image prompts.")
    pictures_max: int
    references_max: int
    prompt_max_chars: int
    terms: Terms
    pictures_kept_days: int


_STATUS = {
    JobState.QUEUED: JobStatus.QUEUED,
    JobState.RUNNING: JobStatus.RUNNING,
    JobState.DONE: JobStatus.RUNNING,
    JobState.DELIVERED: JobStatus.SUCCEEDED,
    JobState.FAILED: JobStatus.FAILED,
    JobState.CANCELLED: JobStatus.CANCELLED,
}


def view_of(found: AppPictures, styles: Styles) -> JobView:
    pictures = [_picture(found, number) for number in range(1, len(found.pictures) + 1)]
    first = found.pictures[0]
    style = styles[first.style].name
    return JobView(
        id=found.job.id,
        end_user=found.end_user,
        status=_status(found, [picture.status for picture in pictures]),
        place=found.place,
        prompt=first.prompt,
        style=style or NO_STYLE,
        pose=first.pose,
        image_prompt=first.image_prompt_id is not None,
        pictures=pictures,
        callback_url=found.job.callback_url,
        created_at=found.job.created_at,
        ended_at=found.job.ended_at,
    )


def _status(found: AppPictures, pictures: list[JobStatus]) -> JobStatus:
    if not found.is_over:
        return JobStatus.QUEUED if set(pictures) == {JobStatus.QUEUED} else JobStatus.RUNNING
    if JobStatus.SUCCEEDED in pictures:
        return JobStatus.SUCCEEDED
    return JobStatus.FAILED if JobStatus.FAILED in pictures else JobStatus.CANCELLED


def _failure(code: str | None) -> FailureView:
    code = code or FailureCode.INTERNAL.value
    return FailureView(code=code, rule=RULES.get(code))


def _picture(found: AppPictures, number: int) -> PictureView:
    job = found.pictures[number - 1]
    status = _STATUS[JobState(job.state)]
    return PictureView(
        number=number,
        status=status,
        progress=1.0 if job.state in (JobState.DONE, JobState.DELIVERED) else min(1.0, job.step / max(1, job.steps)),
        seed=job.seed,
        url=(
            f"/v1/jobs/{found.job.id}/pictures/{number}"
            if status == JobStatus.SUCCEEDED and job.id in found.stored
            else None
        ),
        failure=_failure(job.failure) if status == JobStatus.FAILED else None,
        translated_prompt=job.translated_prompt,
        ignored=[] if job.ignored_words is None else job.ignored_words.split(", "),
        pose_skipped=job.pose_skipped,
        image_prompt_skipped=job.image_prompt_skipped,
        backbone=job.backbone,
        seconds=job.seconds,
    )
