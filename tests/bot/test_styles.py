"""The presets as they ship, and what a faulty file says."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from uuid import uuid4

import pytest

from bot.callbacks import (
    AdminCallback,
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
from bot.domain import LANGUAGES
from bot.styles import NO_STYLE, load_styles
from engine.contract import PROMPT_MAX_CHARS, GenerateRequest, Reference
from trainer.people.styles import style_phrase
from trainer.people.words import BACKGROUND_PHRASES

STYLES_TO_LEARN = (
    "pencil sketch", "black and white film", "watercolor", "pop art", "comic book", "neon", "pixel art",
)  # fmt: skip


def test_there_are_at_least_ten_presets_with_no_style_first():
    styles = load_styles()
    assert len(styles.presets) >= 10
    assert styles.presets[0].name == NO_STYLE
    assert styles.apply(NO_STYLE, "words").prompt == "words"


def test_every_preset_keeps_the_words_and_fits_a_request():
    for style in load_styles().presets:
        words = "{prompt} я <b>&" + "x" * (PROMPT_MAX_CHARS - 15)
        styled = style.apply(words)
        assert words in styled.prompt
        GenerateRequest(
            job_id="1",
            references=(Reference(image=b""),),
            prompt=styled.prompt,
            negative_prompt=styled.negative_prompt,
            seed=0,
            settings=styled.settings,
        )
        assert (style.name == NO_STYLE) == (styled.prompt == words)
        assert (style.name == NO_STYLE) == (styled.negative_prompt == "")


def test_presets_speak_the_words_that_the_shipped_model_has_learnt():
    learnt = {phrase for phrases in BACKGROUND_PHRASES.values() for phrase in phrases["en"]}
    learnt |= {style_phrase(name, "en") for name in STYLES_TO_LEARN}
    for style in load_styles().presets:
        said = style.template.replace("{prompt}", "").strip(", ")
        assert style.name == NO_STYLE or set(said.split(", ")) <= learnt, style.name


def test_a_preset_that_is_gone_draws_without_style():
    styles = load_styles()
    assert "retired" not in styles
    assert styles.apply("retired", "words") == styles.apply(NO_STYLE, "words")
    assert styles[None].name == NO_STYLE


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_are_short_and_differ(language):
    labels = [style.label(language) for style in load_styles().presets]
    assert len(set(labels)) == len(labels)
    assert max(len(label) for label in labels) <= 20, "two fit into a row on a phone"


FAULTS = {
    "no placeholder": ('template = "x"', "expected {prompt} once"),
    "a language missing": ('template = "{prompt}"\ntitle = { en = "x" }', "expected a title in each of"),
    "an unknown key": ('template = "{prompt}"\nemojy = "x"', "emojy"),
    "a bad name": ('template = "{prompt}"\nname = "No Style"', "name"),
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
    one = '[[style]]\nname = "a"\ntitle = { en = "x", ru = "y" }\nemoji = "x"\ntemplate = "{prompt}"\n'
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
        AdminCallback(days=30),
    ]
    for button in data:
        packed = button.pack()
        assert len(packed.encode()) <= 64
        assert type(button).unpack(packed) == button
