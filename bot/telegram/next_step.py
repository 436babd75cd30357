"""The question that comes next in a conversation. Pure."""

from __future__ import annotations

from aiogram.types import InlineKeyboardMarkup

from bot.domain import Stage
from bot.styles import Styles
from bot.telegram import keyboards
from bot.translator import Markup, Texts
from engine.contract import REFERENCES_MAX


def next_step(
    texts: Texts, styles: Styles, stage: Stage, style: str | None
) -> tuple[Markup, InlineKeyboardMarkup | None]:
    """The question of a stage, with its buttons; `style` is the chosen one."""
    if stage == Stage.CONSENT:
        return texts("next-start"), None
    if stage == Stage.PHOTO:
        return texts("next-photo", limit=REFERENCES_MAX), None
    buttons = keyboards.next_step(texts)
    if stage == Stage.STYLE:
        return texts("next-style"), buttons
    return texts("next-prompt", style=styles[style].label(texts.language)), buttons
