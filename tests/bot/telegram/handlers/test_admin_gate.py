"""/admin is inaccessible to other users, by commands and by buttons with any data."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from aiogram.filters.callback_data import CallbackData

from bot.db import questions
from bot.telegram import admin_callbacks
from bot.telegram.admin_callbacks import (
    AccountAction,
    AccountCallback,
    AdminCallback,
    BroadcastAction,
    BroadcastCallback,
    CaseAction,
    CaseCallback,
    DeskAction,
    DeskCallback,
    RefundCallback,
    StyleDeskAction,
    StyleDeskCallback,
)

COMMANDS = ("/admin", "/admin pause", "/admin 1", "/admin grant 1 5", "/admin refund x")


def forged(user_id: int) -> list[CallbackData]:
    """Every button of /admin, pressed by a user who knows the format of the data."""
    case_id = uuid4()
    return [
        AdminCallback(days=1),
        RefundCallback(user_id=user_id, charge="f" * 12, sure=True),
        *(DeskCallback(action=action) for action in DeskAction),
        *(AccountCallback(action=action, user_id=user_id) for action in AccountAction),
        *(CaseCallback(action=action, case_id=case_id) for action in CaseAction),
        *(BroadcastCallback(action=action, broadcast_id=1) for action in BroadcastAction),
        *(StyleDeskCallback(action=action, name="sketch") for action in StyleDeskAction),
    ]


async def test_every_button_of_the_module_is_tried() -> None:
    kinds = {value for name, value in vars(admin_callbacks).items() if name.endswith("Callback")}
    assert {type(data) for data in forged(1)} == kinds


@pytest.mark.parametrize("agreed", [False, True])
async def test_forged_buttons_of_others_do_nothing(chat: Any, says: Any, agreed: bool) -> None:
    if agreed:
        await chat.grant(chat.ben)
    else:
        await chat.ben.send_text("/help")
        await chat.ben.wait_for(says("/photos"))
    before, row = await chat.row_counts(), await chat.user(chat.ben)
    sent = await chat.bot.send_message(chat.ben.user_id, "an old message")
    for data in forged(chat.ben.user_id):
        press = {
            "id": str(uuid4().int)[:18], "chat_instance": "1", "data": data.pack(),
            "from": {"id": chat.ben.user_id, "is_bot": False, "first_name": "Ben", "language_code": "en"},
            "message": sent.model_dump(mode="json", exclude_none=True),
        }  # fmt: skip
        await chat.dispatcher.feed_raw_update(chat.bot, {"update_id": 20_000_000, "callback_query": press})
    assert await chat.row_counts() == before
    after = await chat.user(chat.ben)
    assert (after.consent_version, after.style) == (row.consent_version, row.style)
    texts = await chat.texts_to(chat.ben)
    assert texts[-1] == "an old message", "no page of /admin was sent"


@pytest.mark.parametrize("command", COMMANDS)
async def test_commands_are_unknown_to_others(chat: Any, command: str) -> None:
    await chat.ben.send_text(command)
    answer = await chat.ben.wait_for(lambda message: True)
    assert answer.text == chat.texts("en")("unknown-command").replace("&#x27;", "'")
    assert (await chat.row_counts())["audit_entries"] == 0


async def test_a_question_to_an_admin_is_not_one_to_others(chat: Any, says: Any) -> None:
    """A question is found by the admin's own id."""
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("Administration"))
    await chat.press(chat.boss, DeskCallback(action=DeskAction.FIND))
    question = await chat.boss.wait_for(says("Reply with the user's Telegram ID"))
    await chat.grant(chat.ben)
    async with chat.sessions() as session:
        assert await questions.find(session, chat.ben.user_id, question.id) is None
        assert await questions.find(session, chat.boss.user_id, question.id) is not None
