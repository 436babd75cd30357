"""A photo in the words of a user."""

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
"""Share of phrases with words that say nothing of the picture."""


def phrase(identity: Identity, shot: Shot, language: Language, full: bool, rng: np.random.Generator) -> str:
    """The photo as some user would type it; all of it true, not all that is true. Without `full` only pose, place and
    framing are said, and nothing of the person but what Russian grammar tells. Equal states of rng give equal phrases.
    """
    return as_typed(say(phrase_facts(identity, shot, full, rng), language, rng), language, rng)


def as_typed(text: str, language: Language, rng: np.random.Generator) -> str:
    """Well-spelt words as they arrive: some with words that say nothing of the picture, some with slips."""
    if happens(rng, FILLED):
        text = filled(text, language, rng)
    return typed(text, language, rng, KNOWN_WORDS)


def say(facts: Facts, language: Language, rng: np.random.Generator) -> str:
    """The facts in well-spelt words, none left out."""
    said = say_english(facts, rng) if language == "en" else say_russian(facts, rng)
    return " ".join(said.split())
