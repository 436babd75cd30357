"""Parts of a request besides drawing: the words of a style, and a second pass over small heads."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from engine.backbones.base import GenerationInput, Step, StepCallback
from engine.contract import Failure, FailureCode, GenerateRequest, Reference, Reply, Result, Settings
from engine.examiner import Examiner
from engine.identity.faces import Face
from engine.pipeline import RequestPipeline
from engine.prompt import GlossaryTranslator
from engine.safety.guard import Guard


def _request(**changes: Any) -> GenerateRequest:
    buffer = io.BytesIO()
    Image.new("RGB", (80, 120), "red").save(buffer, "PNG")
    reference = Reference(image=buffer.getvalue())
    return GenerateRequest(job_id="a", references=(reference,), **{"prompt": "in a forest", "seed": 7, **changes})


def _run(
    backbone: Any,
    request: GenerateRequest,
    finder: Any = None,
    is_cancelled: Callable[[str], bool] = lambda _: False,
    **options: Any,
) -> list[Reply]:
    replies: list[Reply] = []
    finder = finder or _FaceFinder()
    guard = Guard(finder)
    pipeline = RequestPipeline(
        backbone, Examiner(finder, None, guard), "worker-1", translator=GlossaryTranslator(), guard=guard, **options
    )
    pipeline.generate([request], replies.append, is_cancelled)
    return replies


class _HeadBackbone:
    """Draws grey pictures, and paints the heads that it is asked to draw again white."""

    device = "cpu"

    def __init__(self, capabilities: Any, error: Exception | None = None) -> None:
        self.capabilities = capabilities
        self.error = error
        self.prompts: list[str] = []

    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        self.prompts += [drawing.prompt for drawing in drawings]
        return [Image.new("RGB", (200, 300), "grey") for _ in drawings]

    def redraw_head(
        self, drawing: GenerationInput, picture: Image.Image, face: Any, on_step: StepCallback | None = None
    ) -> Image.Image:
        if self.error is not None:
            raise self.error
        assert on_step is not None
        on_step(Step(1, 1, lambda: []))
        again = picture.copy()
        again.paste("white", tuple(round(side) for side in face))
        return again


class _FaceFinder:
    """Finds the faces that it is given on pictures of the drawn size, and none on photos."""

    name = "faces"

    def __init__(self, *boxes: tuple[float, float, float, float]) -> None:
        self.faces = [Face(box) for box in boxes]

    def find(self, image: Image.Image) -> list[Face]:
        return self.faces if image.size == (200, 300) else []


SMALL, LARGE = (90.0, 30.0, 110.0, 58.0), (50.0, 50.0, 150.0, 200.0)


def _drawn(reply: Reply) -> Image.Image:
    assert isinstance(reply, Result)
    return Image.open(io.BytesIO(reply.image))


@pytest.mark.parametrize(
    ("boxes", "head_pass", "white"),
    [([SMALL], True, True), ([SMALL], False, False), ([LARGE], True, False), ([SMALL, LARGE], True, False)],
    ids=["full length", "switched off", "portrait", "two faces"],
)
def test_small_heads_are_drawn_a_second_time(slow_backbone: Any, boxes: Any, head_pass: bool, white: bool) -> None:
    backbone, finder = _HeadBackbone(slow_backbone.capabilities), _FaceFinder(*boxes)
    picture = _drawn(_run(backbone, _request(), finder=finder, head_pass=head_pass)[-1])
    assert (picture.getpixel((100, 40)) == (255, 255, 255)) is white


def test_a_head_that_cannot_be_drawn_again_costs_no_picture(
    slow_backbone: Any, caplog: pytest.LogCaptureFixture
) -> None:
    backbone = _HeadBackbone(slow_backbone.capabilities, RuntimeError("CUDA out of memory"))
    picture = _drawn(_run(backbone, _request(), finder=_FaceFinder(SMALL))[-1])
    assert picture.getpixel((100, 40)) == (128, 128, 128) and "not drawn again" in caplog.text


def test_a_second_pass_ends_with_its_job(slow_backbone: Any) -> None:
    """The first question is answered before the drawing begins, the next while the head is drawn."""
    answers = iter([False])
    replies = _run(
        _HeadBackbone(slow_backbone.capabilities), _request(), finder=_FaceFinder(SMALL),
        is_cancelled=lambda _: next(answers, True),
    )  # fmt: skip
    assert isinstance(replies[-1], Failure) and replies[-1].code is FailureCode.CANCELLED


@pytest.mark.parametrize(("guidance", "affirmed"), [(None, True), (5.0, False)])
def test_a_style_says_positively_what_no_negative_prompt_keeps_out(
    slow_backbone: Any, guidance: float | None, affirmed: bool
) -> None:
    can = replace(
        slow_backbone.capabilities, styles="words", negative_prompt="guided", guidance_range=(1.0, 7.0)
    )  # fmt: skip
    backbone = _HeadBackbone(can)
    _run(backbone, _request(prompt="a walk", style="sketch", settings=Settings(guidance=guidance)))
    (prompt,) = backbone.prompts
    assert prompt.startswith("pencil sketch") and prompt.endswith("a walk")
    assert ("monochrome" in prompt) is affirmed


def test_a_model_of_few_words_gets_no_others(slow_backbone: Any) -> None:
    backbone = _HeadBackbone(slow_backbone.capabilities)
    _run(backbone, _request(prompt="a walk", style="beach"))
    assert backbone.prompts == ["a walk, on a beach by the sea"]


class _Follower(_HeadBackbone):
    """Keeps the image prompts that it is given."""

    def __init__(self, capabilities: Any) -> None:
        super().__init__(replace(capabilities, image_prompt=True))
        self.image_prompts: list[Image.Image | None] = []

    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        self.image_prompts += [drawing.image_prompt for drawing in drawings]
        return super().draw(drawings, on_step)


def test_an_image_prompt_reaches_a_backbone_that_reads_one(slow_backbone: Any) -> None:
    backbone, green = _Follower(slow_backbone.capabilities), io.BytesIO()
    Image.new("RGB", (70, 50), (0, 128, 0)).save(green, "PNG")
    replies = _run(backbone, _request(image_prompt=green.getvalue()))
    assert isinstance(replies[-1], Result)
    (image_prompt,) = backbone.image_prompts
    assert image_prompt is not None and (image_prompt.size, image_prompt.getpixel((9, 9))) == ((70, 50), (0, 128, 0))


def test_a_backbone_without_image_prompts_refuses_one_in_one_line(slow_backbone: Any) -> None:
    failed = _run(_HeadBackbone(slow_backbone.capabilities), _request(image_prompt=b"any"))[-1]
    assert isinstance(failed, Failure) and (failed.code, failed.retry) == (FailureCode.BAD_IMAGE_PROMPT, False)
    assert "ENGINE_BACKBONE" in failed.detail and "\n" not in failed.detail


def test_an_image_prompt_that_is_no_picture_fails_its_request(slow_backbone: Any) -> None:
    failed = _run(_Follower(slow_backbone.capabilities), _request(image_prompt=b"x"))[-1]
    assert isinstance(failed, Failure) and failed.code is FailureCode.BAD_IMAGE_PROMPT
