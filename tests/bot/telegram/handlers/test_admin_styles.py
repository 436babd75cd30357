"""The style editor: users are offered its changes at once, and old jobs keep their style."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import ceil
from typing import Any

import pytest
from sqlalchemy import select

from bot.db.admin_tables import AuditEntry
from bot.errors import StyleRefused
from bot.styles import load_styles
from bot.telegram.callbacks import StyleCallback
from bot.telegram.preset_pages import PER_PAGE
from bot.usecases.admin.styles import EditStyles, NewStyle

TEXT = "🏰\nAt a castle\nУ замка\n{prompt}, in front of an old stone castle"


async def open_styles(chat: Any, says: Any) -> Any:
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("Administration"))
    await chat.boss.press("Styles")
    return await chat.boss.wait_for(says("1-3 of 15"))


async def offered(chat: Any, says: Any) -> list[str]:
    """The titles on all pages of the contact sheet, without their numbers."""
    await chat.ben.send_text("/style")
    page = await chat.ben.wait_for(says("Pick a style"))
    assert page.photo is not None
    titles = titles_of(page)
    pages = ceil(len(chat.styles.names) / PER_PAGE)
    for number in range(2, pages + 1):
        await chat.ben.press(f"{number} of {pages} →")
        titles += titles_of(await chat.ben.wait_for(shows(len(titles) + 1)))
    return titles


def titles_of(page: Any) -> list[str]:
    *styles, _, _ = page.button_texts
    return [re.sub(r"^\D*\d+ ", "", text) for text in styles]


def shows(number: int) -> Callable[[Any], bool]:
    return lambda message: any(text.startswith(f"{number} ") for text in message.button_texts)


async def test_a_style_is_switched_off_and_on(chat: Any, says: Any) -> None:
    await chat.grant(chat.ben)
    page = await open_styles(chat, says)
    assert page.button_texts == ["📷 No style", "💡 Studio portrait", "🎞 Black & white", "← Back", "➕ New", "›"]
    await chat.boss.press("Studio portrait")
    await chat.boss.wait_for(says("Offered: yes, place 2 of 15"))
    await chat.boss.press("Do not offer")
    await chat.boss.wait_for(says("Offered: no"))
    assert "Studio portrait" not in await offered(chat, says)
    answer = await chat.press(chat.ben, StyleCallback(name="studio"))
    assert "no longer exists" in answer.text
    assert chat.styles["studio"].label("en") == "💡 Studio portrait", "captions of old pictures keep it"
    await chat.boss.press("✅ Offer")
    await chat.boss.wait_for(says("Offered: yes"))
    assert "Studio portrait" in await offered(chat, says)


async def test_styles_change_their_order(chat: Any, says: Any) -> None:
    await chat.grant(chat.ben)
    await open_styles(chat, says)
    await chat.boss.press("Black & white")
    await chat.boss.wait_for(says("place 3 of 15"))
    await chat.boss.press("Earlier")
    await chat.boss.wait_for(says("place 2 of 15"))
    assert (await offered(chat, says))[:3] == ["No style", "Black & white", "Studio portrait"]
    fresh = load_styles()
    fresh.apply(await EditStyles(chat.sessions).read())
    assert [style.name for style in fresh.all] == [style.name for style in chat.styles.all], "as after a restart"


async def test_a_new_style_is_offered_drawn_by_its_template_and_deleted(chat: Any, says: Any) -> None:
    await chat.grant(chat.ben)
    await open_styles(chat, says)
    await chat.boss.press("New")
    question = await chat.boss.wait_for(says("Reply with four rows"))
    await chat.boss.send_text("only one row", reply_to=question.id)
    await chat.boss.wait_for(says("The style is not complete", "template with {prompt} once"))
    for _ in range(2):
        await chat.boss.send_text(TEXT, reply_to=question.id)
        added = await chat.boss.wait_for(says("🏰 At a castle is offered now"))
    assert added.button_texts == ["⛔ Do not offer", "⬆️ Earlier", "⬇️ Later", "🗑 Delete", "← Back"]
    assert (await offered(chat, says)).count("At a castle") == 1
    await chat.ben.press("At a castle")
    await chat.ben.send_text("reading a book")
    job = await chat.job()
    style = chat.styles[job.style]
    assert (job.style, chat.styles.request_name(job.style)) == ("at_a_castle", None)
    assert style.template == "{prompt}, in front of an old stone castle"
    await open_styles_at_end(chat, says)
    await chat.boss.press("At a castle")
    await chat.boss.wait_for(says("Template:", "old stone castle"))
    await chat.boss.press("Delete")
    await chat.boss.wait_for(says("1-3 of 15"))
    assert "At a castle" not in await offered(chat, says)
    async with chat.sessions() as session:
        acts = [(entry.act, entry.subject) for entry in await session.scalars(select(AuditEntry))]
    assert acts == [("style-add", "at_a_castle"), ("style-delete", "at_a_castle")]


async def open_styles_at_end(chat: Any, says: Any) -> None:
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("Administration"))
    await chat.boss.press("Styles")
    await chat.boss.wait_for(says("1-3 of 16"))
    for first in (4, 7, 10, 13, 16):
        await chat.boss.press("›")
        await chat.boss.wait_for(says(f"{first}-{min(first + 2, 16)} of 16"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "lines"),
        ("A\nB\nC\nD {prompt}", "emoji"),
        ("🏰\n" + 21 * "x" + "\nУ замка\n{prompt}", "title"),
        ("🏰\nCastle\nЗамок\nno place for it", "template"),
        ("🏰\nCastle\nЗамок\n{prompt} {prompt}", "template"),
    ],
)
async def test_an_incomplete_style_is_refused(text: str, problem: str) -> None:
    with pytest.raises(StyleRefused) as refused:
        NewStyle.parse(text)
    assert refused.value.variables == {"problem": problem}


async def test_names_of_styles_fit_and_differ() -> None:
    style = NewStyle.parse("🏰\nÉtoile 2000 at night\nЗвезда\n{prompt}")
    name = style.name(set())
    assert name != style.name({name}) and len(style.name({name})) <= 16
