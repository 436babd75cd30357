from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aiogram import Bot
from aiogram.types import BotCommand, BufferedInputFile, Message

from bot.local.botapi import ANNA_ID, ApiControl, LocalBotAPI, Person, StorageError

MakePicture = Callable[..., bytes]
ConnectBot = Callable[..., Bot]


async def test_a_restart_finds_messages_files_updates_and_settings(
    tmp_path: Path, connect_bot: ConnectBot, picture: MakePicture
) -> None:
    async with LocalBotAPI(data_dir=tmp_path) as api, Person(api.url, ANNA_ID) as anna:
        bot = connect_bot(api)
        await anna.send_text("confirmed")
        (update,) = await bot.get_updates()
        await bot.get_updates(offset=update.update_id + 1)
        await anna.send_photo(picture(200, 100))
        await bot.set_my_commands([BotCommand(command="start", description="Start")])
        sent = await bot.send_photo(ANNA_ID, BufferedInputFile(picture(), "a.png"), caption="before")
        await bot.edit_message_caption(chat_id=ANNA_ID, message_id=sent.message_id, caption="after")
        messages = await anna.transcript()
        await bot.session.close()
    async with LocalBotAPI(data_dir=tmp_path) as api, Person(api.url, ANNA_ID) as anna:
        bot = connect_bot(api)
        assert await anna.transcript() == messages
        (again,) = await bot.get_updates()
        assert again.update_id == update.update_id + 1
        assert again.message and again.message.photo
        assert await bot.download(again.message.photo[-1])
        assert sent.photo and await bot.download(sent.photo[-1])
        edited = await bot.edit_message_caption(chat_id=ANNA_ID, message_id=sent.message_id, caption="later")
        assert isinstance(edited, Message)
        assert [command.command for command in await bot.get_my_commands()] == ["start"]
        assert (await anna.send_text("new")).id > messages[-1].id
        await bot.session.close()


async def test_waiting_survives_a_restart(tmp_path: Path, connect_bot: ConnectBot) -> None:
    api = LocalBotAPI(data_dir=tmp_path)
    await api.start()
    async with Person(api.url, ANNA_ID) as anna:
        await anna.send_text("/start")
        await api.stop()
        await api.start()
        bot = connect_bot(api)
        await bot.send_message(ANNA_ID, "still here")
        assert (await anna.wait_for(lambda message: True)).text == "still here"
        await bot.session.close()
    await api.stop()


async def test_a_data_folder_serves_one_server_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.local.botapi.storage.LOCK_PATIENCE_S", 0.05)
    async with LocalBotAPI(data_dir=tmp_path):
        with pytest.raises(StorageError, match="is another server running on this folder"):
            await LocalBotAPI(data_dir=tmp_path).start()


async def test_without_a_data_folder_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def folders() -> list[Path]:
        return list(tmp_path.iterdir())

    async with LocalBotAPI() as api, ApiControl(api.url) as control:
        assert len(await control.chats()) == 4
        assert folders()
    assert not folders()
