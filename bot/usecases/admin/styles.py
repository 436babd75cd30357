"""Use cases of the style editor. Each returns all edits as they are now, for `Styles.apply`."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import product
from string import ascii_lowercase

from sqlalchemy.ext.asyncio import AsyncSession

from bot.admin_acts import Act
from bot.db import audit, style_changes
from bot.db.session import Sessions
from bot.domain import LANGUAGES
from bot.errors import StyleRefused
from bot.styles import NO_STYLE, StyleEdit
from engine.contract import PROMPT_MAX_CHARS

NAME_MAX = 16
TITLE_MAX = 20
"""The largest number of characters of a title, limited by a button."""
EMOJI_MAX = 8
PLACEHOLDER = "{prompt}"


@dataclass(frozen=True)
class NewStyle:
    """A style as an admin describes it."""

    emoji: str
    title: dict[str, str]
    template: str

    @staticmethod
    def parse(text: str) -> NewStyle:
        """Reads the emoji, a title per language and the template, each from a line of its own. Raises StyleRefused."""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if len(lines) != 2 + len(LANGUAGES):
            raise StyleRefused(problem="lines")
        emoji, *titles, template = lines
        if len(emoji) > EMOJI_MAX or emoji.isascii():
            raise StyleRefused(problem="emoji")
        if any(len(title) > TITLE_MAX for title in titles):
            raise StyleRefused(problem="title")
        if template.count(PLACEHOLDER) != 1 or len(template) > PROMPT_MAX_CHARS:
            raise StyleRefused(problem="template")
        return NewStyle(emoji, dict(zip(LANGUAGES, titles, strict=True)), template)

    def name(self, taken: Collection[str]) -> str:
        """A name for callback data and jobs, derived from the English title."""
        base = re.sub("[^a-z]+", "_", self.title["en"].lower()).strip("_")[:NAME_MAX] or "style"
        endings = ["", *(f"_{''.join(letters)}" for letters in product(ascii_lowercase, repeat=2))]
        return next(name for end in endings if (name := base[: NAME_MAX - len(end)] + end) not in taken)


@dataclass(frozen=True)
class EditStyles:
    sessions: Sessions

    async def read(self) -> list[StyleEdit]:
        async with self.sessions() as session:
            return await _edits(session)

    async def switch(self, admin_id: int, name: str, *, enabled: bool) -> list[StyleEdit]:
        """Switches a style on or off; "no style" cannot be switched off."""
        async with self.sessions.begin() as session:
            if name != NO_STYLE:
                await style_changes.set_enabled(session, name, enabled=enabled)
                await audit.note(session, admin_id, Act.STYLE_ON if enabled else Act.STYLE_OFF, subject=name)
            return await _edits(session)

    async def move(self, admin_id: int, name: str, names: Sequence[str], step: int) -> list[StyleEdit]:
        """Exchanges the style with its neighbour. names: all styles in their present order; step: -1 towards the
        beginning, 1 towards the end."""
        order = list(names)
        async with self.sessions.begin() as session:
            if name in order and 0 <= order.index(name) + step < len(order):
                at = order.index(name)
                order[at], order[at + step] = order[at + step], order[at]
                await style_changes.set_order(session, order)
                await audit.note(session, admin_id, Act.STYLE_MOVE, subject=name)
            return await _edits(session)

    async def add(self, admin_id: int, style: NewStyle, taken: Collection[str]) -> list[StyleEdit]:
        """Adds a style; adding an equal one again changes nothing."""
        async with self.sessions.begin() as session:
            edits = await _edits(session)
            if any((edit.title, edit.template) == (style.title, style.template) for edit in edits):
                return edits
            name = style.name(taken)
            await style_changes.add(session, name, style.title, style.emoji, style.template)
            await audit.note(session, admin_id, Act.STYLE_ADD, subject=name)
            return await _edits(session)

    async def delete(self, admin_id: int, name: str) -> list[StyleEdit]:
        """Deletes an admin's style; those of the file cannot be deleted."""
        async with self.sessions.begin() as session:
            if await style_changes.remove(session, name):
                await audit.note(session, admin_id, Act.STYLE_DELETE, subject=name)
            return await _edits(session)


async def _edits(session: AsyncSession) -> list[StyleEdit]:
    return [
        StyleEdit(row.name, row.place, row.enabled, row.title, row.emoji, row.template)
        for row in await style_changes.all_(session)
    ]
