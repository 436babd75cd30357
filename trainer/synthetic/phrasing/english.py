"""English phrases for facts, as users would type them."""

from typing import Final

import numpy as np

from trainer.synthetic.phrasing.chance import happens, mostly, one, shuffled
from trainer.synthetic.phrasing.clothes import CLOTHES, MOTIFS_SAID, clothing_of, could_be_jeans
from trainer.synthetic.phrasing.colours import CHECKED, COLOURS, STRIPED
from trainer.synthetic.phrasing.facts import Facts
from trainer.synthetic.phrasing.persons import (
    BEARD_EN,
    GLASSES_EN,
    HAIR_COLOURS_EN,
    HAIR_STYLES_EN,
    MEN_EN,
    SOMEBODY_EN,
    WOMEN_EN,
)
from trainer.synthetic.phrasing.places import PLACES
from trainer.synthetic.phrasing.poses import FRAMINGS_SAID, PHOTO, POSES_EN
from trainer.synthetic.wardrobe import OVER, Garment

REQUESTS: Final = ("make", "draw", "show", "paint", "generate", "create", "imagine", "depict", "put", "give me")
WISHES = (
    "I want",
    "i need",
    "I'd like",
    "can I have",
    "could you make",
    "make",
    "give me",
    "generate",
    "I want to see",
)


def say_english(facts: Facts, rng: np.random.Generator) -> str:
    """One of many phrases that say all the facts and nothing else about the picture."""
    sayings = (_sentence, _titled, _titled, _myself, _request, _wished, _listed_only, _listed_only)
    return one(rng, sayings)(facts, rng)


def _sentence(facts: Facts, rng: np.random.Generator) -> str:
    """ "a woman in a red dress sits in a park, full body"."""
    subject = "she" if facts.woman else "he"
    if not facts.who or happens(rng, 0.8):
        subject = _subject(facts, rng)
    verb = f"is {_doing(facts, rng)}" if happens(rng, 0.6) else _verb(facts, rng)
    moves = f"{subject} {verb}" if facts.pose else f"{subject} is" if facts.place else subject
    if happens(rng, 0.25) and facts.pose:
        moves = f"{subject} {_doing(facts, rng)}"
    where = _where(facts, rng)
    tail = _tail(facts, rng)
    looks = _looks(facts, rng)
    if happens(rng, 0.2) and where:
        return _joined(f"{where}, {moves if facts.pose else subject}", looks, tail)
    return _joined(_in_some_order(rng, moves, [where], looks), tail)


def _titled(facts: Facts, rng: np.random.Generator) -> str:
    """ "full-length photo of a woman with long hair sitting on the beach"."""
    subject = "me" if happens(rng, 0.3) else _subject(facts, rng)
    head, tail = _head(facts, rng)
    named = f"{_article(head)} {head} of {subject}"
    if happens(rng, 0.15):
        named = f"{head}, {subject}"
    elif subject == "me" and happens(rng, 0.3):
        named = f"my {head}"
    return _joined(_in_some_order(rng, named, [_doing(facts, rng), _where(facts, rng)], _looks(facts, rng)), tail)


def _myself(facts: Facts, rng: np.random.Generator) -> str:
    """ "me at the beach in a red jacket", "I am sitting in a cafe"."""
    start = one(rng, ("me", "me", "myself", "I am", "I'm", "i"))
    if start == "i" and facts.pose and any(POSES_EN[facts.pose].verbs):
        moves = f"i {one(rng, POSES_EN[facts.pose].verbs).base}"
    elif start == "i":
        moves = f"i am {_doing(facts, rng)}".rstrip()
    else:
        moves = f"{start} {_doing(facts, rng)}".rstrip()
    return _joined(_in_some_order(rng, moves, [_where(facts, rng)], _looks(facts, rng)), _tail(facts, rng))


def _request(facts: Facts, rng: np.random.Generator) -> str:
    """ "make me sitting in a cafe", "draw her running in a park"."""
    whom = "me" if happens(rng, 0.6) else _subject(facts, rng)
    if facts.who and happens(rng, 0.3):
        whom = "her" if facts.woman else "him"
    request = one(rng, REQUESTS)
    if request == "give me":
        whom = _subject(facts, rng)
    start = f"{request} {whom}"
    if facts.pose and request == "make" and happens(rng, 0.4):
        start, doing = f"{start} {one(rng, POSES_EN[facts.pose].verbs).base}", ""
    else:
        doing = _doing(facts, rng)
    return _joined(_in_some_order(rng, start, [doing, _where(facts, rng)], _looks(facts, rng)), _tail(facts, rng))


def _wished(facts: Facts, rng: np.random.Generator) -> str:
    """ "I want a photo in the woods in a red jacket, sitting"."""
    head, tail = _head(facts, rng)
    start = f"{one(rng, WISHES)} {_article(head)} {head}"
    if facts.who or happens(rng, 0.4):
        start += f" of {_subject(facts, rng) if facts.who else one(rng, ('me', 'myself'))}"
    doing = _doing(facts, rng)
    if facts.pose and happens(rng, 0.4):
        start += f" who is {doing}" if facts.who else f" where I {one(rng, POSES_EN[facts.pose].verbs).base}"
        doing = ""
    return _joined(_in_some_order(rng, start, [doing, _where(facts, rng)], _looks(facts, rng)), tail)


def _listed_only(facts: Facts, rng: np.random.Generator) -> str:
    """ "beach, sitting, red t-shirt, full body"."""
    items = [_garment(garment, rng) for garment in facts.garments]
    items += [_hair(facts, rng)] if facts.hair is not None else []
    items += [mostly(rng, BEARD_EN)] if facts.beard else []
    items += [mostly(rng, GLASSES_EN)] if facts.glasses else []
    items += [_garment(facts.bag, rng)] if facts.bag is not None else []
    items = [_bare(item) for item in items]
    if facts.place is not None:
        place = PLACES[facts.place]["en"]
        items.append(one(rng, place.bare if happens(rng, 0.7) else place.where))
    items += [_doing(facts, rng)] if facts.pose else []
    items = shuffled(rng, items)
    if facts.who:
        items.insert(0, mostly(rng, _persons(facts)))
    elif happens(rng, 0.25):
        items.insert(0, one(rng, ("me", "person", "i")))
    if facts.framing is not None:
        words = FRAMINGS_SAID[facts.framing]["en"]
        items.insert(
            0 if happens(rng, 0.3) else len(items), one(rng, words.tails if happens(rng, 0.7) else words.heads)
        )
    separator = one(rng, (", ", ", ", ", ", ", ", " ", "; ", " / ", ". "))
    return separator.join(items)


def _subject(facts: Facts, rng: np.random.Generator) -> str:
    words = mostly(rng, _persons(facts)) if facts.who else mostly(rng, SOMEBODY_EN)
    if not facts.who and happens(rng, 0.3):
        return one(rng, ("someone", "somebody", "this person"))
    return f"{_article(words)} {words}" if happens(rng, 0.9) else f"the {words}"


def _persons(facts: Facts) -> tuple[str, ...]:
    return (WOMEN_EN if facts.woman else MEN_EN)[facts.age_group]


def _verb(facts: Facts, rng: np.random.Generator) -> str:
    return one(rng, POSES_EN[facts.pose].verbs).third if facts.pose else ""


def _doing(facts: Facts, rng: np.random.Generator) -> str:
    """ "sitting", "with arms crossed"; "" without a pose."""
    if facts.pose is None:
        return ""
    pose = POSES_EN[facts.pose]
    return one(rng, pose.verbs).gerund if happens(rng, 0.65) else one(rng, pose.states)


def _where(facts: Facts, rng: np.random.Generator) -> str:
    return one(rng, PLACES[facts.place]["en"].where) if facts.place else ""


def _head(facts: Facts, rng: np.random.Generator) -> tuple[str, str]:
    """The words before "of", and the facts about the framing that are still to be said."""
    if facts.framing is not None and happens(rng, 0.7):
        return one(rng, FRAMINGS_SAID[facts.framing]["en"].heads), ""
    return mostly(rng, PHOTO["en"]), _tail(facts, rng)


def _tail(facts: Facts, rng: np.random.Generator) -> str:
    if facts.framing is None:
        return ""
    words = FRAMINGS_SAID[facts.framing]["en"]
    return one(rng, words.tails if happens(rng, 0.75) else words.heads)


def _looks(facts: Facts, rng: np.random.Generator) -> str:
    """ "with long red hair and glasses in a red t-shirt, with a backpack"."""
    features = [_hair(facts, rng)] if facts.hair is not None else []
    features += [mostly(rng, BEARD_EN)] if facts.beard else []
    features += [mostly(rng, GLASSES_EN)] if facts.glasses else []
    phrases = [f"with {_listed(shuffled(rng, features))}"] if features else []
    worn = [_garment(garment, rng) for garment in facts.garments]
    if worn:
        phrases.append(f"{one(rng, ('in', 'in', 'wearing', 'dressed in'))} {_listed(worn)}")
    if facts.bag is not None:
        phrases.append(f"{one(rng, ('with', 'carrying'))} {_garment(facts.bag, rng)}")
    return " ".join(phrases)


def _hair(facts: Facts, rng: np.random.Generator) -> str:
    """ "long red hair", "a ponytail", "red hair", "a bald head"."""
    hair = facts.hair
    assert hair is not None
    if hair.style == "bald":
        return one(rng, ("a bald head", "no hair", "a shaved head"))
    colour = mostly(rng, HAIR_COLOURS_EN[hair.colour]) if happens(rng, 0.8) else ""
    if colour and happens(rng, 0.2):
        return f"{colour} hair"
    words = " ".join(mostly(rng, HAIR_STYLES_EN[hair.style]).format(colour=colour).split())
    return words


def _garment(garment: Garment, rng: np.random.Generator) -> str:
    """With an article: "a blue and white striped t-shirt", "jeans"."""
    words = clothing_of(garment, jeans=could_be_jeans(garment) and happens(rng, 0.5))
    thing = mostly(rng, words.en)
    described = f"{_colour(garment, rng)} {thing}".strip()
    phrase = f"{_article(described)} {described}"
    if words.plural:
        phrase = f"a pair of {described}" if happens(rng, 0.08) else described
    second = mostly(rng, COLOURS[garment.second]["en"]) if garment.second else ""
    if garment.motif is not None and happens(rng, 0.7):
        motif = mostly(rng, MOTIFS_SAID[garment.motif].en)
        phrase += f" with {_article(second)} {second} {motif}"
    if garment.kind in OVER and second and happens(rng, 0.5):
        phrase += f" over {_article(second)} {second} {mostly(rng, CLOTHES['t-shirt'].en)}"
    return phrase


def _colour(garment: Garment, rng: np.random.Generator) -> str:
    """ "red", "blue and white striped", now and then nothing."""
    if happens(rng, 0.08):
        return ""
    first = mostly(rng, COLOURS[garment.colour]["en"])
    if garment.pattern in ("plain", "print") or garment.second is None:
        return first
    second = COLOURS[garment.second]["en"][0]
    both = f"{first} and {second}" if happens(rng, 0.7) else f"{first}-{second}"
    if garment.pattern == "two-tone":
        return both if happens(rng, 0.5) else f"two-tone {both}"
    pattern = one(rng, STRIPED["en"] if garment.pattern == "striped" else CHECKED["en"])
    return f"{both} {pattern}" if happens(rng, 0.75) else f"{pattern} {first}"


def _in_some_order(rng: np.random.Generator, start: str, scene: list[str], looks: str) -> str:
    """The looks follow the person or the scene; they are set off by commas where they would run on."""
    comma = "," if " and " in looks or len(looks) > 60 else ""
    place = " ".join(part for part in scene if part)
    if not looks:
        return f"{start} {place}"
    return f"{start} {looks}{comma} {place}" if happens(rng, 0.5) else f"{start} {place}{comma} {looks}"


def _joined(*parts: str) -> str:
    """The parts that are not empty, after commas."""
    return ", ".join(" ".join(part.split()).rstrip(",") for part in parts if part.strip())


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _bare(words: str) -> str:
    return words.removeprefix("a ").removeprefix("an ")


def _article(following: str) -> str:
    return "an" if following[0] in "aeio" else "a"
