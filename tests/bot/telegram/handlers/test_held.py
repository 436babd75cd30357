"""Messages from before the consent are held and used after it."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from bot.db import held
from bot.db.tables import HeldMessage, User
from bot.domain import CONSENT_VERSION, ReferenceState
from bot.retention import forget_held
from bot.telegram.callbacks import ConsentCallback
from bot.usecases.held import HELD_MAX

CONSENT = ConsentCallback(version=CONSENT_VERSION).pack()


async def _held(chat):
    async with chat.sessions() as session:
        return list(await session.scalars(select(HeldMessage).order_by(HeldMessage.message_id)))


async def test_a_photo_and_its_caption_are_used_after_consent(chat, says, jpeg):
    before = len(await chat.control.calls("getFile"))
    await chat.anna.send_photo(jpeg(), caption="на пляже")
    await chat.anna.wait_for(says(chat.texts()("consent-held"), "18 лет"))
    (row,) = await _held(chat)
    assert row.file_id and row.text == "на пляже"
    assert len(await chat.control.calls("getFile")) == before
    await chat.anna.press(CONSENT)
    await chat.anna.wait_for(says("✅", "Рисую по описанию", "на пляже"))
    assert len(await chat.control.calls("getFile")) == before + 1, "the photo is fetched after consent"
    job = await chat.job()
    (photo,) = await chat.references()
    assert (job.prompt, job.reference_ids, job.request_message_id) == ("на пляже", [photo.id], photo.message_id)
    assert await _held(chat) == []
    assert not any("Пришлите своё фото" in text for text in await chat.texts_to(chat.anna))


async def test_a_prompt_and_a_photo_sent_apart_are_used_together(chat, says, jpeg):
    await chat.anna.send_text("в лесу")
    await chat.anna.wait_for(says("18 лет"))
    await chat.anna.send_document(jpeg(1), name="me.jpg")
    await chat.anna.wait_for(says(chat.texts()("consent-held-too")))
    await chat.anna.press(CONSENT)
    await chat.anna.wait_for(says("Фото подходит"))
    job = await chat.job()
    (photo,) = await chat.references()
    assert (job.prompt, job.reference_ids) == ("в лесу", [photo.id])


async def test_a_prompt_alone_waits_for_the_photo(chat, says, jpeg):
    await chat.anna.send_text("в лесу")
    await chat.anna.wait_for(says("18 лет"))
    await chat.anna.press(CONSENT)
    await chat.anna.wait_for(says("Описание сохранено", "Теперь пришлите своё фото"))
    await chat.anna.send_photo(jpeg())
    await chat.anna.wait_for(says("✅", "Рисую по описанию"))
    assert (await chat.job()).prompt == "в лесу"


async def test_an_album_is_answered_once_and_kept_whole(chat, says, jpeg):
    await chat.anna.send_album([jpeg(1), jpeg(2), jpeg(3)], caption="в лесу")
    await chat.anna.wait_for(says("18 лет"))
    assert sum("18 лет" in text for text in await chat.texts_to(chat.anna)) == 1
    assert len(await _held(chat)) == 3
    await chat.anna.press(CONSENT)
    await chat.anna.wait_for(says("Ваш альбом", "Рисую по описанию"))
    assert await chat.states() == [ReferenceState.ACCEPTED] * 3
    assert len((await chat.job()).reference_ids) == 3


async def test_what_cannot_be_drawn_is_answered_after_consent_and_does_not_hold_up_the_rest(chat, says, jpeg):
    await chat.anna.send_text("🏖")
    await chat.anna.wait_for(says("18 лет"))
    await chat.anna.send_photo(jpeg())
    await chat.anna.press(CONSENT)
    await chat.anna.wait_for(says(chat.texts()("error-prompt-wordless")))
    await chat.anna.wait_for(says("✅"))
    assert await _held(chat) == []


@pytest.mark.parametrize("text", ["/photos", "/style"])
async def test_a_command_is_not_held(chat, says, text):
    await chat.anna.send_text(text)
    await chat.anna.wait_for(says("18 лет"))
    assert await _held(chat) == []


async def test_only_so_many_messages_are_held(chat, says):
    for number in range(HELD_MAX + 1):
        await chat.anna.send_text(f"картинка {number}")
    await chat.settled()
    assert len(await _held(chat)) == HELD_MAX


async def test_new_terms_hold_what_is_sent_too(chat, says):
    await chat.grant(chat.anna)
    async with chat.sessions.begin() as session:
        await session.execute(update(User).values(consent_version=CONSENT_VERSION - 1))
    await chat.anna.send_text("в лесу")
    await chat.anna.wait_for(says("условия изменились", chat.texts()("consent-held")))
    await chat.anna.press(CONSENT)
    assert (await chat.job()).prompt == "в лесу"


async def test_a_user_who_deletes_everything_leaves_nothing_held(chat, says):
    await chat.anna.send_text("в лесу")
    await chat.anna.wait_for(says("18 лет"))
    await chat.use.delete_everything(chat.anna.user_id)
    assert await _held(chat) == []


async def test_what_nobody_agreed_to_is_forgotten(chat, says):
    await chat.anna.send_text("в лесу")
    await chat.anna.wait_for(says("18 лет"))
    assert await forget_held(chat.sessions) == 0
    async with chat.sessions.begin() as session:
        await session.execute(update(HeldMessage).values(created_at=HeldMessage.created_at - held.HELD_FOR))
    assert await forget_held(chat.sessions) == 1
