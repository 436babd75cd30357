"""The image prompt: taken from a picture, from a photo or after a question; for one picture or for all."""

from __future__ import annotations

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from bot.db.tables import ImagePrompt
from bot.domain import JobState
from bot.retention import forget_image_prompts
from bot.telegram.callbacks import ImagePromptAction, ImagePromptCallback, JobAction, JobCallback
from bot.usecases.image_prompts import ImagePromptResult
from engine.contract import Verdict

PICTURE_KEPT = "Картинка-образец сохранена"
REQUEST_FOR_PICTURE = "Теперь пришлите картинку"
TAKE = "Взять стиль с этого фото"


async def stored(chat):
    """All image prompts, oldest first, with their images."""
    async with chat.sessions() as session:
        rows = list(await session.scalars(select(ImagePrompt).order_by(ImagePrompt.created_at)))
        for row in rows:
            await session.refresh(row, ["image"])
    return rows


@pytest_asyncio.fixture(loop_scope="session")
async def screen(chat, says):
    """The screen of the image prompt, of a model that reads one."""
    await chat.set_worker(alive=True, image_prompt=True)
    await chat.grant(chat.anna)
    await chat.anna.send_text("/settings")
    page = await chat.anna.wait_for(says("Как я вас рисую", "Картинка-образец: нет"))
    await chat.anna.press("🖼 Картинка-образец", message_id=page.id)
    return page.id


async def test_a_picture_that_is_asked_for_is_followed_once(chat, says, jpeg, screen):
    assert "Сейчас: нет" in (await chat.anna.message(screen)).text
    await chat.anna.press("Прислать образец", message_id=screen)
    assert REQUEST_FOR_PICTURE in (await chat.anna.message(screen)).text
    await chat.anna.send_photo(jpeg(5))
    await chat.anna.wait_for(says(PICTURE_KEPT))
    (image_prompt,) = await stored(chat)
    assert len(await chat.references()) == 1, "it is no photo of the person"
    await chat.anna.send_text("в лесу")
    first = await chat.job()
    assert first.image_prompt_id == image_prompt.id
    await chat.picture(chat.anna, first)
    await chat.anna.press("Ещё раз")
    assert (await chat.job(2)).image_prompt_id == image_prompt.id, "again follows it too"
    await chat.anna.send_text("на море")
    assert (await chat.job(3)).image_prompt_id is None, "it lasts for one picture"


async def test_a_pinned_one_stays_until_it_is_for_one_picture_again(chat, says, jpeg, screen):
    await chat.anna.press("Прислать образец", message_id=screen)
    await chat.anna.send_photo(jpeg(5))
    answer = await chat.anna.wait_for(says(PICTURE_KEPT))
    await chat.anna.press("🖼 Картинка-образец", message_id=answer.id)
    await chat.anna.press("Для всех картинок", message_id=answer.id)
    assert "сохранённая (для всех картинок)" in (await chat.anna.message(answer.id)).text
    (image_prompt,) = await stored(chat)
    for number, text in enumerate(("в лесу", "на море"), 1):
        await chat.anna.send_text(text)
        assert (await chat.job(number)).image_prompt_id == image_prompt.id
    await chat.anna.press("Только для одной", message_id=answer.id)
    for number, expected in ((3, image_prompt.id), (4, None)):
        for job in await chat.jobs():
            await chat.move(job, JobState.DELIVERED)
        await chat.anna.send_text("в горах")
        assert (await chat.job(number)).image_prompt_id == expected
    await chat.anna.press("Назад", message_id=answer.id)
    assert "Картинка-образец: нет" in (await chat.anna.message(answer.id)).text


async def test_a_prompt_under_the_picture_is_drawn_in_its_style(chat, jpeg, screen):
    await chat.anna.press("Прислать образец", message_id=screen)
    await chat.anna.send_photo(jpeg(5), caption="в лесу")
    job = await chat.job()
    assert (job.prompt, job.image_prompt_id) == ("в лесу", (await stored(chat))[0].id)


async def test_a_file_that_is_no_photo_says_so_and_the_next_one_counts(chat, says, jpeg, screen):
    await chat.anna.press("Прислать образец", message_id=screen)
    await chat.anna.send_document(b"nothing", name="notes.txt")
    await chat.anna.wait_for(says("Это не фото"))
    assert await stored(chat) == []
    await chat.anna.send_photo(jpeg(5))
    await chat.anna.wait_for(says(PICTURE_KEPT))


async def test_of_an_album_the_first_is_taken_and_none_becomes_a_reference(chat, says, jpeg, screen):
    await chat.anna.press("Прислать образец", message_id=screen)
    await chat.anna.send_album([jpeg(5), jpeg(6)])
    await chat.anna.wait_for(says(PICTURE_KEPT))
    await chat.settled()
    assert (len(await chat.references()), len(await stored(chat))) == (1, 1)


async def test_the_same_message_twice_keeps_one(chat, says, jpeg, screen):
    await chat.anna.press("Прислать образец", message_id=screen)
    sent = await chat.anna.send_photo(jpeg(5))
    await chat.anna.wait_for(says(PICTURE_KEPT))
    taken = await chat.use.receive_photo(await chat.sent_again(chat.anna, sent.id, jpeg(5)))
    assert taken is ImagePromptResult.KEPT and len(await stored(chat)) == 1


@pytest.mark.parametrize("how", ["back", "words", "pose"])
async def test_who_does_something_else_first_sends_a_photo_of_themselves(chat, says, jpeg, screen, how):
    await chat.anna.press("Прислать образец", message_id=screen)
    if how == "back":
        await chat.anna.press("Назад", message_id=screen)
    elif how == "words":
        await chat.anna.send_text("в лесу")
        await chat.job()
    else:
        await chat.use.choose_pose_photo(chat.anna.user_id)
    await chat.anna.send_photo(jpeg(5))
    await chat.anna.wait_for(says("Фото для позы сохранено" if how == "pose" else "Фото подходит"))
    assert await stored(chat) == []


async def test_the_style_of_a_picture_of_the_bots_is_taken_by_a_button(chat, says):
    await chat.set_worker(alive=True, image_prompt=True)
    await chat.grant(chat.anna)
    await chat.anna.send_text("в лесу")
    first = await chat.job()
    await chat.picture(chat.anna, first)
    await chat.anna.press(chat.texts()("job-more-button"))
    await chat.anna.press("Взять этот стиль")
    answer = await chat.anna.wait_for(says(PICTURE_KEPT))
    (image_prompt,) = await stored(chat)
    assert image_prompt.job_id == first.id and image_prompt.image.startswith(b"\xff\xd8")
    request = await chat.anna.message(answer.reply_to)
    assert request.photo is not None, "the answer replies to the picture that was taken"
    await chat.anna.send_text("на море")
    assert (await chat.job(2)).image_prompt_id == image_prompt.id
    await chat.use.remove_picture(chat.anna.user_id, first.id)
    assert await stored(chat) == [], "a deleted picture is no image prompt any more"


@pytest.mark.parametrize("verdict", [Verdict.ACCEPTED, Verdict.NO_PERSON])
async def test_a_photo_that_was_sent_has_one_role(chat, says, jpeg, verdict):
    await chat.set_worker(alive=True, image_prompt=True)
    await chat.grant(chat.anna)
    chat.stage.verdicts.append(verdict)
    photo = await chat.anna.send_photo(jpeg(5))
    answer = await chat.anna.wait_for(lambda message: any(TAKE in text for text in message.button_texts))
    assert answer.reply_to == photo.id
    await chat.anna.press(TAKE, message_id=answer.id)
    text = (await chat.anna.message(answer.id)).text
    assert PICTURE_KEPT in text and ("больше не использую" in text) == (verdict is Verdict.ACCEPTED)
    assert len(await chat.references()) == 1 and len(await stored(chat)) == 1
    await chat.anna.send_text("в лесу")
    assert (await chat.job()).image_prompt_id == (await stored(chat))[0].id


async def test_the_only_photo_of_the_person_that_is_taken_is_asked_for_again(chat, says, jpeg):
    await chat.set_worker(alive=True, image_prompt=True)
    await chat.consent(chat.anna)
    await chat.anna.send_photo(jpeg(5))
    answer = await chat.anna.wait_for(lambda message: any(TAKE in text for text in message.button_texts))
    await chat.anna.press(TAKE, message_id=answer.id)
    assert "Пришлите своё фото" in (await chat.anna.message(answer.id)).text
    assert await chat.references() == []


async def test_a_prompt_that_came_with_a_photo_without_a_person_is_drawn_in_its_style(chat, says, jpeg):
    await chat.set_worker(alive=True, image_prompt=True)
    await chat.grant(chat.anna)
    chat.stage.verdicts.append(Verdict.NO_PERSON)
    await chat.anna.send_photo(jpeg(5), caption="в лесу")
    answer = await chat.anna.wait_for(lambda message: any(TAKE in text for text in message.button_texts))
    await chat.anna.press(TAKE, message_id=answer.id)
    job = await chat.job()
    assert (job.prompt, job.image_prompt_id) == ("в лесу", (await stored(chat))[0].id)


@pytest.mark.parametrize("verdict", [Verdict.NUDITY, Verdict.MINOR])
async def test_a_photo_that_is_not_allowed_offers_no_style(chat, says, jpeg, verdict):
    await chat.set_worker(alive=True, image_prompt=True)
    await chat.grant(chat.anna)
    chat.stage.verdicts.append(verdict)
    await chat.anna.send_photo(jpeg(5))
    answer = await chat.anna.wait_for(lambda message: "Смотрю" not in message.text and message.reply_to is not None)
    assert not any(TAKE in text for text in answer.button_texts)


async def test_of_an_album_no_photo_is_offered(chat, says, jpeg):
    """A button under one answer about several photos would not say which."""
    await chat.set_worker(alive=True, image_prompt=True)
    await chat.grant(chat.anna)
    await chat.anna.send_album([jpeg(5), jpeg(6)])
    answer = await chat.anna.wait_for(says("✅"))
    assert not any(TAKE in text for text in answer.button_texts)


async def test_a_model_that_reads_none_is_never_offered_one(chat, says, jpeg):
    await chat.grant(chat.anna)
    await chat.anna.send_text("/settings")
    settings = await chat.anna.wait_for(says("Как я вас рисую"))
    assert "бразец" not in settings.text + "".join(settings.button_texts)
    await chat.anna.send_photo(jpeg(5))
    answer = await chat.anna.wait_for(says("Фото подходит"))
    assert not any(TAKE in text for text in answer.button_texts)
    await chat.anna.send_text("в лесу")
    first = await chat.job()
    picture = await chat.picture(chat.anna, first)
    await chat.anna.press(chat.texts()("job-more-button"), message_id=picture.id)
    assert "🖼 Взять этот стиль" not in (await chat.anna.message(picture.id)).button_texts
    for press in (
        ImagePromptCallback(action=ImagePromptAction.ASK),
        JobCallback(action=JobAction.TAKE_STYLE, job_id=first.id),
    ):
        answer = await chat.press(chat.anna, press)
        assert (answer.text, answer.show_alert) == (chat.texts()("image-prompt-unavailable"), True)
    assert await stored(chat) == []


async def test_one_worker_that_reads_none_is_enough_to_offer_none(chat):
    await chat.set_worker(alive=True, image_prompt=True)
    assert await chat.use.image_prompts.offered()
    await chat.set_worker("other", alive=True)
    assert not await chat.use.image_prompts.offered()


async def test_a_picture_in_progress_keeps_the_one_it_follows_while_others_come(chat, says, jpeg, screen):
    await chat.anna.press("Прислать образец", message_id=screen)
    await chat.anna.send_photo(jpeg(5), caption="в лесу")
    first = await chat.job()
    await chat.use.image_prompts.ask(chat.anna.user_id)
    await chat.anna.send_photo(jpeg(6))
    await chat.settled()
    old, new = await stored(chat)
    assert first.image_prompt_id == old.id
    assert await forget_image_prompts(chat.sessions) == 0
    await chat.move(first, JobState.DELIVERED)
    assert await forget_image_prompts(chat.sessions) == 1
    assert [row.id for row in await stored(chat)] == [new.id]


async def test_again_without_it_says_so_and_it_is_left_out_on_request(chat, says, jpeg, screen):
    await chat.anna.press("Прислать образец", message_id=screen)
    await chat.anna.send_photo(jpeg(5), caption="в лесу")
    first = await chat.job()
    await chat.move(first, JobState.FAILED)
    answer = await chat.press(chat.anna, JobCallback(action=JobAction.NO_IMAGE_PROMPT, job_id=first.id))
    assert answer.text == chat.texts()("job-queued")
    assert (await chat.job(2)).image_prompt_id is None
    await chat.use.image_prompts.delete(chat.anna.user_id)
    answer = await chat.press(chat.anna, JobCallback(action=JobAction.AGAIN, job_id=first.id))
    assert (answer.text, answer.show_alert) == (chat.texts()("job-queued-no-image-prompt"), True)
    assert (await chat.job(3)).image_prompt_id is None


async def test_it_can_be_left_chosen_again_and_deleted(chat, says, jpeg, screen):
    await chat.anna.press("Прислать образец", message_id=screen)
    await chat.anna.send_photo(jpeg(5))
    answer = await chat.anna.wait_for(says(PICTURE_KEPT))
    await chat.anna.press("🖼 Картинка-образец", message_id=answer.id)
    await chat.anna.press("Без образца", message_id=answer.id)
    assert "✅ Без образца" in (await chat.anna.message(answer.id)).button_texts
    await chat.anna.press("Сохранённая", message_id=answer.id)
    assert "сохранённая (для следующей картинки)" in (await chat.anna.message(answer.id)).text
    await chat.anna.press("Удалить образец", message_id=answer.id)
    message = await chat.anna.message(answer.id)
    assert "Сейчас: нет" in message.text and "🖼 Удалить образец" not in message.button_texts
    assert await stored(chat) == []


async def test_everything_that_is_deleted_and_exported_has_it(chat, says, jpeg, screen):
    await chat.anna.press("Прислать образец", message_id=screen)
    await chat.anna.send_photo(jpeg(5))
    await chat.anna.wait_for(says(PICTURE_KEPT))
    await chat.anna.send_text("/privacy")
    await chat.anna.wait_for(says("И одна картинка-образец"))
    (archive,) = await chat.use.export_data(chat.anna.user_id, "read me")
    assert b"image_prompts/01-image.jpg" in archive.content
    await chat.use.delete_everything(chat.anna.user_id)
    async with chat.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(ImagePrompt)) == 0
