"""Poses: presets, the pose of a photo, and a model that knows none."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from bot.db.tables import Reference, User
from bot.domain import POSE_PHOTO, SENT_PHOTO_PATIENCE, JobState
from bot.telegram.callbacks import JobAction, JobCallback, PoseAction, PoseCallback, SettingsAction, SettingsCallback
from bot.usecases.poses import PosePhotoResult
from engine.contract import PosePreset, Verdict

REQUEST_FOR_PHOTO = "Теперь пришлите фото для позы"
PHOTO_KEPT = "Фото для позы сохранено"


async def to_poses(chat, says):
    """The screen of poses, of a model that can draw them."""
    await chat.set_worker(alive=True, pose=True)
    await chat.grant(chat.anna)
    return await open_poses(chat, says)


async def open_poses(chat, says):
    await chat.anna.send_text("/settings")
    screen = await chat.anna.wait_for(says("Как я вас рисую", "Поза: "))
    await chat.anna.press(chat.texts()("pose-choose-button"), message_id=screen.id)
    return await chat.anna.message(screen.id)


async def ask_for_photo(chat, says):
    screen = await to_poses(chat, says)
    await chat.anna.press("Поза с фото", message_id=screen.id)
    assert REQUEST_FOR_PHOTO in (await chat.anna.message(screen.id)).text
    return screen


async def choose(chat, screen, pose):
    """Opens the pictures of the poses, turns to the pose and chooses it; gives the message."""
    await chat.anna.press(chat.texts()("pose-list-button"), message_id=screen.id)
    sheet = await chat.anna.wait_for(lambda message: message.button("2 из 2") is not None)
    if sheet.button(pose) is None:
        await chat.anna.press("2 из 2", message_id=sheet.id)
    await chat.anna.press(pose, message_id=sheet.id)
    return await chat.anna.message(sheet.id)


async def test_a_preset_is_chosen_ticked_and_drawn(chat, says):
    screen = await to_poses(chat, says)
    texts = chat.texts()
    ways = [texts("pose-list-button"), "✅ 🎲 Любая поза", "📷 Поза с фото", texts("back-button")]
    assert screen.button_texts == ways
    sheet = await choose(chat, screen, "🪑 Сидя")
    assert "Сейчас: сидя (для следующей картинки)" in sheet.text and "✅ 3 🪑 Сидя" in sheet.button_texts
    assert sheet.button_texts[4:] == ["2 из 2 →"], "two pages need one button to turn them"
    assert "«Поза с фото»" not in sheet.text, "that button is on the other page"
    await chat.anna.press("Назад", message_id=screen.id)
    assert "Поза: сидя" in (await chat.anna.message(screen.id)).text
    await chat.anna.send_text("в лесу")
    first = await chat.job()
    assert (first.pose, first.pose_photo_id) == (PosePreset.SITTING, None)
    await chat.picture(chat.anna, first)
    await chat.anna.press("Ещё раз")
    assert (await chat.job(2)).pose == PosePreset.SITTING, "again repeats the pose"
    await chat.anna.send_text("на море")
    assert (await chat.job(3)).pose is None, "a pose lasts for one picture"


async def test_a_pinned_pose_stays_until_it_is_for_one_picture_again(chat, says):
    screen = await to_poses(chat, says)
    await choose(chat, screen, "🪑 Сидя")
    await chat.press(chat.anna, PoseCallback(action=PoseAction.PIN))
    screen = await open_poses(chat, says)
    text = (await chat.anna.message(screen.id)).text
    assert "сидя (для всех картинок)" in text and "для одной" not in text, "the page does not contradict the pin"
    for number, text in enumerate(("в лесу", "на море"), 1):
        await chat.anna.send_text(text)
        assert (await chat.job(number)).pose == PosePreset.SITTING
    await chat.anna.press(chat.texts()("pose-unpin-button"), message_id=screen.id)
    assert "сидя (для следующей картинки)" in (await chat.anna.message(screen.id)).text
    for number, pose in ((3, PosePreset.SITTING), (4, None)):
        for job in await chat.jobs():
            await chat.move(job, JobState.DELIVERED)
        await chat.anna.send_text("в горах")
        assert (await chat.job(number)).pose == pose


async def test_a_free_pose_is_not_pinned(chat, says):
    screen = await to_poses(chat, says)
    await choose(chat, screen, "🪑 Сидя")
    await chat.press(chat.anna, PoseCallback(action=PoseAction.PIN))
    screen = await open_poses(chat, says)
    await chat.anna.press("Любая поза", message_id=screen.id)
    user = await chat.user(chat.anna)
    assert (user.pose, user.pose_pinned) == (None, False)


async def test_the_pose_of_a_pinned_photo_that_is_deleted_is_free_again(chat, says):
    await chat.grant(chat.anna)
    await chat.grant_pose_photo(chat.anna)
    await chat.use.pin_pose(chat.anna.user_id, pinned=True)
    await chat.use.delete_pose_photo(chat.anna.user_id)
    user = await chat.user(chat.anna)
    assert (user.pose, user.pose_pinned) == (None, False)


async def test_a_model_without_poses_offers_none_and_says_so(chat, says):
    await chat.grant(chat.anna)
    await chat.anna.send_text("/settings")
    screen = await chat.anna.wait_for(says("Как я вас рисую", chat.texts()("pose-unavailable")))
    assert chat.texts()("pose-choose-button") not in screen.button_texts
    answer = await chat.press(chat.anna, SettingsCallback(action=SettingsAction.POSES))
    assert (answer.text, answer.show_alert) == (chat.texts()("pose-unavailable"), True)


async def test_a_worker_that_is_gone_draws_no_poses(chat, says):
    await chat.set_worker(alive=False, pose=True)
    await chat.grant(chat.anna)
    await chat.anna.send_text("/settings")
    await chat.anna.wait_for(says("Как я вас рисую", chat.texts()("pose-unavailable")))


async def test_a_photo_sent_for_its_pose_is_kept_as_such_and_drawn(chat, says, jpeg):
    await ask_for_photo(chat, says)
    await chat.anna.send_photo(jpeg(5))
    await chat.anna.wait_for(says(PHOTO_KEPT))
    photo = await chat.pose_photo(chat.anna)
    assert (await chat.states()).count("accepted") == 1, "it is no photo of the person"
    await chat.anna.send_text("в лесу")
    job = await chat.job()
    assert (job.pose, job.pose_photo_id) == (POSE_PHOTO, photo.id)
    await chat.anna.send_photo(jpeg(6))
    await chat.anna.wait_for(says("Фото подходит"))
    assert (await chat.states()).count("accepted") == 2, "the next photo is one of the person again"
    assert (await chat.pose_photo(chat.anna)).id == photo.id


async def test_a_prompt_under_the_photo_is_drawn_in_its_pose(chat, says, jpeg):
    await ask_for_photo(chat, says)
    await chat.anna.send_photo(jpeg(5), caption="в лесу")
    job = await chat.job()
    assert (job.prompt, job.pose, job.pose_photo_id) == ("в лесу", POSE_PHOTO, (await chat.pose_photo(chat.anna)).id)


@pytest.mark.parametrize("verdict", [Verdict.NO_PERSON, Verdict.SEVERAL_PEOPLE, Verdict.NO_POSE, Verdict.NUDITY])
async def test_a_photo_without_a_pose_is_refused_and_the_next_one_counts(chat, says, jpeg, verdict):
    await ask_for_photo(chat, says)
    chat.stage.verdicts[:] = [verdict]
    await chat.anna.send_photo(jpeg(5), caption="в лесу")
    prefix = "" if verdict == Verdict.NUDITY else "pose-"
    text = chat.texts()(f"{prefix}photo-verdict-{verdict.replace('_', '-')}")
    await chat.anna.wait_for(says(text, "Описание я не использовал", "в лесу"))
    assert (await chat.user(chat.anna)).pose is None and await chat.pose_photo(chat.anna) is None
    assert len(await chat.jobs()) == 0
    await chat.anna.send_photo(jpeg(6))
    await chat.anna.wait_for(says(PHOTO_KEPT))


async def test_a_refused_photo_leaves_the_earlier_pose(chat, says, jpeg):
    await ask_for_photo(chat, says)
    before = await chat.grant_pose_photo(chat.anna)
    chat.stage.verdicts[:] = [Verdict.NO_POSE]
    await chat.anna.send_photo(jpeg(5))
    await chat.anna.wait_for(says(chat.texts()("pose-photo-verdict-no-pose")))
    assert (await chat.pose_photo(chat.anna)).id == before


async def test_a_prompt_sent_while_the_photo_is_examined_is_drawn_in_its_pose(chat, says, jpeg):
    await ask_for_photo(chat, says)
    chat.stage.worker_looks = False
    await chat.anna.send_photo(jpeg(5))
    await chat.anna.wait_for(says("Проверяю"))
    await chat.anna.send_text("в лесу")
    await chat.anna.wait_for(says("в лесу", "Ещё проверяю"))
    chat.stage.worker_looks = True
    job = await chat.job()
    assert (job.prompt, job.pose) == ("в лесу", POSE_PHOTO)


async def test_the_same_photo_may_show_the_person_and_the_pose(chat, says, jpeg):
    await chat.ready(chat.anna)
    await ask_for_photo(chat, says)
    await chat.anna.send_photo(jpeg())
    await chat.anna.wait_for(says(PHOTO_KEPT))
    assert "accepted" in await chat.states()


async def test_of_an_album_the_first_photo_is_the_pose_and_no_other_becomes_a_reference(chat, says, jpeg):
    await ask_for_photo(chat, says)
    await chat.anna.send_album([jpeg(5), jpeg(6)])
    await chat.anna.wait_for(says(PHOTO_KEPT))
    await chat.settled()
    assert (await chat.states()).count("accepted") == 1
    assert sum(PHOTO_KEPT in text for text in await chat.texts_to(chat.anna)) == 1


async def test_a_file_that_is_no_photo_says_so_and_the_next_one_counts(chat, says, jpeg):
    await ask_for_photo(chat, says)
    await chat.anna.send_document(b"nothing", name="notes.txt")
    await chat.anna.wait_for(says("Это не фото"))
    assert await chat.pose_photo(chat.anna) is None
    await chat.anna.send_photo(jpeg(5))
    await chat.anna.wait_for(says(PHOTO_KEPT))


@pytest.mark.parametrize("how", ["back", "words", "late"])
async def test_who_does_something_else_first_sends_a_photo_of_themselves(chat, says, jpeg, how):
    screen = await ask_for_photo(chat, says)
    if how == "back":
        await chat.anna.press("Назад", message_id=screen.id)
    elif how == "words":
        await chat.anna.send_text("в лесу")
        await chat.job()
    else:
        async with chat.sessions.begin() as session:
            outdated = User.pose_asked_at - SENT_PHOTO_PATIENCE
            await session.execute(update(User).values(pose_asked_at=outdated))
    await chat.anna.send_photo(jpeg(5))
    await chat.anna.wait_for(says("Фото подходит"))
    assert await chat.pose_photo(chat.anna) is None


async def test_the_photo_can_be_left_chosen_again_replaced_and_deleted(chat, says, jpeg):
    screen = await to_poses(chat, says)
    first = await chat.grant_pose_photo(chat.anna)
    await choose(chat, screen, "👋 Махая рукой")
    assert (await chat.user(chat.anna)).pose == PosePreset.WAVING
    await chat.anna.press("Поза с фото", message_id=screen.id)
    assert "✅ 📷 Другое фото" in (await chat.anna.message(screen.id)).button_texts
    await chat.anna.press("Другое фото", message_id=screen.id)
    await chat.anna.send_photo(jpeg(5))
    answer = await chat.anna.wait_for(says(PHOTO_KEPT))
    assert (await chat.pose_photo(chat.anna)).id != first
    await chat.anna.press(chat.texts()("pose-choose-button"), message_id=answer.id)
    await chat.anna.press("Удалить фото", message_id=answer.id)
    screen = await chat.anna.message(answer.id)
    assert "Сейчас: любая" in screen.text and "🗑 Удалить фото" not in screen.button_texts
    assert await chat.pose_photo(chat.anna) is None


async def test_again_without_the_photo_of_the_pose_is_free_and_says_so(chat):
    await chat.grant(chat.anna)
    await chat.grant_pose_photo(chat.anna)
    await chat.anna.send_text("в лесу")
    first = await chat.job()
    await chat.picture(chat.anna, first)
    await chat.grant_pose_photo(chat.anna)
    answer = await chat.anna.press("Ещё раз")
    second = await chat.job(2)
    assert (answer.text, answer.show_alert) == (chat.texts()("job-queued-any-pose"), True)
    assert (second.pose, second.pose_photo_id) == (None, None), "never the pose of a photo that came later"


async def test_a_pose_that_could_not_be_read_is_left_out_on_request(chat):
    await chat.grant(chat.anna)
    await chat.use.choose_pose(chat.anna.user_id, PosePreset.LYING)
    await chat.anna.send_text("в лесу")
    first = await chat.job()
    await chat.move(first, JobState.FAILED)
    answer = await chat.press(chat.anna, JobCallback(action=JobAction.FREE_POSE, job_id=first.id))
    second = await chat.job(2)
    assert answer.text == chat.texts()("job-queued")
    assert (second.prompt, second.pose) == (first.prompt, None)


async def test_a_photo_of_the_person_that_comes_again_does_not_become_the_pose_asked_for_since(chat, says, jpeg):
    """Telegram sends an update again that a crash left unconfirmed."""
    await chat.ready(chat.anna)
    (photo,) = await chat.references()
    await chat.use.choose_pose_photo(chat.anna.user_id)
    again = await chat.use.receive_photo(await chat.sent_again(chat.anna, photo.message_id, jpeg()))
    assert again.reference_id == photo.id
    assert await chat.pose_photo(chat.anna) is None


async def test_the_same_message_twice_keeps_one_photo(chat, says, jpeg):
    await ask_for_photo(chat, says)
    sent = await chat.anna.send_photo(jpeg(5))
    await chat.anna.wait_for(says(PHOTO_KEPT))
    photo = await chat.pose_photo(chat.anna)
    async with chat.sessions.begin() as session:
        await session.execute(delete(Reference).where(Reference.for_pose))
    taken = await chat.use.receive_photo(await chat.sent_again(chat.anna, sent.id, jpeg(5)))
    assert taken is PosePhotoResult.SKIPPED
    assert (await chat.pose_photo(chat.anna)).id == photo.id
