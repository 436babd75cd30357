"""The inline buttons of /people."""

from __future__ import annotations

from collections.abc import Sequence

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.db.people import PersonSummary
from bot.domain import PEOPLE_MAX
from bot.telegram.callbacks import PeopleAction, PeopleCallback
from bot.translator import Markup, Texts

COLUMNS = 2
LABEL_MAX = 24


def person_name(texts: Texts, person: PersonSummary) -> Markup | str:
    """The name, or the number of a person without one."""
    return name_or_number(texts, person.name, person.number)


def name_or_number(texts: Texts, name: str | None, number: int) -> Markup | str:
    if name is not None:
        return name
    return texts("person-first") if number == 1 else texts("person-number", number=number)


def people(texts: Texts, persons: Sequence[PersonSummary]) -> InlineKeyboardMarkup:
    """One button per person, ticked where the person is drawn, and a button for a new person while more are allowed."""
    buttons = [_button(_label(texts, person), PeopleAction.OPEN, person) for person in persons]
    if len(persons) < PEOPLE_MAX:
        buttons.append(_button(texts("person-new-button"), PeopleAction.NEW))
    rows = [buttons[start : start + COLUMNS] for start in range(0, len(buttons), COLUMNS)]
    return InlineKeyboardMarkup(inline_keyboard=rows)


def person(texts: Texts, summary: PersonSummary, *, together: bool = False) -> InlineKeyboardMarkup:
    """The buttons of the page of a person. `together`: whether they can be drawn beside the current person."""
    rows = [
        [
            _button(texts("person-photos-button"), PeopleAction.PHOTOS, summary),
            _button(texts("person-rename-button"), PeopleAction.RENAME, summary),
        ],
        [_button(texts("person-delete-button"), PeopleAction.ASK_DELETE, summary)],
    ]
    if summary.is_companion:
        rows.insert(0, [_button(texts("person-alone-button"), PeopleAction.ALONE, summary)])
    elif together:
        rows.insert(0, [_button(texts("person-together-button"), PeopleAction.TOGETHER, summary)])
    if not summary.is_current:
        rows.insert(0, [_button(texts("person-choose-button"), PeopleAction.CHOOSE, summary)])
    return InlineKeyboardMarkup(inline_keyboard=rows)


def person_added(texts: Texts, summary: PersonSummary) -> InlineKeyboardMarkup:
    """The buttons below the question for photos of a new person."""
    return InlineKeyboardMarkup(
        inline_keyboard=[[_button(texts("person-rename-button"), PeopleAction.RENAME, summary)]]
    )


def confirm_delete(texts: Texts, summary: PersonSummary) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        inline_keyboard=[
            [_button(texts("person-confirm-delete-button"), PeopleAction.DELETE, summary)],
            [_button(texts("back-button"), PeopleAction.BACK, summary)],
        ]
    )


def _label(texts: Texts, person: PersonSummary) -> str:
    name = person_name(texts, person)
    short = name if len(name) <= LABEL_MAX else f"{name[: LABEL_MAX - 1]}…"
    if person.is_companion:
        return f"👥 {short}"
    return f"✅ {short}" if person.is_current else short


def _button(text: str, action: PeopleAction, person: PersonSummary | None = None) -> InlineKeyboardButton:
    data = PeopleCallback(action=action, person_id=None if person is None else person.id)
    return InlineKeyboardButton(text=text, callback_data=data.pack())
