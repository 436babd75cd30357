"""The style presets of styles.toml: names, titles and settings. The engine knows how to draw each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
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


class Styles:
    """The presets in the order of the file. One that is gone is drawn as "no style", so old jobs and buttons work."""

    def __init__(self, presets: list[Style]) -> None:
        self.presets = tuple(presets)
        self._by_name = {style.name: style for style in presets}
        if len(self._by_name) != len(presets) or NO_STYLE not in self._by_name:
            raise ValueError(
                f"expected unique style names with {NO_STYLE!r} among them, got {[s.name for s in presets]}"
            )

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str | None) -> Style:
        """The named style, or "no style" for `None` and for names that are gone."""
        return self._by_name.get(name or NO_STYLE, self._by_name[NO_STYLE])

    def request_name(self, style_name: str) -> str | None:
        """The style field of a GenerateRequest."""
        name = self[style_name].name
        return None if name == NO_STYLE else name

    def settings(self, style_name: str, overrides: Mapping[str, object]) -> dict[str, object]:
        """The fields of Settings for a picture: those of the style, replaced by the user's overrides."""
        return {**self[style_name].settings.model_dump(), **overrides}


def load_styles(path: Path = PRESETS) -> Styles:
    """Raises pydantic's ValidationError (a ValueError), which names the preset at fault."""
    return Styles(_File.model_validate(tomllib.loads(path.read_text("utf-8-sig"))).style)
