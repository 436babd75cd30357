"""Russian phrases for facts, as users would type them."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from trainer.synthetic.phrasing.attire import garment_said, with_word
from trainer.synthetic.phrasing.chance import happens, mostly, one, shuffled
from trainer.synthetic.phrasing.declension import Case, Noun, decline
from trainer.synthetic.phrasing.facts import Facts
from trainer.synthetic.phrasing.haircut import hair_noun, hair_said, haired
from trainer.synthetic.phrasing.persons import BEARD_RU, GLASSES_RU, HUMAN, MEN_RU, WOMEN_RU
from trainer.synthetic.phrasing.places import PLACES
from trainer.synthetic.phrasing.poses import FRAMINGS_SAID, PHOTO, POSES_RU, RussianVerb
from trainer.synthetic.words import Form

REQUESTS: Final = ("сделай", "нарисуй", "изобрази", "покажи", "сгенерируй", "создай", "хочу увидеть", "представь")
WISHES: Final = ("хочу", "хочу", "сделай", "мне бы", "прошу", "можно", "дай", "хотелось бы", "сгенерируй", "нарисуй")
PHOTOS_NEUTER: Final = ("фото", "изображение")
"""Nouns after «моё»."""


@dataclass(frozen=True)
class Whom:
    """The phrase for a person: the noun with its adjectives, in any case."""

    noun: Noun
    adjectives: tuple[str, ...] = ()

    def said(self, case: Case) -> str:
        """«молодую женщину»."""
        return self.noun.said(case, *self.adjectives)


def say_russian(facts: Facts, rng: np.random.Generator) -> str:
    """One of many phrases that say all the facts and nothing else about the picture."""
    sayings = (_sentence, _sentence, _titled, _titled, _myself, _request, _wished, _listed_only, _listed_only)
    return one(rng, sayings)(facts, rng)


def _sentence(facts: Facts, rng: np.random.Generator) -> str:
    """«женщина в красном платье сидит в парке, в полный рост»."""
    whom, facts = _whom(facts, rng)
    subject = whom.said("nom")
    if facts.who and happens(rng, 0.15):
        subject = "она" if facts.woman else "он"
    where, tail, looks = _where(facts, rng), _tail(facts, rng), _looks(facts, rng)
    if facts.pose is None:
        return _joined(_in_some_order(rng, subject, where, looks), tail)
    verb = _verb(facts, rng)
    third = verb.said(verb.third)
    if happens(rng, 0.2):
        moves = f"{subject}, {one(rng, POSES_RU[facts.pose].states)}"
    elif where and happens(rng, 0.25):
        return _joined(f"{where} {third} {subject}", looks, tail)
    else:
        moves = f"{subject} {third}"
        if looks and happens(rng, 0.4):
            return _joined(f"{subject} {looks}", f"{third} {where}", tail)
    ending = _dressed(facts, rng)
    if ending and happens(rng, 0.3):
        return _joined(f"{moves} {where}", _features(facts, rng), ending, tail)
    return _joined(_in_some_order(rng, moves, where, looks), tail)


def _titled(facts: Facts, rng: np.random.Generator) -> str:
    """«фото женщины с длинными волосами, сидящей на пляже», «моё фото в лесу»."""
    whom, facts = _whom(facts, rng)
    head, tail = _head(facts, rng)
    mine = happens(rng, 0.3)
    named = f"{head} {whom.said('gen')}"
    if mine:
        named = f"моё {head}" if head.split()[0] in PHOTOS_NEUTER else _of_me(head)
    elif happens(rng, 0.15):
        named = f"{head}: {whom.said('nom')}"
    doing = _doing(facts, whom.noun.form, "nom" if ":" in named else "gen", rng, of_oneself=mine)
    looks = _looks(facts, rng)
    if doing and happens(rng, 0.5):
        return _joined(f"{named} {looks}", f"{doing} {_where(facts, rng)}", tail)
    return _joined(_in_some_order(rng, named, f"{_where(facts, rng)}", looks), doing, tail)


def _myself(facts: Facts, rng: np.random.Generator) -> str:
    """«я на пляже», «я сижу в парке в красной куртке»."""
    moves = "я"
    if facts.pose is not None:
        verb = _verb(facts, rng)
        states = POSES_RU[facts.pose].states
        moves = f"я {verb.said(verb.first)}" if happens(rng, 0.7) else f"я, {one(rng, states)},"
    looks, where, tail = _looks(facts, rng), _where(facts, rng), _tail(facts, rng)
    if facts.garments and happens(rng, 0.2):
        clothes = _listed([garment_said(garment, "nom", rng) for garment in facts.garments])
        return _joined(f"{moves} {where}", f"на мне {clothes}", _features(facts, rng), tail)
    return _joined(_in_some_order(rng, moves, where, looks), tail)


def _request(facts: Facts, rng: np.random.Generator) -> str:
    """«сделай меня сидящим в парке», «нарисуй девушку, которая бежит по пляжу»."""
    of_oneself = happens(rng, 0.6)
    whom, facts = _whom(facts, rng)
    phrase = "меня" if of_oneself else whom.said("acc")
    request = one(rng, REQUESTS)
    if facts.pose is not None and POSES_RU[facts.pose].imperative and of_oneself and happens(rng, 0.3):
        request, doing = POSES_RU[facts.pose].imperative, ""
    elif facts.pose is not None and of_oneself and request == "сделай":
        doing = _participle(facts, "f" if facts.woman else "m", "ins", rng)
    else:
        doing = _doing(facts, whom.noun.form, "acc", rng, of_oneself=of_oneself)
    looks, where, tail = _looks(facts, rng), _where(facts, rng), _tail(facts, rng)
    start = f"{request} {phrase}"
    separator = " " if doing.startswith("как ") or request == "сделай" else ", "
    if doing and happens(rng, 0.6):
        return _joined(f"{start}{separator}{doing} {where}", looks, tail)
    return _joined(_in_some_order(rng, start, where, looks), doing, tail)


def _wished(facts: Facts, rng: np.random.Generator) -> str:
    """«хочу фото в лесу в красной куртке», «хочу сидеть на пляже»."""
    looks, where = _looks(facts, rng), _where(facts, rng)
    if facts.pose is not None and not facts.who and happens(rng, 0.4):
        verb = _verb(facts, rng)
        wish = one(rng, ("хочу", "хочу", "хочется", "хотелось бы", "мечтаю"))
        return _joined(_in_some_order(rng, f"{wish} {verb.said(verb.infinitive)}", where, looks), _tail(facts, rng))
    whom, facts = _whom(facts, rng)
    head, tail = _head(facts, rng)
    start = f"{one(rng, WISHES)} {_accusative(head)}"
    of_oneself = not facts.who
    if facts.who:
        start += f" {whom.said('gen')}"
    doing = _doing(facts, whom.noun.form, "gen", rng, of_oneself=of_oneself)
    if of_oneself and facts.pose is not None and happens(rng, 0.5):
        verb = _verb(facts, rng)
        doing = f"где я {verb.said(verb.first)}"
    return _joined(_in_some_order(rng, start, where, _looks(facts, rng) if facts.who else looks), doing, tail)


def _listed_only(facts: Facts, rng: np.random.Generator) -> str:
    """«пляж, сидит, красная футболка, в полный рост»."""
    items = [garment_said(garment, "nom", rng) for garment in facts.garments]
    items += [hair_said(facts.hair, "nom", rng)] if facts.hair is not None else []
    items += [mostly(rng, BEARD_RU).said("nom")] if facts.beard else []
    items += [mostly(rng, GLASSES_RU).said("nom")] if facts.glasses else []
    items += [garment_said(facts.bag, "nom", rng)] if facts.bag is not None else []
    if facts.place is not None:
        place = PLACES[facts.place]["ru"]
        items.append(one(rng, place.bare if happens(rng, 0.65) else place.where))
    if facts.pose is not None:
        verb = _verb(facts, rng)
        forms = [verb.third, verb.first, verb.infinitive, *filter(None, [verb.gerund])]
        phrase = verb.said(one(rng, forms))
        items.append(phrase if happens(rng, 0.6) else one(rng, POSES_RU[facts.pose].states))
    items = shuffled(rng, items)
    if facts.who:
        items.insert(0, _whom(facts, rng)[0].said("nom"))
    elif happens(rng, 0.2):
        items.insert(0, one(rng, ("я", "человек")))
    if facts.framing is not None:
        words = FRAMINGS_SAID[facts.framing]["ru"]
        items.insert(
            0 if happens(rng, 0.3) else len(items), one(rng, words.tails if happens(rng, 0.7) else words.heads)
        )
    return one(rng, (", ", ", ", ", ", ", ", " ", "; ", " / ", ". ")).join(items)


def _whom(facts: Facts, rng: np.random.Generator) -> tuple[Whom, Facts]:
    """The person, and the facts still to be said."""
    if not facts.who:
        return Whom(HUMAN), facts
    person = mostly(rng, (WOMEN_RU if facts.woman else MEN_RU)[facts.age_group])
    adjectives = [person.adjective] if person.adjective else []
    if facts.hair is None:
        return Whom(person.noun, tuple(adjectives)), facts
    noun = hair_noun(facts.hair, facts.woman) if happens(rng, 0.2) else None
    colour = haired(facts.hair, rng) if noun is None and happens(rng, 0.25) else ""
    adjectives += [colour] if colour else []
    names_hair = facts.hair.style == "bald" and bool(colour)
    return Whom(noun or person.noun, tuple(adjectives)), replace(facts, hair=None) if names_hair else facts


def _verb(facts: Facts, rng: np.random.Generator) -> RussianVerb:
    assert facts.pose is not None
    return mostly(rng, POSES_RU[facts.pose].verbs)


def _doing(facts: Facts, form: Form, case: Case, rng: np.random.Generator, of_oneself: bool) -> str:
    """The words after a person named in a case: «сидящей», «которая сидит», «как я сижу», «скрестив руки»."""
    if facts.pose is None:
        return ""
    verb = _verb(facts, rng)
    if happens(rng, 0.3):
        return one(rng, POSES_RU[facts.pose].states)
    if of_oneself:
        return f"{one(rng, ('как я', 'где я'))} {verb.said(verb.first)}"
    if happens(rng, 0.5):
        return _participle(facts, form, case, rng)
    return f"{'которая' if form == 'f' else 'который'} {verb.said(verb.third)}"


def _participle(facts: Facts, form: Form, case: Case, rng: np.random.Generator) -> str:
    verb = _verb(facts, rng)
    return verb.said(decline(verb.participle, case, form, animate=True))


def _where(facts: Facts, rng: np.random.Generator) -> str:
    return one(rng, PLACES[facts.place]["ru"].where) if facts.place else ""


def _head(facts: Facts, rng: np.random.Generator) -> tuple[str, str]:
    """The words before the person, and the facts about the framing that are still to be said."""
    if facts.framing is not None and happens(rng, 0.7):
        return one(rng, FRAMINGS_SAID[facts.framing]["ru"].heads), ""
    return mostly(rng, PHOTO["ru"]), _tail(facts, rng)


def _accusative(head: str) -> str:
    """«фотография по пояс» -> «фотографию по пояс»; what a head begins with changes only where it is feminine."""
    first, _, rest = head.partition(" ")
    changed = first[:-1] + {"а": "у", "я": "ю"}[first[-1]] if first[-1] in "ая" else first
    return f"{changed} {rest}".rstrip()


def _of_me(head: str) -> str:
    """«снимок по пояс» -> «снимок меня по пояс»; what would be another framing is not parted: «портрет по пояс»."""
    first, _, rest = head.partition(" ")
    parted = first in PHOTO["ru"] and any(rest in words["ru"].tails for words in FRAMINGS_SAID.values())
    return f"{first} меня {rest}" if parted else f"{head} меня"


def _tail(facts: Facts, rng: np.random.Generator) -> str:
    if facts.framing is None:
        return ""
    words = FRAMINGS_SAID[facts.framing]["ru"]
    return one(rng, words.tails if happens(rng, 0.8) else words.heads)


def _features(facts: Facts, rng: np.random.Generator) -> str:
    """«с длинными рыжими волосами и бородой, с рюкзаком, в очках»."""
    features = [hair_said(facts.hair, "ins", rng)] if facts.hair is not None else []
    features += [mostly(rng, BEARD_RU).said("ins")] if facts.beard else []
    phrases = [with_word(_listed(shuffled(rng, features)))] if features else []
    phrases += [f"в {mostly(rng, GLASSES_RU).said('prep')}"] if facts.glasses else []
    phrases += [with_word(garment_said(facts.bag, "ins", rng))] if facts.bag is not None else []
    return ", ".join(phrases)


def _looks(facts: Facts, rng: np.random.Generator) -> str:
    """The features and the clothes: «с бородой, в красной куртке и джинсах»."""
    clothes = [garment_said(garment, "prep", rng) for garment in facts.garments]
    parts = [_features(facts, rng), f"в {_listed(clothes)}" if clothes else ""]
    return (", " if happens(rng, 0.3) else " ").join(filter(None, shuffled(rng, parts)))


def _dressed(facts: Facts, rng: np.random.Generator) -> str:
    """«одета в красную футболку», «на ней красная футболка»; "" where no garment is said."""
    if not facts.garments:
        return ""
    who = ("она", "ней", "одета") if facts.woman else ("он", "нём", "одет")
    if happens(rng, 0.5):
        return f"{who[2]} в {_listed([garment_said(garment, 'acc', rng) for garment in facts.garments])}"
    return f"на {who[1]} {_listed([garment_said(garment, 'nom', rng) for garment in facts.garments])}"


def _in_some_order(rng: np.random.Generator, start: str, where: str, looks: str) -> str:
    """The looks follow the person or the place."""
    if not looks or not where:
        return f"{start} {where}{looks}"
    comma = "," if "," in looks or " и " in looks else ""
    return f"{start} {looks}{comma} {where}" if happens(rng, 0.5) else f"{start} {where}{comma} {looks}"


def _joined(*parts: str) -> str:
    """The parts that are not empty, after commas."""
    return ", ".join(" ".join(part.split()).strip(",") for part in parts if part.strip())


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} и {words[-1]}"
