"""A photo of several people comes back with numbered boxes, and a button chooses one of them."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import func, update

from bot.db.references import CHOICE_KEPT, forget_refused
from bot.db.tables import Reference
from bot.numbered_people import COLOURS, numbered
from bot.telegram.callbacks import PersonCallback
from engine.contract import Hint, Verdict

LEFT, RIGHT = [0.0, 0.1, 0.5, 1.0], [0.5, 0.1, 1.0, 1.0]


async def two_people(chat, says, jpeg):
    """Gives the message that offers the choice, after Anna sent a photo of two people."""
    chat.stage.verdicts[:] = [Verdict.SEVERAL_PEOPLE]
    chat.stage.boxes[:] = [LEFT, RIGHT]
    await chat.consent(chat.anna)
    await chat.anna.send_photo(jpeg())
    await chat.anna.wait_for(says("2 человека", "Нажмите номер"))
    return await chat.anna.wait_for(says("Кто из них вы?", "рисовать не буду"))


async def test_the_photo_comes_back_and_the_one_that_is_chosen_is_examined(chat, says, jpeg):
    offered = await two_people(chat, says, jpeg)
    assert offered.button_texts == ["1", "2", chat.texts()("photo-choose-nobody-button")]
    (photo,) = await chat.references()
    await chat.anna.press(PersonCallback(reference_id=photo.id, number=2).pack())
    await chat.anna.wait_for(says("✅ Номер 2"))
    await chat.anna.wait_for(says("✅ Фото подходит"))
    (photo,) = await chat.references()
    assert (photo.state, photo.person, photo.boxes) == ("accepted", RIGHT, None)
    assert (await chat.stored_bytes())[0] > 0


async def test_none_of_them_deletes_the_photo(chat, says, jpeg):
    await two_people(chat, says, jpeg)
    (photo,) = await chat.references()
    await chat.anna.press(PersonCallback(reference_id=photo.id, number=0).pack())
    await chat.anna.wait_for(says("Этого фото у меня больше нет"))
    assert await chat.references() == []


@pytest.mark.parametrize("number", [-1, 3])
async def test_a_number_that_nobody_has_changes_nothing(chat, says, jpeg, number):
    await two_people(chat, says, jpeg)
    (photo,) = await chat.references()
    await chat.press(chat.anna, PersonCallback(reference_id=photo.id, number=number), under_photo=True)
    assert await chat.states() == ["rejected"]


async def test_nobody_else_chooses(chat, says, jpeg):
    await two_people(chat, says, jpeg)
    (photo,) = await chat.references()
    await chat.consent(chat.ben)
    await chat.press(chat.ben, PersonCallback(reference_id=photo.id, number=1), under_photo=True)
    assert await chat.states() == ["rejected"]


async def test_a_photo_of_which_nobody_is_chosen_is_kept_for_an_hour(chat, says, jpeg):
    await two_people(chat, says, jpeg)
    async with chat.sessions.begin() as session:
        await forget_refused(session)
        late = func.now() - CHOICE_KEPT - timedelta(minutes=1)
        assert (await chat.stored_bytes())[0] > 0
        await session.execute(update(Reference).values(answered_at=late))
        await forget_refused(session)
    assert await chat.references() == []


@pytest.mark.parametrize("hint", Hint)
async def test_what_an_accepted_photo_lacks_is_reported(chat, jpeg, says, hint):
    chat.stage.hints = hint.value
    await chat.consent(chat.anna)
    await chat.anna.send_photo(jpeg())
    answer = await chat.anna.wait_for(says("✅"))
    assert chat.texts()(f"photo-hint-{hint.value.replace('_', '-')}") in answer.text


async def test_boxes_are_drawn_where_people_are():
    written = io.BytesIO()
    Image.new("RGB", (900, 600), "white").save(written, "JPEG")
    drawn = Image.open(io.BytesIO(numbered(written.getvalue(), [[0.1, 0.1, 0.4, 0.9], [0.5, 0.1, 0.9, 0.9]])))
    assert drawn.size == (900, 600)
    red, green, blue = drawn.getpixel((92, 400))
    assert COLOURS[0] == "#e6194b" and red > 180 and green < 90 and blue < 140
    red, green, blue = drawn.getpixel((452, 400))
    assert COLOURS[1] == "#3cb44b" and red < 120 and green > 130 and blue < 130
    assert min(drawn.getpixel((225, 400))) > 240
