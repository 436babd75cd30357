"""The buttons of a result: favourite, file, report, delete, edit the prompt, variations; and the galleries."""

from __future__ import annotations

import asyncio
import io

import pytest
import pytest_asyncio
from PIL import Image

from bot.domain import JobState, ReportReason
from bot.telegram.callbacks import JobAction, JobCallback, ReportCallback
from bot.telegram.middlewares import DOUBLE_TAP_S
from bot.usecases.pictures import VARIATIONS_MAX, Change

BUTTONS_MAX = 6


@pytest_asyncio.fixture(loop_scope="session")
async def drawn(chat):
    """Anna's delivered picture, and its job."""
    await chat.grant(chat.anna, style="sketch")
    await chat.anna.send_text("в лесу")
    job = await chat.job()
    return await chat.picture(chat.anna, job), job


async def _several(chat, count):
    """Anna's delivered pictures, oldest first."""
    await chat.grant(chat.anna)
    jobs = []
    for number in range(count):
        await chat.anna.send_text(f"картинка {'абвгд'[number]}")
        jobs.append(await chat.job(number + 1))
        await chat.picture(chat.anna, jobs[-1])
    return jobs


async def test_no_page_of_buttons_has_more_than_six_and_each_leads_back(chat, drawn):
    picture, job = drawn

    async def press(action):
        await asyncio.sleep(DOUBLE_TAP_S)
        await chat.anna.press_data(picture.id, JobCallback(action=action, job_id=job.id).pack())
        return (await chat.anna.message(picture.id)).button_texts

    first, more = picture.button_texts, await press(JobAction.MORE)
    for action in (JobAction.REPORT, JobAction.ASK_DELETE):
        page = await press(action)
        assert page != more and len(page) <= BUTTONS_MAX
        assert await press(JobAction.MORE) == more
    assert await press(JobAction.BACK) == first
    assert len(first) == len(more) == BUTTONS_MAX


async def test_a_favourite_is_marked_and_unmarked(chat, drawn):
    picture, _ = drawn
    answer = await chat.anna.press("В избранное")
    assert answer.text == chat.texts()("favourite-added")
    assert "❤️ В избранном" in (await chat.anna.message(picture.id)).button_texts
    assert (await chat.jobs())[0].favourite_at is not None
    answer = await chat.anna.press("В избранном")
    assert answer.text == chat.texts()("favourite-removed")
    assert (await chat.jobs())[0].favourite_at is None


async def test_the_file_is_the_png_byte_for_byte_and_is_uploaded_once(chat, drawn):
    picture, job = drawn
    data = JobCallback(action=JobAction.FILE, job_id=job.id)
    await chat.anna.press_data(picture.id, JobCallback(action=JobAction.MORE, job_id=job.id).pack())
    since = (await chat.control.calls())[-1].at
    await chat.anna.press_data(picture.id, data.pack())
    document = await chat.anna.wait_for(lambda message: message.document is not None)
    methods = [call.method for call in await chat.control.calls() if call.at > since]
    assert methods.index("answerCallbackQuery") < methods.index("sendDocument"), "an upload takes seconds"
    with Image.open(io.BytesIO(await chat.anna.download(document))) as image:
        assert (image.format, image.size) == ("PNG", (60, 90))
    assert document.reply_to == picture.id and document.document.name == f"bolid-{job.seed}.png"
    await chat.settled()
    assert await chat.result_of(job) is None
    assert (await chat.jobs())[0].document_file_id
    await chat.press(chat.anna, data)
    again = await chat.anna.wait_for(lambda message: message.document is not None)
    assert again.document.url == document.document.url


async def test_a_file_that_is_not_kept_any_more_says_how_to_get_it(chat, drawn):
    _, job = drawn
    async with chat.sessions.begin() as session:
        (await session.get(type(job), job.id)).result = None
    answer = await chat.press(chat.anna, JobCallback(action=JobAction.FILE, job_id=job.id))
    assert (answer.text, answer.show_alert) == (chat.texts()("file-gone", seed=str(job.seed)), True)


async def test_a_report_reaches_the_admins_once_with_the_picture(chat, drawn):
    picture, job = drawn
    await chat.boss.send_text("/start")
    admin_ids = chat.dispatcher["admin_ids"]
    chat.dispatcher["admin_ids"] = frozenset({chat.boss.user_id, 1})
    chat.boss.mark = (await chat.boss.transcript())[-1].seq
    try:
        await chat.anna.press_data(picture.id, JobCallback(action=JobAction.MORE, job_id=job.id).pack())
        question = await chat.anna.press("Пожаловаться")
        assert question.text == chat.texts()("report-ask")
        answer = await chat.anna.press("Оскорбительно")
        assert (answer.text, answer.show_alert) == (chat.texts()("report-sent"), True)
        notice = await chat.boss.wait_for(lambda message: "reported" in message.text)
        assert notice.photo is not None
        assert all(part in notice.text for part in ("Offensive", "в лесу", str(job.id), str(chat.anna.user_id)))
        again = await chat.press(chat.anna, ReportCallback(reason=ReportReason.OTHER, job_id=job.id), under_photo=True)
        assert again.text == chat.texts()("report-known")
    finally:
        chat.dispatcher["admin_ids"] = admin_ids
    (stored,) = await chat.jobs()
    assert stored.report_reason == ReportReason.OFFENSIVE and stored.reported_at is not None
    assert sum("reported" in text for text in await chat.texts_to(chat.boss)) == 1


async def test_a_picture_is_deleted_after_a_question_with_all_that_is_kept_of_it(chat, drawn):
    picture, job = drawn
    await chat.anna.press_data(picture.id, JobCallback(action=JobAction.MORE, job_id=job.id).pack())
    await chat.anna.press("Удалить", message_id=picture.id)
    assert picture.id in [message.id for message in await chat.anna.transcript()]
    answer = await chat.anna.press("Да, удалить")
    assert answer.text == chat.texts()("delete-done")
    assert picture.id not in [message.id for message in await chat.anna.transcript()]
    (stored,) = await chat.jobs()
    assert (stored.prompt, stored.result_file_id, stored.document_file_id) == ("", None, None)
    assert await chat.result_of(job) is None
    answer = await chat.press(chat.anna, JobCallback(action=JobAction.AGAIN, job_id=job.id))
    assert answer.text == chat.texts()("error-picture-gone")
    await chat.anna.send_text("/gallery")
    assert chat.texts()("pictures-empty") in await chat.texts_to(chat.anna)


async def test_a_deleted_picture_goes_from_every_message_that_shows_it_or_its_file(chat, drawn):
    picture, job = drawn
    for action in (JobAction.OPEN, JobAction.FILE, JobAction.OPEN):
        await chat.press(chat.anna, JobCallback(action=action, job_id=job.id))
    await chat.settled()
    message_ids = [message.id for message in await chat.anna.transcript() if message.photo or message.document]
    assert len(message_ids) == 4 and message_ids[0] == picture.id
    await chat.press(chat.anna, JobCallback(action=JobAction.DELETE, job_id=job.id), under_photo=True)
    await chat.settled()
    assert not [message for message in await chat.anna.transcript() if message.photo or message.document]


async def test_a_reply_to_a_picture_that_was_opened_earlier_is_drawn_as_it_was(chat, drawn):
    _, first = drawn
    await chat.use.choose_style(chat.anna.user_id, "film")
    for _ in range(2):
        await chat.press(chat.anna, JobCallback(action=JobAction.OPEN, job_id=first.id))
        await asyncio.sleep(DOUBLE_TAP_S)
    await chat.settled()
    opened = [message.id for message in await chat.anna.transcript() if message.photo][-2]
    await chat.anna.send_text("в горах", reply_to=opened)
    assert (await chat.job(2)).source_job_id == first.id


async def test_a_picture_in_progress_is_not_deleted(chat, drawn):
    _, job = drawn
    await chat.move(job, JobState.RUNNING)
    await chat.press(chat.anna, JobCallback(action=JobAction.DELETE, job_id=job.id))
    assert (await chat.jobs())[0].prompt == "в лесу"


async def test_edit_prompt_opens_the_reply_and_the_reply_is_drawn_as_the_picture_was(chat, drawn):
    _, first = drawn
    async with chat.sessions.begin() as session:
        (await session.get(type(first), first.id)).settings = {"clothes": "change"}
    await chat.use.choose_style(chat.anna.user_id, "film")
    await chat.anna.press("Изменить описание")
    question = await chat.anna.wait_for(lambda message: message.force_reply)
    assert "в лесу" in question.text
    request = await chat.anna.send_text("в горах", reply_to=question.id)
    second = await chat.job(2)
    assert (second.prompt, second.style, second.settings) == ("в горах", "sketch", {"clothes": "change"})
    assert (second.source_job_id, second.request_message_id) == (first.id, request.id)


async def test_a_reply_to_the_picture_itself_is_drawn_as_the_picture_was(chat, drawn):
    picture, first = drawn
    await chat.use.choose_style(chat.anna.user_id, "film")
    await chat.anna.send_text("в горах", reply_to=picture.id)
    second = await chat.job(2)
    assert (second.style, second.source_job_id) == ("sketch", first.id)


async def test_a_seed_in_the_prompt_is_used_and_taken_out_of_it(chat, drawn):
    _, first = drawn
    await chat.anna.send_text(f"в лесу, сид {first.seed}")
    second = await chat.job(2)
    assert (second.prompt, second.seed) == ("в лесу", first.seed)


@pytest.mark.parametrize("text", ["в лесу seed 9223372036854775808", "в лесу сид 99999999999999999999999"])
async def test_a_seed_that_is_too_large_says_so(chat, says, text):
    await chat.grant(chat.anna)
    await chat.anna.send_text(text)
    await chat.anna.wait_for(says("Сид не может быть больше 9223372036854775807"))
    assert await chat.jobs() == []


async def test_a_seed_alone_is_no_prompt(chat, says):
    await chat.grant(chat.anna)
    await chat.anna.send_text("seed 12")
    await chat.anna.wait_for(says(chat.texts()("error-prompt-wordless")))


async def test_variations_take_the_free_places_and_differ_in_their_seeds_alone(chat, drawn):
    picture, _ = drawn
    answer = await chat.anna.press("Варианты")
    assert answer.text == chat.texts()("job-queued-variations", count=3)
    jobs = (await chat.jobs())[1:]
    assert len(jobs) == 3 < VARIATIONS_MAX, "three places are free"
    assert len({job.seed for job in jobs}) == 3 and len({job.album_id for job in jobs}) == 1
    assert {(job.prompt, job.style, job.request_message_id) for job in jobs} == {("в лесу", "sketch", picture.id)}


async def test_a_press_on_variations_that_is_delivered_again_draws_nothing(chat, drawn):
    _, first = drawn
    anna, change = chat.anna.user_id, Change(variations=True)
    assert (await chat.use.redraw(anna, anna, "the press", first.id, change)).count == 3
    for job in (await chat.jobs())[1:]:
        await chat.move(job, JobState.DELIVERED)
    assert (await chat.use.redraw(anna, anna, "the press", first.id, change)).created is False
    assert len(await chat.jobs()) == 4


async def test_variations_without_room_say_so(chat, drawn):
    for text in ("на море", "в горах"):
        await chat.anna.send_text(text)
    await chat.job(3)
    answer = await chat.anna.press("Варианты")
    assert answer.text == chat.texts()("error-no-room-for-variations")


async def test_cancel_ends_all_variations(chat, drawn):
    await chat.anna.press("Варианты")
    jobs = (await chat.jobs())[1:]
    await chat.move(jobs[0], JobState.DELIVERED)
    answer = await chat.press(chat.anna, JobCallback(action=JobAction.CANCEL, job_id=jobs[1].id))
    assert answer.text == chat.texts()("job-cancelled")
    states = {job.id: job.state for job in await chat.jobs()}
    assert [states[job.id] for job in jobs] == [JobState.DELIVERED, JobState.CANCELLED, JobState.CANCELLED]


async def test_the_gallery_turns_from_the_newest_to_the_oldest_by_file_id(chat):
    jobs = await _several(chat, 3)
    uploads = len(await chat.control.calls("sendPhoto"))
    await chat.anna.send_text("/gallery")
    page = await chat.anna.wait_for(lambda message: "1 из 3" in message.text)
    assert "картинка в" in page.text and page.photo is not None
    assert page.button_texts == ["Старее →", "🔍 Открыть"]
    photos = [page.photo.url]
    for number, letter in ((2, "б"), (3, "а")):
        await chat.anna.press("Старее", message_id=page.id)
        page = await chat.anna.message(page.id)
        assert f"{number} из 3" in page.text and f"картинка {letter}" in page.text
        photos.append(page.photo.url)
    assert page.button_texts == ["← Новее", "🔍 Открыть"] and len(set(photos)) == 3
    assert len(await chat.control.calls("sendPhoto")) == uploads + 1
    await chat.anna.press("Открыть", message_id=page.id)
    opened = (await chat.anna.transcript())[-1]
    assert opened.photo.url == photos[-1] and len(opened.button_texts) == BUTTONS_MAX
    await chat.anna.send_text("в горах", reply_to=opened.id)
    assert (await chat.job(4)).source_job_id == jobs[0].id


async def test_favourites_hold_what_was_marked_and_nobody_elses(chat, says):
    jobs = await _several(chat, 2)
    await chat.anna.send_text("/favourites")
    await chat.anna.wait_for(says(chat.texts()("favourites-empty")))
    await chat.use.set_favourite(chat.anna.user_id, jobs[0].id, favourite=True)
    await chat.anna.send_text("/favourites")
    page = await chat.anna.wait_for(lambda message: "1 из 1" in message.text)
    assert "картинка а" in page.text and page.button_texts == ["🔍 Открыть"]
    await chat.grant(chat.ben)
    for command in ("/gallery", "/favourites"):
        await chat.ben.send_text(command)
    await chat.settled()
    assert not any(message.photo for message in await chat.ben.transcript())


async def test_a_page_whose_picture_was_deleted_gives_the_newest(chat):
    jobs = await _several(chat, 2)
    await chat.anna.send_text("/gallery")
    page = await chat.anna.wait_for(lambda message: "1 из 2" in message.text)
    await chat.use.remove_picture(chat.anna.user_id, jobs[0].id)
    await chat.anna.press("Старее", message_id=page.id)
    assert "1 из 1" in (await chat.anna.message(page.id)).text


@pytest.mark.parametrize(
    "action", [JobAction.FILE, JobAction.FAVOURITE, JobAction.REPORT, JobAction.DELETE, JobAction.OPEN, JobAction.MORE]
)
async def test_somebody_elses_picture_is_out_of_reach(chat, drawn, action):
    _, job = drawn
    await chat.grant(chat.ben)
    answer = await chat.press(chat.ben, JobCallback(action=action, job_id=job.id))
    assert (answer.text, answer.show_alert) == (chat.texts("en")("error-picture-gone"), True)
    assert (await chat.jobs())[0].removed_at is None
