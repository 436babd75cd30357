"""Prompts: valid, before the first photo, and invalid."""

from __future__ import annotations

import pytest

from bot.domain import JobState
from engine.contract import Verdict


async def test_a_prompt_alone_is_enough_once_a_photo_is_accepted(chat, says):
    await chat.ready(chat.anna)
    await chat.anna.send_text("на пляже")
    job = await chat.job()
    assert (job.prompt, job.style, job.state) == ("на пляже", "none", JobState.QUEUED)
    assert job.reference_ids == [photo.id for photo in await chat.references()]


async def test_the_chosen_style_is_used_and_can_be_changed_any_time(chat, says):
    await chat.grant(chat.anna)
    await chat.anna.send_text("/style")
    sheet = await chat.anna.wait_for(says("Выберите стиль"))
    assert sheet.photo is not None and [len(row) for row in sheet.buttons] == [2, 2, 2]
    await chat.anna.press("2 из 4", message_id=sheet.id)
    await chat.anna.press("Комикс")
    changed = await chat.anna.wait_for(says("Стиль: 💥 Комикс"))
    assert "✅ 8 Комикс" in changed.button_texts
    await chat.anna.press("Комикс")
    await chat.anna.press("1 из 4", message_id=sheet.id)
    await chat.anna.press("Карандаш")
    await chat.anna.send_text("в лесу")
    assert (await chat.job()).style == "sketch"


async def test_a_prompt_before_any_photo_is_kept_and_drawn_when_one_is_accepted(chat, says, jpeg):
    await chat.consent(chat.anna)
    await chat.anna.send_text("на <b>пляже</b>")
    await chat.anna.wait_for(says("Описание сохранено", "на <b>пляже</b>", "пришлите своё фото"))
    await chat.anna.send_photo(jpeg())
    await chat.anna.wait_for(says("✅", "Рисую по описанию", "на <b>пляже</b>"))
    assert (await chat.job()).prompt == "на <b>пляже</b>"


async def test_a_prompt_during_an_examination_waits_for_the_verdict(chat, says, jpeg):
    await chat.consent(chat.anna)
    chat.stage.worker_looks = False
    await chat.anna.send_photo(jpeg())
    await chat.anna.wait_for(says("Проверяю"))
    await chat.anna.send_text("в лесу")
    await chat.anna.wait_for(says("Ещё проверяю"))
    chat.stage.worker_looks = True
    await chat.anna.wait_for(says("Рисую по описанию"))
    assert (await chat.job()).prompt == "в лесу"


async def test_a_draft_outlives_a_refused_photo(chat, says, jpeg):
    await chat.consent(chat.anna)
    await chat.anna.send_text("в лесу")
    chat.stage.verdicts[:] = [Verdict.TOO_DARK]
    await chat.anna.send_photo(jpeg(1))
    await chat.anna.wait_for(says("слишком тёмное"))
    assert await chat.jobs() == []
    await chat.anna.send_photo(jpeg(2))
    await chat.anna.wait_for(says("Рисую по описанию"))
    assert (await chat.job()).prompt == "в лесу"


async def test_the_same_message_twice_is_one_picture(chat, says):
    await chat.grant(chat.anna)
    for _ in range(2):
        await chat.use.ask_for_picture(chat.anna.user_id, chat.anna.user_id, 77, "в лесу")
    assert len(await chat.jobs()) == 1


async def test_a_draft_handled_twice_is_one_picture(chat, says, jpeg):
    await chat.consent(chat.anna)
    await chat.use.ask_for_picture(chat.anna.user_id, chat.anna.user_id, 77, "в лесу")
    await chat.accept_photo(chat.anna)
    await chat.use.ask_for_picture(chat.anna.user_id, chat.anna.user_id, 77, "в лесу")
    assert len(await chat.jobs()) == 1


async def test_too_many_pictures_at_once_are_refused_with_the_limit(chat, says):
    await chat.grant(chat.anna)
    for number in range(3):
        await chat.anna.send_text(f"картинка {chr(ord('а') + number)}")
    await chat.job(3)
    await chat.anna.send_text("ещё одна")
    await chat.anna.wait_for(says("уже 3 картинки"))
    assert len(await chat.jobs()) == 3


async def test_a_draft_without_room_in_the_queue_is_returned(chat, says, jpeg):
    await chat.grant(chat.anna)
    for number in range(3):
        await chat.anna.send_text(f"картинка {chr(ord('а') + number)}")
    await chat.job(3)
    await chat.anna.send_photo(jpeg(), caption="а я в лесу")
    await chat.anna.wait_for(says("добавить это описание не получилось", "а я в лесу"))
    assert len(await chat.jobs()) == 3


BAD = {
    "only emoji": ("😍🔥", "эмодзи и цифрам"),
    "only digits": ("12345 !!!", "эмодзи и цифрам"),
    "only invisible": ("\u2063\u2063\u200d", "нет текста"),
    "4,000 characters": ("слово " * 666 + "край", "4\xa0000 знаков, а можно не больше 1\xa0000"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_prompt_that_cannot_be_drawn_is_answered_with_the_remedy(chat, says, name):
    text, answer = BAD[name]
    await chat.grant(chat.anna)
    sent = await chat.anna.send_text(text)
    reply = await chat.anna.wait_for(says(answer))
    assert reply.reply_to == sent.id
    assert await chat.jobs() == []


STRANGE = {
    "html-like": "<script>alert(1)</script> & <b>bold",
    "right-to-left": "אני בחוף הים בשקיעה",
    "fluent-like": "{ $style } and { prompt }",
    "mixed": "я на пляже 🏖 with a 犬",
}


@pytest.mark.parametrize("name", STRANGE)
async def test_unusual_prompts_are_drawn_unchanged(chat, says, name):
    await chat.consent(chat.anna)
    await chat.anna.send_text(STRANGE[name])
    await chat.anna.wait_for(says(STRANGE[name]))
    await chat.accept_photo(chat.anna)
    assert (await chat.job()).prompt == STRANGE[name]


async def test_what_turns_or_hides_text_is_stripped(chat, says):
    await chat.grant(chat.anna)
    await chat.anna.send_text("в\u202e лесу\u0007\n\nтёмном\u2066 ")
    assert (await chat.job()).prompt == "в лесу тёмном"
