"""A photo with another face than the earlier photos: the user is asked what to do with it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from bot.db import people
from bot.db.references import CHOICE_KEPT, forget_refused
from bot.db.tables import Job, Reference
from bot.domain import OTHER_PERSON, PEOPLE_MAX, OtherPersonChoice
from bot.telegram.callbacks import OtherPersonCallback
from engine.contract import REFERENCES_MAX

ANNA, OTHER = (0.0, 0.0, 0.0), (0.0, 0.0, 1.2)
ALIKE = (0.0, 0.8, 0.0)
QUESTION = "Это другой человек?"


async def asked_about(chat, says, jpeg, *, caption=None):
    """Gives the question, after Anna sent her photo and then somebody else's."""
    chat.stage.faces[:] = [ANNA, OTHER]
    await chat.ready(chat.anna)
    await chat.anna.send_photo(jpeg(1), **({} if caption is None else {"caption": caption}))
    return await chat.anna.wait_for(says(QUESTION))


async def choose(chat, question, choice):
    await chat.settled()
    (photo,) = [photo for photo in await chat.references() if photo.verdict == OTHER_PERSON]
    data = OtherPersonCallback(reference_id=photo.id, choice=choice)
    await chat.anna.press(data.pack(), message_id=question.id)
    await chat.settled()
    return photo.id


async def test_a_face_like_an_earlier_one_is_accepted_without_a_question(chat, says, jpeg):
    chat.stage.faces[:] = [ANNA, ALIKE]
    await chat.ready(chat.anna)
    await chat.accept_photo(chat.anna, 1)
    assert await chat.states() == ["accepted", "accepted"]
    assert not any(QUESTION in text for text in await chat.texts_to(chat.anna))


async def test_another_face_is_asked_about_and_kept_meanwhile(chat, says, jpeg):
    question = await asked_about(chat, says, jpeg)
    texts = chat.texts()
    assert question.button_texts == [texts(f"other-person-{choice}-button") for choice in OtherPersonChoice]
    await chat.anna.wait_for(says(texts("photo-verdict-other-person")))
    assert await chat.states() == ["accepted", "rejected"]
    assert min(await chat.stored_bytes()) > 0


async def test_the_other_person_may_replace_the_first(chat, says, jpeg):
    question = await asked_about(chat, says, jpeg)
    photo_id = await choose(chat, question, OtherPersonChoice.REPLACE)
    await chat.anna.wait_for(says("Теперь рисую по этому фото"))
    (photo,) = await chat.references()
    assert (photo.id, photo.state, tuple(photo.face)) == (photo_id, "accepted", pytest.approx(OTHER))


async def test_both_may_be_kept_apart(chat, says, jpeg):
    question = await asked_about(chat, says, jpeg, caption="в лесу")
    photo_id = await choose(chat, question, OtherPersonChoice.SEPARATE)
    await chat.anna.wait_for(says("Двоих я держу отдельно"))
    first, second = await chat.use.people.list(chat.anna.user_id)
    assert [(first.photos, first.is_current), (second.photos, second.is_current)] == [(1, False), (1, True)]
    assert await chat.states() == ["accepted", "accepted"]
    job = await chat.job()
    assert (job.person_id, job.reference_ids) == (second.id, [photo_id])


async def test_a_picture_asked_for_before_the_verdict_is_drawn_without_another_persons_photo(chat, says, jpeg):
    question = await asked_about(chat, says, jpeg)
    photos = {photo.verdict: photo.id for photo in await chat.references()}
    await chat.anna.send_text("в лесу")
    job = await chat.job()
    async with chat.sessions.begin() as session:  # as a prompt during the examination stores it
        ids = [photos["accepted"], photos[OTHER_PERSON]]
        await session.execute(update(Job).where(Job.id == job.id).values(reference_ids=ids))
    await choose(chat, question, OtherPersonChoice.SEPARATE)
    assert (await chat.job()).reference_ids == [photos["accepted"]]


async def test_with_as_many_people_as_allowed_none_is_added_and_the_photo_is_kept(chat, says, jpeg):
    question = await asked_about(chat, says, jpeg)
    async with chat.sessions.begin() as session:
        for _ in range(PEOPLE_MAX - 1):
            await people.add(session, chat.anna.user_id)
    await chat.settled()
    (photo,) = [photo for photo in await chat.references() if photo.verdict == OTHER_PERSON]
    separate = OtherPersonCallback(reference_id=photo.id, choice=OtherPersonChoice.SEPARATE)
    answer = await chat.anna.press(separate.pack(), message_id=question.id)
    assert answer.text == chat.texts()("error-too-many-people", limit=PEOPLE_MAX)
    assert len(await chat.use.people.list(chat.anna.user_id)) == PEOPLE_MAX
    assert await chat.states() == ["accepted", "rejected"]
    await choose(chat, question, OtherPersonChoice.ADD)
    assert await chat.states() == ["accepted", "accepted"]


async def test_a_new_photo_is_compared_with_the_photos_of_its_person_alone(chat, says, jpeg):
    question = await asked_about(chat, says, jpeg)
    await choose(chat, question, OtherPersonChoice.SEPARATE)
    chat.stage.faces[:] = [OTHER]
    await chat.accept_photo(chat.anna, 2)
    assert await chat.states() == ["accepted"] * 3
    assert [person.accepted for person in await chat.use.people.list(chat.anna.user_id)] == [1, 2]


async def test_it_may_be_the_same_person(chat, says, jpeg):
    question = await asked_about(chat, says, jpeg)
    await choose(chat, question, OtherPersonChoice.ADD)
    await chat.anna.wait_for(says("вместе с остальными"))
    assert await chat.states() == ["accepted", "accepted"]


async def test_the_photo_may_be_ignored(chat, says, jpeg):
    question = await asked_about(chat, says, jpeg)
    await choose(chat, question, OtherPersonChoice.IGNORE)
    await chat.anna.wait_for(says("Рисую по остальным"))
    assert await chat.states() == ["accepted"]


async def test_the_caption_waits_for_the_decision(chat, says, jpeg):
    question = await asked_about(chat, says, jpeg, caption="в лесу")
    assert await chat.jobs() == []
    photo_id = await choose(chat, question, OtherPersonChoice.REPLACE)
    assert (await chat.job()).reference_ids == [photo_id]


async def test_of_an_album_all_photos_of_another_person_are_decided_at_once(chat, says, jpeg):
    chat.stage.faces[:] = [ANNA, OTHER, OTHER]
    await chat.ready(chat.anna)
    await chat.anna.send_album([jpeg(1), jpeg(2)])
    question = await chat.anna.wait_for(says(QUESTION))
    await chat.settled()
    photo = (await chat.references())[1]
    data = OtherPersonCallback(reference_id=photo.id, choice=OtherPersonChoice.REPLACE)
    await chat.anna.press(data.pack(), message_id=question.id)
    await chat.anna.wait_for(says("по этим 2 фото"))
    assert await chat.states() == ["accepted", "accepted"]


async def test_without_room_it_says_so_and_keeps_what_there_is(chat, says, jpeg):
    await chat.grant(chat.anna, photos=REFERENCES_MAX - 1)
    async with chat.sessions.begin() as session:
        await session.execute(update(Reference).values(face=list(ANNA)))
    chat.stage.faces[:] = [OTHER, ANNA]
    await chat.anna.send_photo(jpeg(1))
    question = await chat.anna.wait_for(says(QUESTION))
    await chat.accept_photo(chat.anna, 2)
    await choose(chat, question, OtherPersonChoice.ADD)
    await chat.anna.wait_for(says("нет места"))
    assert (await chat.states()).count("accepted") == REFERENCES_MAX


async def test_nobody_else_decides(chat, says, jpeg):
    await asked_about(chat, says, jpeg)
    await chat.settled()
    photo = (await chat.references())[1]
    await chat.consent(chat.ben)
    await chat.press(chat.ben, OtherPersonCallback(reference_id=photo.id, choice=OtherPersonChoice.IGNORE))
    assert await chat.states() == ["accepted", "rejected"]


async def test_without_an_answer_it_is_kept_for_an_hour(chat, says, jpeg):
    await asked_about(chat, says, jpeg)
    await chat.settled()
    async with chat.sessions.begin() as session:
        undecided = Reference.verdict == OTHER_PERSON
        for age, left in ((CHOICE_KEPT - timedelta(minutes=1), 2), (CHOICE_KEPT + timedelta(minutes=1), 1)):
            await session.execute(update(Reference).where(undecided).values(answered_at=func.now() - age))
            await forget_refused(session)
            assert await session.scalar(select(func.count()).select_from(Reference)) == left
