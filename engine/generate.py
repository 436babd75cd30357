"""Requests become replies: photos are read, the person is observed, the backbone draws, progress is told.

No broker in here: replies go to a callback and cancellations are asked for, so that the worker, the command line and
the tests all drive the same code.
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

from PIL import Image

from engine.backbones.base import Backbone, Drawing, Step
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
    Verdict,
)
from engine.errors import BadReference, Cancelled, PromptError
from engine.identity.examine import examine, observe
from engine.identity.faces import FaceFinder
from engine.identity.photo import read_photo
from engine.identity.profile import IdentityProfile, Observation, View

log = logging.getLogger(__name__)

PREVIEW_MAX_SIDE_PX = 256
PREVIEW_INTERVAL_S = 0.7

Emit = Callable[[Reply], None]
IsCancelled = Callable[[str], bool]


@dataclass(frozen=True, eq=False)
class _Order:
    """A request whose person is known."""

    request: GenerateRequest
    drawing: Drawing


class Generator:
    """Draws with one backbone and looks with one finder. Not thread-safe."""

    def __init__(
        self,
        backbone: Backbone,
        finder: FaceFinder,
        worker_id: str,
        clock: Callable[[], float] = time.monotonic,
        preview_interval_s: float = PREVIEW_INTERVAL_S,
    ) -> None:
        self._backbone = backbone
        self._finder = finder
        self._worker_id = worker_id
        self._clock = clock
        self._preview_interval_s = preview_interval_s

    def examine(self, request: ExamineRequest) -> Examination:
        """What the photo is good for; a photo that cannot be read is a verdict, not an error."""
        try:
            verdict, people, observation = examine(read_photo(request.image), self._finder)
        except Exception as error:  # the worker's edge: a photo that breaks a detector must not come back for ever
            expected = isinstance(error, BadReference)
            log.log(logging.INFO if expected else logging.ERROR, "photo unreadable: %s", error, exc_info=not expected)
            return Examination(reference_id=request.reference_id, verdict=Verdict.UNREADABLE)
        profile = observation.to_bytes() if observation else None
        return Examination(reference_id=request.reference_id, verdict=verdict, people=people, profile=profile)

    def generate(self, requests: Sequence[GenerateRequest], emit: Emit, is_cancelled: IsCancelled) -> None:
        """Every request ends in exactly one Result or Failure, whatever happens to the others.

        Requests with equal steps and guidance are drawn together, as many as the backbone takes at once."""
        orders = []
        for request in requests:
            if is_cancelled(request.job_id):
                emit(_failure(request, FailureCode.CANCELLED))
                continue
            emit(Started(job_id=request.job_id, attempt=request.attempt, worker_id=self._worker_id))
            try:
                orders.append(_Order(request, self._drawing(request)))
            except Exception as error:  # the worker's edge: see _draw
                emit(self._failure(request, error))
        for batch in self._batches(orders):
            self._draw(batch, emit, is_cancelled)

    def _batches(self, orders: list[_Order]) -> Iterator[list[_Order]]:
        size = self._backbone.capabilities.batch_max
        for _, group in groupby(orders, key=lambda order: order.request.settings.batch_key):
            alike = list(group)
            for start in range(0, len(alike), size):
                yield alike[start : start + size]

    def _drawing(self, request: GenerateRequest) -> Drawing:
        """Photos that cannot be read are left out; raises BadReference when none is left."""
        views, problems = [], []
        for reference in request.references:
            try:
                views.append(self._view(reference))
            except BadReference as error:
                problems.append(error)
        for problem in problems:
            log.warning("job %s: a reference is left out: %s", request.job_id, problem)
        if problems and not views:
            raise problems[0]
        best = sorted(views, key=lambda view: view.observation.quality, reverse=True)
        kept = best[: self._backbone.capabilities.references_max]
        identity = IdentityProfile(tuple(view for view in views if any(view is one for one in kept)))
        return Drawing(identity, request.prompt, request.negative_prompt, request.seed, request.settings)

    def _view(self, reference: Reference) -> View:
        image = read_photo(reference.image)
        known = _known_observation(reference)
        if known is None or (known.width, known.height) != image.size:
            known = observe(image, self._finder)
        return View(image, known)

    def _draw(self, orders: Sequence[_Order], emit: Emit, is_cancelled: IsCancelled) -> None:
        """Draws together; what fails together is drawn singly, so that each answers for itself alone."""
        turn = _Turn(orders, emit, is_cancelled, self._clock, self._preview_interval_s)
        began = self._clock()
        try:
            drawings = [order.drawing for order in orders]
            pictures = self._backbone.draw(drawings, turn.on_step)
        except Cancelled:
            return
        except Exception as error:  # the worker's edge: whatever a model raises is one job's failure, not the worker's
            failure = self._failure(orders[0].request, error)
        else:
            turn.finish(pictures, self._clock() - began, self._worker_id, self._backbone.capabilities.name)
            return
        _free_memory()
        for order in turn.live():
            if len(orders) > 1:
                self._draw([order], emit, is_cancelled)
            else:
                emit(failure)

    @staticmethod
    def _failure(request: GenerateRequest, error: Exception) -> Failure:
        """Logged with its traceback where nobody foresaw it."""
        failure = _from_error(request, error)
        unforeseen = failure.code is FailureCode.INTERNAL
        log.log(logging.ERROR if unforeseen else logging.INFO, "job failed: %s", error, exc_info=unforeseen)
        return failure


@dataclass
class _Turn:
    """One drawing of a batch: who still wants the picture, and what was told."""

    orders: Sequence[_Order]
    emit: Emit
    is_cancelled: IsCancelled
    clock: Callable[[], float]
    preview_interval_s: float
    withdrawn: set[str] = field(default_factory=set)
    preview_at: float | None = None

    def live(self) -> list[_Order]:
        """The orders not withdrawn; tells of those that have been since the last look."""
        for order in self.orders:
            job_id = order.request.job_id
            if job_id not in self.withdrawn and self.is_cancelled(job_id):
                self.withdrawn.add(job_id)
                self.emit(_failure(order.request, FailureCode.CANCELLED))
        return [order for order in self.orders if order.request.job_id not in self.withdrawn]

    def on_step(self, step: Step) -> None:
        """Raises Cancelled when nobody waits any more."""
        live = self.live()
        if not live:
            raise Cancelled("all pictures of this drawing were withdrawn")
        previews = self._previews(step)
        for order in live:
            job_id, attempt = order.request.job_id, order.request.attempt
            preview = previews.get(job_id) if order.request.preview else None
            self.emit(Progress(job_id=job_id, attempt=attempt, step=step.number, steps=step.total, preview=preview))

    def finish(self, pictures: Sequence[Image.Image], seconds: float, worker_id: str, backbone: str) -> None:
        drawn = {order.request.job_id: picture for order, picture in zip(self.orders, pictures, strict=True)}
        for order in self.live():
            picture = drawn[order.request.job_id]
            self.emit(
                Result(
                    job_id=order.request.job_id,
                    attempt=order.request.attempt,
                    worker_id=worker_id,
                    image=_encoded(picture, "PNG"),
                    width=picture.width,
                    height=picture.height,
                    seconds=seconds,
                    backbone=backbone,
                )
            )

    def _previews(self, step: Step) -> dict[str, bytes]:
        """JPEG by job; now and then only, since decoding costs time, and not for the last step: the picture is next."""
        now = self.clock()
        recently = self.preview_at is not None and now - self.preview_at < self.preview_interval_s
        if recently or step.number >= step.total or not any(order.request.preview for order in self.orders):
            return {}
        self.preview_at = now
        pictures = zip(self.orders, step.previews(), strict=True)
        return {order.request.job_id: _encoded(_small(picture), "JPEG") for order, picture in pictures}


def _known_observation(reference: Reference) -> Observation | None:
    if reference.profile is None:
        return None
    try:
        return Observation.from_bytes(reference.profile)
    except BadReference as error:
        log.warning("a stored profile cannot be read, the photo is looked at anew: %s", error)
        return None


def _small(picture: Image.Image) -> Image.Image:
    small = picture.convert("RGB")
    small.thumbnail((PREVIEW_MAX_SIDE_PX, PREVIEW_MAX_SIDE_PX))
    return small


def _encoded(picture: Image.Image, format_name: str) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format_name)
    return buffer.getvalue()


def _failure(request: GenerateRequest, code: FailureCode, detail: str = "", retry: bool = False) -> Failure:
    return Failure(job_id=request.job_id, attempt=request.attempt, code=code, detail=detail, retry=retry)


def _from_error(request: GenerateRequest, error: Exception) -> Failure:
    """Another attempt may help against what is neither the prompt's, the photo's nor the memory's fault."""
    if isinstance(error, PromptError):
        return _failure(request, FailureCode.BAD_PROMPT, str(error))
    if isinstance(error, BadReference):
        return _failure(request, FailureCode.BAD_REFERENCE, str(error))
    if _is_out_of_memory(error):
        return _failure(request, FailureCode.OUT_OF_MEMORY, str(error).partition("\n")[0])
    return _failure(request, FailureCode.INTERNAL, f"{type(error).__name__}: {error}", retry=True)


def _is_out_of_memory(error: Exception) -> bool:
    """torch says it in words: CUDA's allocator "out of memory", the CPU's "can't allocate memory"."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in said or "can't allocate memory" in said


def _free_memory() -> None:
    """What the failed drawing held is given back before the next try."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
