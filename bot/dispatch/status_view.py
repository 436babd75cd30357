"""The status message of a job, rendered from its row. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from aiogram.types import InlineKeyboardMarkup

from bot.db.job_states import UNDELIVERABLE, WORKER_LOST
from bot.db.status_messages import PendingStatus
from bot.dispatch.reply_handler import Preview
from bot.domain import JobState, Likeness, clothes_of, likeness_of
from bot.styles import Styles
from bot.telegram import keyboards
from bot.translator import Markup, Texts
from engine.contract import Clothes, FailureCode

BAR_CELLS = 12
PROMPT_SHOWN_MAX = 300
CAPTION_PROMPT_MAX = 700
IGNORED_SHOWN_MAX = 120
"""UTF-16 units, as Telegram counts: with style and marking it stays under the 1024 of a caption."""
SAME_WAY_FAILS = {
    FailureCode.BAD_PROMPT,
    FailureCode.BAD_POSE,
    FailureCode.BAD_STYLE,
    FailureCode.REFUSED_PROMPT,
    FailureCode.REFUSED_PHOTO,
}
"""Nothing comes of trying these again as they are. A refused picture is another one with another seed."""
FAILURES_WITH_TEXT = {*FailureCode, WORKER_LOST, UNDELIVERABLE} - {FailureCode.CANCELLED}


class Urgency(IntEnum):
    """The order of edits while calls are scarce."""

    END = 0
    PROGRESS = 1
    PLACE = 2


@dataclass(frozen=True)
class StatusView:
    """The content of a status message. A view equal to the last one is not sent."""

    text: Markup
    keyboard: InlineKeyboardMarkup
    urgency: Urgency
    preview: Preview | None = None
    shows_picture: bool = False


def render(
    job: PendingStatus, *, place: int | None, paused: bool, preview: Preview | None, texts: Texts, styles: Styles
) -> StatusView:
    """The status message of `job`; `place` is `None` for a job that is not (any more) queued."""
    prompt = quoted(texts, job.prompt, PROMPT_SHOWN_MAX)
    match job.state:
        case JobState.DONE:
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
                prompt=_with_translation(job, prompt, texts),
            )
            return StatusView(text, keyboards.cancel(texts, job.job_id), Urgency.PROGRESS, preview)
        case JobState.RUNNING:
            text = texts("status-running", prompt=_with_translation(job, prompt, texts))
        case _ if paused:
            text = texts("status-paused", place=place or 1, prompt=prompt)
        case _ if job.handed:
            text = texts("status-handed", prompt=prompt)
        case _ if place is None or place <= 1:
            text = texts("status-next", prompt=prompt)
        case _:
            text = texts("status-waiting", place=place, prompt=prompt)
    return StatusView(text, keyboards.cancel(texts, job.job_id), Urgency.PLACE)


def _picture(job: PendingStatus, texts: Texts, styles: Styles) -> StatusView:
    settings = styles.settings(job.style, job.settings)
    likeness, clothes = likeness_of(settings), clothes_of(settings)
    manner = [styles[job.style].label(texts.language)]
    if likeness != Likeness.BALANCED:
        manner.append(texts("picture-likeness", likeness=texts(f"likeness-{likeness}")))
    if clothes == Clothes.CHANGE:
        manner.append(texts("picture-clothes"))
    if job.pose_skipped:
        manner.append(texts("picture-pose-skipped"))
    elif job.pose is not None:
        manner.append(texts("picture-pose", pose=texts(f"pose-{job.pose}")))
    caption = texts("picture-caption", style=" · ".join(manner), prompt=quoted(texts, job.prompt, CAPTION_PROMPT_MAX))
    if job.ignored_words is not None:
        caption = Markup(f"{caption}\n{_ignored(job.ignored_words, texts)}")
    buttons = keyboards.picture(texts, job.job_id, likeness, clothes)
    return StatusView(caption, buttons, Urgency.END, shows_picture=True)


def _failure(job: PendingStatus, prompt: Markup, texts: Texts) -> StatusView:
    failure = job.failure if job.failure in FAILURES_WITH_TEXT else FailureCode.INTERNAL
    buttons = keyboards.retry(
        texts, job.job_id, again=failure not in SAME_WAY_FAILS, free_pose=failure == FailureCode.BAD_POSE
    )
    return StatusView(texts(f"failure-{failure}", prompt=prompt), buttons, Urgency.END)


def _with_translation(job: PendingStatus, prompt: Markup, texts: Texts) -> Markup:
    """The prompt and, below it, the translation that the model gets and what it cannot draw."""
    below = [prompt]
    if job.translated_prompt is not None:
        translation = quoted(texts, job.translated_prompt, PROMPT_SHOWN_MAX)
        below.append(texts("status-translation", translation=translation))
    if job.ignored_words is not None:
        below.append(_ignored(job.ignored_words, texts))
    return Markup("\n".join(below))


def _ignored(phrases: str, texts: Texts) -> Markup:
    """Isolated like `quoted`: the phrases may have another direction than the sentence."""
    return texts("status-ignored", phrases=f"\u2068{cut(phrases, IGNORED_SHOWN_MAX)}\u2069")


def bar(step: int, steps: int) -> str:
    """A progress bar of BAR_CELLS characters."""
    filled = min(BAR_CELLS, BAR_CELLS * step // steps)
    return "▰" * filled + "▱" * (BAR_CELLS - filled)


def quoted(texts: Texts, prompt: str, max_units: int) -> Markup:
    """The prompt on one line, in the language's quotation marks, cut to `max_units` UTF-16 units. It is isolated, so
    that a right-to-left prompt does not reorder the text around it."""
    return Markup(f"\u2068{texts('quoted-prompt', prompt=cut(' '.join(prompt.split()), max_units))}\u2069")


def cut(text: str, max_units: int) -> str:
    """`text`, or its beginning and an ellipsis, in at most `max_units` UTF-16 units; never half a character."""
    units = text.encode("utf-16-le")
    if len(units) <= 2 * max_units:
        return text
    return units[: 2 * (max_units - 1)].decode("utf-16-le", errors="ignore") + "…"
