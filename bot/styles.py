"""The styles that users may choose: those of styles.toml with the admins' changes, and the admins' own styles."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bot.domain import LANGUAGES
from engine.contract import STYLE_NAME_PATTERN, Settings

PRESETS = Path(__file__).with_name("styles.toml")
NO_STYLE = "none"


class Style(BaseModel):
    """One preset as the file states it. `name` goes into callback data, hence its limits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=STYLE_NAME_PATTERN)
    title: dict[str, str]
    emoji: str = Field(min_length=1)
    settings: Settings = Settings()
    template: str | None = None
    """The template of an admin's style, as in engine/styles.toml; None for styles of the file."""

    @field_validator("title")
    @classmethod
    def _in_every_language(cls, title: dict[str, str]) -> dict[str, str]:
        if set(title) != set(LANGUAGES):
            raise ValueError(f"expected a title in each of {LANGUAGES}, got {tuple(title)}: complete it in styles.toml")
        return title

    def label(self, language: str) -> str:
        """Emoji and title, as on a button."""
        return f"{self.emoji} {self.title[language]}"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    style: list[Style]


@dataclass(frozen=True)
class StyleEdit:
    """An admin's changes to a style of the file, or (with a template) a style of their own."""

    name: str
    place: int | None = None
    enabled: bool = True
    title: Mapping[str, str] | None = None
    emoji: str | None = None
    template: str | None = None


class Styles:
    """The styles in their order. A deleted style is drawn as "no style", so that old jobs and buttons work; one that is
    switched off is still drawn and has its title, but is not offered."""

    def __init__(self, presets: list[Style]) -> None:
        self._shipped = tuple(presets)
        names = {style.name for style in presets}
        if len(names) != len(presets) or NO_STYLE not in names:
            raise ValueError(
                f"expected unique style names with {NO_STYLE!r} among them, got {[s.name for s in presets]}"
            )
        self.apply(())

    def apply(self, edits: Iterable[StyleEdit]) -> None:
        """Replaces earlier edits. An edit of a style that the file no longer has, and that has no template, is
        ignored."""
        by_name = {edit.name: edit for edit in edits}
        shipped = {style.name for style in self._shipped}
        own_styles = [
            _made(edit) for edit in by_name.values() if edit.template is not None and edit.name not in shipped
        ]

        def place(style: Style) -> float:
            edit = by_name.get(style.name)
            return inf if edit is None or edit.place is None else edit.place

        self.all: Sequence[Style] = tuple(sorted([*self._shipped, *own_styles], key=place))
        disabled = {edit.name for edit in by_name.values() if not edit.enabled} - {NO_STYLE}
        self.presets: Sequence[Style] = tuple(style for style in self.all if style.name not in disabled)
        self._by_name = {style.name: style for style in self.all}
        self.names = tuple(style.name for style in self.presets)

    def __contains__(self, name: object) -> bool:
        """Whether the style is offered."""
        return name in self.names

    def __getitem__(self, name: str | None) -> Style:
        """The named style, or "no style" for `None` and for names that are gone."""
        return self._by_name.get(name or NO_STYLE, self._by_name[NO_STYLE])

    def request_name(self, style_name: str) -> str | None:
        """The style field of a GenerateRequest."""
        style = self[style_name]
        return None if style.name == NO_STYLE or style.template is not None else style.name

    def settings(self, style_name: str, overrides: Mapping[str, object]) -> dict[str, object]:
        """The fields of Settings for a picture: those of the style, replaced by the user's overrides."""
        return {**self[style_name].settings.model_dump(), **overrides}


def _made(edit: StyleEdit) -> Style:
    return Style(name=edit.name, title=dict(edit.title or {}), emoji=edit.emoji or "", template=edit.template)


def load_styles(path: Path = PRESETS) -> Styles:
    """The presets of a file. Raises pydantic's ValidationError (a ValueError), which names the faulty preset."""
    return Styles(_File.model_validate(tomllib.loads(path.read_text("utf-8-sig"))).style)
