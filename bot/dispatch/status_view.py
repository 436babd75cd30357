"""The status message of a job, rendered from its row. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from aiogram.types import InlineKeyboardMarkup

from bot.db.job_states import UNDELIVERABLE, WORKER_LOST
from bot.db.status_messages import PendingStatus
from bot.dispatch.reply_handler import Preview
from bot.domain import REFUSALS, JobState
from bot.styles import Styles
from bot.telegram import keyboards
from bot.telegram.captions import caption, ignored
from bot.telegram.person_keyboards import name_or_number
from bot.telegram.quotes import quoted
from bot.translator import Markup, Texts
from engine.contract import FailureCode

BAR_CELLS = 12
PROMPT_SHOWN_MAX = 300
"""The largest length of a prompt in the status message, in UTF-16 units, as Telegram counts."""
SECONDS_SHOWN_MAX = 120
SAME_WAY_FAILS = {
    FailureCode.BAD_PROMPT,
    FailureCode.BAD_POSE,
    FailureCode.BAD_IMAGE_PROMPT,
    FailureCode.BAD_COMPANION,
    FailureCode.BAD_STYLE,
    FailureCode.REFUSED_PROMPT,
    FailureCode.REFUSED_PHOTO,
}
"""Failures without a button to try again, because the same request would fail in the same way. A refused picture is not
among them: another seed gives another picture."""
FAILURES_WITH_TEXT = {*FailureCode, WORKER_LOST, UNDELIVERABLE} - {FailureCode.CANCELLED}


class Urgency(IntEnum):
    """The order of edits while calls are scarce."""

    END = 0
    PROGRESS = 1
    PLACE = 2


@dataclass(frozen=True)
class StatusView:
    """The content of a message about a job. A view equal to the last one is not sent."""

    text: Markup
    keyboard: InlineKeyboardMarkup | None
    urgency: Urgency
    preview: Preview | None = None


def render(
    job: PendingStatus,
    *,
    place: int | None,
    paused: bool,
    preview: Preview | None,
    texts: Texts,
    styles: Styles,
    poses_drawn: bool = True,
    image_prompts_read: bool = True,
    expected_s: int | None = None,
) -> StatusView:
    """The status message of `job`; `place` is `None` for a job that is not queued. `poses_drawn`: whether a
    living worker can draw a pose that is asked for; `image_prompts_read`: whether every one reads image prompts.
    `expected_s`: how long a queued job may take, where that is known."""
    prompt = quoted(texts, job.prompt, PROMPT_SHOWN_MAX)
    request = _request(job, prompt, texts, poses_drawn, image_prompts_read)
    if expected_s is not None and not paused and job.state == JobState.QUEUED:
        request = Markup(f"{request}\n{_expected(expected_s, texts)}")
    match job.state:
        case JobState.DONE | JobState.DELIVERED:
            return _picture(job, texts, styles)
        case JobState.CANCELLED:
            return StatusView(texts("status-cancelled", prompt=prompt), keyboards.retry(texts, job.job_id), Urgency.END)
        case JobState.FAILED:
            return _failure(job, prompt, texts)
        case JobState.RUNNING if job.steps > 0:
            text = texts(
                "status-progress",
                percent=100 * job.step // job.steps,
                bar=bar(job.step, job.steps),
                prompt=request,
            )
            return StatusView(text, keyboards.cancel(texts, job.job_id), Urgency.PROGRESS, preview)
        case JobState.RUNNING:
            text = texts("status-running", prompt=request)
        case _ if paused:
            text = texts("status-paused", place=place or 1, prompt=request)
        case _ if job.handed:
            text = texts("status-handed", prompt=request)
        case _ if place is None or place <= 1:
            text = texts("status-next", prompt=request)
        case _:
            text = texts("status-waiting", place=place, prompt=request)
    return StatusView(text, keyboards.cancel(texts, job.job_id), Urgency.PLACE)


def in_chat(job: PendingStatus, view: StatusView) -> StatusView:
    """The view as it is shown in its chat: in a group without buttons, which anybody could press, and without
    previews."""
    return view if job.chat_id == job.user_id else replace(view, keyboard=None, preview=None)


def ready(job: PendingStatus, texts: Texts) -> StatusView:
    """The message that the picture is edited into a moment later."""
    prompt = quoted(texts, job.prompt, PROMPT_SHOWN_MAX)
    return StatusView(texts("status-ready", prompt=prompt), None, Urgency.END)


def _picture(job: PendingStatus, texts: Texts, styles: Styles) -> StatusView:
    return StatusView(caption(job, texts, styles), keyboards.picture(texts, job.job_id, favourite=False), Urgency.END)


def _failure(job: PendingStatus, prompt: Markup, texts: Texts) -> StatusView:
    failure = job.failure if job.failure in FAILURES_WITH_TEXT else FailureCode.INTERNAL
    buttons = keyboards.retry(
        texts,
        job.job_id,
        again=failure not in SAME_WAY_FAILS,
        free_pose=failure == FailureCode.BAD_POSE,
        without_image_prompt=failure == FailureCode.BAD_IMAGE_PROMPT,
        alone=failure == FailureCode.BAD_COMPANION,
        appeal=failure in REFUSALS,
    )
    return StatusView(texts(f"failure-{failure}", prompt=prompt), buttons, Urgency.END)


def _expected(seconds: int, texts: Texts) -> Markup:
    if seconds <= SECONDS_SHOWN_MAX:
        return texts("status-expected-seconds", seconds=seconds)
    return texts("status-expected-minutes", minutes=seconds // 60)


def _request(job: PendingStatus, prompt: Markup, texts: Texts, poses_drawn: bool, image_prompts_read: bool) -> Markup:
    """The prompt and, below it, people, pose and image prompt, the translation that the model gets and what it cannot
    draw."""
    below = [prompt]
    if job.companion_id is not None:
        below.append(_people(job, texts))
    elif job.person_name is not None:
        below.append(texts("status-person", name=job.person_name))
    if job.pose is not None:
        drawn = poses_drawn and not job.pose_skipped
        below.append(texts("status-pose", pose=texts(f"pose-{job.pose}")) if drawn else texts("pose-unavailable"))
    if job.image_prompt_id is not None:
        followed = image_prompts_read and not job.image_prompt_skipped
        below.append(texts("status-image-prompt" if followed else "image-prompt-unavailable"))
    if job.translated_prompt is not None:
        translation = quoted(texts, job.translated_prompt, PROMPT_SHOWN_MAX)
        below.append(texts("status-translation", translation=translation))
    if job.ignored_words is not None:
        below.append(ignored(job.ignored_words, texts))
    return Markup("\n".join(below))


def _people(job: PendingStatus, texts: Texts) -> Markup:
    if job.person_number is None or job.companion_number is None:
        return texts("status-two")
    first = name_or_number(texts, job.person_name, job.person_number)
    second = name_or_number(texts, job.companion_name, job.companion_number)
    return texts("status-people", first=first, second=second)


def bar(step: int, steps: int) -> str:
    """A progress bar of BAR_CELLS characters."""
    filled = min(BAR_CELLS, BAR_CELLS * step // steps)
    return "▰" * filled + "▱" * (BAR_CELLS - filled)
