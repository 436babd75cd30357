"""Prompts for a photo as users would type them."""

from typing import Final

import numpy as np

from trainer.synthetic.identity import Identity
from trainer.synthetic.phrasing.chance import happens
from trainer.synthetic.phrasing.english import say_english
from trainer.synthetic.phrasing.facts import Facts, phrase_facts
from trainer.synthetic.phrasing.fillers import filled
from trainer.synthetic.phrasing.keyboard import typed
from trainer.synthetic.phrasing.russian import say_russian
from trainer.synthetic.phrasing.synonyms import KNOWN_WORDS
from trainer.synthetic.shot import Shot
from trainer.synthetic.words import Language

FILLED: Final = 0.25
"""Share of phrases with words that do not describe the picture."""


def phrase(identity: Identity, shot: Shot, language: Language, full: bool, rng: np.random.Generator) -> str:
    """A prompt that the photo fulfils; it does not name everything. Without `full` it names only pose, place and
    framing, and of the person only the gender that Russian grammar requires. Equal states of rng give equal phrases.
    """
    return as_typed(say(phrase_facts(identity, shot, full, rng), language, rng), language, rng)


def as_typed(text: str, language: Language, rng: np.random.Generator) -> str:
    """Adds to a well-spelt phrase, at random, words that do not describe the picture, and typing errors."""
    if happens(rng, FILLED):
        text = filled(text, language, rng)
    return typed(text, language, rng, KNOWN_WORDS)


def say(facts: Facts, language: Language, rng: np.random.Generator) -> str:
    """All facts in well-spelt words."""
    text = say_english(facts, rng) if language == "en" else say_russian(facts, rng)
    return " ".join(text.split())
