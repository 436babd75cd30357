"""The Mini App's page in a real Chromium, at a phone's width. $MINI_APP_SHOTS names a folder for screenshots."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import skimage.data
from PIL import Image, ImageOps
from playwright.async_api import ConsoleMessage, Page, async_playwright, expect
from sqlalchemy import select, update

from bot.api import mini_app
from bot.db.person_tables import Person
from bot.db.tables import Job, Reference, User
from bot.domain import CONSENT_VERSION, JobState, ReferenceState
from tests.page_pictures import FOLDER, keep

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
SHOTS = os.environ.get("MINI_APP_SHOTS")
CALM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PATIENCE_MS = 60_000
USER = 11
NOW, MINUTE = datetime.now(UTC), timedelta(minutes=1)
LIGHT, DARK = "#ffffff", "#17212b"
expect.set_options(timeout=PATIENCE_MS)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium, or set $CHROMIUM"),
]


def encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, compress_level=1)  # the fastest PNG compression
    return buffer.getvalue()


@pytest.fixture
async def server(open_mini_app: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A user with five pictures (the newest a favourite, two of Boris), two photos, and pictures of styles."""
    portrait = Image.fromarray(skimage.data.astronaut()).crop((60, 0, 400, 510))
    presets = tmp_path / "presets"
    presets.mkdir()
    for number, name in enumerate(("none", "studio", "film", "sketch", "watercolor")):
        ImageOps.posterize(portrait, 8 - number).resize((240, 360)).save(presets / f"style-{name}.webp")
    monkeypatch.setattr(mini_app, "PRESETS", presets)
    world = await open_mini_app()
    async with world.sessions.begin() as session:
        session.add(User(id=USER, language="en", consent_version=CONSENT_VERSION, style="film"))
        await session.flush()
        boris = uuid4()
        session.add(Person(user_id=USER, chosen_at=NOW, created_at=NOW))
        session.add(Person(id=boris, user_id=USER, name="Boris <b>", chosen_at=NOW - MINUTE, created_at=NOW + MINUTE))
        for number, prompt in enumerate(("in a forest", "on a beach at dawn", "in a library", "in space", "in Paris")):
            picture = ImageOps.solarize(portrait, 40 + 50 * number).resize((512, 768))
            session.add(
                Job(
                    idempotency_key=str(number), user_id=USER, chat_id=USER, reference_ids=[], prompt=prompt, seed=7,
                    style="film", state=JobState.DELIVERED, result=encoded(picture, "PNG"), result_file_id="x",
                    created_at=NOW - (10 - number) * MINUTE, person_id=boris if number in (1, 2) else None,
                )
            )  # fmt: skip
            await session.flush()
        for number, state in enumerate((ReferenceState.ACCEPTED, ReferenceState.PENDING)):
            photo = encoded(ImageOps.mirror(portrait) if number else portrait, "JPEG")
            session.add(
                Reference(
                    user_id=USER, chat_id=USER, message_id=number, state=state, image=photo, width=340, height=510,
                    sha256=str(number),
                )
            )  # fmt: skip
    return world


@pytest.fixture
async def gallery(open_mini_app: Any) -> Any:
    """A user whose pictures are the previews of styles, which the included model drew from one photo."""
    world = await open_mini_app()
    previews = sorted(mini_app.PRESETS.glob("style-*.webp"))
    async with world.sessions.begin() as session:
        session.add(User(id=USER, language="en", consent_version=CONSENT_VERSION, style="beach"))
        await session.flush()
        for number, file in enumerate(previews):
            with Image.open(file) as preview:
                picture = encoded(preview.convert("RGB").resize((512, 768), Image.Resampling.LANCZOS), "PNG")
            session.add(
                Job(
                    idempotency_key=file.name, user_id=USER, chat_id=USER, reference_ids=[], prompt="standing, smiling",
                    seed=7, style=file.stem.removeprefix("style-"), state=JobState.DELIVERED, result=picture,
                    result_file_id="x", favourite_at=NOW if number % 4 == 1 else None,
                    created_at=NOW - (1 + number) * MINUTE,
                )
            )  # fmt: skip
            await session.flush()
        photo = Image.fromarray(skimage.data.astronaut()).crop((60, 0, 400, 510))
        session.add(
            Reference(
                user_id=USER, chat_id=USER, message_id=1, state=ReferenceState.ACCEPTED, image=encoded(photo, "JPEG"),
                width=340, height=510, sha256="1",
            )
        )  # fmt: skip
    return world


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page at a phone's width; errors of the page fail the test."""
    complaints: list[str] = []

    def note(line: ConsoleMessage) -> None:
        if line.type == "error" and "status of 401" not in line.text:
            complaints.append(line.text)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CALM, timeout=PATIENCE_MS)
        sharp = 2 if SHOTS or FOLDER else 1  # drawing is most of the time
        page = await browser.new_page(viewport={"width": 390, "height": 780}, device_scale_factor=sharp)
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", note)
        yield page
        await browser.close()
    assert not complaints


def address(world: Any, data: str, background: str) -> str:
    theme = quote(json.dumps({"bg_color": background}))
    return f"{world.url}/app/#tgWebAppData={quote(data)}&tgWebAppVersion=9.0&tgWebAppThemeParams={theme}"


async def shoot(page: Page, name: str) -> None:
    if SHOTS:
        await page.wait_for_timeout(600)
        await page.screenshot(path=Path(SHOTS) / f"{name}.png")


async def loaded(page: Page, images: str) -> None:
    """All images of a selector are shown."""
    await page.wait_for_function(
        "(s) => { const all = [...document.querySelectorAll(s)];"
        " return all.length && all.every((image) => image.complete && image.naturalWidth); }",
        arg=images,
    )


@pytest.mark.parametrize(("language", "background"), [("en", LIGHT), ("ru", DARK)])
async def test_pictures_styles_and_photos_on_a_phone(
    server: Any, page: Page, init_data: Callable[..., str], language: str, background: str
) -> None:
    async with server.sessions.begin() as session:
        await session.execute(update(User).where(User.id == USER).values(language=language))
    words = {"en": ("Pictures", "Styles", "My photos"), "ru": ("Картинки", "Стили", "Мои фото")}[language]
    first_person = {"en": "You", "ru": "Вы"}[language]
    none_of = {"en": "No pictures of this person yet.", "ru": "С этим человеком картинок пока нет."}[language]
    shot = f"mini-app-{language}"
    await page.goto(address(server, init_data(USER), background))

    tiles = page.locator("#picture-tiles .tile")
    await expect(tiles).to_have_count(5, timeout=PATIENCE_MS)
    await expect(page.locator("#tabs button")).to_have_text([f"🖼{words[0]}", f"🎨{words[1]}", f"👤{words[2]}"])
    await expect(page.locator("html")).to_have_attribute("data-theme", "light" if background == LIGHT else "dark")
    await loaded(page, "#picture-tiles img")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await tiles.first.click()
    await loaded(page, "#full")
    await expect(page.locator("#about")).to_contain_text("in Paris")
    await expect(page.locator("#seed")).to_have_text({"en": "seed 7", "ru": "сид 7"}[language])
    await page.locator("#favourite").click()
    await expect(page.locator("#favourite")).to_have_attribute("aria-pressed", "true")
    await shoot(page, f"{shot}-picture")
    await page.locator("#close").click()
    await expect(tiles.first.locator(".star")).to_be_visible()
    await shoot(page, f"{shot}-pictures")
    await page.locator("#favourites").click()
    await expect(tiles).to_have_count(1)
    await page.locator("#all").click()
    await expect(tiles).to_have_count(5)

    people = page.locator("#people button")
    await expect(people).to_have_text([{"en": "Everybody", "ru": "Все люди"}[language], first_person, "Boris <b>"])
    await people.last.click()
    await expect(tiles).to_have_count(2)
    await expect(people.last).to_have_attribute("aria-pressed", "true")
    await loaded(page, "#picture-tiles img")
    await shoot(page, f"{shot}-person")
    await people.nth(1).click()
    await expect(page.locator("#notice")).to_have_text(none_of)
    await people.last.click()
    await expect(tiles).to_have_count(2)

    for answer, left in (("#no", 2), ("#yes", 1)):
        await tiles.first.click()
        await page.locator("#delete-picture").click()
        await expect(page.locator("#ask")).to_contain_text({"en": "this picture", "ru": "эту картинку"}[language])
        await shoot(page, f"{shot}-delete")
        await page.locator(answer).click()
        if answer == "#no":
            await page.locator("#close").click()
        await expect(tiles).to_have_count(left)
    await expect(page.locator("#viewer")).to_be_hidden()
    async with server.sessions() as session:
        removed = select(Job.idempotency_key, Job.prompt, Job.result).where(Job.removed_at.is_not(None))
        assert (await session.execute(removed)).all() == [("2", "", None)]

    await page.locator("#tab-styles").click()
    chosen = page.locator("#style-tiles [aria-pressed=true]")
    await expect(chosen).to_have_count(1)
    await loaded(page, "#style-tiles img")
    await shoot(page, f"{shot}-styles")
    await page.locator("#style-tiles .tile").nth(3).click()
    await expect(page.locator("#style-tiles .tile").nth(3)).to_have_attribute("aria-pressed", "true")
    async with server.sessions() as session:
        assert await session.scalar(select(User.style).where(User.id == USER)) == "sketch"

    await page.locator("#tab-photos").click()
    photos = page.locator("#photo-tiles .tile")
    await expect(photos).to_have_count(2)
    await loaded(page, "#photo-tiles img")
    await shoot(page, f"{shot}-photos")
    await photos.last.locator(".remove").click()
    await expect(page.locator("#question")).to_be_visible()
    await shoot(page, f"{shot}-question")
    await page.locator("#no").click()
    await expect(photos).to_have_count(2)
    await photos.last.locator(".remove").click()
    await page.locator("#yes").click()
    await expect(photos).to_have_count(1)
    async with server.sessions() as session:
        assert len(list(await session.scalars(select(Reference.id)))) == 1


async def test_without_telegram_the_page_says_where_to_open_it(server: Any, page: Page) -> None:
    await page.goto(f"{server.url}/app/")
    await expect(page.locator("#notice")).to_contain_text("Telegram", timeout=PATIENCE_MS)
    await expect(page.locator("#tabs")).to_be_hidden()


CONTRAST = """([ink, ground]) => {
  const style = getComputedStyle(document.documentElement);
  const light = (name) => {
    const box = Object.assign(document.createElement("i"), { style: `color: ${style.getPropertyValue(name)}` });
    document.body.append(box);
    const color = getComputedStyle(box).color; // rgb(), or color(srgb …) for a mixture
    const whole = color.startsWith("rgb") ? 255 : 1;
    const parts = color.match(/[0-9.]+/g).slice(0, 3).map((part) => part / whole);
    box.remove();
    const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [light(ink), light(ground)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}"""
WHOLE = """(images) => images.every((image) =>
    Math.abs(image.clientWidth * image.naturalHeight / (image.clientHeight * image.naturalWidth) - 1) < 0.03)"""
"""Pictures of people are shown from head to toe."""
LEGIBLE = 4.5
"""The least contrast of text (WCAG 2.2, AA)."""


async def test_light_and_dark_fit_a_phone_and_are_legible(
    gallery: Any, page: Page, init_data: Callable[..., str]
) -> None:
    """With $DOC_PICTURES the screens are stored for the documentation."""
    shots: dict[str, bytes] = {}
    for look, background in (("light", LIGHT), ("dark", DARK)):
        await page.goto("about:blank")  # a new fragment alone would not reload the page
        await page.goto(address(gallery, init_data(USER), background))
        await expect(page.locator("#picture-tiles .tile")).to_have_count(12)
        for ink in ("--ink", "--ink-soft", "--accent", "--danger"):
            for ground in ("--panel", "--panel-raised"):
                assert await page.evaluate(CONTRAST, [ink, ground]) >= LEGIBLE, (look, ink, ground)
        for ink, ground in (("--accent-ink", "--accent"), ("--accent-text", "--accent-tint")):
            assert await page.evaluate(CONTRAST, [ink, ground]) >= LEGIBLE, (look, ink, ground)
        for tab in ("pictures", "styles", "photos"):
            await page.locator(f"#tab-{tab}").click()
            await loaded(page, f"#{tab} img")
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (look, tab)
            if tab == "styles":
                assert await page.locator("#styles img").evaluate_all(WHOLE), (look, "cut off")
            if FOLDER:
                await page.wait_for_timeout(400)
                shots[f"{look} {tab}"] = await page.screenshot()
        await page.locator("#tab-pictures").click()
        await page.locator("#picture-tiles .tile").first.click()
        await loaded(page, "#full")
        box = await page.locator("#viewer").bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["height"] <= 780
        heights = await page.locator("#viewer .key").evaluate_all("(keys) => keys.map((key) => key.offsetHeight)")
        assert set(heights) == {44}, "each in one line"
        if FOLDER:
            shots[f"{look} picture"] = await page.screenshot()
    if FOLDER:
        keep("mini_app", [shots[name] for name in ("light pictures", "light picture", "dark styles")])
