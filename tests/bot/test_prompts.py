"""Prompts: the parts that are kept, and refusals."""

from __future__ import annotations

import pytest

from bot.errors import PromptEmpty, PromptTooLong, PromptWordless, SeedTooLarge
from bot.prompts import SEED_END, clean, split_seed
from engine.contract import PROMPT_MAX_CHARS


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u200d", "\u2063", "\u00ad\u200e"])
def test_nothing_visible_is_empty(text):
    with pytest.raises(PromptEmpty):
        clean(text)


@pytest.mark.parametrize("text", ["🏖", "❤️👍🏽", "12 34", "?!…", "👨‍👩‍👧"])
def test_emoji_digits_and_signs_are_no_words(text):
    with pytest.raises(PromptWordless):
        clean(text)


def test_the_limit_counts_what_is_kept_and_is_reported():
    assert len(clean("я" * PROMPT_MAX_CHARS + "   ")) == PROMPT_MAX_CHARS
    with pytest.raises(PromptTooLong) as refused:
        clean("я" * (PROMPT_MAX_CHARS + 1))
    assert refused.value.variables == {"length": PROMPT_MAX_CHARS + 1, "limit": PROMPT_MAX_CHARS}


def test_lines_become_one_and_what_hides_or_turns_text_goes():
    assert clean("  в\x00 лесу\r\n\u202eночью\u2069\ufeff ") == "в лесу ночью"
    assert clean("a\ud800b") == "ab"


@pytest.mark.parametrize(
    "text", ["אני בחוף", "میخواهم در ساحل باشم", "می\u200cخواهم", "一个人在海滩", "в лесу 🌲", "<b>x</b> & y"]
)
def test_every_script_and_emoji_among_words_stay(text):
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "described", "seed"),
    [
        ("in a garden", "in a garden", None),
        ("in a garden, seed 123", "in a garden", 123),
        ("in a garden --seed 7", "in a garden", 7),
        ("in a garden —Seed: 0", "in a garden", 0),
        ("seed=5 in a garden", "in a garden", 5),
        ("в саду, сид 42", "в саду", 42),
        ("Сид: 42 в саду", "в саду", 42),
        ("seed 1 in a garden seed 2", "in a garden", 2),
        ("seed of a sunflower, 3 birds", "seed of a sunflower, 3 birds", None),
        ("linseed 5", "linseed 5", None),
        ("seed 5th", "seed 5th", None),
        (f"in a garden seed {SEED_END - 1}", "in a garden", SEED_END - 1),
    ],
)
def test_a_seed_is_read_and_taken_out(text, described, seed):
    assert split_seed(clean(text)) == (described, seed)


@pytest.mark.parametrize("seed", [SEED_END, 10**40])
def test_a_seed_beyond_the_contract_is_refused(seed):
    with pytest.raises(SeedTooLarge):
        clean(f"in a garden seed {seed}")


def test_a_seed_without_a_prompt_is_no_prompt():
    with pytest.raises(PromptWordless):
        clean("seed 12")
