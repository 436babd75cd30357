"""/settings: likeness, clothes and aspect of future pictures, and a finished picture drawn again with other
settings."""

from __future__ import annotations

import pytest

from bot.domain import SCALES, JobState, Likeness
from bot.telegram.callbacks import JobAction, JobCallback
from engine.contract import Aspect, Clothes

FACE, BODY = ({"face_scale": SCALES[each][0], "body_scale": SCALES[each][1]} for each in (Likeness.FACE, Likeness.BODY))


async def test_the_screen_changes_in_place_and_pictures_follow_it(chat, says):
    await chat.grant(chat.anna)
    await chat.anna.send_text("/settings")
    screen = await chat.anna.wait_for(says("Как я вас рисую", "лицо и фигура поровну", "как на ваших фото"))
    assert "✅ ⚖️ Поровну" in screen.button_texts and "✅ 👕 Как на фото" in screen.button_texts
    await chat.anna.press("🙂 Лицо", message_id=screen.id)
    await chat.anna.press("👗 По описанию", message_id=screen.id)
    changed = await chat.anna.message(screen.id)
    assert "важнее лицо" in changed.text and "по вашему описанию" in changed.text
    assert [text for text in changed.button_texts if text.startswith("✅")] == ["✅ 🙂 Лицо", "✅ 👗 По описанию"]
    await chat.anna.send_text("в лесу")
    assert (await chat.job()).settings == {**FACE, "clothes": "change"}


async def test_without_a_choice_the_style_decides(chat):
    await chat.grant(chat.anna)
    await chat.anna.send_text("в лесу")
    job = await chat.job()
    assert (job.settings, job.pose) == ({}, None)


async def test_the_styles_lead_to_the_settings_and_stay(chat, says):
    await chat.grant(chat.anna)
    await chat.anna.send_text("/style")
    sheet = await chat.anna.wait_for(says("Выберите стиль"))
    await chat.anna.press("Студийный портрет", message_id=sheet.id)
    await chat.anna.send_text("/start")
    step = await chat.anna.wait_for(says("Опишите одним предложением", "Студийный портрет", "Рад видеть"))
    await chat.anna.press(chat.texts()("settings-button"), message_id=step.id)
    await chat.anna.wait_for(says("Как я вас рисую"))
    assert (await chat.anna.message(step.id)).button_texts == step.button_texts


async def test_a_prompt_that_waited_for_a_photo_follows_the_settings(chat, says, jpeg):
    await chat.consent(chat.anna)
    await chat.use.choose_likeness(chat.anna.user_id, Likeness.BODY)
    await chat.anna.send_text("в лесу")
    await chat.anna.wait_for(says("Описание сохранено"))
    await chat.anna.send_photo(jpeg())
    assert (await chat.job()).settings == BODY


@pytest.mark.parametrize(
    ("button", "settings", "then"),
    [
        ("Важнее лицо", FACE, "Важнее фигура"),
        ("Другая одежда", {"clothes": "change"}, "Моя одежда"),
    ],
)
async def test_a_picture_is_redrawn_with_another_likeness_or_clothes(chat, button, settings, then):
    await chat.grant(chat.anna, style="sketch")
    await chat.anna.send_text("в лесу")
    first = await chat.job()
    picture = await chat.picture(chat.anna, first)
    await chat.anna.press("⋯", message_id=picture.id)
    answer = await chat.anna.press(button, message_id=picture.id)
    second = await chat.job(2)
    assert answer.text == chat.texts()("job-queued")
    assert (second.prompt, second.style, second.settings) == (first.prompt, "sketch", settings)
    assert second.seed != first.seed
    redrawn = await chat.picture(chat.anna, second)
    await chat.anna.press("⋯", message_id=redrawn.id)
    assert then in " ".join((await chat.anna.message(redrawn.id)).button_texts)
    user = await chat.user(chat.anna)
    assert (user.likeness, user.clothes) == (None, None), "the settings of pictures to come stay"


async def test_again_and_another_style_repeat_likeness_and_clothes(chat):
    await chat.grant(chat.anna)
    await chat.use.choose_likeness(chat.anna.user_id, Likeness.FACE)
    await chat.use.choose_clothes(chat.anna.user_id, Clothes.CHANGE)
    await chat.anna.send_text("в лесу")
    picture = await chat.picture(chat.anna, await chat.job())
    await chat.use.choose_likeness(chat.anna.user_id, Likeness.BODY)
    await chat.anna.press("Ещё раз", message_id=picture.id)
    assert (await chat.job(2)).settings == {**FACE, "clothes": "change"}
    await chat.anna.press("Другой стиль", message_id=picture.id)
    await chat.anna.press("2 из 4")
    await chat.anna.press("Поп-арт")
    third = await chat.job(3)
    assert (third.style, third.settings) == ("pop_art", {**FACE, "clothes": "change"})
    assert (await chat.anna.message(picture.id)).button_texts == picture.button_texts
    await chat.move(third, JobState.DELIVERED)
    await chat.anna.press("⋯", message_id=picture.id)
    await chat.anna.press("Моя одежда", message_id=picture.id)
    assert (await chat.job(4)).settings == {**FACE, "clothes": "keep"}


async def test_a_double_tap_on_more_face_is_one_picture(chat):
    await chat.grant(chat.anna)
    await chat.anna.send_text("в лесу")
    first = await chat.job()
    picture = await chat.picture(chat.anna, first)
    await chat.anna.press("⋯", message_id=picture.id)
    data = JobCallback(action=JobAction.MORE_FACE, job_id=first.id).pack()
    await chat.anna.press_data(picture.id, data)
    second = await chat.job(2)
    answer = await chat.press(chat.anna, JobCallback(action=JobAction.MORE_FACE, job_id=first.id))
    assert answer.text == chat.texts()("job-queued-already")
    await chat.move(second, JobState.DELIVERED)
    await chat.press(chat.anna, JobCallback(action=JobAction.MORE_FACE, job_id=first.id))
    assert len(await chat.jobs()) == 3


async def test_a_format_is_offered_where_a_worker_can_draw_it_and_pictures_follow_it(chat, says):
    await chat.grant(chat.anna)
    await chat.set_worker(alive=True, aspects=[Aspect.PORTRAIT, Aspect.SQUARE, Aspect.LANDSCAPE])
    await chat.anna.send_text("/settings")
    screen = await chat.anna.wait_for(says("Как я вас рисую", "Формат: вертикальный, 2:3"))
    assert [text for text in screen.button_texts if ":" in text] == ["1:1", "✅ 2:3", "3:2"]
    await chat.anna.press("3:2", message_id=screen.id)
    changed = await chat.anna.message(screen.id)
    assert "Формат: горизонтальный, 3:2" in changed.text and "✅ 3:2" in changed.button_texts
    await chat.anna.send_text("в лесу")
    assert (await chat.job()).settings == {"aspect": "3:2"}


async def test_a_model_of_one_format_offers_none(chat, says):
    await chat.grant(chat.anna)
    await chat.set_worker(alive=True)
    await chat.anna.send_text("/settings")
    screen = await chat.anna.wait_for(says("Формат: вертикальный. Другие нынешняя модель не рисует."))
    assert not [text for text in screen.button_texts if ":" in text]


async def test_in_english_the_screen_reads_well(chat, says):
    await chat.grant(chat.ben)
    await chat.ben.send_text("/settings")
    screen = await chat.ben.wait_for(says("How I draw you"))
    assert "Likeness: face and body equally" in screen.text and "Clothes: as in your photos" in screen.text


async def test_without_consent_there_are_no_settings(chat, says):
    await chat.anna.send_text("/settings")
    await chat.anna.wait_for(says("Мне есть 18 лет"))
