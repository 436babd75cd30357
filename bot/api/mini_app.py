"""The Mini App's server: a user's pictures, the styles as pictures, and the user's photos.

Every request has Telegram's init data, whose signature identifies the user; only that user's rows are read or changed.
"""

from __future__ import annotations

import asyncio
import html
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

from aiogram.utils.web_app import safe_parse_webapp_init_data
from fastapi import APIRouter, Body, Depends, FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from PIL import Image
from pydantic import BaseModel

from bot.api.access import check_allowance
from bot.api.paging import Cursor, Limit, read_cursor, write_cursor, wrong_cursor
from bot.api.problems import RETRY_S, ProblemRaised
from bot.api.services import MiniApp, Services
from bot.db.session import id_of
from bot.db.tables import Job, User
from bot.domain import CONSENT_VERSION, ReferenceState
from bot.errors import PictureInProgress
from bot.styles import NO_STYLE
from bot.telegram.person_keyboards import person_name
from bot.telegram.picture_removal import remove_picture
from bot.telegram.refusals import NotNow, TelegramRefusal, TooFast, refusals
from bot.translator import Texts
from engine.contract import REFERENCES_MAX

PAGE = Path(__file__).with_name("page")
PRESETS = Path(__file__).parents[1] / "previews"
"""The folder of the preset pictures style-NAME.webp, made by `python -m engine presets`; a style without a picture is
shown by its emoji."""
SCHEME = "tma "
"""The authorization scheme of Mini Apps in Telegram's documentation."""
FRESH = timedelta(days=1)
"""The largest age of init data: older data may have leaked."""
SKEW = timedelta(minutes=5)
PER_MINUTE = 300
"""Requests of one user; a page of pictures takes thirteen."""
SMALL_WIDTH_PX = 360
SMALL_QUALITY = 82
KEYS = (
    "mini-app-pictures", "mini-app-favourites", "mini-app-styles", "mini-app-photos", "mini-app-no-pictures",
    "mini-app-no-favourites", "mini-app-no-photos", "mini-app-photo-pending", "mini-app-delete-photo",
    "mini-app-delete-ask", "mini-app-chosen", "mini-app-all", "mini-app-more", "mini-app-failed", "mini-app-add-photo",
    "mini-app-close", "mini-app-keep", "mini-app-favourite", "mini-app-everybody", "mini-app-no-pictures-of",
    "mini-app-delete-picture-ask", "mini-app-seed",
)  # fmt: skip
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors https://web.telegram.org https://*.telegram.org",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
router = APIRouter(prefix="/app/api", include_in_schema=False)


class Pages(StaticFiles):
    """The files of the page, and the pictures of styles."""

    async def get_response(self, path: str, scope: object) -> Response:
        response = await super().get_response(path, scope)  # type: ignore[arg-type]
        response.headers.update(HEADERS)
        return response


def mount(application: FastAPI) -> None:
    application.include_router(router)
    if PRESETS.is_dir():
        application.mount("/app/presets", Pages(directory=PRESETS))
    application.mount("/app", Pages(directory=PAGE, html=True))


def mini_app_of(services: Services) -> MiniApp:
    if services.mini_app is None:
        raise ProblemRaised(404, "not-found", "Not Found")
    return services.mini_app


async def _user(request: Request, services: Services, app: Annotated[MiniApp, Depends(mini_app_of)]) -> User:
    """The user whom Telegram names, who has agreed to the terms. Raises ProblemRaised."""
    given = request.headers.get("Authorization", "")
    try:
        data = safe_parse_webapp_init_data(app.token, given.removeprefix(SCHEME))
    except (ValueError, TypeError):  # TypeError: a hash that is not ASCII
        raise ProblemRaised(401, "no-init-data", "Telegram's init data is missing or its signature wrong.") from None
    age = datetime.now(UTC) - data.auth_date.astimezone(UTC)
    if not given.startswith(SCHEME) or data.user is None or not -SKEW <= age <= FRESH:
        raise ProblemRaised(401, "old-init-data", "Telegram's init data is too old. Open the page again.")
    await check_allowance(services.limits, f"user {data.user.id}", PER_MINUTE)
    user = await app.find_user(data.user.id)
    if user is None or user.consent_version != CONSENT_VERSION:
        language = app.language_of(data.user.language_code) if user is None else user.language
        title = html.unescape(services.translator("mini-app-start-first", language))
        raise ProblemRaised(403, "start-first", title)
    return user


Owner = Annotated[User, Depends(_user)]
App = Annotated[MiniApp, Depends(mini_app_of)]


class StyleTile(BaseModel):
    name: str
    title: str
    emoji: str
    picture: str | None


class PersonTile(BaseModel):
    id: UUID
    name: str


class Home(BaseModel):
    """The texts of the page, the styles, and the people whom the user has photos of."""

    language: str
    texts: dict[str, str]
    style: str
    styles: list[StyleTile]
    people: list[PersonTile]
    photos_max: int = REFERENCES_MAX


class PictureTile(BaseModel):
    id: UUID
    prompt: str
    style: str
    seed: str
    """A string, because JavaScript's numbers have only 53 bits."""
    favourite: bool
    created_at: datetime


class PictureTiles(BaseModel):
    items: list[PictureTile]
    next: str | None


class PhotoTile(BaseModel):
    id: UUID
    is_accepted: bool


@router.get("/home")
async def read_home(user: Owner, services: Services) -> Home:
    texts = services.translator.of(user.language)
    tiles = [
        StyleTile(name=style.name, title=style.title[user.language], emoji=style.emoji, picture=_preset(style.name))
        for style in services.styles.presets
    ]
    words = {key.removeprefix("mini-app-"): _plain(texts, key) for key in KEYS}
    people = [
        PersonTile(id=person.id, name=html.unescape(person_name(texts, person)) if person.name is None else person.name)
        for person in await services.use.people.list(user.id)
    ]
    return Home(language=user.language, texts=words, style=user.style or NO_STYLE, styles=tiles, people=people)


@router.put("/style", status_code=204)
async def choose_style(user: Owner, services: Services, name: Annotated[str, Body(embed=True, max_length=16)]) -> None:
    if name not in services.styles:
        raise ProblemRaised(409, "unknown-style", "There is no such style.")
    await services.use.choose_style(user.id, name)


@router.get("/pictures")
async def list_pictures(
    user: Owner,
    services: Services,
    app: App,
    favourites: bool = False,
    person: UUID | None = None,
    limit: Limit = 12,
    cursor: Cursor = None,
) -> PictureTiles:
    after = read_cursor(cursor)
    row_id = None if after is None else id_of(after[1])
    if after is not None and row_id is None:
        raise wrong_cursor()
    place = None if after is None or row_id is None else (after[0], row_id)
    rows = await app.list_pictures(user.id, place, limit, favourites=favourites, person_id=person)
    tiles = [
        PictureTile(
            id=job.id,
            prompt=job.prompt,
            style=services.styles[job.style].label(user.language),
            seed=str(job.seed),
            favourite=job.favourite_at is not None,
            created_at=job.created_at,
        )
        for job in rows
    ]
    following = write_cursor(rows[-1].created_at, rows[-1].id) if len(rows) == limit else None
    return PictureTiles(items=tiles, next=following)


@router.put("/pictures/{job_id}/favourite", status_code=204)
async def set_favourite(
    job_id: UUID, user: Owner, services: Services, favourite: Annotated[bool, Body(embed=True)]
) -> None:
    await services.use.set_favourite(user.id, job_id, favourite=favourite)


@router.get("/pictures/{job_id}/image")
async def read_picture(job_id: UUID, user: Owner, services: Services, app: App, small: bool = False) -> Response:
    """The PNG while it is stored, else Telegram's photo."""
    original = await services.use.take_original(user.id, job_id)
    image = original.png if original.png is not None else await _from_telegram(original.job, app)
    return await _image(image, app, small=small)


@router.delete("/pictures/{job_id}", status_code=204)
async def delete_picture(job_id: UUID, user: Owner, services: Services, app: App) -> None:
    """Delete a picture, as in the chat. 503: the picture is deleted but its message is not; repeat the request."""
    try:
        await remove_picture(app.bot, services.use, user.id, job_id, services.translator.of(user.language))
    except PictureInProgress:
        raise ProblemRaised(409, "in-progress", "The picture is in progress.") from None
    except (NotNow, TooFast):
        raise _telegram_is_away() from None


@router.get("/photos")
async def list_photos(user: Owner, app: App) -> list[PhotoTile]:
    return [
        PhotoTile(id=photo.id, is_accepted=photo.state == ReferenceState.ACCEPTED)
        for photo in await app.list_references(user.id)
        if photo.state != ReferenceState.REJECTED
    ]


@router.get("/photos/{photo_id}/image")
async def read_photo(photo_id: UUID, user: Owner, app: App) -> Response:
    image = await app.read_reference(user.id, photo_id)
    if image is None:
        raise ProblemRaised(404, "not-found", "There is no such photo.")
    return await _image(image, app, small=True)


@router.delete("/photos/{photo_id}", status_code=204)
async def delete_photo(photo_id: UUID, user: Owner, services: Services) -> None:
    await services.use.delete_photo(user.id, photo_id)


async def _from_telegram(job: Job, app: MiniApp) -> bytes:
    gone = ProblemRaised(410, "picture-gone", "The picture is no longer stored.")
    if job.result_file_id is None:
        raise gone
    buffer = io.BytesIO()
    try:
        async with app.downloads:
            with refusals():
                await app.bot.download(job.result_file_id, destination=buffer)
    except (NotNow, TooFast):
        raise _telegram_is_away() from None
    except TelegramRefusal:
        raise gone from None
    return buffer.getvalue()


def _telegram_is_away() -> ProblemRaised:
    headers = {"Retry-After": str(RETRY_S)}
    return ProblemRaised(503, "unavailable", "Telegram is away. Try again.", headers=headers)


async def _image(content: bytes, app: MiniApp, *, small: bool) -> Response:
    kind = "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
    if small:
        async with app.decodings:
            content, kind = await asyncio.to_thread(_small, content), "image/webp"
    headers = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=kind, headers=headers)


def _small(content: bytes) -> bytes:
    """A small WebP of one of our own pictures or normalised photos, which are trusted."""
    with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as picture:
        rgb = picture.convert("RGB")
    rgb.thumbnail((SMALL_WIDTH_PX, 4 * SMALL_WIDTH_PX), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    rgb.save(written, "WEBP", quality=SMALL_QUALITY)
    return written.getvalue()


def _preset(name: str) -> str | None:
    file = f"style-{name}.webp"
    return f"presets/{file}" if (PRESETS / file).is_file() else None


def _plain(texts: Texts, key: str) -> str:
    return html.unescape(texts(key, limit=REFERENCES_MAX) if key == "mini-app-add-photo" else texts(key))
