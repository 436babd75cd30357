"""Answers requests: checks prompt and photos, draws, applies the style if it is a filter, then checks and marks the
picture.

Replies go to a callback, and another callback tells whether a job is cancelled, so that the worker, the command line
and the tests run the same code.
"""

from __future__ import annotations

import gc
import io
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.abilities import check_abilities
from engine.backbones.base import Backbone, ClosedVocabulary, GenerationInput, HeadRedrawer, Step
from engine.contract import (
    Examination,
    ExamineRequest,
    Failure,
    FailureCode,
    GenerateRequest,
    Progress,
    Reference,
    Reply,
    Result,
    Started,
)
from engine.errors import BadReference, Cancelled, Refused
from engine.examiner import Examiner
from engine.failures import failure, failure_of
from engine.identity.profile import IdentityProfile
from engine.prompt import PromptTranslator, in_known_language
from engine.styles import requested_style

if TYPE_CHECKING:
    from engine.safety.guard import Guard

log = logging.getLogger(__name__)

PREVIEW_MAX_SIDE_PX = 256
PREVIEW_INTERVAL_S = 0.7
FALLBACK_PROMPT: Final = "a person"
"""The prompt where no part of the user's prompt could be translated."""

Emit = Callable[[Reply], None]
IsCancelled = Callable[[str], bool]
Mark = Callable[[Image.Image], bytes]
"""The finished picture as PNG, with the marks of AI generation."""


def plain_png(picture: Image.Image) -> bytes:
    """The picture as PNG without marks."""
    return _encoded(picture, "PNG")


@dataclass(frozen=True)
class _Prompts:
    """The prompts for the backbone; `translated`: the prompt to show to the user, None where it is the user's own."""

    prompt: str
    negative_prompt: str
    translated: str | None


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A request with its photos read and its prompt translated."""

    request: GenerateRequest
    inputs: GenerationInput


class RequestPipeline:
    """Draws with one backbone. Not thread-safe."""

    def __init__(
        self,
        backbone: Backbone,
        examiner: Examiner,
        worker_id: str,
        *,
        translator: PromptTranslator,
        guard: Guard,
        mark: Mark = plain_png,
        clock: Callable[[], float] = time.monotonic,
        preview_interval_s: float = PREVIEW_INTERVAL_S,
        head_pass: bool = True,
    ) -> None:
        """head_pass: whether small heads are drawn a second time where the backbone can."""
        self.backbone = backbone
        self.examiner = examiner
        self._worker_id = worker_id
        self._translator = translator
        self._guard = guard
        self._mark = mark
        self._clock = clock
        self._preview_interval_s = preview_interval_s
        self._head_pass = head_pass

    def examine(self, request: ExamineRequest) -> Examination:
        """The verdict on a photo; a file that cannot be read gets a verdict too, no error."""
        return self.examiner.examine(request)

    def generate(self, requests: Sequence[GenerateRequest], emit: Emit, is_cancelled: IsCancelled) -> None:
        """Every request ends in exactly one Result or Failure, independent of the others.

        Requests with equal `batch_key` are drawn together, up to the backbone's batch size."""
        prepared = []
        for request in requests:
            if is_cancelled(request.job_id):
                emit(failure(request, FailureCode.CANCELLED))
                continue
            try:
                prompts = self._styled(self._prompts(request), request)
                emit(self._started(request, prompts))
                prepared.append(_Prepared(request, self._input(request, prompts)))
            except Exception as error:  # the worker's edge: see _draw
                emit(self._failure(request, error))
        for batch in self._batches(prepared):
            self._draw(batch, emit, is_cancelled)

    def _prompts(self, request: GenerateRequest) -> _Prompts:
        """The prompts of the requests. Raises Refused for a prompt that is not allowed. The negative prompt is not
        checked, since it names what must not appear."""
        languages = self.backbone.capabilities.languages
        self._check_prompt(request.prompt)
        translated = in_known_language(request.prompt, languages, self._translator)
        negative = in_known_language(request.negative_prompt, languages, self._translator)
        negative_prompt = request.negative_prompt if negative is None else negative.text
        if translated is None:
            return _Prompts(request.prompt, negative_prompt, None)
        self._check_prompt(translated.text)  # a model may know words that the lists lack
        if not translated.complete:
            log.info("job %s: not all words could be translated", request.job_id)
        prompt = translated.text or FALLBACK_PROMPT
        return _Prompts(prompt, negative_prompt, prompt)

    def _styled(self, prompts: _Prompts, request: GenerateRequest) -> _Prompts:
        """The prompts with the style's words, unless the style is a filter. Where the backbone reads no negative
        prompt, the style's affirmation replaces it. Raises StyleError."""
        style = requested_style(request)
        if style is None or style.is_filter(self.backbone.capabilities.styles):
            return prompts
        can = self.backbone.capabilities
        by_words = can.styles == "words"
        if by_words and not can.reads_negative_prompt(request.settings.guidance):
            style = style.affirmed()
        prompt, negative_prompt = style.apply(prompts.prompt, prompts.negative_prompt, first=by_words)
        return _Prompts(prompt, negative_prompt, None if prompts.translated is None else prompt)

    def _filtered(self, picture: Image.Image, request: GenerateRequest) -> Image.Image:
        """Applies a filter. OpenCV is imported here, so that a broken installation is an error of one line."""
        style = requested_style(request)
        if style is None or not style.is_filter(self.backbone.capabilities.styles):
            return picture
        from engine.looks import apply_look

        return apply_look(picture, style.name, request.seed)

    def _check_prompt(self, text: str) -> None:
        if (concern := self._guard.check_prompt(text)) is not None:
            raise Refused(FailureCode.REFUSED_PROMPT, f"the prompt is not allowed: {concern.value}")

    def _started(self, request: GenerateRequest, prompts: _Prompts) -> Started:
        return Started(
            job_id=request.job_id,
            attempt=request.attempt,
            worker_id=self._worker_id,
            translated_prompt=prompts.translated,
            ignored=self.backbone.ignored(request.prompt) if isinstance(self.backbone, ClosedVocabulary) else (),
        )

    def _batches(self, prepared: list[_Prepared]) -> Iterator[list[_Prepared]]:
        size = self.backbone.capabilities.batch_max
        for _, group in groupby(prepared, key=lambda item: item.request.settings.batch_key):
            alike = list(group)
            for start in range(0, len(alike), size):
                yield alike[start : start + size]

    def _input(self, request: GenerateRequest, prompts: _Prompts) -> GenerationInput:
        check_abilities(request, self.backbone.capabilities)
        image_prompt = request.image_prompt
        return GenerationInput(
            identity=self._identity(request, request.references),
            companion=self._identity(request, request.companion) if request.companion else None,
            prompt=prompts.prompt,
            negative_prompt=prompts.negative_prompt,
            seed=request.seed,
            settings=request.settings,
            pose=self._pose(request),
            image_prompt=None if image_prompt is None else self.examiner.image_prompt(image_prompt),
        )

    def _identity(self, request: GenerateRequest, references: Sequence[Reference]) -> IdentityProfile:
        """The identity profile of the best readable photos, as many as the backbone reads. Raises BadReference where
        none can be read, Refused for a photo that is not allowed."""
        views, problems = [], []
        for reference in references:
            try:
                views.append(self.examiner.view(reference))
            except BadReference as error:
                problems.append(error)
        for problem in problems:
            log.warning("job %s: a reference is left out: %s", request.job_id, problem)
        if problems and not views:
            raise problems[0]
        best = sorted(views, key=lambda view: view.observation.quality, reverse=True)
        chosen = best[: self.backbone.capabilities.references_max]
        return IdentityProfile(tuple(view for view in views if any(view is one for one in chosen)))

    def _pose(self, request: GenerateRequest) -> NDArray[np.float32] | None:
        """The requested pose; None without one, and for a backbone that follows no poses: it draws without."""
        if request.pose is None:
            return None
        if not self.backbone.capabilities.pose:
            name = self.backbone.capabilities.name
            log.warning("job %s: %s has no pose control, the pose asked for is left out", request.job_id, name)
            return None
        return self.examiner.pose(request.pose)

    def _draw(self, prepared: Sequence[_Prepared], emit: Emit, is_cancelled: IsCancelled) -> None:
        """Draws as one batch; a failed batch is drawn again one by one, so that only faulty requests fail."""
        batch = _Batch(prepared, emit, is_cancelled, self._clock, self._preview_interval_s, self._guard, self._filtered)
        began = self._clock()
        try:
            inputs = [item.inputs for item in prepared]
            pictures = self.backbone.draw(inputs, batch.on_step)
            pictures = [self._finished(*pair, batch) for pair in zip(inputs, pictures, strict=True)]
        except Cancelled:
            return
        except Exception as error:  # the worker's edge: whatever a model raises is one job's failure, not the worker's
            ending = self._failure(prepared[0].request, error)
        else:
            seconds = self._clock() - began
            drawn = {item.request.job_id: picture for item, picture in zip(prepared, pictures, strict=True)}
            for item in batch.live():
                emit(self._ending(item.request, drawn[item.request.job_id], seconds))
            return
        _free_memory()
        for item in batch.live():
            if len(prepared) > 1:
                self._draw([item], emit, is_cancelled)
            else:
                emit(ending)

    def _finished(self, inputs: GenerationInput, picture: Image.Image, batch: _Batch) -> Image.Image:
        """The picture with a small head redrawn; the unchanged picture where redrawing fails."""
        if not self._head_pass or not isinstance(self.backbone, HeadRedrawer) or inputs.companion is not None:
            return picture
        face = self.examiner.small_face(picture)
        if face is None:
            return picture
        try:
            return self.backbone.redraw_head(inputs, picture, face, batch.on_head_step)
        except Cancelled:
            raise
        except Exception as error:  # any error of a model: the picture without a second pass is ready
            log.warning("a head is not drawn again: %s: %s", type(error).__name__, error)
            _free_memory()
            return picture

    def _ending(self, request: GenerateRequest, picture: Image.Image, seconds: float) -> Result | Failure:
        """Checks the picture as it was drawn and marks it as it is sent; the reply."""
        try:
            if (concern := self._guard.check_picture(picture)) is not None:
                raise Refused(FailureCode.REFUSED_PICTURE, f"the picture is not sent: {concern.value}")
            picture = self._filtered(picture, request)
            image = self._mark(picture)
        except Exception as error:  # the worker's edge: see _draw
            return self._failure(request, error)
        return Result(
            job_id=request.job_id,
            attempt=request.attempt,
            worker_id=self._worker_id,
            image=image,
            width=picture.width,
            height=picture.height,
            seconds=seconds,
            backbone=self.backbone.capabilities.name,
        )

    @staticmethod
    def _failure(request: GenerateRequest, error: Exception) -> Failure:
        """Unexpected errors are logged with their tracebacks."""
        reply = failure_of(request, error)
        unforeseen = reply.code is FailureCode.INTERNAL
        log.log(logging.ERROR if unforeseen else logging.INFO, "job failed: %s", error, exc_info=unforeseen)
        return reply


@dataclass
class _Batch:
    """One batch while it is drawn: cancellations, progress and previews of its requests."""

    prepared: Sequence[_Prepared]
    emit: Emit
    is_cancelled: IsCancelled
    clock: Callable[[], float]
    preview_interval_s: float
    guard: Guard
    filtered: Callable[[Image.Image, GenerateRequest], Image.Image]
    withdrawn: set[str] = field(default_factory=set)
    preview_at: float | None = None

    def live(self) -> list[_Prepared]:
        """The requests that are not cancelled; emits a Failure for each that was cancelled since the last call."""
        for item in self.prepared:
            job_id = item.request.job_id
            if job_id not in self.withdrawn and self.is_cancelled(job_id):
                self.withdrawn.add(job_id)
                self.emit(failure(item.request, FailureCode.CANCELLED))
        return [item for item in self.prepared if item.request.job_id not in self.withdrawn]

    def on_step(self, step: Step) -> None:
        """Raises Cancelled when all jobs of the batch are cancelled."""
        live = self.live()
        if not live:
            raise Cancelled("all pictures of this drawing were withdrawn")
        previews = self._previews(step)
        for item in live:
            job_id, attempt = item.request.job_id, item.request.attempt
            preview = previews.get(job_id) if item.request.preview else None
            self.emit(Progress(job_id=job_id, attempt=attempt, step=step.number, steps=step.total, preview=preview))

    def on_head_step(self, step: Step) -> None:
        """Raises Cancelled when all jobs of the batch are cancelled; the steps of a second pass are not counted."""
        if not self.live():
            raise Cancelled("all pictures of this drawing were withdrawn")

    def _previews(self, step: Step) -> dict[str, bytes]:
        """Job -> JPEG. Not at every step, since decoding takes time, and not at the last step, which the picture
        follows.

        A preview that would be refused as a picture is not sent."""
        now = self.clock()
        recently = self.preview_at is not None and now - self.preview_at < self.preview_interval_s
        if recently or step.number >= step.total or not any(item.request.preview for item in self.prepared):
            return {}
        self.preview_at = now
        pictures = zip(self.prepared, map(_small, step.previews()), strict=True)
        return {
            item.request.job_id: _encoded(self.filtered(picture, item.request), "JPEG")
            for item, picture in pictures
            if item.request.preview and self.guard.check_picture(picture) is None
        }


def _small(picture: Image.Image) -> Image.Image:
    small = picture.convert("RGB")
    small.thumbnail((PREVIEW_MAX_SIDE_PX, PREVIEW_MAX_SIDE_PX))
    return small


def _encoded(picture: Image.Image, format_name: str) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format_name)
    return buffer.getvalue()


def _free_memory() -> None:
    """Frees the memory of the failed drawing before the next try."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
