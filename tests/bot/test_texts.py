"""The texts: the same in both languages, none missing, none unused, plurals right, HTML whole and safe."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fluent.syntax import FluentParser
from fluent.syntax import ast as ftl
from fluent.syntax.visitor import Visitor

import bot
from bot.admin_acts import Act
from bot.credits import EntryKind
from bot.db.usage import FUNNEL
from bot.dispatch.status_view import FAILURES_WITH_TEXT
from bot.domain import LANGUAGES, POSE_PHOTO, JobState, Likeness, ReportReason
from bot.photos import Refusal
from bot.telegram.account_views import REASONS
from bot.telegram.commands import ADMIN_COMMANDS, COMMANDS, CREDIT_COMMANDS, DRAW
from bot.telegram.usage_views import VERDICTS
from bot.translator import TEXTS, Markup, Translator, language_of
from bot.verdicts import verdict_key
from engine.contract import Clothes, Hint, PosePreset, Verdict

CODE = [path for path in sorted(Path(bot.__file__).parent.rglob("*.py")) if "local" not in path.parts]
NODES = {path: list(ast.walk(ast.parse(path.read_text("utf-8")))) for path in CODE}
TAGS = {"b", "i", "code"}
POSES = (*PosePreset, POSE_PHOTO, "free")
COUNTED = {
    "limit", "length", "count", "left", "photos", "pictures", "accepted", "days", "workers", "place", "percent",
    "seconds", "share", "amount", "minutes", "number", "free", "reserved", "credits", "stars",
}  # fmt: skip
BUTTON_MAX = {"privacy-delete-button": 24, "image-prompt-take-photo-button": 32}
"""Alone in their rows, so that they may be longer."""
FIGURES = (0, 1, 2, 4, 5, 11, 14, 21, 22, 25, 101, 111, 1000)
RUSSIAN = {
    "one": [1, 21, 31, 101, 1001],
    "few": [2, 3, 4, 22, 34, 102],
    "many": [5, 9, 11, 12, 14, 19, 25, 100, 111, 112],
}


class Message:
    """One text of one language: its variables, and the variants of its selectors."""

    def __init__(self, entry: ftl.Message) -> None:
        self.variables: set[str] = set()
        self.selectors: list[set[str]] = []
        outer = self

        class Look(Visitor):
            def visit_VariableReference(self, node: ftl.VariableReference) -> None:
                outer.variables.add(node.id.name)

            def visit_SelectExpression(self, node: ftl.SelectExpression) -> None:
                keys = (variant.key for variant in node.variants)
                outer.selectors.append({key.name for key in keys if isinstance(key, ftl.Identifier)})
                self.generic_visit(node)

        Look().visit(entry)


def read(language: str) -> dict[str, Message]:
    messages: dict[str, Message] = {}
    for path in sorted((TEXTS / language).glob("*.ftl")):
        for entry in FluentParser().parse(path.read_text("utf-8")).body:
            assert not isinstance(entry, ftl.Junk), f"{path.name}: {entry.content}"
            if isinstance(entry, ftl.Message):
                assert entry.id.name not in messages, f"{entry.id.name} is there twice"
                messages[entry.id.name] = Message(entry)
    return messages


MESSAGES = {language: read(language) for language in LANGUAGES}
ENGLISH = MESSAGES["en"]


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def calls() -> Iterator[tuple[Path, ast.Call, str]]:
    """Every call of texts(...) or translator(...) that names its key."""
    for path, nodes in NODES.items():
        for node in nodes:
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if called in ("texts", "translator", "_translator", "t", "_texts") and isinstance(node.args[0].value, str):
                yield path, node, node.args[0].value


def constants() -> set[str]:
    return {
        node.value
        for nodes in NODES.values()
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def composed() -> set[str]:
    """The keys that code puts together."""
    verdicts = {verdict_key("rejected", verdict) for verdict in (*Verdict, *Refusal)}
    commands = {f"command-{command}" for command in (*COMMANDS, *CREDIT_COMMANDS, *ADMIN_COMMANDS, DRAW)}
    poses = {f"pose-{pose}" for pose in POSES}
    wishes = {f"likeness-{each}" for each in Likeness} | {f"clothes-{each}" for each in Clothes}
    failures = {f"failure-{failure}" for failure in FAILURES_WITH_TEXT}
    hints = {f"photo-hint-{hint.replace('_', '-')}" for hint in Hint}
    hints |= {key.replace("photo-hint", "person-lacks") for key in hints}
    reports = {f"report-{reason}-button" for reason in ReportReason}
    return (
        reports
        | composed_for_admins()
        | verdicts
        | hints
        | commands
        | poses
        | wishes
        | {f"{wish}-button" for wish in wishes | poses}
        | failures
    )


def composed_for_admins() -> set[str]:
    return (
        {f"act-{act}" for act in Act}
        | {f"entry-{kind}" for kind in EntryKind}
        | {f"reason-{reason}" for reason in (*REASONS, "unknown")}
        | {f"verdict-{verdict}" for verdict in (*VERDICTS, "unknown")}
        | {f"job-state-{state}" for state in JobState}
        | {f"funnel-{step}" for step in FUNNEL}
        | {f"broadcast-{language}" for language in (*LANGUAGES, "everybody")}
        | {f"broadcast-state-{state}" for state in ("sending", "stopped", "sent")}
    )


def test_both_languages_have_the_same_keys_and_variables():
    assert {key: message.variables for key, message in MESSAGES["ru"].items()} == {
        key: message.variables for key, message in ENGLISH.items()
    }


def test_every_key_that_code_names_exists_and_gets_its_variables():
    checked = 0
    for path, call, key in calls():
        assert key in ENGLISH, f"{path.name}:{call.lineno} names {key}, which is in no file"
        given = {keyword.arg for keyword in call.keywords}
        if None not in given:
            missing = ENGLISH[key].variables - given
            assert not missing, f"{path.name}:{call.lineno} gives {key} no {missing}"
        checked += 1
    assert checked > 60


def test_every_key_that_code_composes_exists():
    assert composed() <= ENGLISH.keys()


def test_no_text_is_left_over():
    starts = tuple(word[: -len("{}")] for word in constants() if word.endswith("{}"))
    unused = ENGLISH.keys() - constants() - composed()
    assert not {key for key in unused if not key.startswith(starts)}


def test_russian_counts_have_all_forms_and_english_ones_two():
    for key, message in MESSAGES["ru"].items():
        for variants in message.selectors:
            assert variants >= {"one", "few", "many"}, key
    for key, message in ENGLISH.items():
        for variants in message.selectors:
            assert variants == {"one", "other"}, key


PLURALS = {
    ("error-too-many-open-jobs", "limit"): {"one": "картинка", "few": "картинки", "many": "картинок"},
    ("error-prompt-too-long", "length"): {"one": "знак,", "few": "знака,", "many": "знаков,"},
    ("privacy", "pictures"): {"one": "запрос.", "few": "запроса.", "many": "запросов."},
    ("admin-usage", "workers"): {"one": "сервер,", "few": "сервера,", "many": "серверов,"},
    ("admin-days-button", "days"): {"few": "дня", "many": "дней"},
    ("photo-album", "accepted"): {"one": "подходит", "few": "подходят", "many": "подходит"},
}


@pytest.mark.parametrize(("key", "variable"), PLURALS)
def test_russian_plurals_are_right(translator, key, variable):
    for form, words in PLURALS[key, variable].items():
        for number in RUSSIAN[form]:
            others = dict.fromkeys(ENGLISH[key].variables - {variable}, 7)
            text = translator(key, "ru", **others, **{variable: number})
            assert re.search(rf"\b{re.escape(words)}", text), (number, text)


class Whole(HTMLParser):
    """Checks that tags are Telegram's and closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.plain = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS and not attrs, tag
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.plain += data


def values(message: Message, text: str, number: int) -> dict[str, str | int]:
    return {name: number if name in COUNTED else text for name in message.variables}


@pytest.mark.parametrize("language", LANGUAGES)
def test_html_is_whole_and_what_users_write_stays_text(translator, language):
    hostile = "</b><script>{ $x } & 'q' \u202e"
    for key, message in MESSAGES[language].items():
        for number in FIGURES:
            parser = Whole()
            parser.feed(translator(key, language, **values(message, hostile, number)))
            parser.close()
            assert parser.open == [], key
            strings = [name for name in values(message, hostile, number).items() if name[1] == hostile]
            assert parser.plain.count(hostile) >= bool(strings), key


def test_translated_text_inside_another_is_not_escaped_again(translator):
    inner = translator("style-chosen", "en", style="<x>")
    assert translator("photo-album-line", "en", number=1, verdict=inner) == f"Photo 1: {inner}"
    assert isinstance(inner, Markup)


@pytest.mark.parametrize("language", LANGUAGES)
def test_toasts_fit_and_have_no_tags(translator, language):
    """Telegram shows 200 characters, without markup."""
    toasts = {key for path, _, key in calls() if path.parent.name == "handlers" and key.startswith(("job-", "style-"))}
    toasts |= {"pose-unavailable", "image-prompt-unavailable", "image-prompt-photo-gone"}
    toasts |= {key for key in ENGLISH if key.startswith("error-")} | {"unknown-press", "consent-first", "gallery-add"}
    toasts -= {"style-chosen", "job-reuse"}
    assert len(toasts) > 12
    for key in toasts:
        text = translator(key, language, **values(MESSAGES[language][key], "Black & white", 1000))
        assert len(text) <= 200 and "<" not in text, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_buttons_are_short(translator, language):
    for key, message in MESSAGES[language].items():
        if key.endswith("-button"):
            assert len(translator(key, language, **values(message, "x", 30))) <= BUTTON_MAX.get(key, 20), key


@pytest.mark.parametrize(
    ("code", "language"),
    [("ru", "ru"), ("ru-RU", "ru"), ("RU_ru", "ru"), ("en-GB", "en"), ("de", "en"), ("", "en"), (None, "en")],
)
def test_the_language_follows_telegrams_code(code, language):
    assert language_of(code) == language


def test_an_unknown_language_falls_back_and_an_unknown_key_is_an_error(translator):
    assert translator("language-name", "xx") == "English"
    with pytest.raises(Exception, match="no-such-key"):
        translator("no-such-key", "en")
