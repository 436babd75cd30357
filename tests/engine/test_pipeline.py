"""Requests become replies: each ends in exactly one Result or Failure, whatever happens to the others."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.backbones.base import GenerationInput, StepCallback
from engine.contract import (
    Failure,
    FailureCode,
    GenerateRequest,
    Progress,
    Reference,
    Reply,
    Result,
    Settings,
    Started,
)
from engine.errors import PoseError
from engine.examiner import Examiner
from engine.identity.examine import look_version
from engine.identity.faces import Face
from engine.identity.profile import Observation
from engine.looks import apply_look
from engine.pipeline import PREVIEW_MAX_SIDE_PX, RequestPipeline
from engine.prompt import GlossaryTranslator
from engine.safety.guard import Guard
from engine.styles import DrawnBy


class _CountingFinder:
    """Finds nothing and counts how often it was asked."""

    name = "counting"

    def __init__(self) -> None:
        self.looks = 0

    def find(self, image: Image.Image) -> list[Face]:
        self.looks += 1
        return []


VERSION = look_version(_CountingFinder(), None)
TRANSLATOR = GlossaryTranslator()


class _Failing:
    """A backbone that fails with `error` on drawings that `fails` picks, else draws."""

    def __init__(self, backbone: Any, error: Exception, fails: Callable[[Sequence[GenerationInput]], bool]) -> None:
        self._backbone = backbone
        self._error = error
        self._fails = fails
        self.capabilities = backbone.capabilities
        self.device = "cpu"
        self.sizes: list[int] = []

    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        self.sizes.append(len(drawings))
        if self._fails(drawings):
            raise self._error
        pictures: list[Image.Image] = self._backbone.draw(drawings, on_step)
        return pictures


def _png(colour: str, size: tuple[int, int] = (80, 120)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def _request(job_id: str, *photos: bytes, **changes: Any) -> GenerateRequest:
    references = tuple(Reference(image=photo) for photo in photos or (_png("red"),))
    return GenerateRequest(job_id=job_id, references=references, **{"prompt": "in a forest", "seed": 7, **changes})


def _run(
    backbone: Any,
    *requests: GenerateRequest,
    is_cancelled: Callable[[str], bool] = lambda _: False,
    emit: Callable[[Reply], None] | None = None,
    finder: Any = None,
    **options: Any,
) -> list[Reply]:
    replies: list[Reply] = []

    def record(reply: Reply) -> None:
        replies.append(reply)
        if emit:
            emit(reply)

    finder = finder or _CountingFinder()
    guard = Guard(finder)
    pipeline = RequestPipeline(
        backbone, Examiner(finder, None, guard), "worker-1", translator=TRANSLATOR, guard=guard, **options
    )
    pipeline.generate(requests, record, is_cancelled)
    return replies


def _endings(replies: Sequence[Reply]) -> dict[str, Reply]:
    """The end of each job; a job that ended twice is an error."""
    endings = [reply for reply in replies if isinstance(reply, Result | Failure)]
    assert len({reply.job_id for reply in endings}) == len(endings)
    return {reply.job_id: reply for reply in endings}


def _failed(replies: Sequence[Reply], job_id: str) -> Failure:
    ending = _endings(replies)[job_id]
    assert isinstance(ending, Failure)
    return ending


def _drawn(replies: Sequence[Reply], job_id: str) -> Image.Image:
    ending = _endings(replies)[job_id]
    assert isinstance(ending, Result)
    return Image.open(io.BytesIO(ending.image))


def test_a_request_is_started_progresses_and_ends_in_a_png(slow_backbone: Any) -> None:
    replies = _run(slow_backbone, _request("a", attempt=2))
    assert [type(reply) for reply in replies] == [Started, *[Progress] * 4, Result]
    assert {reply.attempt for reply in replies if not isinstance(reply, Result | Started)} == {2}
    result = replies[-1]
    assert isinstance(result, Result)
    assert (result.worker_id, result.backbone, result.width, result.height) == ("worker-1", "slow", 64, 96)
    picture = _drawn(replies, "a")
    assert (picture.format, picture.size) == ("PNG", (64, 96))


def test_the_same_seed_and_photo_give_the_same_picture_and_others_do_not(slow_backbone: Any) -> None:
    pictures = [
        np.asarray(_drawn(_run(slow_backbone, _request("a", photo, seed=seed)), "a"))
        for photo, seed in [(_png("red"), 1), (_png("red"), 1), (_png("red"), 2), (_png("blue"), 1)]
    ]
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])
    assert pictures[3].mean(axis=(0, 1))[2] > 150 > pictures[0].mean(axis=(0, 1))[2]


def test_steps_of_the_settings_reach_the_backbone(slow_backbone: Any) -> None:
    replies = _run(slow_backbone, _request("a", settings=Settings(steps=9)))
    progress = [reply for reply in replies if isinstance(reply, Progress)]
    assert [(reply.step, reply.steps) for reply in progress] == [(number, 9) for number in range(1, 10)]


def test_previews_are_small_jpegs_and_none_comes_with_the_last_step(slow_backbone: Any) -> None:
    replies = _run(slow_backbone, _request("a"), preview_interval_s=0.0)
    previews = [reply.preview for reply in replies if isinstance(reply, Progress)]
    assert [preview is not None for preview in previews] == [True, True, True, False]
    preview = Image.open(io.BytesIO(previews[0] or b""))
    assert preview.format == "JPEG" and max(preview.size) <= PREVIEW_MAX_SIDE_PX


def test_previews_are_not_made_more_often_than_the_interval(slow_backbone: Any) -> None:
    moments = iter(np.arange(0.0, 100.0, 1.0))
    replies = _run(
        slow_backbone,
        _request("a", settings=Settings(steps=8)),
        preview_interval_s=3.0,
        clock=lambda: float(next(moments)),
    )
    steps = [reply.step for reply in replies if isinstance(reply, Progress) and reply.preview]
    assert steps == [1, 4, 7]


def test_who_wants_no_preview_gets_none(slow_backbone: Any) -> None:
    replies = _run(slow_backbone, _request("a", preview=False), _request("b"), preview_interval_s=0.0)
    with_preview = {reply.job_id for reply in replies if isinstance(reply, Progress) and reply.preview}
    assert with_preview == {"b"}


def test_a_bad_reference_fails_only_its_own_request(slow_backbone: Any, astronaut_jpeg: bytes) -> None:
    replies = _run(slow_backbone, _request("a"), _request("bad", astronaut_jpeg[:5000]), _request("c"))
    failure = _failed(replies, "bad")
    assert (failure.code, failure.retry) == (FailureCode.BAD_REFERENCE, False)
    assert _drawn(replies, "a") and _drawn(replies, "c")


def test_one_unreadable_photo_among_several_is_left_out(slow_backbone: Any) -> None:
    with_rubbish = _drawn(_run(slow_backbone, _request("a", b"rubbish", _png("red"))), "a")
    without = _drawn(_run(slow_backbone, _request("a", _png("red"))), "a")
    assert np.array_equal(np.asarray(with_rubbish), np.asarray(without))


def test_a_stored_profile_spares_a_second_look(slow_backbone: Any) -> None:
    finder = _CountingFinder()
    version = look_version(finder, None)
    profile = Observation(80, 120, face_box=(10, 10, 30, 30), version=version).to_bytes()
    request = _request("a").model_copy(update={"references": (Reference(image=_png("red"), profile=profile),)})
    _run(slow_backbone, request, finder=finder)
    assert finder.looks == 0


def test_a_photo_that_comes_again_is_not_looked_at_again(slow_backbone: Any) -> None:
    finder = _CountingFinder()
    _run(slow_backbone, *map(_request, "abc"), finder=finder)
    assert finder.looks == 1


@pytest.mark.parametrize(
    "profile",
    [b"rubbish", Observation(999, 120, version=VERSION).to_bytes(), Observation(80, 120, version="old").to_bytes()],
    ids=["unreadable", "of another size", "of another parser"],
)
def test_a_profile_that_does_not_fit_is_made_anew(slow_backbone: Any, profile: bytes) -> None:
    finder = _CountingFinder()
    request = _request("a").model_copy(update={"references": (Reference(image=_png("red"), profile=profile),)})
    assert _drawn(_run(slow_backbone, request, finder=finder), "a")
    assert finder.looks == 1


def test_the_best_photos_are_kept_in_their_order_when_there_are_too_many(slow_backbone: Any) -> None:
    scales: list[list[float]] = []

    def look(drawings: Sequence[GenerationInput]) -> bool:
        scales.append([view.observation.quality for view in drawings[0].identity.views])
        return False

    qualities = [0.5, 0.1, 0.9, 0.8, 0.7, 0.2]
    references = tuple(
        Reference(image=_png("red"), profile=Observation(80, 120, quality=quality, version=VERSION).to_bytes())
        for quality in qualities
    )
    request = _request("a").model_copy(update={"references": references})
    _run(_Failing(slow_backbone, RuntimeError(), look), request)
    assert scales[0] == pytest.approx([0.5, 0.9, 0.8, 0.7])


def test_requests_are_drawn_together_as_far_as_settings_and_the_backbone_allow(slow_backbone: Any) -> None:
    backbone = _Failing(slow_backbone, RuntimeError(), lambda _: False)
    other = Settings(steps=2)
    replies = _run(backbone, *map(_request, "abcdef"), _request("g", settings=other))
    assert backbone.sizes == [4, 2, 1]
    assert set(_endings(replies)) == set("abcdefg")


def test_a_request_cancelled_before_it_began_is_not_drawn(slow_backbone: Any) -> None:
    backbone = _Failing(slow_backbone, RuntimeError(), lambda _: False)
    replies = _run(backbone, _request("a"), is_cancelled=lambda _: True)
    assert [type(reply) for reply in replies] == [Failure]
    assert _failed(replies, "a").code is FailureCode.CANCELLED
    assert backbone.sizes == []


def test_a_cancelled_drawing_stops_at_the_next_step(slow_backbone: Any) -> None:
    cancelled: set[str] = set()

    def cancel_at_two(reply: Reply) -> None:
        if isinstance(reply, Progress) and reply.step == 2:
            cancelled.add("a")

    replies = _run(slow_backbone, _request("a"), emit=cancel_at_two, is_cancelled=cancelled.__contains__)
    assert [reply.step for reply in replies if isinstance(reply, Progress)] == [1, 2]
    assert _failed(replies, "a").code is FailureCode.CANCELLED


def test_cancelling_one_of_a_batch_leaves_the_others(slow_backbone: Any) -> None:
    cancelled: set[str] = set()

    def cancel(reply: Reply) -> None:
        if isinstance(reply, Progress) and (reply.job_id, reply.step) == ("b", 1):
            cancelled.add("b")

    replies = _run(slow_backbone, _request("a"), _request("b"), emit=cancel, is_cancelled=cancelled.__contains__)
    assert _failed(replies, "b").code is FailureCode.CANCELLED
    assert _drawn(replies, "a")
    assert len([reply for reply in replies if isinstance(reply, Progress) and reply.job_id == "a"]) == 4


def test_a_picture_cancelled_after_the_last_step_is_not_sent(slow_backbone: Any) -> None:
    cancelled: set[str] = set()

    def cancel(reply: Reply) -> None:
        if isinstance(reply, Progress) and reply.step == 4:
            cancelled.add("a")

    replies = _run(slow_backbone, _request("a"), emit=cancel, is_cancelled=cancelled.__contains__)
    assert _failed(replies, "a").code is FailureCode.CANCELLED


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
    ids=["python", "cuda", "cpu"],
)
def test_a_batch_that_is_too_large_is_drawn_singly(slow_backbone: Any, error: Exception) -> None:
    backbone = _Failing(slow_backbone, error, lambda drawings: len(drawings) > 1)
    replies = _run(backbone, _request("a"), _request("b"), _request("c"))
    assert backbone.sizes == [3, 1, 1, 1]
    assert all(_drawn(replies, job_id) for job_id in "abc")


def test_a_single_picture_that_is_too_large_fails_for_want_of_memory(slow_backbone: Any) -> None:
    replies = _run(_Failing(slow_backbone, MemoryError(), lambda _: True), _request("a"))
    failure = _failed(replies, "a")
    assert (failure.code, failure.retry) == (FailureCode.OUT_OF_MEMORY, False)


def test_what_cannot_be_drawn_fails_its_own_request_alone(slow_backbone: Any) -> None:
    def bad(drawings: Sequence[GenerationInput]) -> bool:
        return any(drawing.prompt == "unspeakable" for drawing in drawings)

    backbone = _Failing(slow_backbone, PoseError("no such words"), bad)
    replies = _run(backbone, _request("a"), _request("b", prompt="unspeakable"))
    failure = _failed(replies, "b")
    assert (failure.code, failure.detail, failure.retry) == (FailureCode.BAD_POSE, "no such words", False)
    assert _drawn(replies, "a")


def test_an_unforeseen_error_may_be_tried_again(slow_backbone: Any) -> None:
    replies = _run(_Failing(slow_backbone, ZeroDivisionError("oops"), lambda _: True), _request("a"))
    failure = _failed(replies, "a")
    assert (failure.code, failure.retry) == (FailureCode.INTERNAL, True)
    assert "ZeroDivisionError: oops" in failure.detail


def test_a_detector_that_breaks_fails_the_job_and_not_the_worker(slow_backbone: Any) -> None:
    class Broken(_CountingFinder):
        def find(self, image: Image.Image) -> list[Face]:
            raise ValueError("detector")

    replies = _run(slow_backbone, _request("a"), finder=Broken())
    assert _failed(replies, "a").code is FailureCode.INTERNAL


class _Saying:
    """The backbone without a model, which records its prompts and draws looks as `styles` says."""

    def __init__(self, backbone: Any, styles: DrawnBy) -> None:
        self._backbone = backbone
        self.capabilities = replace(backbone.capabilities, styles=styles)
        self.device = "cpu"
        self.prompts: list[tuple[str, str]] = []

    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        self.prompts += [(drawing.prompt, drawing.negative_prompt) for drawing in drawings]
        pictures: list[Image.Image] = self._backbone.draw(drawings, on_step)
        return pictures


def test_a_look_filters_the_picture_of_a_backbone_without_styles_and_leaves_the_prompt(slow_backbone: Any) -> None:
    backbone = _Saying(slow_backbone, "filters")
    replies = _run(backbone, _request("plain"), _request("film", style="film", negative_prompt="rain"))
    assert backbone.prompts == [("in a forest", ""), ("in a forest", "rain")]
    plain, film = _drawn(replies, "plain"), _drawn(replies, "film")
    assert np.array_equal(np.asarray(film), np.asarray(apply_look(plain, "film", 7)))
    assert not np.array_equal(np.asarray(film), np.asarray(plain))


def test_previews_are_in_the_look_of_the_picture(slow_backbone: Any) -> None:
    replies = _run(_Saying(slow_backbone, "filters"), _request("a", style="film"), preview_interval_s=0)
    previews = [reply.preview for reply in replies if isinstance(reply, Progress) and reply.preview]
    assert previews
    for preview in previews:
        pixels = np.asarray(Image.open(io.BytesIO(preview)).convert("RGB"), np.int16)
        assert (pixels.max(2) - pixels.min(2)).max() <= 4


def test_every_backbone_gets_a_place_as_words(slow_backbone: Any) -> None:
    plain = _drawn(_run(slow_backbone, _request("a")), "a")
    prompts: dict[DrawnBy, str] = {
        "filters": "waving, on a beach by the sea",
        "words": "on a beach by the sea, outdoors, sharp focus, waving",
    }
    for styles, prompt in prompts.items():
        backbone = _Saying(slow_backbone, styles)
        replies = _run(backbone, _request("a", prompt="waving", style="beach"))
        assert backbone.prompts == [(prompt, "indoors, blurry, low quality")]
        assert np.array_equal(np.asarray(_drawn(replies, "a")), np.asarray(plain))


def test_a_backbone_that_draws_a_look_gets_it_as_words(slow_backbone: Any) -> None:
    backbone = _Saying(slow_backbone, "words")
    replies = _run(backbone, _request("a", style="sketch", negative_prompt="rain"))
    assert backbone.prompts == [
        ("pencil sketch, graphite lines on paper, monochrome, in a forest", "rain, photograph, colourful")
    ]
    plain = _drawn(_run(slow_backbone, _request("a")), "a")
    assert np.array_equal(np.asarray(_drawn(replies, "a")), np.asarray(plain))


def test_the_words_of_a_style_precede_the_translation(slow_backbone: Any) -> None:
    backbone = _Saying(slow_backbone, "words")
    backbone.capabilities = replace(backbone.capabilities, languages=("en",))
    replies = _run(backbone, _request("a", prompt="в лесу", style="oil"))
    [started] = [reply for reply in replies if isinstance(reply, Started)]
    [(prompt, _)] = backbone.prompts
    assert started.translated_prompt == prompt and prompt.startswith("oil painting, ") and "forest" in prompt


def test_an_unknown_style_fails_its_own_request_alone(slow_backbone: Any) -> None:
    replies = _run(slow_backbone, _request("a", style="baroque"), _request("b", style="film"))
    failure = _failed(replies, "a")
    assert (failure.code, failure.retry) == (FailureCode.BAD_STYLE, False)
    assert "'baroque'" in failure.detail and "film" in failure.detail
    assert isinstance(_endings(replies)["b"], Result)
