"""Fluent texts in the user's language. Variables are escaped for Telegram's HTML unless they are `Markup`."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from aiogram_i18n.cores.fluent_runtime_core import FluentRuntimeCore

from bot.domain import LANGUAGES

TEXTS = Path(__file__).parent / "texts"
DEFAULT_LANGUAGE = LANGUAGES[0]


class Markup(str):
    """Text that is HTML already, such as another translated text."""

    __slots__ = ()


Variable = str | int | float


@dataclass(frozen=True)
class Texts:
    """The texts of one language: `texts("key", name=value)`."""

    translator: Translator
    language: str

    def __call__(self, key: str, /, **variables: Variable) -> Markup:
        """The text of this key. Raises aiogram_i18n's errors for an unknown key or a missing variable."""
        return self.translator(key, self.language, **variables)


@cache
def _read(folder: Path) -> FluentRuntimeCore:
    """Parsing takes a quarter of a second; nothing changes the texts afterwards."""
    core = FluentRuntimeCore(
        path=folder / "{locale}", default_locale=DEFAULT_LANGUAGE, use_isolating=False, use_td=False
    )
    core.locales.update(core.find_locales())
    return core


class Translator:
    """All languages, read once per process from `bot/texts/{language}/*.ftl`."""

    def __init__(self, folder: Path = TEXTS) -> None:
        self._core = _read(folder)

    def __call__(self, key: str, language: str, /, **variables: Variable) -> Markup:
        """HTML in `language`, or in the default one when `language` is not spoken here."""
        return Markup(self._core.get(key, language, **{name: _safe(value) for name, value in variables.items()}))

    def of(self, language: str) -> Texts:
        return Texts(self, language)


def language_of(language_code: str | None) -> str:
    """The language to speak with someone whose Telegram is set to `language_code` (such as "ru" or "en-GB")."""
    code = (language_code or "").lower().replace("_", "-").split("-")[0]
    return code if code in LANGUAGES else DEFAULT_LANGUAGE


def _safe(value: Variable) -> Variable:
    if isinstance(value, str) and not isinstance(value, Markup):
        return html.escape(value, quote=False)
    return value
