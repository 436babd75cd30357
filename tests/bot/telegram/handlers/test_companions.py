"""Two people in one picture: offered where the workers can, chosen in /people, for one picture."""

from __future__ import annotations

from uuid import uuid4

import pytest_asyncio
from sqlalchemy import func

from bot.db import people
from bot.db.tables import Reference
from bot.domain import JobState, ReferenceState
from bot.telegram.callbacks import JobAction, JobCallback, PeopleAction, PeopleCallback
from engine.contract import PosePreset


@pytest_asyncio.fixture(loop_scope="session")
async def pair(chat, jpeg):
    """Anna with an accepted photo, and Boris, whose photo is accepted too."""
    await chat.grant(chat.anna)
    user_id = chat.anna.user_id
    async with chat.sessions.begin() as session:
        anna = await people.current(session, user_id)
        boris = await people.add(session, user_id)
        boris.name = "Борис"
        await session.flush()
        session.add(
            Reference(
                user_id=user_id, chat_id=user_id, message_id=999, person_id=boris.id, state=ReferenceState.ACCEPTED,
                image=jpeg(7), width=60, height=80, sha256=uuid4().hex, answered_at=func.now(),
            )
        )  # fmt: skip
    await chat.use.people.choose(user_id, anna)
    return anna, boris.id


async def photos_of(chat, person_id):
    return [photo.id for photo in await chat.references() if photo.person_id == person_id]


async def open_page(chat, says, name, photos=1):
    await chat.anna.send_text("/people")
    listed = await chat.anna.wait_for(says("Ваши люди"))
    await chat.anna.press(name, message_id=listed.id)
    return await chat.anna.wait_for(says(f"используется {photos} фото"))


async def test_the_next_picture_shows_both_and_another_like_it_too(chat, says, pair):
    anna, boris = pair
    texts, user_id = chat.texts(), chat.anna.user_id
    await chat.set_worker(alive=True, companion=True, pose=True)
    await chat.use.choose_pose(user_id, PosePreset.LYING)
    page = await open_page(chat, says, "Борис")
    await chat.anna.press(texts("person-together-button"), message_id=page.id)
    answer = await chat.anna.wait_for(says("На следующей картинке будут двое", "Вы слева", "Борис справа"))
    assert "людей двое" in answer.text
    edited = await chat.anna.message(page.id)
    assert "Будет на следующей картинке рядом" in edited.text
    assert texts("person-alone-button") in edited.button_texts
    assert texts("person-together-button") not in edited.button_texts

    await chat.anna.send_text("двое друзей в лесу")
    job = await chat.job()
    assert (job.person_id, job.companion_id, job.pose) == (anna, boris, None)
    assert job.reference_ids == await photos_of(chat, anna)
    assert job.companion_reference_ids == await photos_of(chat, boris) != []
    picture = await chat.picture(chat.anna, job)

    await chat.anna.send_text("на море")
    alone = await chat.job(2)
    assert (alone.companion_id, alone.companion_reference_ids, alone.pose) == (None, [], "lying"), "for one picture"

    await chat.anna.press("Ещё раз", message_id=picture.id)
    again = await chat.job(3)
    assert (again.companion_id, again.companion_reference_ids) == (boris, job.companion_reference_ids)
    await chat.anna.send_text("двое на море", reply_to=picture.id)
    assert (await chat.job(4)).companion_id == boris
    await chat.move(alone, JobState.CANCELLED)  # there is room for one more
    await chat.press(chat.anna, JobCallback(action=JobAction.ALONE, job_id=job.id))
    assert (await chat.job(5)).companion_id is None

    await chat.use.people.remove(user_id, boris)
    late = await chat.press(chat.anna, JobCallback(action=JobAction.AGAIN, job_id=again.id))
    assert late.text == texts("error-person-gone")


async def test_it_is_offered_only_while_every_worker_draws_two(chat, says, pair):
    _, boris = pair
    texts = chat.texts()
    page = await open_page(chat, says, "Борис")
    assert texts("person-together-button") not in page.button_texts
    together = PeopleCallback(action=PeopleAction.TOGETHER, person_id=boris)
    answer = await chat.press(chat.anna, together)
    assert answer.text == texts("error-one-person-only")
    assert (await chat.user(chat.anna)).companion_id is None


async def test_without_accepted_photos_nobody_is_a_companion(chat, says, pair):
    anna, boris = pair
    await chat.set_worker(alive=True, companion=True)
    for photo_id in await photos_of(chat, boris):
        await chat.use.delete_photo(chat.anna.user_id, photo_id)
    page = await chat.use.people.open(chat.anna.user_id, boris)
    assert not page.together
    for person_id, problem in ((boris, "error-no-photos"), (anna, "error-person-gone")):
        answer = await chat.press(chat.anna, PeopleCallback(action=PeopleAction.TOGETHER, person_id=person_id))
        assert answer.text == chat.texts()(problem)


async def test_a_companion_can_be_dropped_and_is_none_once_another_person_is_drawn(chat, says, pair):
    anna, boris = pair
    texts, user_id = chat.texts(), chat.anna.user_id
    await chat.set_worker(alive=True, companion=True)
    carla = await chat.use.people.add(user_id)
    for leave in ("drop", "choose", "add", "remove"):
        await chat.use.people.choose(user_id, anna)
        await chat.use.people.together(user_id, boris)
        assert [person.is_companion for person in await chat.use.people.list(user_id)][:2] == [False, True]
        if leave == "drop":
            await chat.anna.send_text("/people")
            listed = await chat.anna.wait_for(says("👥 Борис — 1 фото"))
            assert "👥 Борис" in listed.button_texts
            await chat.use.people.together.drop(user_id, carla.id)  # an old button about somebody else
            assert (await chat.user(chat.anna)).companion_id == boris
            answer = await chat.press(chat.anna, PeopleCallback(action=PeopleAction.ALONE, person_id=boris))
            assert answer.text == texts("person-alone")
        elif leave == "choose":
            await chat.use.people.choose(user_id, boris)
        elif leave == "add":
            await chat.use.people.add(user_id)
        else:
            await chat.use.people.remove(user_id, anna)
        assert (await chat.user(chat.anna)).companion_id is None, leave


async def test_a_deleted_companion_leaves_a_picture_of_one(chat, says, pair):
    anna, boris = pair
    await chat.set_worker(alive=True, companion=True)
    await chat.use.people.together(chat.anna.user_id, boris)
    await chat.press(chat.anna, PeopleCallback(action=PeopleAction.DELETE, person_id=boris))
    await chat.anna.wait_for(says(chat.texts()("person-deleted"), chat.texts()("person-alone")))
    await chat.anna.send_text("в лесу")
    assert ((await chat.job()).person_id, (await chat.job()).companion_id) == (anna, None)


async def test_without_a_photo_of_the_companion_a_prompt_is_refused_until_the_user_decides(chat, says, pair):
    _, boris = pair
    await chat.set_worker(alive=True, companion=True)
    await chat.use.people.together(chat.anna.user_id, boris)
    for photo_id in await photos_of(chat, boris):
        await chat.use.delete_photo(chat.anna.user_id, photo_id)
    for _ in range(2):
        request = await chat.anna.send_text("в лесу")
        reply = await chat.anna.wait_for(says(chat.texts()("error-companion-gone")))
        assert reply.reply_to == request.id
    assert await chat.jobs() == []
    page = await open_page(chat, says, "Борис", photos=0)
    await chat.anna.press(chat.texts()("person-alone-button"), message_id=page.id)
    await chat.anna.send_text("в лесу")
    assert (await chat.job()).companion_id is None


async def test_a_waiting_prompt_for_two_is_given_back_where_the_companions_photos_are_gone(chat, says, jpeg, pair):
    _, boris = pair
    await chat.set_worker(alive=True, companion=True)
    await chat.use.people.together(chat.anna.user_id, boris)
    chat.stage.worker_looks = False
    await chat.anna.send_photo(jpeg(3), caption="двое в лесу")
    await chat.settled()
    for photo_id in await photos_of(chat, boris):
        await chat.use.delete_photo(chat.anna.user_id, photo_id)
    chat.stage.worker_looks = True
    await chat.anna.wait_for(says(chat.texts()("error-companion-gone"), "двое в лесу"))
    assert await chat.jobs() == [] and (await chat.user(chat.anna)).draft is None
