"""Russian phrases for hair, beards and glasses."""

import re
from typing import Final

import numpy as np

from trainer.synthetic.identity import Hair
from trainer.synthetic.phrasing.chance import happens, mostly, one
from trainer.synthetic.phrasing.declension import Case, Noun, decline
from trainer.synthetic.phrasing.persons import (
    BLOND_NOUNS_RU,
    HAIR_COLOURS_RU,
    HAIR_STYLES_RU,
    HAIRCUTS_RU,
    HAIRED_RU,
)

PLURALS: Final[dict[str, dict[Case, str]]] = {
    "волосы": {"nom": "волосы", "ins": "волосами"},
    "кудри": {"nom": "кудри", "ins": "кудрями"},
}


def hair_said(hair: Hair, case: Case, rng: np.random.Generator) -> str:
    """«длинные рыжие волосы», «короткая стрижка», «рыжие волосы» in the nominative or the instrumental."""
    if hair.style == "bald":
        return {"nom": "лысая голова", "ins": "лысой головой"}[case]
    colour = mostly(rng, HAIR_COLOURS_RU[hair.colour])
    if happens(rng, 0.15):
        return _filled("{colour} {волосы}", colour, case)
    if HAIRCUTS_RU[hair.style] and happens(rng, 0.3):
        return one(rng, HAIRCUTS_RU[hair.style]).said(case)
    return _filled(mostly(rng, HAIR_STYLES_RU[hair.style]), colour if happens(rng, 0.8) else "", case)


def haired(hair: Hair, rng: np.random.Generator) -> str:
    """An adjective of the person in the masculine nominative: «рыжий», «лысый»; "" where there is none."""
    if hair.style == "bald":
        return "лысый"
    return one(rng, HAIRED_RU[hair.colour]) if HAIRED_RU[hair.colour] else ""


def hair_noun(hair: Hair, woman: bool) -> Noun | None:
    """«блондинка», «брюнет»; None where the colour makes no noun."""
    if hair.style == "bald" or hair.colour not in BLOND_NOUNS_RU:
        return None
    word = BLOND_NOUNS_RU[hair.colour][0 if woman else 1]
    if woman:
        stem = word[:-1]
        return Noun((word, stem + "и", stem + "у", stem + "ой", stem + "е"), "f", animate=True)
    return Noun((word, word + "а", word + "а", word + "ом", word + "е"), "m", animate=True)


def _filled(pattern: str, colour: str, case: Case) -> str:
    described = pattern.replace("{colour}", decline(colour, case, "p") if colour else "")
    filled = re.sub(r"\{(\w+)\}", lambda word: _plural(word[1], case), described)
    return " ".join(filled.split()).replace(" ,", ",")


def _plural(word: str, case: Case) -> str:
    return PLURALS[word][case] if word in PLURALS else decline(word, case, "p")
