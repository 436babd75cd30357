"""/v1/jobs: requests pictures, streams their progress, returns, cancels and deletes them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from bot.api.access import Drawer, Reader
from bot.api.paging import Cursor, Limit, read_cursor, write_cursor, wrong_cursor
from bot.api.problems import RETRY_S, ProblemRaised
from bot.api.schemas import END_USER_PATTERN, JobOrder, JobPage, JobView, view_of
from bot.api.services import Services
from bot.db.session import id_of, is_outage
from bot.domain import JobState
from bot.errors import PictureGone
from bot.usecases.app_jobs import PICTURES_MAX, AppPictures, PictureOrder
from bot.usecases.app_limits import STREAM_RENEWAL_S, STREAMS_MAX, ApiLimits

LOOK_S = 1.0
"""The longest time in seconds between two reads of a job whose events are streamed: other processes change it too."""
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="Any text of the app's own, new for each job: a request that is sent again gives the same job.",
    ),
]
_PNG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}
}
_log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.post("", status_code=202, responses={200: {"model": JobView, "description": "It was asked for before."}})
async def order_pictures(
    order: JobOrder, client: Drawer, services: Services, response: Response, idempotency_key: IdempotencyKey = None
) -> JobView:
    """Request pictures of one end user."""
    if order.style is not None and order.style not in services.styles:
        raise ProblemRaised(409, "unknown-style", "There is no such style. See /v1/options.")
    picture_order = PictureOrder(
        **order.model_dump(exclude={"references"}), reference_ids=tuple(dict.fromkeys(order.references))
    )
    # later fields are left out unless set, so that a request repeated after an upgrade has the same hash
    joined = set() if order.image_prompt else {"image_prompt"}
    fingerprint = hashlib.sha256(order.model_dump_json(exclude=joined).encode()).digest()
    ordered, is_new = await services.jobs.order(client, picture_order, idempotency_key, fingerprint)
    if is_new:
        services.metrics.count_api_job(order.count)
    response.status_code = 202 if is_new else 200
    response.headers["Location"] = f"/v1/jobs/{ordered.job.id}"
    return view_of(ordered, services.styles)


@router.get("")
async def list_jobs(
    client: Reader,
    services: Services,
    end_user: Annotated[str | None, Query(pattern=END_USER_PATTERN)] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> JobPage:
    """The app's jobs, newest first; with `end_user`, those of one person."""
    after = read_cursor(cursor)
    row_id = None if after is None else id_of(after[1])
    if after is not None and row_id is None:
        raise wrong_cursor()
    place = None if after is None or row_id is None else (after[0], row_id)
    found = await services.jobs.list(client, end_user, place, limit)
    following = write_cursor(found[-1].job.created_at, found[-1].job.id) if len(found) == limit else None
    return JobPage(items=[view_of(each, services.styles) for each in found], next=following)


async def _own_job(job_id: UUID, client: Reader, services: Services) -> AppPictures:
    return await services.jobs.find(client, job_id)


OwnJob = Annotated[AppPictures, Depends(_own_job)]


@router.get("/{job_id}")
async def read_job(found: OwnJob, services: Services) -> JobView:
    return view_of(found, services.styles)


async def _open_stream(_found: OwnJob, client: Reader, services: Services) -> AsyncIterator[UUID]:
    """A dependency, because a refusal must precede the streamed answer. Raises ProblemRaised."""
    stream_id = await services.limits.open_stream(client.key_id)
    if stream_id is None:
        headers = {"Retry-After": str(RETRY_S)}
        title = "Too many streams of events are open."
        raise ProblemRaised(429, "too-many-streams", title, headers=headers, limit=STREAMS_MAX)
    services.metrics.note_stream(opened=True)
    keeping = asyncio.create_task(_keep_open(stream_id, client.key_id, services.limits))
    try:
        yield stream_id
    finally:
        keeping.cancel()
        services.metrics.note_stream(opened=False)
        await asyncio.wait({keeping})
        await services.limits.close_stream(stream_id)


async def _keep_open(stream_id: UUID, key_id: str, limits: ApiLimits) -> None:
    """Extends the lease of the stream until cancelled, in a task of its own, because the stream blocks while its client
    does not read."""
    while True:
        await asyncio.sleep(STREAM_RENEWAL_S)
        try:
            await limits.keep_stream(stream_id, key_id)
        except Exception as error:  # the edge of a loop that must go on
            if not is_outage(error):
                _log.exception("a stream of events could not be kept open")


OpenStream = Annotated[UUID, Depends(_open_stream)]


@router.get("/{job_id}/events", response_class=EventSourceResponse)
async def stream_events(
    found: OwnJob, client: Reader, services: Services, _stream_id: OpenStream
) -> AsyncIterator[ServerSentEvent]:
    """The job now and after each change, as events `job`; the stream ends with the job."""
    latest: JobView | None = None
    woken = services.signals.listen(repaints=True)
    try:
        while True:
            woken.clear()
            view = view_of(found, services.styles)
            if view != latest:
                yield ServerSentEvent(event="job", data=view)
                latest = view
            if found.is_over:
                return
            try:
                async with asyncio.timeout(LOOK_S):
                    await woken.wait()
            except TimeoutError:
                pass
            found = await services.jobs.find(client, found.job.id)
    except PictureGone:  # it was deleted meanwhile
        return
    finally:
        services.signals.leave(woken)


@router.get("/{job_id}/pictures/{number}", response_class=Response, responses=_PNG)
async def fetch_picture(
    job_id: UUID, number: Annotated[int, Path(ge=1, le=PICTURES_MAX)], client: Reader, services: Services
) -> Response:
    """The original PNG, with its marks: XMP, C2PA and the watermark."""
    picture, png = await services.jobs.take_png(client, job_id, number)
    if png is None:
        if picture.state == JobState.DELIVERED:
            raise ProblemRaised(410, "picture-gone", "The picture is no longer stored.")
        raise ProblemRaised(409, "no-picture", "There is no picture (yet). See the job.")
    headers = {"Cache-Control": "private, max-age=86400"}
    return Response(png, media_type="image/png", headers=headers)


@router.post("/{job_id}/cancel")
async def cancel_job(job_id: UUID, client: Drawer, services: Services) -> JobView:
    """Cancel the pictures that are not drawn yet; they cost nothing. A job that has ended is unchanged."""
    return view_of(await services.jobs.cancel(client, job_id), services.styles)


@router.delete("/{job_id}", status_code=204)
async def delete_job(job_id: UUID, client: Drawer, services: Services) -> None:
    """Delete prompt and pictures of a job that has ended."""
    if not await services.jobs.remove(client, job_id):
        raise ProblemRaised(409, "in-progress", "The job is in progress. Cancel it first.")
