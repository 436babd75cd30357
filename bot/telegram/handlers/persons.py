"""/people: the people whom a user has photos of; one of them is drawn."""

from __future__ import annotations

from typing import Any

from aiogram import Bot, F, Router
from aiogram.types import BufferedInputFile, CallbackQuery, ForceReply, Message

from bot.db.people import PersonSummary
from bot.db.tables import User
from bot.domain import PEOPLE_MAX, PERSON_NAME_MAX
from bot.errors import PersonGone
from bot.telegram import person_keyboards
from bot.telegram.callbacks import PeopleAction, PeopleCallback
from bot.telegram.edits import Toast, edit_buttons, message_of
from bot.telegram.handlers.gallery import send_photos
from bot.telegram.handlers.typed import TypedCommand
from bot.telegram.person_keyboards import person_name
from bot.telegram.preset_pages import edit_words
from bot.translator import Markup, Texts
from bot.usecases import UseCases
from engine.contract import REFERENCES_MAX

HINTS_MAX = 2


def build() -> Router:
    router = Router(name="persons")
    router.message.register(show_people, TypedCommand("people"))
    router.message.register(take_name, F.text, ~F.text.startswith("/"), F.reply_to_message, is_name)
    router.callback_query.register(add, PeopleCallback.filter(F.action == PeopleAction.NEW))
    router.callback_query.register(press, PeopleCallback.filter(F.person_id))
    return router


async def show_people(message: Message, user: User, texts: Texts, use: UseCases) -> None:
    persons = await use.people.list(user.id)
    if not persons:
        await message.answer(texts("people-none"))
        return
    lines = [
        texts(
            "people-line-current" if person.is_current else "people-line",
            mark="👥" if person.is_companion else "•",
            name=person_name(texts, person),
            count=person.photos,
        )
        for person in persons
    ]
    text = texts("people", count=len(persons), limit=PEOPLE_MAX, people=Markup("\n".join(lines)))
    await message.answer(text, reply_markup=person_keyboards.people(texts, persons))


async def add(callback: CallbackQuery, user: User, texts: Texts, use: UseCases) -> None:
    person = await use.people.add(user.id)
    message = message_of(callback)
    if message is not None:
        text = texts("person-added", name=person_name(texts, person), limit=REFERENCES_MAX)
        await message.answer(text, reply_markup=person_keyboards.person_added(texts, person))


async def press(
    callback: CallbackQuery, callback_data: PeopleCallback, bot: Bot, user: User, texts: Texts, use: UseCases
) -> Toast | None:
    message, person_id = message_of(callback), callback_data.person_id
    if person_id is None:
        return None
    match callback_data.action:
        case PeopleAction.CHOOSE:
            person = await use.people.choose(user.id, person_id)
            if message is not None:
                await edit_words(message, _page(texts, person), person_keyboards.person(texts, person))
            return Toast(texts("person-chosen", name=person_name(texts, person)))
        case PeopleAction.TOGETHER:
            current, person = await use.people.together(user.id, person_id)
            if message is not None:
                names = {"first": person_name(texts, current), "second": person_name(texts, person)}
                await edit_words(message, _page(texts, person), person_keyboards.person(texts, person))
                await message.answer(texts("person-together", **names))
            return None
        case PeopleAction.ALONE:
            person = await use.people.together.drop(user.id, person_id)
            if message is not None:
                page = await use.people.open(user.id, person_id)
                buttons = person_keyboards.person(texts, person, together=page.together)
                await edit_words(message, _page(texts, person), buttons)
            return Toast(texts("person-alone"))
        case PeopleAction.DELETE:
            alone_now = await use.people.remove(user.id, person_id)
            if message is not None:
                text = texts("person-deleted")
                await edit_words(message, Markup(f"{text}\n\n{texts('person-alone')}") if alone_now else text, None)
            return Toast(texts("gallery-deleted-toast"))
    page = await use.people.open(user.id, person_id)
    person = page.person
    if message is None:
        return None
    match callback_data.action:
        case PeopleAction.OPEN:
            text, buttons = _page(texts, person), person_keyboards.person(texts, person, together=page.together)
            if page.cover is None:
                await message.answer(text, reply_markup=buttons)
            else:
                photo = BufferedInputFile(page.cover.image, "cover.jpg")
                await bot.send_photo(user.id, photo, caption=text, reply_markup=buttons)
        case PeopleAction.PHOTOS:
            await send_photos(bot, user.id, await use.list_photos(user.id, person_id), texts)
        case PeopleAction.RENAME:
            question = await message.answer(
                texts("person-name-ask", name=person_name(texts, person), limit=PERSON_NAME_MAX),
                reply_markup=ForceReply(input_field_placeholder=person_name(texts, person)),
            )
            await use.people.name.ask(user.id, person_id, question.message_id)
        case PeopleAction.ASK_DELETE:
            await edit_buttons(message, person_keyboards.confirm_delete(texts, person))
            return Toast(texts("person-delete-ask", name=person_name(texts, person)), alert=True)
        case PeopleAction.BACK:
            await edit_buttons(message, person_keyboards.person(texts, person, together=page.together))
    return None


async def is_name(message: Message, user: User, use: UseCases) -> bool | dict[str, Any]:
    """Whether the message replies to the question for a name."""
    question = message.reply_to_message
    if question is None or not await use.people.name.is_asked(user.id, question.message_id):
        return False
    return {"question_id": question.message_id}


async def take_name(message: Message, user: User, texts: Texts, use: UseCases, question_id: int) -> None:
    person = await use.people.name(user.id, question_id, message.text or "")
    if person is None:
        raise PersonGone
    await message.reply(texts("person-named", name=person_name(texts, person)))


def _page(texts: Texts, person: PersonSummary) -> Markup:
    """The page of a person: name, photos, hints for better photos, and whether this person is drawn."""
    if person.is_companion:
        drawn = texts("person-companion")
    else:
        drawn = texts("person-current" if person.is_current else "person-not-current")
    lines = [
        texts("person-page", name=person_name(texts, person), accepted=person.accepted, limit=REFERENCES_MAX),
        *(texts(f"person-lacks-{hint.replace('_', '-')}") for hint in person.lacks[:HINTS_MAX]),
        drawn,
    ]
    return Markup("\n".join(lines))
