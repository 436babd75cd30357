"""The wording of the texts: quotation marks, dashes, numbers, emoji and terms of each language."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from pathlib import Path

import pytest
from fluent.syntax import FluentParser
from fluent.syntax import ast as ftl

import bot
from bot.domain import LANGUAGES
from bot.styles import PRESETS
from bot.telegram.commands import ADMIN_COMMANDS, COMMANDS, CREDIT_COMMANDS, DRAW
from bot.translator import TEXTS, Translator

NBSP = "\u00a0"
PAGE_WORDS = Path(bot.__file__).parent / "local" / "botapi" / "page" / "words.js"
VALUES = {
    "limit",
    "length",
    "count",
    "left",
    "photos",
    "pictures",
    "accepted",
    "days",
    "workers",
    "place",
    "percent",
    "number",
    "free",
    "reserved",
    "credits",
    "stars",
}
FRACTIONS = {"seconds": 0.84, "share": 0.5, "amount": 0.0065}
NUMBERS = (0, 1, 2, 5, 21)
FORBIDDEN_MARKS = {
    "en": {"guillemets": "«»", "straight quotes": '"', "an en dash": "–"},
    "ru": {"English quotes": "“”", "straight quotes": '"', "an en dash": "–"},
}
FORBIDDEN_TERMS = {
    "en": {
        r"\bline\b": "queue", r"\bin work\b": "in progress", r"\bwords?\b": "prompt", r"\btold\b": "sent to",
        r"\btell the model\b": "translated for the model", r"\bsuits?\b": "works", r"\banew\b": "again",
        r"\bfigure\b": "body", r"\bof you now\b": "about you",
        r"\bcalled off\b": "cancelled", r"\bstand-in\b": "another word", r"\bpictures? to come\b": "future pictures",
        r"\bp(?:50|95)\b": "median, 95%", r"\bphoto for a pose\b": "pose photo", r"\bnumber \(ID\)": "Telegram ID",
    },
    "ru": {
        r"\b[Сс]лов(?:а|о|ам|ами|ах)?\b": "описание", r"\bпрос(?:ьб\w*)\b": "запрос", r"\bворкер\w*": "сервер",
        r"\bисполнител\w*": "сервер", r"\bномер в Telegram\b": "Telegram ID", r"\bв деле\b": "используется",
        r"\bВы следующие\b": "Следующая — ваша картинка", r"\bруки вверх\b": "руки подняты", r"\bна ходу\b": "шагая",
        r"\bрисовать некому\b": "сервер недоступен", r"\bp(?:50|95)\b": "медиана, 95 %", r"\bскажу\b": "перевод",
        r"\b(?:ты|тебя|тебе|твой|твоё|твои|пришли|нажми)\b": "вы",
    },
}  # fmt: skip


def fluent_texts(language: str) -> dict[str, str]:
    """Every form of every message, with numbers in it and nothing else."""
    translator, texts = Translator(), {}
    for path in sorted((TEXTS / language).glob("*.ftl")):
        for entry in FluentParser().parse(path.read_text("utf-8")).body:
            if isinstance(entry, ftl.Message):
                names = set(re.findall(r"\$(\w+)", path.read_text("utf-8")))
                for number in NUMBERS:
                    values = {name: FRACTIONS.get(name, number if name in VALUES else "") for name in names}
                    texts[f"{entry.id.name} ({number})"] = translator(entry.id.name, language, **values)
    return texts


def page_texts(language: str) -> dict[str, str]:
    """The chat page's own texts by their names."""
    block = re.search(rf"^  {language}: {{$(.*?)^  }},$", PAGE_WORDS.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert block is not None
    return dict(re.findall(r'^\s+(\w+): "(.*)",$', block.group(1), re.MULTILINE))


def style_titles(language: str) -> dict[str, str]:
    return {style["name"]: style["title"][language] for style in tomllib.loads(PRESETS.read_text("utf-8"))["style"]}


FLUENT = {language: fluent_texts(language) for language in LANGUAGES}
ALL = {language: FLUENT[language] | page_texts(language) | style_titles(language) for language in LANGUAGES}


def is_emoji(character: str) -> bool:
    return unicodedata.category(character) == "So"


@pytest.mark.parametrize("language", LANGUAGES)
def test_quotation_marks_and_dashes_are_those_of_the_language(language: str) -> None:
    wrong = [
        f"{key} has {name}: {text}"
        for key, text in ALL[language].items()
        for name, marks in FORBIDDEN_MARKS[language].items()
        if any(mark in text for mark in marks)
    ]
    wrong += [
        f"{key} has a hyphen for a dash: {text}" for key, text in ALL[language].items() if re.search(r"\s-\s", text)
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_thing_has_one_name(language: str) -> None:
    wrong = [
        f"{key}: write {better!r}: {text}"
        for key, text in ALL[language].items()
        for term, better in FORBIDDEN_TERMS[language].items()
        if re.search(term, text, re.IGNORECASE)
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_percent_sign_follows_its_number_as_the_language_has_it(language: str) -> None:
    form = re.compile(rf"\d{NBSP}%" if language == "ru" else r"\d%")
    wrong = [text for text in ALL[language].values() if text.count("%") != len(form.findall(text))]
    assert wrong == []
    assert sum("%" in text for text in FLUENT[language].values()) > 5


def test_fractions_have_the_decimal_sign_of_the_language() -> None:
    translator = Translator()
    assert translator("admin-seconds", "en", seconds=0.84) == "0.8 s"
    assert translator("admin-seconds", "ru", seconds=0.84) == f"0,8{NBSP}с"
    assert translator("admin-percent", "ru", share=5 / 6) == f"83{NBSP}%"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_has_one_emoji_at_most_and_begins_with_it(language: str) -> None:
    for key, text in FLUENT[language].items():
        places = [place for place, character in enumerate(re.sub(r"<[^>]+>", "", text)) if is_emoji(character)]
        assert places in ([], [0]), f"{key}: {text}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_commands_in_texts_exist(language: str) -> None:
    named = {
        command
        for text in FLUENT[language].values()
        for command in re.findall(r"(?<![\w<])/(\w+)", re.sub(r"<[^>]+>", "", text))
    }
    assert named <= {*COMMANDS, *CREDIT_COMMANDS, *ADMIN_COMMANDS, DRAW} and len(named) > 4


def test_the_chat_page_has_the_same_texts_in_both_languages() -> None:
    assert page_texts("en").keys() == page_texts("ru").keys() and len(page_texts("en")) > 25


@pytest.mark.parametrize("language", LANGUAGES)
def test_style_titles_fit_on_buttons(language: str) -> None:
    assert max(len(title) for title in style_titles(language).values()) <= 20
