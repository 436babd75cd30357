"""Several people of one user: each has photos of their own, and one of them is drawn."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from bot.db import people, status_messages
from bot.db.tables import Reference
from bot.domain import PEOPLE_MAX, PERSON_NAME_MAX
from bot.telegram.callbacks import PeopleAction, PeopleCallback, ReferenceAction, ReferenceCallback
from engine.contract import REFERENCES_MAX


async def add_person(chat, says, name=None):
    """A new person, named by a reply."""
    await chat.anna.send_text("/people")
    listed = await chat.anna.wait_for(says("Ваши люди"))
    await chat.anna.press(chat.texts()("person-new-button"), message_id=listed.id)
    added = await chat.anna.wait_for(says("Теперь пришлите до"))
    if name is not None:
        await chat.anna.press(chat.texts()("person-rename-button"), message_id=added.id)
        question = await chat.anna.wait_for(says("Пришлите имя ответом"))
        await chat.anna.send_text(name, reply_to=question.id)
        await chat.anna.wait_for(says("Новое имя", name))
    return (await chat.use.people.list(chat.anna.user_id))[-1]


async def test_the_first_photo_makes_the_first_person_and_others_have_photos_of_their_own(chat, says, jpeg):
    await chat.ready(chat.anna)
    anna = await add_person(chat, says, "Анна")
    assert (anna.name, anna.is_current, anna.photos) == ("Анна", True, 0)
    await chat.anna.send_text("в лесу")
    await chat.anna.wait_for(says("Описание сохранено"))
    await chat.anna.send_photo(jpeg(7))
    await chat.anna.wait_for(says("Фото подходит", "На фото: Анна"))
    job = await chat.job()
    first, second = await chat.references()
    async with chat.sessions() as session:
        assert [pending.person_name for pending in await status_messages.pending(session)] == ["Анна"]
    assert job.reference_ids == [second.id] and job.person_id == anna.id == second.person_id != first.person_id
    await chat.anna.send_text("/people")
    listed = await chat.anna.wait_for(says("Ваши люди: 2 из 5", "✅ Анна — 1 фото"))
    assert listed.button_texts == ["Вы", "✅ Анна", chat.texts()("person-new-button")]


async def test_a_person_is_chosen_and_drawn_and_pictures_of_before_stay_theirs(chat, says, jpeg):
    await chat.ready(chat.anna)
    await chat.anna.send_text("в лесу")
    first = await chat.job()
    picture = await chat.picture(chat.anna, first)
    await add_person(chat, says, "Анна")
    await chat.anna.send_photo(jpeg(7))
    await chat.anna.wait_for(says("На фото: Анна"))
    await chat.anna.send_text("на море")
    photos = {photo.id: photo.person_id for photo in await chat.references()}
    sea = await chat.job(2)
    assert {photos[photo_id] for photo_id in sea.reference_ids} == {sea.person_id} != {first.person_id}
    await chat.anna.press("Ещё раз", message_id=picture.id)
    again = await chat.job(3)
    assert (again.person_id, again.reference_ids) == (first.person_id, first.reference_ids)
    await chat.anna.send_text("/people")
    listed = await chat.anna.wait_for(says("Ваши люди"))
    await chat.anna.press("Вы", message_id=listed.id)
    page = await chat.anna.wait_for(says("используется 1 фото"))
    assert page.photo is not None, "the cover"
    answer = await chat.anna.press(chat.texts()("person-choose-button"), message_id=page.id)
    assert answer.text == "Теперь рисую: Вы"
    assert "Сейчас рисую этого" in (await chat.anna.message(page.id)).text
    assert [person.is_current for person in await chat.use.people.list(chat.anna.user_id)] == [True, False]


@pytest.mark.parametrize("name", ["…", "x" * (PERSON_NAME_MAX + 1)])
async def test_a_name_that_cannot_be_shown_is_asked_for_again(chat, says, name):
    await chat.ready(chat.anna)
    await add_person(chat, says)
    await chat.anna.press(chat.texts()("person-rename-button"))
    question = await chat.anna.wait_for(says("Пришлите имя ответом"))
    await chat.anna.send_text(name, reply_to=question.id)
    await chat.anna.wait_for(says("нужна хотя бы одна буква"))
    await chat.anna.send_text("  <b>Жан\u202e-Поль  ", reply_to=question.id)
    await chat.anna.wait_for(says("Новое имя", "<b>Жан-Поль"))
    assert await chat.jobs() == []


async def test_a_person_is_deleted_with_the_photos_after_a_question(chat, says, jpeg):
    await chat.ready(chat.anna)
    await add_person(chat, says, "Анна")
    await chat.anna.send_photo(jpeg(7))
    await chat.anna.wait_for(says("На фото: Анна"))
    await chat.anna.send_text("в лесу")
    picture = await chat.picture(chat.anna, await chat.job())
    await chat.anna.send_text("/people")
    listed = await chat.anna.wait_for(says("Ваши люди"))
    await chat.anna.press("Анна", message_id=listed.id)
    page = await chat.anna.wait_for(says("используется 1 фото"))
    answer = await chat.anna.press(chat.texts()("person-delete-button"), message_id=page.id)
    assert answer.show_alert and "Анна" in answer.text
    await chat.anna.press(chat.texts()("person-confirm-delete-button"), message_id=page.id)
    assert "Удалено" in (await chat.anna.message(page.id)).text
    (left,) = await chat.use.people.list(chat.anna.user_id)
    assert left.is_current and left.photos == 1 and len(await chat.references()) == 1
    late = await chat.press(chat.anna, PeopleCallback.unpack(listed.button("Анна").data))
    assert late.text == chat.texts()("error-person-gone")
    again = await chat.anna.press("Ещё раз", message_id=picture.id)
    assert again.text == chat.texts()("error-person-gone"), "nobody else is drawn instead"
    await chat.anna.send_text("на море", reply_to=picture.id)
    await chat.anna.wait_for(says(chat.texts()("error-person-gone")))
    assert len(await chat.jobs()) == 1


async def test_the_page_says_what_all_photos_lack(chat, says):
    chat.stage.hints = "portrait small_face"
    await chat.ready(chat.anna)
    await chat.anna.send_text("/people")
    listed = await chat.anna.wait_for(says("Ваши люди"))
    await chat.anna.press("Вы", message_id=listed.id)
    await chat.anna.wait_for(says(chat.texts()("person-lacks-portrait"), chat.texts()("person-lacks-small-face")))


async def test_a_photo_becomes_the_cover(chat, says, jpeg):
    await chat.ready(chat.anna)
    await chat.anna.send_photo(jpeg(7))
    await chat.anna.wait_for(says("Фото подходит"))
    _, second = await chat.references()
    await chat.anna.send_text("/photos")
    await chat.anna.wait_for(says("2 фото из"))
    cover = ReferenceCallback(action=ReferenceAction.COVER, reference_id=second.id)
    assert (await chat.press(chat.anna, cover)).text == chat.texts()("photo-cover-set")
    async with chat.sessions() as session:
        cover_of_second = await people.cover(session, chat.anna.user_id, second.person_id)
    assert cover_of_second.id == second.id


async def test_the_limit_of_photos_is_one_persons(chat, says):
    await chat.grant(chat.anna, photos=REFERENCES_MAX)
    await add_person(chat, says)
    await chat.accept_photo(chat.anna, seed=77)
    assert [person.photos for person in await chat.use.people.list(chat.anna.user_id)] == [REFERENCES_MAX, 1]


async def test_there_is_a_limit_of_people_and_an_empty_new_one_is_not_doubled(chat, says, jpeg):
    await chat.ready(chat.anna)
    new = PeopleCallback(action=PeopleAction.NEW)
    for number in range(2, PEOPLE_MAX + 1):
        await chat.press(chat.anna, new)
        await chat.press(chat.anna, new)
        assert len(await chat.use.people.list(chat.anna.user_id)) == number
        await chat.accept_photo(chat.anna, seed=number)
    assert (await chat.press(chat.anna, new)).text == chat.texts()("error-too-many-people", limit=PEOPLE_MAX)


async def test_a_photo_that_an_earlier_bot_stored_is_the_current_persons(chat, says):
    await chat.ready(chat.anna)
    async with chat.sessions.begin() as session:
        await session.execute(update(Reference).values(person_id=None))
    (person,) = await chat.use.people.list(chat.anna.user_id)
    assert person.photos == 1
    await chat.anna.send_text("в лесу")
    assert len((await chat.job()).reference_ids) == 1
    await chat.use.people.add(chat.anna.user_id)
    assert [photo.person_id for photo in await chat.references()] == [person.id]
    assert [person.photos for person in await chat.use.people.list(chat.anna.user_id)] == [1, 0]


async def test_who_sent_no_photo_has_nobody(chat, says):
    await chat.consent(chat.anna)
    await chat.anna.send_text("/people")
    await chat.anna.wait_for(says("пока нет ничьих фото"))
