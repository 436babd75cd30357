"""The chat page in a real Chromium. Needs Debian's package: apt-get install chromium (or $CHROMIUM names a binary)."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.filters import Command, CommandStart
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    CallbackQuery,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    LabeledPrice,
    Message,
    PreCheckoutQuery,
)
from playwright.async_api import ConsoleMessage, Page, Route, async_playwright, expect

from bot.local.botapi import ANNA_ID, BEN_ID, GROUP_ID, LocalBotAPI, Person

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
CALM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium, or set $CHROMIUM")

DROP = """([base64, name, type]) => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type }));
    for (const kind of ["dragenter", "dragover", "drop"])
        document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page whose own errors fail the test."""
    complaints: list[str] = []

    def note(line: ConsoleMessage) -> None:
        if line.type == "error" and "net::ERR_" not in line.text:
            complaints.append(line.text)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CALM)
        page = await browser.new_page(viewport={"width": 1100, "height": 800})
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", note)
        yield page
        await browser.close()
    assert not complaints


@pytest.fixture
async def echo(bot: Bot, picture: Callable[..., bytes]) -> AsyncIterator[Bot]:
    """A small bot: repeats text with a button, shows progress, counts photos."""
    dispatcher = Dispatcher()

    @dispatcher.message(CommandStart())
    async def start(message: Message) -> None:
        await message.answer("Hello, <b>you</b>", parse_mode="HTML")

    @dispatcher.message(Command("draw"))
    async def draw(message: Message) -> None:
        status = await message.answer("Waiting in line")
        photo = BufferedInputFile(picture(128, 192), "p.png")
        await status.edit_media(InputMediaPhoto(media=photo, caption="Finished drawing"))

    @dispatcher.message(Command("ask"))
    async def ask(message: Message) -> None:
        await message.answer("What exactly?", reply_markup=ForceReply())

    @dispatcher.message(F.text)
    async def repeat(message: Message) -> None:
        rows = [[InlineKeyboardButton(text=text, callback_data=text) for text in ("Toast", "Alert")]]
        await message.answer(f"You said {message.text}", reply_markup=InlineKeyboardMarkup(inline_keyboard=rows))

    @dispatcher.message(F.photo)
    async def photo(message: Message) -> None:
        assert message.photo
        await message.reply(f"A photo of {message.photo[-1].width} px: {message.caption}")

    @dispatcher.message(F.document)
    async def document(message: Message) -> None:
        assert message.document
        await message.answer(f"A file: {message.document.file_name}")

    @dispatcher.callback_query()
    async def pressed(query: CallbackQuery) -> None:
        await query.answer(f"{query.data} it is", show_alert=query.data == "Alert")

    await bot.set_my_commands([BotCommand(command="draw", description="Draw something")])
    polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False, polling_timeout=5))
    yield bot
    await dispatcher.stop_polling()
    await polling


async def say(page: Page, text: str) -> None:
    await page.fill("#text", text)
    await page.press("#text", "Enter")


async def drop(page: Page, content: bytes, name: str, kind: str = "image/png") -> None:
    await page.evaluate(DROP, [base64.b64encode(content).decode(), name, kind])


async def test_a_conversation_by_hand(
    page: Page, api: LocalBotAPI, echo: Bot, picture: Callable[..., bytes], tmp_path: Path
) -> None:
    await page.goto(f"{api.url}/")
    bubbles = page.locator(".bubble")
    await page.click("#begin")
    await expect(bubbles.last.locator(".text b")).to_have_text("you")
    assert await page.evaluate("(field => field.scrollHeight <= field.offsetHeight)(document.querySelector('#text'))")

    await say(page, "hi <i>there</i>")
    await expect(bubbles.last.locator(".text")).to_have_text("You said hi <i>there</i>")
    await expect(page.locator(".bubble.mine").last.locator(".text")).to_have_text("hi <i>there</i>")
    await page.click(".key:has-text('Toast')")
    await expect(page.locator("#toast")).to_have_text("Toast it is")
    await page.click(".key:has-text('Alert')")
    await expect(page.locator("#alert p")).to_have_text("Alert it is")
    await page.click("#alert button")

    await page.fill("#text", "/d")
    await page.click("#commands button")
    await expect(bubbles.last.locator(".text")).to_have_text("Finished drawing")
    await expect(bubbles.last.locator(".tile img")).to_be_visible()
    await expect(bubbles.last.locator(".foot")).to_contain_text("изменено")
    await bubbles.last.locator(".tile").click()
    await expect(page.locator("#viewer")).to_be_visible()
    await page.click("#viewer")

    await drop(page, picture(300, 200), "me.png")
    await expect(page.locator("#attachments figure")).to_have_count(1)
    await page.screenshot(path=tmp_path / "page.png")
    await say(page, "that is me")
    await expect(bubbles.last.locator(".text")).to_have_text("A photo of 300 px: that is me")
    await expect(page.locator("#attachments")).to_be_hidden()

    await page.click(f".chat[data-chat='{GROUP_ID}']")
    await expect(page.locator(".bubble")).to_have_count(0)
    await page.click(".chat:has-text('Ben')")
    await expect(page.locator("#begin")).to_have_text("Start")
    await page.click("#begin")
    await expect(bubbles).to_have_count(2)
    await page.click("#block")
    await expect(page.locator("#begin")).to_have_text("Unblock bot")


async def test_an_empty_chat_shows_the_description(page: Page, api: LocalBotAPI, echo: Bot) -> None:
    await echo.set_my_description("I repeat what you say")
    await page.goto(f"{api.url}/#{BEN_ID}")
    await expect(page.locator(".hint.about")).to_have_text("I repeat what you say")
    await page.click("#begin")
    await expect(page.locator(".bubble")).to_have_count(2)
    await expect(page.locator(".hint.about")).to_have_count(0)


async def test_a_forced_reply_opens_the_field(page: Page, api: LocalBotAPI, echo: Bot, anna: Person) -> None:
    """Also where the question comes before the server confirms the message that asked for it."""

    async def confirm_late(route: Route) -> None:
        response = await route.fetch()
        if route.request.method == "POST" and route.request.post_data_json["text"] == "/ask":
            await expect(question).to_contain_text("What exactly?")
        await route.fulfill(response=response)

    question = page.locator("#context span")
    await page.route("**/messages", confirm_late)
    await page.goto(f"{api.url}/#{ANNA_ID}")
    await expect(page.locator(".bubble")).to_have_count(2)
    async with page.expect_response(lambda response: response.request.method == "POST"):
        await say(page, "/ask")
    await say(page, "that")
    await anna.wait_for(lambda message: message.text == "You said that")
    answers = [message for message in await anna.transcript() if message.text == "that"]
    questions = [message for message in await anna.transcript() if message.force_reply]
    assert [message.reply_to for message in answers] == [message.id for message in questions]


async def test_files_albums_edits_and_deletions(
    page: Page, api: LocalBotAPI, echo: Bot, anna: Person, picture: Callable[..., bytes]
) -> None:
    await page.goto(f"{api.url}/#{ANNA_ID}")
    bubbles = page.locator(".bubble")
    await expect(bubbles).to_have_count(2)

    await drop(page, picture(60, 60), "one.png")
    await drop(page, picture(80, 60), "two.png")
    await page.click("#send")
    await expect(page.locator(".bubble.mine .tiles[data-count='2'] .tile")).to_have_count(2)
    await expect(page.locator(".bubble.bot")).to_have_count(3)

    await drop(page, b"<script>alert(1)</script>", "<img src=x onerror=alert(1)>.html", "text/html")
    await expect(page.locator("#as-file")).to_be_checked()
    await page.click("#send")
    await expect(page.locator(".file b")).to_have_text("<img src=x onerror=alert(1)>.html")

    await say(page, "first")
    await expect(page.locator(".key")).to_have_count(2)
    mine = page.locator(".bubble.mine").last
    await mine.locator(".body").click(button="right")
    await page.click("#menu button:has-text('Изменить')")
    await say(page, "second")
    await expect(mine.locator(".text")).to_have_text("second")
    count = await page.locator(".bubble.mine").count()
    await mine.locator(".body").click(button="right")
    await page.click("#menu button:has-text('Удалить')")
    await expect(page.locator(".bubble.mine")).to_have_count(count - 1)


async def test_a_protected_message_is_neither_copied_nor_forwarded(
    page: Page, api: LocalBotAPI, bot: Bot, anna: Person
) -> None:
    await page.goto(f"{api.url}/#{ANNA_ID}")
    await bot.send_message(ANNA_ID, "closed", protect_content=True)
    await bot.send_message(ANNA_ID, "open")
    bubbles = page.locator(".bubble.bot")
    await expect(bubbles).to_have_count(2)
    for number, (text, copied) in enumerate((("closed", ""), ("open", "open"))):
        bubble = bubbles.nth(number)
        await expect(bubble.locator(".text")).to_have_text(text)
        await bubble.locator(".text").dblclick()
        assert await page.evaluate("getSelection().toString().trim()") == copied
        await bubble.locator(".body").click(button="right")
        await expect(page.locator("#menu button:has-text('Переслать')")).to_have_count(number)
        await page.keyboard.press("Escape")


async def test_hostile_text_stays_text_on_a_narrow_screen(
    page: Page, api: LocalBotAPI, bot: Bot, anna: Person, tmp_path: Path
) -> None:
    await page.set_viewport_size({"width": 390, "height": 760})
    await page.goto(f"{api.url}/#{ANNA_ID}")
    hostile = "<img src=x onerror=alert(1)> javascript:alert(1) \u202eright"
    await bot.send_message(ANNA_ID, hostile)
    await bot.send_message(ANNA_ID, '<a href="javascript:alert(1)">no link</a>', parse_mode="HTML")
    await expect(page.locator(".bubble .text").nth(1)).to_have_text(hostile)
    assert await page.locator(".text a[href^='javascript']").count() == 0
    assert await page.locator(".text img").count() == 0
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    await page.click("#back")
    await expect(page.locator("#chats .chat")).to_have_count(4)
    await page.screenshot(path=tmp_path / "narrow.png")


async def test_toasts_and_photos_use_the_width_of_a_phone(
    page: Page, api: LocalBotAPI, echo: Bot, anna: Person, picture: Callable[..., bytes]
) -> None:
    """A short toast has one row; the time of a photo without a caption is on the photo."""
    await page.set_viewport_size({"width": 390, "height": 760})
    await page.goto(f"{api.url}/#{ANNA_ID}")
    button = InlineKeyboardButton(text="Press", callback_data="A toast of several words")
    await echo.send_message(ANNA_ID, "?", reply_markup=InlineKeyboardMarkup(inline_keyboard=[[button]]))
    await page.click(".key:has-text('Press')")
    await expect(page.locator("#toast")).to_have_text("A toast of several words it is")
    toast = await page.locator("#toast").bounding_box()
    assert toast and toast["height"] < 50 and toast["x"] > 0 and toast["x"] + toast["width"] < 390

    await anna.send_photo(picture(300, 200))
    photo = page.locator(".bubble.mine.pictured").last
    await expect(photo.locator(".tile img")).to_be_visible()
    tile, time = await photo.locator(".tile").bounding_box(), await photo.locator(".foot").bounding_box()
    body = await photo.locator(".body").bounding_box()
    assert tile and time and body
    assert time["y"] + time["height"] < tile["y"] + tile["height"]
    assert body["height"] == pytest.approx(tile["height"], abs=1)


async def test_the_page_finds_its_server_again(page: Page, tmp_path: Path, connect_bot: Callable[..., Bot]) -> None:
    api = LocalBotAPI(data_dir=tmp_path)
    await api.start()
    await page.goto(f"{api.url}/#{ANNA_ID}")
    await page.click("#begin")
    await expect(page.locator(".bubble")).to_have_count(1)
    await api.stop()
    await expect(page.locator("#connection")).to_be_visible()
    await api.start()
    bot = connect_bot(api)
    await bot.send_message(ANNA_ID, "back again")
    await expect(page.locator(".bubble .text").last).to_have_text("back again")
    await expect(page.locator("#connection")).to_be_hidden()
    await bot.session.close()
    await api.stop()


async def test_an_invoice_is_paid_on_the_page(bot: Bot, anna: Person, api: LocalBotAPI, page: Page) -> None:
    """Refused, it shows the reason; paid, it shows the sum in Stars."""
    dispatcher, reasons = Dispatcher(), ["Sold out", None]

    @dispatcher.pre_checkout_query()
    async def check(query: PreCheckoutQuery) -> None:
        reason = reasons.pop(0)
        await query.answer(ok=reason is None, error_message=reason)

    polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False))
    await bot.send_invoice(
        ANNA_ID, title="20 кредитов", description="Один кредит — одна картинка.", payload="pack:20:100",
        currency="XTR", prices=[LabeledPrice(label="20", amount=100)],
    )  # fmt: skip
    await page.goto(f"{api.url}/#{ANNA_ID}")
    pay = page.locator(".key", has_text="100")
    await expect(page.locator(".invoice b")).to_have_text("20 кредитов")
    await pay.click()
    await expect(page.locator("#alert p")).to_have_text("Sold out")
    await page.locator("#alert button").first.click()
    await pay.click()
    await expect(page.locator(".payment").filter(has_text="Вы заплатили")).to_have_text("Вы заплатили: 100 звёзд.")
    await dispatcher.stop_polling()
    await polling
