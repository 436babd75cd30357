"""Prompts, photos, poses and pictures of a request: the backbone's inputs, and refusals."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.backbones.base import Capabilities, GenerationInput, StepCallback
from engine.contract import (
    Failure,
    FailureCode,
    GenerateRequest,
    Pose,
    PosePreset,
    Progress,
    Reference,
    Reply,
    Result,
    Started,
)
from engine.errors import MarkError
from engine.examiner import Examiner
from engine.identity.faces import Face
from engine.pipeline import FALLBACK_PROMPT, RequestPipeline
from engine.pose import preset
from engine.prompt import GlossaryTranslator, Translated
from engine.safety.guard import Guard
from engine.safety.wording import Concern

TRANSLATOR = GlossaryTranslator()


class _NoFaces:
    """Finds nothing and counts how often it was asked."""

    name = "no-faces"

    def __init__(self) -> None:
        self.looks = 0

    def find(self, image: Image.Image) -> list[Face]:
        self.looks += 1
        return []


class _Seeing(Guard):
    """Finds what `concern` says, on photos and pictures that `sees` picks."""

    def __init__(self, concern: Concern, sees: Callable[[Image.Image], bool]) -> None:
        super().__init__(_NoFaces())
        self._concern = concern
        self._sees = sees

    def check_photo(self, image: Image.Image) -> Concern | None:
        return self.check_picture(image)

    def check_picture(self, image: Image.Image) -> Concern | None:
        return self._concern if self._sees(image) else None


class _Noting:
    """Wraps a backbone and records its inputs."""

    device = "cpu"

    def __init__(self, backbone: Any) -> None:
        self._backbone = backbone
        self.inputs: list[GenerationInput] = []

    @property
    def capabilities(self) -> Capabilities:
        capabilities: Capabilities = self._backbone.capabilities
        return capabilities

    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        self.inputs.extend(drawings)
        pictures: list[Image.Image] = self._backbone.draw(drawings, on_step)
        return pictures


def _png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (80, 120), colour).save(buffer, "PNG")
    return buffer.getvalue()


def _request(job_id: str, *photos: bytes, **changes: Any) -> GenerateRequest:
    references = tuple(Reference(image=photo) for photo in photos or (_png("red"),))
    return GenerateRequest(job_id=job_id, references=references, **{"prompt": "in a forest", "seed": 7, **changes})


def _run(
    backbone: Any, *requests: GenerateRequest, finder: Any = None, guard: Guard | None = None, **options: Any
) -> list[Reply]:
    replies: list[Reply] = []
    finder = finder or _NoFaces()
    guard = guard or Guard(finder)
    examiner = Examiner(finder, None, guard)
    options = {"translator": TRANSLATOR, **options}
    pipeline = RequestPipeline(backbone, examiner, "worker-1", guard=guard, **options)
    pipeline.generate(requests, replies.append, lambda _: False)
    endings = [reply.job_id for reply in replies if isinstance(reply, Result | Failure)]
    assert sorted(endings) == sorted(request.job_id for request in requests)
    return replies


def _result(replies: Sequence[Reply], job_id: str) -> Result:
    (result,) = (reply for reply in replies if isinstance(reply, Result) and reply.job_id == job_id)
    return result


def _failed(replies: Sequence[Reply], job_id: str) -> Failure:
    (failure,) = (reply for reply in replies if isinstance(reply, Failure) and reply.job_id == job_id)
    return failure


def _inputs(backbone: Any, *requests: GenerateRequest, **options: Any) -> tuple[list[GenerationInput], list[Reply]]:
    """The backbone's inputs, and the replies."""
    noting = _Noting(backbone)
    replies = _run(noting, *requests, **options)
    return noting.inputs, replies


@pytest.fixture
def english_backbone(slow_backbone: Any) -> Any:
    """A backbone that reads English alone."""
    slow_backbone.capabilities = replace(slow_backbone.capabilities, languages=("en",))
    return slow_backbone


def _started(replies: Sequence[Reply]) -> list[Started]:
    return [reply for reply in replies if isinstance(reply, Started)]


def test_a_backbone_that_knows_english_only_gets_the_translation_and_so_does_the_user(english_backbone: Any) -> None:
    request = _request("a", prompt="девушка в лесу, watercolor painting", negative_prompt="текст")
    (drawing,), replies = _inputs(english_backbone, request)
    assert drawing.prompt == "young woman in forest, watercolor painting"
    assert drawing.negative_prompt == "text"
    assert [reply.translated_prompt for reply in _started(replies)] == [drawing.prompt]


def test_a_prompt_that_needs_no_translation_is_not_shown_again(english_backbone: Any) -> None:
    (drawing,), replies = _inputs(english_backbone, _request("a", prompt="in a forest"))
    assert (drawing.prompt, _started(replies)[0].translated_prompt) == ("in a forest", None)


def test_a_prompt_of_which_nothing_is_known_still_draws_the_person(english_backbone: Any) -> None:
    (drawing,), replies = _inputs(english_backbone, _request("a", prompt="бармаглот"))
    assert drawing.prompt == FALLBACK_PROMPT == _started(replies)[0].translated_prompt


def test_a_refused_prompt_fails_its_own_request_before_any_photo_is_looked_at(slow_backbone: Any) -> None:
    finder = _NoFaces()
    inputs, replies = _inputs(
        slow_backbone, _request("bad", _png("blue"), prompt="голая девушка"), _request("good"), finder=finder
    )
    assert _failed(replies, "bad").code is FailureCode.REFUSED_PROMPT
    assert _result(replies, "good") and len(inputs) == 1
    assert finder.looks == 1
    assert [reply.job_id for reply in _started(replies)] == ["good"]


def test_a_translation_that_is_not_allowed_is_refused_too(english_backbone: Any) -> None:
    class Knowing:
        name = "knowing"

        def translate(self, text: str) -> Translated:
            return Translated("naked people", True)

    replies = _run(english_backbone, _request("a", prompt="неизвестное слово"), translator=Knowing())
    assert _failed(replies, "a").code is FailureCode.REFUSED_PROMPT


def test_a_negative_prompt_may_name_what_is_refused(slow_backbone: Any) -> None:
    assert _result(_run(slow_backbone, _request("a", negative_prompt="nude, naked, child")), "a")


def test_one_photo_that_is_not_allowed_refuses_the_whole_request(slow_backbone: Any) -> None:
    guard = _Seeing(Concern.MINOR, lambda image: image.getpixel((0, 0)) == (0, 0, 255))
    replies = _run(slow_backbone, _request("a", _png("red"), _png("blue")), _request("b"), guard=guard)
    failure = _failed(replies, "a")
    assert (failure.code, failure.retry) == (FailureCode.REFUSED_PHOTO, False)
    assert _result(replies, "b")


def test_a_picture_that_is_not_allowed_is_not_sent_nor_shown_while_it_is_result(slow_backbone: Any) -> None:
    def is_blue(image: Image.Image) -> bool:
        red, _, blue = np.asarray(image, np.float32).mean((0, 1))
        return bool(blue > red + 20) and image.size == (64, 96)

    replies = _run(
        slow_backbone,
        _request("a", _png("blue")),
        _request("b"),
        guard=_Seeing(Concern.NUDITY, is_blue),
        preview_interval_s=0.0,
    )
    failure = _failed(replies, "a")
    assert (failure.code, failure.retry) == (FailureCode.REFUSED_PICTURE, False)
    assert _result(replies, "b")
    steps = {reply.job_id: reply.step for reply in replies if isinstance(reply, Progress) and reply.preview}
    assert steps["b"] == 3 and steps.get("a", 0) < 3


def test_pictures_are_marked_last(slow_backbone: Any) -> None:
    replies = _run(slow_backbone, _request("a"), mark=lambda picture: b"marked %d" % picture.width)
    assert _result(replies, "a").image == b"marked 64"


def test_a_picture_that_cannot_be_marked_is_not_sent_and_may_be_tried_again(slow_backbone: Any) -> None:
    def broken(picture: Image.Image) -> bytes:
        raise MarkError("no pen")

    failure = _failed(_run(slow_backbone, _request("a"), mark=broken), "a")
    assert (failure.code, failure.retry) == (FailureCode.INTERNAL, True)


def test_a_pose_reaches_a_backbone_that_can_draw_it(slow_backbone: Any) -> None:
    slow_backbone.capabilities = replace(slow_backbone.capabilities, pose=True)
    (with_pose, without), _ = _inputs(
        slow_backbone, _request("a", pose=Pose(preset=PosePreset.WAVING)), _request("b", seed=8)
    )
    assert with_pose.pose is not None and np.array_equal(with_pose.pose, preset(PosePreset.WAVING))
    assert without.pose is None


def test_a_pose_photo_without_a_pose_fails_its_own_request(slow_backbone: Any) -> None:
    slow_backbone.capabilities = replace(slow_backbone.capabilities, pose=True)
    replies = _run(slow_backbone, _request("a", pose=Pose(image=b"no photo")), _request("b"))
    failure = _failed(replies, "a")
    assert (failure.code, failure.retry) == (FailureCode.BAD_POSE, False)
    assert _result(replies, "b")


def test_a_backbone_without_pose_control_draws_without_and_the_log_says_so(
    slow_backbone: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (drawing,), replies = _inputs(slow_backbone, _request("a", pose=Pose(preset=PosePreset.SITTING)))
    assert drawing.pose is None and _result(replies, "a")
    assert "slow has no pose control" in caplog.text
