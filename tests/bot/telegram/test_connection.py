"""Retries of calls to Telegram while a user waits for an answer."""

from __future__ import annotations

import gc
import io
import weakref
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest, TelegramRetryAfter
from aiogram.methods import Response, SendMessage
from aiogram.types import BufferedInputFile, Chat, InputMediaPhoto, Message
from PIL import Image

from bot.local.botapi import BEN_ID, ApiControl, LocalBotAPI, Person
from bot.telegram.connection import UNUSABLE, open_bot


@pytest.fixture
async def control() -> AsyncIterator[tuple[ApiControl, Bot, Bot, Person]]:
    async with LocalBotAPI() as api, ApiControl(api.url) as control, Person(api.url, BEN_ID) as ben:
        await ben.send_text("hello")
        patient, impatient = (open_bot(api.token, api.url, patient=patience) for patience in (True, False))
        yield control, patient, impatient, ben
        await patient.session.close()
        await impatient.session.close()


async def test_flood_control_is_reported_at_once(control: Any) -> None:
    """Handlers do not sleep; the exception says how long to wait."""
    control, patient, _, _ = control
    await control.fail_next("sendMessage", kind="flood", retry_after=3)
    with pytest.raises(TelegramRetryAfter) as refused:
        await patient.send_message(BEN_ID, "hi")
    assert refused.value.retry_after == 3
    assert len(await control.calls("sendMessage")) == 1


@pytest.mark.parametrize("kind", ["drop", "server_error", "bad_gateway"])
async def test_a_bad_network_is_waited_out(control: Any, kind: Any) -> None:
    control, patient, _, ben = control
    await control.fail_next("sendMessage", kind=kind)
    await patient.send_message(BEN_ID, "hi")
    assert [message.text for message in await ben.transcript() if message.from_bot] == ["hi"]


async def test_a_message_whose_sending_timed_out_counts_as_sent(control: Any) -> None:
    control, patient, _, ben = control
    await control.fail_next("sendMessage", kind="gateway_timeout")
    sent = await patient.send_message(BEN_ID, "hi")
    assert (sent.message_id, sent.chat.id) == (UNUSABLE, BEN_ID)
    png = io.BytesIO()
    Image.new("RGB", (30, 30)).save(png, "PNG")
    photo = (await patient.send_photo(BEN_ID, BufferedInputFile(png.getvalue(), "a.png"))).photo
    assert photo
    await control.fail_next("sendMediaGroup", kind="gateway_timeout")
    assert await patient.send_media_group(BEN_ID, [InputMediaPhoto(media=photo[-1].file_id)] * 2) == []
    answers = [message for message in await ben.transcript() if message.from_bot]
    assert [(message.text, bool(message.photo)) for message in answers] == [("hi", False), *[("", True)] * 3]


async def test_a_message_that_telegram_confirms_too_late_counts_as_sent(control: Any, eventually: Any) -> None:
    control, patient, _, ben = control
    patient.session.timeout = 0.5
    await control.fail_next("sendMessage", kind="latency", delay_s=2)
    assert (await patient.send_message(BEN_ID, "hi")).message_id == UNUSABLE

    async def arrived() -> bool:
        return len(await control.calls("sendMessage")) == 1

    await eventually(arrived)
    assert [message.text for message in await ben.transcript() if message.from_bot] == ["hi"]


async def test_an_edit_that_timed_out_is_made_again(control: Any) -> None:
    control, patient, _, ben = control
    sent = await patient.send_message(BEN_ID, "hi")
    await control.fail_next("editMessageText", kind="gateway_timeout")
    with pytest.raises(TelegramBadRequest, match="not modified"):
        await patient.edit_message_text("ho", chat_id=BEN_ID, message_id=sent.message_id)
    assert [message.text for message in await ben.transcript() if message.from_bot] == ["ho"]


async def test_a_refusal_is_no_matter_of_patience(control: Any) -> None:
    control, patient, _, _ = control
    with pytest.raises(TelegramBadRequest):
        await patient.send_message(BEN_ID, "")
    assert len(await control.calls("sendMessage")) == 1


async def test_the_impatient_bot_tells_at_once(control: Any) -> None:
    control, _, impatient, _ = control
    await control.fail_next("sendMessage", kind="flood", retry_after=30)
    with pytest.raises(TelegramRetryAfter):
        await impatient.send_message(BEN_ID, "hi")


async def test_a_message_that_its_sender_deletes_is_still_answered(control: Any) -> None:
    _, patient, _, ben = control
    sent = await ben.send_text("never mind")
    await ben.delete(sent.id)
    message = Message(
        message_id=sent.id, date=datetime(2026, 11, 1, tzinfo=UTC), chat=Chat(id=BEN_ID, type="private")
    ).as_(patient)
    await message.reply("hi")
    assert [message.text for message in await ben.transcript() if message.from_bot] == ["hi"]


async def test_the_type_of_an_answer_is_built_once(control: Any) -> None:
    """Pydantic forgets types that nobody refers to, and takes milliseconds to build one again."""
    _, patient, _, _ = control
    await patient.send_message(BEN_ID, "hi")
    reference = weakref.ref(Response[SendMessage.__returning__])  # type: ignore[misc]
    gc.collect()
    assert reference() is not None
