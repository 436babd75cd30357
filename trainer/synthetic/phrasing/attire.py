"""Russian phrases for clothes and bags, in any case."""

import numpy as np

from trainer.synthetic.phrasing.chance import happens, mostly, one
from trainer.synthetic.phrasing.clothes import CLOTHES, MOTIFS_SAID, clothing_of, could_be_jeans
from trainer.synthetic.phrasing.colours import CHECKED, COLOURS, PATTERN_RU, STRIPED
from trainer.synthetic.phrasing.declension import Case, Noun, decline
from trainer.synthetic.wardrobe import OVER, Garment
from trainer.synthetic.words import COLOURS_RU_PREFIX


def garment_said(garment: Garment, case: Case, rng: np.random.Generator) -> str:
    """«в»-less words for a garment or bag: «полосатой сине-белой футболке», «джинсы»."""
    words = clothing_of(garment, jeans=could_be_jeans(garment) and happens(rng, 0.5))
    phrase = _coloured(garment, mostly(rng, words.ru), case, rng)
    if garment.motif is not None and garment.second and happens(rng, 0.7):
        motif = mostly(rng, MOTIFS_SAID[garment.motif].ru)
        phrase += f" {with_word(motif.said('ins', mostly(rng, COLOURS[garment.second]['ru'])))}"
    if garment.kind in OVER and garment.second and happens(rng, 0.5):
        under = one(rng, CLOTHES["t-shirt"].ru[:2]).said("gen", mostly(rng, COLOURS[garment.second]["ru"]))
        phrase += f" поверх {under}"
    return phrase


def _coloured(garment: Garment, noun: Noun, case: Case, rng: np.random.Generator) -> str:
    if happens(rng, 0.08):
        return noun.said(case)
    first = mostly(rng, COLOURS[garment.colour]["ru"])
    if garment.pattern in ("plain", "print") or garment.second is None:
        return noun.said(case, first)
    both = f"{COLOURS_RU_PREFIX[garment.colour]}-{COLOURS[garment.second]['ru'][0]}"
    if garment.pattern == "two-tone":
        return noun.said(case, both) if happens(rng, 0.7) else noun.said(case, "двухцветный", both)
    if happens(rng, 0.2) and not noun.rest:
        return f"{noun.said(case)} в {decline(both, 'acc', 'f')} {PATTERN_RU[garment.pattern]}"
    patterned = one(rng, STRIPED["ru"] if garment.pattern == "striped" else CHECKED["ru"])
    return noun.said(case, patterned, both) if happens(rng, 0.75) else noun.said(case, patterned, first)


def with_word(instrumental: str) -> str:
    """«с» or «со» before what it governs: «со светлыми волосами»."""
    clustered = len(instrumental) > 1 and instrumental[0] in "сзшж" and instrumental[1] not in "аеёиоуыэюяь"
    return f"{'со' if clustered else 'с'} {instrumental}"
