"""First messages: introduction, consent, language, help, blocking."""

from __future__ import annotations

import asyncio

from sqlalchemy import update

from bot.db.tables import User
from bot.domain import CONSENT_VERSION
from bot.telegram.callbacks import ConsentCallback, StyleCallback

CONSENT = ConsentCallback(version=CONSENT_VERSION).pack()


async def test_start_says_what_this_is_and_asks_for_consent(chat, says):
    await chat.anna.send_text("/start")
    question = await chat.anna.wait_for(lambda message: bool(message.buttons))
    texts = chat.texts("ru")
    for claim in ("18 лет", "вправе использовать", "ИИ", "/privacy"):
        assert claim in question.text
    assert question.button_texts == [texts("consent-button")]
    assert any("Здравствуйте" in text for text in await chat.texts_to(chat.anna))


async def test_consent_leads_straight_to_the_photo_and_is_noted_with_its_version(chat, says):
    await chat.consent(chat.anna)
    user = await chat.user(chat.anna)
    assert (user.consent_version, user.language) == (CONSENT_VERSION, "ru")
    assert user.consent_at is not None
    assert "Пришлите своё фото" in (await chat.texts_to(chat.anna))[-1]


async def test_without_consent_nothing_is_stored_but_the_user_and_ids_and_texts_of_messages(chat, says, jpeg):
    await chat.anna.send_photo(jpeg(), caption="на пляже")
    question = await chat.anna.wait_for(says("18 лет"))
    await chat.anna.send_text("на пляже")
    await chat.anna.wait_for(says(chat.texts()("consent-held-too")))
    answer = await chat.press(chat.anna, StyleCallback(name="sketch"))
    assert answer.text == chat.texts()("consent-first")
    counts = await chat.row_counts()
    filled = {table: count for table, count in counts.items() if count}
    assert filled == {"users": 1, "held_messages": 2, "workers": 1}
    user = await chat.user(chat.anna)
    assert (user.draft, user.style, user.consent_version) == (None, None, None)
    assert question.button_texts == [chat.texts()("consent-button")]


async def test_a_second_tap_on_consent_changes_nothing(chat, says):
    await chat.anna.send_text("/start")
    question = await chat.anna.wait_for(lambda message: bool(message.buttons))
    answers = await asyncio.gather(*(chat.anna.press_data(question.id, CONSENT) for _ in range(2)))
    assert all(answer.answered for answer in answers)
    texts = await chat.texts_to(chat.anna)
    assert sum("Пришлите своё фото." in text for text in texts) == 1


async def test_new_terms_are_asked_for_again(chat, says):
    await chat.ready(chat.anna)
    async with chat.sessions.begin() as session:
        await session.execute(update(User).values(consent_version=CONSENT_VERSION - 1))
    await chat.anna.send_text("в лесу")
    await chat.anna.wait_for(says("условия изменились"))
    assert await chat.jobs() == []
    await chat.anna.press(CONSENT)
    assert (await chat.job()).prompt == "в лесу"
    assert (await chat.user(chat.anna)).consent_version == CONSENT_VERSION


async def test_consent_to_terms_of_the_past_is_not_taken(chat, says):
    await chat.anna.send_text("/help")
    await chat.anna.wait_for(says("/photos"))
    await chat.press(chat.anna, ConsentCallback(version=0))
    await chat.anna.wait_for(says("условия изменились"))
    assert (await chat.user(chat.anna)).consent_version is None
    assert chat.texts()("consent-outdated") in await chat.texts_to(chat.anna)


async def test_the_language_is_that_of_telegram_and_can_be_changed(chat, says):
    await chat.ben.send_text("/start")
    await chat.ben.wait_for(says("I am at least 18 years old"))
    await chat.ben.send_text("/language")
    await chat.ben.wait_for(lambda message: message.button_texts == ["English", "Русский"])
    answer = await chat.ben.press("Русский")
    assert answer.text == chat.texts("ru")("language-chosen")
    await chat.ben.send_text("/start")
    await chat.ben.wait_for(says("Мне есть 18 лет"))
    assert (await chat.user(chat.ben)).language == "ru"
    menus = [call for call in await chat.control.calls("setMyCommands") if call.ok]
    assert menus, "the menu follows the language"


async def test_help_names_every_command(chat, says):
    await chat.ben.send_text("/help")
    answer = await chat.ben.wait_for(says("How it works"))
    for command in ("/photos", "/style", "/language", "/privacy"):
        assert command in answer.text
    assert "/admin" not in answer.text


async def test_start_in_the_middle_of_the_flow_asks_for_what_is_next(chat, says):
    await chat.ready(chat.anna)
    await chat.anna.send_text("/start")
    again = await chat.anna.wait_for(says("Рад видеть"))
    assert "Выберите стиль" in again.text
    await chat.anna.press(chat.texts()("styles-button"), message_id=again.id)
    sheet = await chat.anna.wait_for(lambda message: message.photo is not None)
    await chat.anna.press("2 из 4", message_id=sheet.id)
    await chat.anna.press("Акварель")
    await chat.anna.wait_for(says("Акварель", "Опишите одним предложением"))
    await chat.anna.send_text("/help")
    await chat.anna.wait_for(says("Как это работает"))
    await chat.anna.send_text("в лесу")
    job = await chat.job()
    assert (job.style, job.prompt) == ("watercolor", "в лесу")


async def test_blocking_and_unblocking_are_noted(chat, says):
    await chat.consent(chat.anna)
    await chat.anna.block()
    await chat.settled()
    assert (await chat.user(chat.anna)).blocked_at is not None
    await chat.anna.unblock()
    await chat.settled()
    assert (await chat.user(chat.anna)).blocked_at is None


async def test_removing_the_bot_from_a_group_does_not_block_it(chat, says):
    await chat.consent(chat.anna)
    member = {"user": {"id": 7_000_000_001, "is_bot": True, "first_name": "bot"}}
    change = {
        "chat": {"id": -5, "type": "group", "title": "G"},
        "from": {"id": chat.anna.user_id, "is_bot": False, "first_name": "X"},
        "date": 1_700_000_000,
        "old_chat_member": {**member, "status": "member"},
        "new_chat_member": {**member, "status": "kicked", "until_date": 0},
    }
    await chat.dispatcher.feed_raw_update(chat.bot, {"update_id": 10_000_001, "my_chat_member": change})
    assert (await chat.user(chat.anna)).blocked_at is None


async def test_each_user_has_their_own_conversation(chat, says):
    await chat.consent(chat.anna)
    await chat.ben.send_text("/start")
    await chat.ben.wait_for(says("I am at least 18 years old"))
    assert (await chat.user(chat.ben)).consent_version is None
