"""The buttons under status messages and pictures."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from bot.domain import JobState
from bot.telegram import keyboards
from bot.telegram.callbacks import JobAction, JobCallback, StyleCallback
from bot.usecases.pictures import RedrawResult


@pytest_asyncio.fixture(loop_scope="session")
async def drawn(chat):
    """Anna's delivered picture, and its job."""
    await chat.grant(chat.anna, style="sketch")
    await chat.anna.send_text("в <i>лесу")
    job = await chat.job()
    return await chat.picture(chat.anna, job), job


async def test_again_draws_the_same_prompt_with_a_new_seed(chat, drawn):
    _, first = drawn
    answer = await chat.anna.press("Ещё раз")
    second = await chat.job(2)
    assert answer.text == chat.texts()("job-queued")
    assert (second.prompt, second.style, second.source_job_id) == (first.prompt, first.style, first.id)
    assert second.seed != first.seed


async def test_a_double_tap_on_again_is_one_picture_and_a_later_tap_another(chat, drawn):
    picture, first = drawn
    data = JobCallback(action=JobAction.AGAIN, job_id=first.id).pack()
    await chat.anna.press_data(picture.id, data)
    second = await chat.job(2)
    anna = chat.anna.user_id
    assert await chat.use.redraw(anna, anna, "another press", first.id) == RedrawResult(created=False)
    assert len(await chat.jobs()) == 2
    await chat.move(second, JobState.DELIVERED)
    assert await chat.use.redraw(anna, anna, "another press", first.id) == RedrawResult(created=True)
    assert len(await chat.jobs()) == 3


async def test_a_press_that_is_delivered_again_after_its_picture_ended_draws_nothing(chat, drawn):
    """As after a kill between the handling of an update and its confirmation."""
    _, first = drawn
    anna = chat.anna.user_id
    assert await chat.use.redraw(anna, anna, "the press", first.id) == RedrawResult(created=True)
    await chat.move(await chat.job(2), JobState.DELIVERED)
    assert await chat.use.redraw(anna, anna, "the press", first.id) == RedrawResult(created=False)
    assert len(await chat.jobs()) == 2


async def test_two_quick_taps_are_both_answered_and_do_one_thing(chat, drawn):
    picture, job = drawn
    data = JobCallback(action=JobAction.REUSE_PROMPT, job_id=job.id).pack()
    answers = await asyncio.gather(*(chat.anna.press_data(picture.id, data) for _ in range(2)))
    assert all(answer.answered for answer in answers)
    assert sum("Ваше описание" in text for text in await chat.texts_to(chat.anna)) == 1


async def test_other_style_shows_the_styles_and_draws_the_same_prompt(chat, drawn, says):
    picture, job = drawn
    await chat.anna.press("Другой стиль")
    sheet = await chat.anna.wait_for(says(chat.texts()("job-pick-style")))
    assert sheet.photo is not None and sheet.reply_to == picture.id
    assert "✅ 4 Карандаш" in sheet.button_texts
    await chat.anna.press("2 из 4", message_id=sheet.id)
    turned = await chat.anna.message(sheet.id)
    assert turned.photo is not None and turned.photo.url != sheet.photo.url
    await chat.anna.press("Поп-арт", message_id=sheet.id)
    second = await chat.job(2)
    assert (second.prompt, second.style, second.source_job_id) == (job.prompt, "pop_art", job.id)
    assert second.request_message_id == picture.id, "the new picture replies to the old one"
    assert (await chat.anna.message(picture.id)).button_texts == picture.button_texts
    assert (await chat.user(chat.anna)).style == "sketch", "the style of pictures to come stays"


async def test_the_prompt_is_sent_back_for_copying(chat, drawn):
    await chat.anna.press("Изменить описание")
    given = [message for message in await chat.anna.transcript() if "Ваше описание" in message.text]
    assert "в <i>лесу" in given[0].text
    assert any(entity.type == "code" for entity in given[0].entities)


async def test_cancel_works_until_the_picture_is_there(chat, says):
    await chat.grant(chat.anna)
    await chat.anna.send_text("в лесу")
    job = await chat.job()
    sent = await chat.bot.send_message(
        chat.anna.user_id, "in line", reply_markup=keyboards.cancel(chat.texts(), job.id)
    )
    answer = await chat.anna.press("Отменить", message_id=sent.message_id)
    assert answer.text == chat.texts()("job-cancelled")
    assert (await chat.jobs())[0].state == JobState.CANCELLED
    assert await chat.use.cancel_picture(chat.anna.user_id, job.id) is False


async def test_cancel_that_comes_too_late_says_so(chat, drawn):
    _, job = drawn
    sent = await chat.bot.send_message(
        chat.anna.user_id, "in line", reply_markup=keyboards.cancel(chat.texts(), job.id)
    )
    answer = await chat.anna.press("Отменить", message_id=sent.message_id)
    assert answer.text == chat.texts()("job-too-late")
    assert (await chat.jobs())[0].state == JobState.DELIVERED


@pytest.mark.parametrize("action", [JobAction.CANCEL, JobAction.AGAIN, JobAction.OTHER_STYLE, JobAction.REUSE_PROMPT])
async def test_someone_elses_button_does_nothing_and_says_so(chat, drawn, action):
    _, job = drawn
    await chat.grant(chat.ben)
    answer = await chat.press(chat.ben, JobCallback(action=action, job_id=job.id))
    assert (answer.text, answer.show_alert) == (chat.texts("en")("error-picture-gone"), True)
    assert [(each.user_id, each.state) for each in await chat.jobs()] == [(chat.anna.user_id, JobState.DELIVERED)]


async def test_a_picture_whose_photos_are_gone_asks_for_a_photo(chat, drawn):
    for photo in await chat.references():
        await chat.use.delete_photo(chat.anna.user_id, photo.id)
    answer = await chat.anna.press("Ещё раз")
    assert answer.text == chat.texts()("error-no-photos")
    assert len(await chat.jobs()) == 1


async def test_a_style_that_is_gone_says_so(chat, drawn):
    _, job = drawn
    for data in (StyleCallback(name="retired"), StyleCallback(name="retired", job_id=job.id)):
        answer = await chat.press(chat.anna, data)
        assert answer.text == chat.texts()("style-gone")
    assert len(await chat.jobs()) == 1


async def test_the_limit_of_open_pictures_holds_for_buttons_too(chat, drawn):
    for number in range(3):
        await chat.anna.send_text(f"картинка {chr(ord('а') + number)}")
    await chat.job(4)
    answer = await chat.anna.press("Ещё раз")
    assert "уже 3 картинки" in answer.text
    assert len(await chat.jobs()) == 4
