"""The text of a status message."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest

from bot.db.status_messages import PendingStatus
from bot.dispatch.reply_handler import Preview
from bot.dispatch.status_view import BAR_CELLS, FAILURES_WITH_TEXT, StatusView, Urgency, bar, in_chat, render
from bot.dispatch.timing import expected_s
from bot.domain import LANGUAGES, POSE_PHOTO, JobState, Likeness, settings_overrides
from bot.styles import load_styles
from bot.telegram import keyboards
from bot.telegram.callbacks import JobAction, JobCallback
from bot.telegram.quotes import cut
from bot.translator import Translator
from engine.contract import PROMPT_MAX_CHARS, Clothes, PosePreset

STYLES, TRANSLATOR = load_styles(), Translator()
CAPTION_MAX_UNITS = 1024


def _open(state: JobState = JobState.QUEUED, **facts: Any) -> PendingStatus:
    defaults: dict[str, Any] = {
        "job_id": UUID(int=1), "user_id": 1, "chat_id": 1, "language": "en", "state": state, "handed": False, "step": 0,
        "steps": 0, "failure": None, "style": "film", "seed": 2**63 - 1,
        "prompt": "a walk <b>in</b> & out", "message_id": None,
        "result_message_id": None, "request_message_id": None, "result_file_id": None, "album_id": None,
        "album_sent_at": None,
        "translated_prompt": None, "ignored_words": None, "settings": {}, "pose": None, "pose_skipped": False,
        "image_prompt_id": None, "image_prompt_skipped": False,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC), "person_name": None, "person_number": None,
        "companion_id": None, "companion_name": None, "companion_number": None,
    }  # fmt: skip
    return PendingStatus(**{**defaults, **facts})


def _render(
    job: PendingStatus, *, place: int | None = None, paused: bool = False, preview: Preview | None = None
) -> StatusView:
    texts = TRANSLATOR.of(job.language)
    return render(job, place=place, paused=paused, preview=preview, texts=texts, styles=STYLES)


def _actions(view: StatusView) -> list[JobAction]:
    assert view.keyboard is not None
    rows = view.keyboard.inline_keyboard
    return [JobCallback.unpack(button.callback_data or "").action for row in rows for button in row]


class _Plain(HTMLParser):
    """The text that a user sees, as Telegram counts it."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.text, self.tags = "", []
        self.feed(markup)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)


@pytest.mark.parametrize(
    ("place", "workers", "drawing_s", "expected"),
    [(1, 1, 4.2, "about 10 s"), (5, 2, 15.0, "about 50 s"), (9, 1, 60.0, "about 9 min"), (1, 0, 121.0, "about 3 min")],
)
def test_the_expected_time_follows_place_workers_and_measured_speed(
    place: int, workers: int, drawing_s: float, expected: str
) -> None:
    time_s = expected_s(place, workers, drawing_s)
    facts: dict[str, Any] = {"texts": TRANSLATOR.of("en"), "styles": STYLES, "preview": None, "expected_s": time_s}
    assert expected in render(_open(), place=place, paused=False, **facts).text
    assert "about" not in render(_open(), place=place, paused=True, **facts).text
    running = _open(JobState.RUNNING, step=1, steps=4)
    assert "about" not in render(running, place=None, paused=False, **facts).text


def test_the_person_who_is_drawn_is_named() -> None:
    assert "Person: Anna &lt;3" in _render(_open(person_name="Anna <3"), place=1).text
    assert "Person" not in _render(_open(), place=1).text


def test_in_a_group_there_are_neither_buttons_nor_previews() -> None:
    preview = Preview(1, b"jpeg")
    for chat_id, private in ((1, True), (-5, False)):
        running = _open(JobState.RUNNING, chat_id=chat_id, step=1, steps=4)
        finished = _open(JobState.DONE, chat_id=chat_id)
        for job in (running, finished):
            view = in_chat(job, _render(job, preview=preview))
            assert (view.keyboard is not None) == private and view.text
        assert (in_chat(running, _render(running, preview=preview)).preview == preview) == private


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_place_in_the_queue_is_reported_and_the_first_is_next(language: str) -> None:
    third = _render(_open(language=language), place=3)
    assert "3" in third.text and _actions(third) == [JobAction.CANCEL]
    assert _render(_open(language=language), place=1).text != third.text


def test_waiting_handed_running_and_paused_all_look_different() -> None:
    looks = [
        _render(_open(), place=2),
        _render(_open(handed=True)),
        _render(_open(), place=2, paused=True),
        _render(_open(JobState.RUNNING)),
        _render(_open(JobState.RUNNING, step=1, steps=4)),
    ]
    assert len({look.text for look in looks}) == len(looks)
    assert all(_actions(look) == [JobAction.CANCEL] for look in looks)


def test_a_running_job_is_not_called_paused() -> None:
    running = _open(JobState.RUNNING, step=1, steps=4)
    assert _render(running, paused=True) == _render(running)


def test_progress_shows_a_bar_a_percentage_and_the_preview() -> None:
    preview = Preview(2, b"jpeg")
    view = _render(_open(JobState.RUNNING, step=2, steps=4), preview=preview)
    assert "50" in view.text and bar(2, 4) in view.text
    assert (view.preview, view.urgency) == (preview, Urgency.PROGRESS)


@pytest.mark.parametrize(("step", "filled"), [(0, 0), (1, BAR_CELLS // 4), (4, BAR_CELLS), (5, BAR_CELLS)])
def test_the_bar_never_leaves_its_cells(step: int, filled: int) -> None:
    assert bar(step, 4).count("▰") == filled
    assert len(bar(step, 4)) == BAR_CELLS


def test_the_caption_has_the_style_the_prompt_and_the_origin() -> None:
    view = _render(_open(JobState.DONE))
    assert STYLES["film"].label("en") in _Plain(view.text).text
    assert "AI" in view.text and view.urgency == Urgency.END
    assert "seed 9223372036854775807" in _Plain(view.text).text
    assert _actions(view) == [
        JobAction.AGAIN, JobAction.VARIATIONS, JobAction.REUSE_PROMPT, JobAction.OTHER_STYLE, JobAction.FAVOURITE,
        JobAction.MORE,
    ]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("failure", sorted(FAILURES_WITH_TEXT))
def test_every_failure_has_a_text_in_every_language(language: str, failure: str) -> None:
    view = _render(_open(JobState.FAILED, language=language, failure=failure))
    assert view.text and JobAction.REUSE_PROMPT in _actions(view) and view.urgency == Urgency.END
    assert failure not in view.text


@pytest.mark.parametrize("failure", sorted(FAILURES_WITH_TEXT))
def test_trying_again_is_offered_only_where_it_may_help(failure: str) -> None:
    offered = JobAction.AGAIN in _actions(_render(_open(JobState.FAILED, failure=failure)))
    same_way = {
        "bad_prompt",
        "bad_pose",
        "bad_style",
        "bad_image_prompt",
        "bad_companion",
        "refused_prompt",
        "refused_photo",
    }
    assert offered == (failure not in same_way)


@pytest.mark.parametrize("failure", sorted(FAILURES_WITH_TEXT))
def test_a_refusal_can_be_appealed_and_a_fault_cannot(failure: str) -> None:
    offered = JobAction.APPEAL in _actions(_render(_open(JobState.FAILED, failure=failure)))
    assert offered == failure.startswith("refused_")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pose_that_cannot_be_read_offers_a_free_one_and_the_settings(language: str) -> None:
    view = _render(_open(JobState.FAILED, failure="bad_pose", language=language))
    assert _actions(view) == [JobAction.FREE_POSE, JobAction.REUSE_PROMPT]
    assert "/settings" in view.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("steps", [0, 4])
def test_a_translation_is_shown_below_the_prompt_and_fits_under_a_preview(language: str, steps: int) -> None:
    prompt, translation = "я" * PROMPT_MAX_CHARS, "<b>" * PROMPT_MAX_CHARS
    job = _open(JobState.RUNNING, steps=steps, language=language, prompt=prompt, translated_prompt=translation)
    plain = _Plain(_render(job).text)
    assert plain.text.index("яяя") < plain.text.index("<b><b>") and plain.tags == []
    assert len(plain.text.encode("utf-16-le")) // 2 <= CAPTION_MAX_UNITS
    assert _render(_open(JobState.DONE, translated_prompt=translation)) == _render(_open(JobState.DONE))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.DONE])
def test_what_cannot_be_drawn_is_reported_before_and_under_the_picture(language: str, state: JobState) -> None:
    words = "a dragon, <b>Paris</b>, " + "я" * PROMPT_MAX_CHARS
    job = _open(state, language=language, prompt="я" * PROMPT_MAX_CHARS, ignored_words=words)
    plain = _Plain(_render(job).text)
    assert "a dragon, <b>Paris</b>" in plain.text
    assert "dragon" not in _render(_open(state, language=language)).text
    assert len(plain.text.encode("utf-16-le")) // 2 <= CAPTION_MAX_UNITS


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("pose", [None, *PosePreset, POSE_PHOTO])
@pytest.mark.parametrize("likeness", Likeness)
def test_a_picture_says_how_it_was_drawn_and_offers_the_other_way(
    language: str, pose: str | None, likeness: Likeness
) -> None:
    settings = settings_overrides(likeness, Clothes.CHANGE)
    job = _open(JobState.DONE, language=language, settings=settings, pose=pose, prompt="😀" * PROMPT_MAX_CHARS)
    view, texts = _render(job), TRANSLATOR.of(language)
    plain = _Plain(view.text).text
    assert (texts("likeness-face") in plain) == (likeness == Likeness.FACE)
    assert (texts("likeness-body") in plain) == (likeness == Likeness.BODY)
    assert texts("picture-clothes") in plain
    assert pose is None or texts("picture-pose", pose=texts(f"pose-{pose}")) in plain
    assert len(plain.encode("utf-16-le")) // 2 <= CAPTION_MAX_UNITS
    more_of = JobAction.MORE_BODY if likeness == Likeness.FACE else JobAction.MORE_FACE
    second = keyboards.more(texts, job.job_id, likeness, Clothes.CHANGE)
    actions = [
        JobCallback.unpack(button.callback_data or "").action for row in second.inline_keyboard for button in row
    ]
    assert actions[:2] == [more_of, JobAction.OWN_CLOTHES] and len(actions) == 6


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pose_left_out_is_reported_in_a_caption_that_fits(language: str) -> None:
    job = _open(
        JobState.DONE, language=language, pose="lying", pose_skipped=True, prompt="😀" * PROMPT_MAX_CHARS,
        settings=settings_overrides(Likeness.FACE, Clothes.CHANGE),
    )  # fmt: skip
    plain = _Plain(_render(job).text).text
    assert TRANSLATOR("picture-pose-skipped", language) in plain
    assert len(plain.encode("utf-16-le")) // 2 <= CAPTION_MAX_UNITS


@pytest.mark.parametrize(("language", "marks"), [("en", "“”"), ("ru", "«»")])
def test_prompt_and_translation_stand_in_the_quotation_marks_of_the_language(language: str, marks: str) -> None:
    plain = _Plain(
        _render(_open(JobState.RUNNING, language=language, translated_prompt="a <b>", prompt="на пляже")).text
    )
    assert f"{marks[0]}на пляже{marks[1]}" in plain.text and f"{marks[0]}a <b>{marks[1]}" in plain.text


@pytest.mark.parametrize(("language", "share"), [("en", "50%"), ("ru", "50\xa0%")])
def test_the_percentage_is_written_as_the_language_writes_it(language: str, share: str) -> None:
    assert share in _render(_open(JobState.RUNNING, step=2, steps=4, language=language)).text


def test_an_unexpected_failure_is_described_as_our_fault() -> None:
    assert _render(_open(JobState.FAILED, failure="?")) == _render(_open(JobState.FAILED, failure="internal"))


@pytest.mark.parametrize(
    "prompt",
    ["😀" * PROMPT_MAX_CHARS, "<b>&amp;" * (PROMPT_MAX_CHARS // 8), "שלום " * 200, "я" * PROMPT_MAX_CHARS, "a\n\n\nb"],
)
@pytest.mark.parametrize("state", [JobState.DONE, JobState.FAILED, JobState.CANCELLED, JobState.QUEUED])
@pytest.mark.parametrize("language", LANGUAGES)
def test_any_prompt_fits_into_the_message_and_is_escaped(prompt: str, state: JobState, language: str) -> None:
    plain = _Plain(_render(_open(state, prompt=prompt, language=language), place=2).text)
    assert len(plain.text.encode("utf-16-le")) // 2 <= CAPTION_MAX_UNITS
    assert set(plain.tags) <= {"i", "code"}
    assert prompt.split()[0][:100] in plain.text


def test_cutting_never_leaves_half_a_character() -> None:
    assert cut("😀😀😀", 6) == "😀😀😀"
    assert cut("😀😀😀", 5) == "😀😀…"
    assert cut("😀😀😀", 4) == "😀…"
    assert cut("", 5) == ""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_the_pose_is_named_before_drawing_or_reported_as_unavailable(language: str, state: JobState) -> None:
    texts = TRANSLATOR.of(language)
    named = texts("status-pose", pose=texts("pose-sitting"))
    job = _open(state, language=language, pose="sitting")
    assert named in _render(job).text
    without = render(job, place=1, paused=False, preview=None, texts=texts, styles=STYLES, poses_drawn=False)
    assert named not in without.text and texts("pose-unavailable") in without.text
    skipped = _render(_open(state, language=language, pose="sitting", pose_skipped=True))
    assert named not in skipped.text and texts("pose-unavailable") in skipped.text
    assert texts("status-pose", pose="") not in _render(_open(state, language=language)).text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_an_image_prompt_is_named_before_drawing_or_reported_as_unavailable(language: str, state: JobState) -> None:
    texts = TRANSLATOR.of(language)
    named, unavailable = texts("status-image-prompt"), texts("image-prompt-unavailable")
    job = _open(state, language=language, image_prompt_id=UUID(int=5))
    assert named in _render(job).text
    without = render(job, place=1, paused=False, preview=None, texts=texts, styles=STYLES, image_prompts_read=False)
    assert named not in without.text and unavailable in without.text
    skipped = _render(_open(state, language=language, image_prompt_id=UUID(int=5), image_prompt_skipped=True))
    assert named not in skipped.text and unavailable in skipped.text
    assert named not in _render(_open(state, language=language)).text
    for left_out, key in ((False, "picture-image-prompt"), (True, "picture-image-prompt-skipped")):
        done = _open(JobState.DONE, language=language, image_prompt_id=UUID(int=5), image_prompt_skipped=left_out)
        assert texts(key) in _render(done).text.splitlines()[0]


def test_a_job_whose_image_prompt_is_lost_offers_to_draw_without_it() -> None:
    lost = _render(_open(JobState.FAILED, failure="bad_image_prompt"))
    assert lost.keyboard is not None
    pressed = [button.callback_data for row in lost.keyboard.inline_keyboard for button in row]
    assert pressed[0] == JobCallback(action=JobAction.NO_IMAGE_PROMPT, job_id=UUID(int=1)).pack()


def test_a_job_of_two_people_that_cannot_be_drawn_offers_one() -> None:
    failed = _render(_open(JobState.FAILED, failure="bad_companion"))
    assert _actions(failed) == [JobAction.ALONE, JobAction.REUSE_PROMPT]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_caption_names_each_choice_once_and_only_one_pose(language: str) -> None:
    texts = TRANSLATOR.of(language)
    for pose, skipped in ((POSE_PHOTO, False), ("lying", True), ("lying", False), (None, False)):
        job = _open(
            JobState.DONE, language=language, pose=pose, pose_skipped=skipped,
            settings=settings_overrides(Likeness.BODY, Clothes.CHANGE),
        )  # fmt: skip
        manner = _Plain(_render(job).text).text.splitlines()[0].split(" · ")
        pose_said = [part for part in manner if part.startswith(texts("picture-pose", pose=""))]
        assert len(manner) == len(set(manner)) and len(pose_said) == (pose is not None)
