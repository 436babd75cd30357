"""Every way in which a place, a pose, a framing, a colour, a garment or a hairdo is said, by its canonical name."""

import re
from collections.abc import Iterable
from itertools import product
from typing import Final, Literal, get_args

from trainer.synthetic.phrasing.clothes import BAGS_SAID, CLOTHES, JEANS, JEANS_COLOURS, MOTIFS_SAID, Clothing
from trainer.synthetic.phrasing.colours import COLOURS
from trainer.synthetic.phrasing.declension import CASES, FORMS, Noun, decline
from trainer.synthetic.phrasing.keyboard import without_yo
from trainer.synthetic.phrasing.persons import HAIR_COLOURS_EN, HAIR_COLOURS_RU
from trainer.synthetic.phrasing.places import PLACES
from trainer.synthetic.phrasing.poses import FRAMINGS_SAID, POSES_EN, POSES_RU
from trainer.synthetic.words import COLOURS_RU_PREFIX, Language

Kind = Literal["place", "pose", "framing", "colour", "garment", "bag", "motif", "hair_colour"]
Surfaces = dict[str, dict[Language, tuple[str, ...]]]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in words if word))


def _place(name: str, language: Language) -> tuple[str, ...]:
    place = PLACES[name][language]
    return _unique((*place.where, *place.bare))


def _pose(name: str, language: Language) -> tuple[str, ...]:
    if language == "en":
        english = POSES_EN[name]
        verbs = (form for verb in english.verbs for form in (verb.gerund, verb.third, verb.base))
        return _unique((*verbs, *english.states))
    russian = POSES_RU[name]
    forms = [
        verb.said(form)
        for verb in russian.verbs
        for form in (verb.third, verb.first, verb.infinitive, verb.gerund, *_declined(verb.participle))
        if form
    ]
    return _unique((*forms, *russian.states, russian.imperative))


def _framing(name: str, language: Language) -> tuple[str, ...]:
    words = FRAMINGS_SAID[name][language]
    return _unique((*words.tails, *words.heads))


def _colour(name: str, language: Language) -> tuple[str, ...]:
    if language == "en":
        return COLOURS[name]["en"]
    forms = (form for word in COLOURS[name]["ru"] for form in _declined(word))
    return _unique((*forms, COLOURS_RU_PREFIX[name]))


def _hair_colour(name: str, language: Language) -> tuple[str, ...]:
    if language == "en":
        return HAIR_COLOURS_EN[name]
    return _unique(decline(word, case, "p") for word in HAIR_COLOURS_RU[name] for case in CASES)


def _declined(adjective: str) -> tuple[str, ...]:
    """The forms in the singular and plural, nominative first."""
    return _unique(
        decline(adjective, case, form, living) for living in (False, True) for form in FORMS for case in CASES
    )


def _named(clothing: Clothing, language: Language) -> tuple[str, ...]:
    if language == "en":
        return _unique(form for word in clothing.en for form in (word, *_plural_en(word, clothing.plural)))
    return _unique(form for noun in clothing.ru for form in _forms(noun))


def _plural_en(word: str, plural: bool) -> tuple[str, ...]:
    return () if plural or " with " in word else (f"{word}s",)


def _forms(noun: Noun) -> tuple[str, ...]:
    return _unique(noun.said(case) for case in CASES if noun.forms[CASES.index(case)])


def _garments() -> Surfaces:
    surfaces: Surfaces = {
        name: {language: _named(words, language) for language in LANGUAGES} for name, words in CLOTHES.items()
    }
    for language in LANGUAGES:
        surfaces["trousers"][language] += _named(JEANS, language)
    return surfaces


def _things(table: dict[str, Clothing]) -> Surfaces:
    return {name: {language: _named(words, language) for language in LANGUAGES} for name, words in table.items()}


SYNONYMS: Final[dict[Kind, Surfaces]] = {
    "place": {name: {language: _place(name, language) for language in LANGUAGES} for name in PLACES},
    "pose": {name: {language: _pose(name, language) for language in LANGUAGES} for name in POSES_EN},
    "framing": {name: {language: _framing(name, language) for language in LANGUAGES} for name in FRAMINGS_SAID},
    "colour": {name: {language: _colour(name, language) for language in LANGUAGES} for name in COLOURS},
    "garment": _garments(),
    "bag": _things(BAGS_SAID),
    "motif": _things(MOTIFS_SAID),
    "hair_colour": {
        name: {language: _hair_colour(name, language) for language in LANGUAGES} for name in HAIR_COLOURS_EN
    },
}
"""Kind, canonical name, language: the surface phrases, the usual ones first. Those of places, poses and framings stand
in a prompt as they are; Russian colours and garments come in every form, see `worn` for phrases that agree."""


def alternatives(kind: Kind, name: str, language: Language) -> tuple[str, ...]:
    """The surface phrases of a thing. KeyError on an unknown name."""
    return SYNONYMS[kind][name][language]


def worn(garment: str, colour: str, language: Language) -> tuple[str, ...]:
    """Every "in a scarlet tee" of a plain garment or hat of that colour, for prompts. KeyError on unknown names."""
    clothing = CLOTHES[garment]
    names = [clothing, *([JEANS] if garment == "trousers" and colour in JEANS_COLOURS else [])]
    if language == "ru":
        nouns = [noun for words in names for noun in words.ru]
        return _unique(f"в {noun.said('prep', word)}" for noun, word in product(nouns, COLOURS[colour]["ru"]))
    things = [thing for words in names for thing in words.en]
    described = [f"{word} {thing}" for thing, word in product(things, COLOURS[colour]["en"])]
    return _unique(f"in {words}" if clothing.plural else f"in {_article(words)} {words}" for words in described)


def _article(following: str) -> str:
    return "an" if following[0] in "aeio" else "a"


def plain_words(text: str) -> list[str]:
    """The words in lower case, without ё and punctuation; a hyphen parts words."""
    return re.findall(r"\w+", without_yo(text.lower()))


KNOWN_WORDS: Final[frozenset[str]] = frozenset(
    word
    for kind in SYNONYMS.values()
    for surfaces in kind.values()
    for phrases in surfaces.values()
    for phrase in phrases
    for word in plain_words(phrase)
)
"""Single words of all surface phrases."""
