"""/v1/end-users: consent, photos, image prompt, a copy of all data, and deletion, per end user."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from bot.api.access import Keeper, Reader
from bot.api.paging import Cursor, Limit, read_cursor, write_cursor, wrong_cursor
from bot.api.problems import ProblemRaised, photo_problem
from bot.api.schemas import (
    END_USER_PATTERN,
    RULES,
    ConsentDeclaration,
    EndUserPage,
    EndUserView,
    PersonChoice,
    ReferencePage,
    ReferenceView,
)
from bot.api.services import ApiServices, Services
from bot.db.tables import Reference, User
from bot.domain import ReferenceState
from bot.photos import NormalPhoto, Refusal
from bot.usecases.apps import ApiClient
from bot.usecases.end_users import reference_of
from engine.contract import Verdict

EndUser = Annotated[str, Path(pattern=END_USER_PATTERN, description="The app's own name for the person.")]
_UPLOAD = {
    "requestBody": {
        "required": True,
        "description": "A photo: JPEG, PNG, WebP, HEIF or AVIF; at most 20 MB. The bytes decide, not the type.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
UPLOAD_S: Final = 120.0
"""Seconds after which an upload is cut off, to free its place in memory."""
router = APIRouter(prefix="/v1/end-users", tags=["end users"])


@router.get("")
async def list_end_users(client: Reader, services: Services, limit: Limit = 20, cursor: Cursor = None) -> EndUserPage:
    """The app's end users, newest first."""
    after = read_cursor(cursor)
    if after is not None and not after[1].isdecimal():
        raise wrong_cursor()
    place = None if after is None else (after[0], int(after[1][:19]))
    rows = await services.end_users.list(client, place, limit)
    following = write_cursor(rows[-1].created_at, rows[-1].id) if len(rows) == limit else None
    counts = await services.end_users.count_references([row.id for row in rows])
    return EndUserPage(items=[_view(row, counts) for row in rows], next=following)


@router.put("/{end_user}", responses={201: {"model": EndUserView, "description": "They are new."}})
async def declare_consent(
    end_user: EndUser, declaration: ConsentDeclaration, client: Keeper, services: Services, response: Response
) -> EndUserView:
    """Declare that the person agrees to the terms. Photos and jobs require it. The history of consents is kept."""
    user, is_new = await services.end_users.agree(client, end_user, declaration.consent_version, declaration.language)
    response.status_code = 201 if is_new else 200
    return _view(user, await services.end_users.count_references([user.id]))


@router.get("/{end_user}")
async def read_end_user(end_user: EndUser, client: Reader, services: Services) -> EndUserView:
    user = await services.end_users.find(client, end_user)
    return _view(user, await services.end_users.count_references([user.id]))


@router.delete("/{end_user}", status_code=204)
async def delete_end_user(end_user: EndUser, client: Keeper, services: Services) -> None:
    """Delete all data of the person, and cancel their jobs."""
    await services.end_users.delete(client, end_user)


@router.get(
    "/{end_user}/export",
    response_class=Response,
    responses={200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def export_end_user(
    end_user: EndUser, client: Keeper, services: Services, part: Annotated[int, Query(ge=1, le=100)] = 1
) -> Response:
    """A copy of all data of the person, as a zip file; a large one has several parts, counted from 1."""
    user = await services.end_users.find(client, end_user)
    readme = services.translator("export-readme", user.language)
    async with services.exports:
        parts = await services.use.export_data(user.id, readme)
    if part > len(parts):
        raise ProblemRaised(404, "no-such-part", "The copy has fewer parts.", parts=len(parts))
    return Response(parts[part - 1].content, media_type="application/zip")


@router.post(
    "/{end_user}/references",
    status_code=202,
    responses={200: {"model": ReferenceView, "description": "The same photo is kept already."}},
    openapi_extra=_UPLOAD,
)
async def add_reference(
    end_user: EndUser, request: Request, client: Keeper, services: Services, response: Response
) -> ReferenceView:
    """Add a photo of the person. Poll it until a worker has given its verdict; a job may be requested before."""
    user = await services.end_users.find(client, end_user, consenting=True)
    photo = await _uploaded(request, services)
    added = await services.end_users.add_reference(user.id, photo)
    if isinstance(added, Refusal):
        raise photo_problem(added)
    reference, is_new = added
    services.signals.wake()
    response.status_code = 202 if is_new else 200
    return _reference_view(reference)


@router.get("/{end_user}/references")
async def list_references(end_user: EndUser, client: Reader, services: Services) -> ReferencePage:
    """All photos of the person, oldest first."""
    user = await services.end_users.find(client, end_user)
    rows = await services.end_users.list_references(user.id)
    return ReferencePage(items=[_reference_view(row) for row in rows])


@router.get("/{end_user}/references/{reference_id}")
async def read_reference(end_user: EndUser, reference_id: UUID, client: Reader, services: Services) -> ReferenceView:
    return _reference_view(await _reference(client, services, end_user, reference_id))


@router.put("/{end_user}/references/{reference_id}/person")
async def choose_person(
    end_user: EndUser, reference_id: UUID, choice: PersonChoice, client: Keeper, services: Services
) -> ReferenceView:
    """Choose one of several people on the photo; the photo is examined again."""
    reference = await _reference(client, services, end_user, reference_id)
    chosen = await services.use.choose_person(reference.user_id, reference_id, choice.number)
    if chosen is None:
        raise ProblemRaised(409, "no-such-person", "There is no such person to choose on the photo.")
    return _reference_view(await _reference(client, services, end_user, reference_id))


@router.delete("/{end_user}/references/{reference_id}", status_code=204)
async def delete_reference(end_user: EndUser, reference_id: UUID, client: Keeper, services: Services) -> None:
    reference = await _reference(client, services, end_user, reference_id)
    await services.end_users.remove_reference(client, reference.user_id, reference_id)


@router.put("/{end_user}/image-prompt", status_code=204, openapi_extra=_UPLOAD)
async def keep_image_prompt(end_user: EndUser, request: Request, client: Keeper, services: Services) -> None:
    """Set the image prompt, whose style jobs with `image_prompt` follow. It replaces the earlier one, which jobs in
    progress keep."""
    user = await services.end_users.find(client, end_user, consenting=True)
    await services.end_users.keep_image_prompt(user.id, await _uploaded(request, services))


@router.delete("/{end_user}/image-prompt", status_code=204)
async def delete_image_prompt(end_user: EndUser, client: Keeper, services: Services) -> None:
    user = await services.end_users.find(client, end_user)
    await services.end_users.remove_image_prompt(client, user.id)


async def _uploaded(request: Request, services: ApiServices) -> NormalPhoto:
    """The photo in the body of the request. Raises ProblemRaised."""
    async with services.uploads:
        try:
            async with asyncio.timeout(UPLOAD_S):
                content = await request.body()
        except TimeoutError:
            raise ProblemRaised(408, "too-slow", "The photo took too long to arrive.") from None
        photo = await services.decode(content)
    if isinstance(photo, Refusal):
        raise photo_problem(photo)
    return photo


async def _reference(client: ApiClient, services: ApiServices, end_user: str, reference_id: UUID) -> Reference:
    """A photo of the app's own end user. Raises ProblemRaised."""
    user = await services.end_users.find(client, end_user)
    reference = reference_of(await services.end_users.list_references(user.id), reference_id)
    if reference is None:
        raise ProblemRaised(404, "not-found", "There is no such photo of this person.")
    return reference


def _view(user: User, counts: Mapping[int, int]) -> EndUserView:
    return EndUserView(
        end_user=user.app_user or "",
        language=user.language,
        consent_version=user.consent_version,
        consent_at=user.consent_at,
        references=counts.get(user.id, 0),
        created_at=user.created_at,
    )


def _reference_view(row: Reference) -> ReferenceView:
    verdict = Verdict(row.verdict) if row.verdict in tuple(Verdict) else None
    is_refused = row.state == ReferenceState.REJECTED
    return ReferenceView(
        id=row.id,
        state=ReferenceState(row.state),
        verdict=verdict,
        rule=RULES.get(verdict) if is_refused and verdict is not None else None,
        hints=(row.hints or "").split(),
        quality=row.quality,
        people=row.boxes or [],
        created_at=row.created_at,
    )
