from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from aiogram import Bot, Dispatcher, F
from aiogram.filters import CommandStart
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    Message,
)

from bot.local.botapi import ApiControl, Person

ConnectBot = Callable[..., Bot]


def painter(picture: Callable[..., bytes]) -> Dispatcher:
    """Shows a status, turns it into a picture, answers its button."""
    dispatcher = Dispatcher()

    @dispatcher.message(CommandStart())
    async def start(message: Message) -> None:
        await message.answer("Send a photo")

    @dispatcher.message(F.photo)
    async def paint(message: Message, bot: Bot) -> None:
        status = await message.reply("Waiting")
        assert message.photo
        received = await bot.download(message.photo[-1])
        assert received is not None
        for step in (1, 2):
            media = InputMediaPhoto(media=BufferedInputFile(picture(step * 20, 40), "p.png"), caption=f"Step {step}")
            await status.edit_media(media)
        again = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Again", callback_data="again")]])
        await status.edit_caption(caption="Done", reply_markup=again)

    @dispatcher.callback_query(F.data == "again")
    async def repeat(query: CallbackQuery) -> None:
        await query.answer("Once more")
        assert isinstance(query.message, Message)
        await query.message.answer("Repeated")

    return dispatcher


async def test_a_whole_conversation_with_the_real_dispatcher(
    bot: Bot, anna: Person, control: ApiControl, picture: Callable[..., bytes]
) -> None:
    dispatcher = painter(picture)
    polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False, polling_timeout=5))
    assert (await anna.wait_for(lambda message: "photo" in message.text, since=0)).edit_count == 0
    await anna.send_photo(picture(300, 400))
    done = await anna.wait_for(lambda message: message.text == "Done")
    assert done.photo and (done.photo.width, done.edit_count) == (40, 3)
    assert [version.text for version in done.history] == ["Waiting", "Step 1", "Step 2"]
    assert done.reply_to is not None
    answer = await anna.press("Again")
    assert answer.text == "Once more"
    await anna.wait_for(lambda message: message.text == "Repeated")
    await anna.wait_until(lambda messages: len(messages) == 5)
    await dispatcher.stop_polling()
    await polling
    assert all(call.ok for call in await control.calls())


async def test_the_server_runs_as_a_program_and_survives_being_killed(tmp_path: Path, connect_bot: ConnectBot) -> None:
    program = (sys.executable, "-m", "bot.local.botapi", "--data-dir", str(tmp_path))

    async def start() -> tuple[asyncio.subprocess.Process, str]:
        process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found
        return process, found.group()

    process, url = await start()
    async with Person(url, 1001) as anna:
        await anna.send_text("remember me")
    process.kill()
    await process.communicate()
    process, url = await start()
    async with Person(url, 1001) as anna, ApiControl(url) as control:
        assert [message.text for message in await anna.transcript()] == ["remember me"]
        assert await control.pending_updates() == 1
    os.kill(process.pid, signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0
