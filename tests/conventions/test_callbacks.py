"""The longest data of each button fit into Telegram's limit."""

from __future__ import annotations

import enum
from uuid import UUID

import pytest
from aiogram.filters.callback_data import CallbackData
from pydantic.fields import FieldInfo

from bot.domain import LANGUAGES
from bot.styles import load_styles
from bot.telegram import admin_callbacks, callbacks
from bot.telegram.account_views import CHARGE_HEX

BYTES_MAX = 64
KINDS = sorted(CallbackData.__subclasses__(), key=lambda kind: kind.__name__)


def longest(kind: type[CallbackData], name: str, field: FieldInfo) -> object:
    """The longest value that a field takes in this product."""
    annotation = str(field.annotation)
    if isinstance(field.annotation, type) and issubclass(field.annotation, enum.StrEnum):
        return max(field.annotation, key=len)
    if "UUID" in annotation:
        return UUID(int=2**128 - 1)
    if name == "name":
        return max((preset.name for preset in load_styles().presets), key=len)
    if name == "language":
        return max(LANGUAGES, key=len)
    if "bool" in annotation:
        return True
    if name == "user_id":
        return 10**15 - 1
    if name == "charge":
        return "f" * CHARGE_HEX
    if "int" in annotation:
        return 9_999
    raise AssertionError(f"{kind.__name__}.{name} is new: say here how long it can get")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_callback_data_fits_into_a_button(kind: type[CallbackData]) -> None:
    values = {name: longest(kind, name, field) for name, field in kind.model_fields.items()}
    assert len(kind(**values).pack().encode()) <= BYTES_MAX


def test_all_buttons_of_the_modules_are_looked_at() -> None:
    assert {kind.__name__ for kind in KINDS} >= {
        name for name in {**vars(callbacks), **vars(admin_callbacks)} if name.endswith("Callback")
    }


def test_prefixes_are_unique() -> None:
    prefixes = [kind.__prefix__ for kind in KINDS]
    assert len(set(prefixes)) == len(prefixes)
