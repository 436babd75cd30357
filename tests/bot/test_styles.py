"""The shipped presets, which the engine can draw, and the errors for faulty files."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from uuid import uuid4

import pytest

from bot.domain import LANGUAGES
from bot.styles import NO_STYLE, StyleEdit, load_styles
from bot.telegram.callbacks import (
    ConsentCallback,
    JobAction,
    JobCallback,
    LanguageCallback,
    PrivacyAction,
    PrivacyCallback,
    ReferenceAction,
    ReferenceCallback,
    StyleCallback,
)
from engine.styles import shipped_styles


def test_there_are_at_least_ten_presets_with_no_style_first():
    styles = load_styles()
    assert len(styles.presets) >= 10
    assert styles.presets[0].name == NO_STYLE
    assert styles.request_name(NO_STYLE) is None


def test_the_engine_draws_exactly_the_presets() -> None:
    styles = load_styles()
    names = {styles.request_name(style.name) for style in styles.presets}
    assert names == {None, *shipped_styles()}


def test_a_preset_that_is_gone_draws_without_style():
    styles = load_styles()
    assert "retired" not in styles
    assert styles.request_name("retired") is None
    assert styles[None].name == NO_STYLE


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_are_short_and_differ(language):
    labels = [style.label(language) for style in load_styles().presets]
    assert len(set(labels)) == len(labels)
    assert max(len(label) for label in labels) <= 20, "two fit into a row on a phone"


FAULTS = {
    "a language missing": ('title = { en = "x" }', "expected a title in each of"),
    "an unknown key": ('emojy = "x"', "emojy"),
    "a bad name": ('name = "No Style"', "name"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_says_what_is_wrong(tmp_path: Path, fault: str):
    lines, words = FAULTS[fault]
    given = {"name": '"none"', "title": '{ en = "x", ru = "y" }', "emoji": '"x"'}
    rest = "\n".join(f"{key} = {value}" for key, value in given.items() if f"{key} =" not in lines)
    file = tmp_path / "styles.toml"
    file.write_text(f"[[style]]\n{rest}\n{lines}\n", "utf-8")
    with pytest.raises(ValueError, match=words):
        load_styles(file)


def test_names_must_differ_and_no_style_must_be_there(tmp_path: Path):
    file = tmp_path / "styles.toml"
    one = '[[style]]\nname = "a"\ntitle = { en = "x", ru = "y" }\nemoji = "x"\n'
    for content in (one, one + one):
        file.write_text(content, "utf-8")
        with pytest.raises(ValueError, match="unique style names"):
            load_styles(file)


def test_every_button_fits_into_telegrams_64_bytes():
    names = [style.name for style in load_styles().presets]
    data = [
        *(JobCallback(action=action, job_id=uuid4()) for action in JobAction),
        *(ReferenceCallback(action=action, reference_id=uuid4()) for action in ReferenceAction),
        *(StyleCallback(name=name, job_id=job_id) for name, job_id in product(names, (None, uuid4()))),
        *(PrivacyCallback(action=action) for action in PrivacyAction),
        *(LanguageCallback(language=language) for language in LANGUAGES),
        ConsentCallback(version=10**6),
    ]
    for button in data:
        packed = button.pack()
        assert len(packed.encode()) <= 64
        assert type(button).unpack(packed) == button


def test_edits_of_styles_that_the_file_lost_are_ignored() -> None:
    styles = load_styles()
    names = [style.name for style in styles.all]
    styles.apply([StyleEdit("retired", place=0, enabled=False), StyleEdit(NO_STYLE, enabled=False)])
    assert [style.name for style in styles.presets] == names, "and no style is always offered"
    styles.apply([StyleEdit("own", 0, True, {"en": "Own", "ru": "Свой"}, "🏰", "{prompt}, own"), StyleEdit("oil", 1)])
    assert [style.name for style in styles.presets][:2] == ["own", "oil"]
    assert styles["own"].template is not None and styles.request_name("own") is None
    styles.apply([])
    assert "own" not in styles
