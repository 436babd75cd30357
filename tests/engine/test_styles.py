"""The shipped styles, their effect on prompts, and the errors for faulty files."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.contract import PROMPT_MAX_CHARS, GenerateRequest, Reference
from engine.errors import StyleError
from engine.looks import LOOKS
from engine.styles import Kind, find_style, load_styles, requested_style, shipped_styles
from trainer.synthetic.styles import style_phrase
from trainer.synthetic.words import BACKGROUND_PHRASES

PLACES_IN_WORDS = {phrase for phrases in BACKGROUND_PHRASES.values() for phrase in phrases["en"]}


def _kind(kind: Kind) -> list[str]:
    return [style.name for style in shipped_styles().values() if style.kind is kind]


def test_every_look_has_a_filter_and_no_place_has_one() -> None:
    assert set(_kind(Kind.LOOK)) == set(LOOKS)


@pytest.mark.parametrize("name", _kind(Kind.LOOK))
def test_a_look_names_no_place(name: str) -> None:
    prompt = shipped_styles()[name].apply("walking in a forest", "")[0]
    added = prompt.removeprefix("walking in a forest")
    assert added != prompt and not any(place in added for place in PLACES_IN_WORDS)


@pytest.mark.parametrize("name", _kind(Kind.PLACE))
def test_a_place_uses_the_words_that_the_shipped_model_was_trained_on(name: str) -> None:
    prompt = shipped_styles()[name].apply("", "")[0].strip(", ")
    assert set(prompt.split(", ")) <= PLACES_IN_WORDS | {style_phrase("neon", "en")}


def test_only_looks_are_filters_and_only_where_the_backbone_cannot_draw_them_by_words() -> None:
    film, beach = shipped_styles()["film"], shipped_styles()["beach"]
    assert film.is_filter("filters") and not film.is_filter("words")
    assert not beach.is_filter("filters") and not beach.is_filter("words")


def test_every_style_keeps_the_prompt_and_fits_a_request() -> None:
    words = "{prompt} я <b>&" + "x" * (PROMPT_MAX_CHARS - 15)
    for style in shipped_styles().values():
        prompt, negative_prompt = style.apply(words, "rain")
        assert words in prompt and negative_prompt.startswith("rain, ")
        GenerateRequest(job_id="1", references=(Reference(image=b""),), prompt=prompt, style=style.name, seed=0)


def test_the_words_of_a_style_come_first_where_a_text_encoder_reads_them() -> None:
    for style in shipped_styles().values():
        usual, first = (style.apply("a walk", "", first=first)[0] for first in (False, True))
        assert usual.startswith("a walk") and first.endswith(", a walk")
        assert usual.removeprefix("a walk, ") == first.removesuffix(", a walk")


def test_a_negative_prompt_has_a_positive_counterpart() -> None:
    for style in shipped_styles().values():
        assert style.negative_prompt and style.affirmation
        assert style.affirmation in style.affirmed().apply("a walk", "", first=True)[0]
        assert style.affirmation not in style.apply("a walk", "", first=True)[0]


def test_an_unknown_style_is_an_error_that_lists_the_known_ones() -> None:
    assert find_style(None) is None
    with pytest.raises(StyleError, match=r"studio, film, .*got 'baroque'"):
        find_style("baroque")


FAULTS = {
    "no placeholder": ('template = "x"', "expected {prompt} once"),
    "an unknown kind": ('template = "{prompt}"\nkind = "mood"', "kind"),
    "an unknown key": ('template = "{prompt}"\ntitel = "x"', "titel"),
    "a bad name": ('template = "{prompt}"\nname = "No Style"', "name"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_says_what_is_wrong(tmp_path: Path, fault: str) -> None:
    lines, words = FAULTS[fault]
    given = {"name": '"a"', "kind": '"look"'}
    rest = "\n".join(f"{key} = {value}" for key, value in given.items() if f"{key} =" not in lines)
    file = tmp_path / "styles.toml"
    file.write_text(f"[[style]]\n{rest}\n{lines}\n", "utf-8")
    with pytest.raises(ValueError, match=words):
        load_styles(file)


def test_names_must_differ(tmp_path: Path) -> None:
    file = tmp_path / "styles.toml"
    file.write_text('[[style]]\nname = "a"\nkind = "look"\ntemplate = "{prompt}"\n' * 2, "utf-8")
    with pytest.raises(ValueError, match="unique style names"):
        load_styles(file)


def test_a_style_of_the_operators_own_is_drawn_by_its_words() -> None:
    request = GenerateRequest(
        job_id="1", references=(Reference(image=b"x"),), prompt="a knight", seed=1,
        style_template="{prompt}, in front of a castle",
    )  # fmt: skip
    style = requested_style(request)
    assert style is not None and not style.is_filter("filters")
    assert style.apply("a knight", "") == ("a knight, in front of a castle", "")
    assert requested_style(request.model_copy(update={"style_template": None})) is None
    with pytest.raises(StyleError, match="once"):
        requested_style(request.model_copy(update={"style_template": "no place"}))
