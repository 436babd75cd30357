"""/admin on the chat page in a real Chromium, at a phone's width, light and dark."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from playwright.async_api import Page, async_playwright, expect

from bot.db.tables import Job, User
from bot.domain import JobState
from tests.page_pictures import FOLDER, keep

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
CALM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PATIENCE_MS = 180_000
WIDTH_PX, HEIGHT_PX = 390, 780
ENDS = [JobState.DELIVERED] * 8 + [JobState.CANCELLED, JobState.FAILED]
HOURLY = (1, 0, 0, 0, 1, 2, 4, 6, 5, 7, 9, 8, 10, 9, 12, 11, 14, 16, 18, 15, 12, 8, 5, 3)
Look = Literal["light", "dark"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium, or set $CHROMIUM"),
]


async def fill(chat: Any) -> None:
    """A day of pictures, most of them delivered."""
    now, number = datetime.now(UTC), 0
    async with chat.sessions.begin() as session:
        for user_id in range(1, 13):
            session.add(User(id=user_id, language="en", created_at=now - timedelta(hours=2 * user_id)))
        await session.flush()
        for hour, count in enumerate(HOURLY):
            for _ in range(count):
                number += 1
                state = ENDS[number % len(ENDS)]
                created_at = now - timedelta(hours=23 - hour, minutes=number % 50)
                started = created_at + timedelta(seconds=number % 9) if state == JobState.DELIVERED else None
                session.add(
                    Job(
                        idempotency_key=str(number), user_id=1 + number % 12, chat_id=1, reference_ids=[], prompt="x",
                        seed=1, style=("none", "beach", "sketch", "film")[number % 4], state=state,
                        created_at=created_at, started_at=started,
                        finished_at=started and started + timedelta(seconds=9 + number % 5),
                        seconds=9.0 + number % 5 if started else None, closed_at=now,
                        failure=("internal", "refused_prompt")[number // 10 % 2] if state == JobState.FAILED else None,
                    )
                )  # fmt: skip


async def screenshots(page: Page, chat: Any) -> list[bytes]:
    """The home of /admin, then a day's statistics."""
    await chat.boss.send_text("/admin")
    await chat.settled()
    await page.goto(f"{chat.api.url}/#{chat.boss.user_id}")
    last = page.locator(".bubble").last
    await expect(last.locator(".key")).to_have_count(6, timeout=PATIENCE_MS)
    shots = [await _fitting(page)]
    await last.locator(".key").first.click()
    await expect(last.locator("img")).to_be_visible(timeout=PATIENCE_MS)
    await page.wait_for_function("[...document.querySelectorAll('.bubble img')].every((image) => image.naturalWidth)")
    await expect(last.locator(".key")).to_have_count(6)
    await last.locator("img").evaluate("(image) => image.scrollIntoView({ block: 'start', behavior: 'instant' })")
    return [*shots, await _fitting(page)]


async def _fitting(page: Page) -> bytes:
    """Nothing is wider than the phone, and no button's text is cut off. Empty unless the screens are kept."""
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.evaluate(
        "[...document.querySelectorAll('.key')].every((key) => key.scrollWidth <= key.offsetWidth)"
    )
    if not FOLDER:
        return b""
    await page.wait_for_timeout(600)  # for what moves to come to rest
    return await page.screenshot()


async def test_an_admins_chat_fits_a_phone_in_light_and_dark(chat: Any) -> None:
    """With $DOC_PICTURES the screens are kept for the documentation."""
    await fill(chat)
    complaints: list[str] = []
    shots: list[bytes] = []
    looks: tuple[Look, Look] = ("light", "dark")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CALM, timeout=PATIENCE_MS)
        for look in looks:
            size = {"width": WIDTH_PX, "height": HEIGHT_PX}
            sharp = 2 if FOLDER else 1  # drawing is most of the time
            page = await browser.new_page(viewport=size, device_scale_factor=sharp, color_scheme=look)  # type: ignore[arg-type]
            page.set_default_timeout(PATIENCE_MS)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            shots += await screenshots(page, chat)
            await page.close()
        await browser.close()
    assert not complaints
    keep("admin", [shots[0], shots[1], shots[3]])
