"""/photos and /privacy: users can see and delete what is stored."""

from __future__ import annotations

from bot.telegram import keyboards
from bot.telegram.callbacks import PrivacyAction, PrivacyCallback, ReferenceAction, ReferenceCallback

ADMIN_TABLES = (
    "access_closures", "access_rules", "admin_questions", "audit_entries", "broadcasts", "review_cases",
    "style_changes",
)  # fmt: skip


async def test_photos_shows_each_photo_with_a_button_to_delete_it(chat, says):
    await chat.grant(chat.anna, photos=3)
    await chat.anna.send_text("/photos")
    summary = await chat.anna.wait_for(says("3 фото из 8"))
    photos = [message for message in await chat.anna.transcript() if message.from_bot and message.photo]
    assert [message.text for message in photos] == [f"✅ Фото {number}: используется" for number in (1, 2, 3)]
    buttons = [chat.texts()("photo-cover-button"), chat.texts()("photo-delete-button")]
    assert all(message.button_texts == buttons for message in photos)
    assert len(summary.button_texts) == 2


async def test_a_photo_is_deleted_once_however_often_it_is_tapped(chat, says):
    await chat.grant(chat.anna, photos=2)
    photo = (await chat.references())[0]
    await chat.anna.send_text("/photos")
    await chat.anna.wait_for(says("2 фото из 8"))
    delete = ReferenceCallback(action=ReferenceAction.DELETE, reference_id=photo.id).pack()
    await chat.anna.press(delete)
    await chat.anna.wait_for(says("Удалено", "Осталось 1 фото"))
    assert photo.id not in [reference.id for reference in await chat.references()]
    button = ReferenceCallback(action=ReferenceAction.DELETE, reference_id=photo.id)
    answer = await chat.press(chat.anna, button, under_photo=True)
    assert answer.answered
    assert len(await chat.references()) == 1


async def test_the_last_photo_deleted_asks_for_a_new_one(chat, says):
    await chat.grant(chat.anna, photos=1)
    await chat.anna.send_text("/photos")
    await chat.anna.wait_for(says("1 фото из 8"))
    await chat.anna.press("Удалить")
    await chat.anna.wait_for(says("Фото не осталось"))
    await chat.anna.send_text("/photos")
    await chat.anna.wait_for(says("Ваших фото у меня нет"))


async def test_add_and_done_say_what_comes_next(chat, says):
    await chat.grant(chat.anna, style="film")
    await chat.anna.send_text("/photos")
    await chat.anna.wait_for(says("1 фото из 8"))
    answer = await chat.anna.press("Добавить")
    assert answer.text == chat.texts()("gallery-add")
    await chat.anna.press("Готово")
    await chat.anna.wait_for(says("Опишите одним предложением", "Чёрно-белое"))


async def test_nobody_deletes_anothers_photo(chat, says):
    await chat.grant(chat.anna)
    await chat.grant(chat.ben, photos=0)
    (photo,) = await chat.references()
    button = ReferenceCallback(action=ReferenceAction.DELETE, reference_id=photo.id)
    await chat.press(chat.ben, button, under_photo=True)
    assert len(await chat.references()) == 1


async def test_privacy_tells_what_is_kept_with_figures(chat, says):
    await chat.grant(chat.anna, photos=2)
    await chat.anna.send_text("в лесу")
    await chat.job()
    await chat.anna.send_text("/privacy")
    reply = await chat.anna.wait_for(says("2 фото, 1 запрос"))
    assert chat.texts()("privacy-pose-photo") not in reply.text
    await chat.grant_pose_photo(chat.anna)
    await chat.anna.send_text("/privacy")
    await chat.anna.wait_for(says("1 запрос", chat.texts()("privacy-pose-photo")))


async def test_delete_everything_deletes_every_row_and_calls_off_what_is_drawn(chat, says):
    await chat.grant(chat.anna, photos=2)
    await chat.grant(chat.ben)
    await chat.grant_pose_photo(chat.anna)
    await chat.anna.send_text("в лесу")
    job = await chat.job()
    status = await chat.bot.send_message(
        chat.anna.user_id, "место в очереди: 1", reply_markup=keyboards.cancel(chat.texts(), job.id)
    )
    await chat.note_status(job, status.message_id)
    await chat.anna.send_text("/privacy")
    await chat.anna.wait_for(says("Что я храню"))
    await chat.anna.press("Удалить всё")
    await chat.anna.wait_for(says("Вернуть это нельзя"))
    assert (await chat.row_counts())["users"] == 2, "asking deletes nothing"
    await chat.anna.press("Да, удалить всё")
    await chat.anna.wait_for(says("Всё удалено"))
    counts = await chat.row_counts()
    assert counts.pop("usage_counters") == 6, "the job, its style, three steps of the funnel, the departure"
    assert {table: counts.pop(table) for table in ADMIN_TABLES} == dict.fromkeys(ADMIN_TABLES, 0)
    assert counts == {
        "users": 1, "held_messages": 0, "reference_photos": 1, "image_prompts": 0, "pose_photos": 0, "jobs": 0,
        "workers": 1, "pauses": 0,
        "leader_lease": 0, "people": 0, "api_allowances": 0, "api_streams": 0, "spooled_updates": 0,
        "consents": 0, "credit_entries": 0, "payments": 0, "departures": 0, "apps": 0, "api_keys": 0, "app_jobs": 0,
    }  # fmt: skip
    assert await chat.user(chat.anna) is None
    assert chat.signals.called_off == [job.id]
    assert status.message_id not in [message.id for message in await chat.anna.transcript()]


async def test_after_deleting_everything_the_bot_begins_anew(chat, says):
    await chat.grant(chat.anna)
    await chat.press(chat.anna, PrivacyCallback(action=PrivacyAction.DELETE))
    await chat.anna.send_text("в лесу")
    await chat.anna.wait_for(says("Мне есть 18 лет"))
    assert await chat.jobs() == []


async def test_a_second_tap_on_delete_is_harmless(chat, says):
    await chat.grant(chat.anna)
    for _ in range(2):
        answer = await chat.press(chat.anna, PrivacyCallback(action=PrivacyAction.DELETE))
        assert answer.answered
    assert (await chat.row_counts())["reference_photos"] == 0


async def test_keep_goes_back_and_deletes_nothing(chat, says):
    await chat.grant(chat.anna)
    await chat.anna.send_text("/privacy")
    await chat.anna.wait_for(says("Что я храню"))
    await chat.anna.press("Удалить всё")
    await chat.anna.wait_for(says("Вернуть это нельзя"))
    await chat.anna.press("Нет, оставить")
    await chat.anna.wait_for(says("Что я храню"))
    assert (await chat.row_counts())["reference_photos"] == 1
