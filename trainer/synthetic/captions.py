"""Captions of a photo in English and Russian: in full, and without a word about the person."""

from dataclasses import dataclass

import numpy as np

from trainer.synthetic.identity import Hair, Identity
from trainer.synthetic.shot import Shot
from trainer.synthetic.wardrobe import OVER, Garment
from trainer.synthetic.words import (
    BACKGROUND_PHRASES,
    CARRIED,
    CHECKED_RU,
    COLOURS_EN,
    COLOURS_RU_GENITIVE_FEMININE,
    COLOURS_RU_INSTRUMENTAL,
    COLOURS_RU_PREFIX,
    COLOURS_RU_PREPOSITIONAL,
    FRAMING_PHRASES,
    GARMENTS,
    HAIR_EN,
    HAIR_RU,
    HAIR_RU_INSTRUMENTAL,
    MOTIFS_RU_INSTRUMENTAL,
    POSE_PHRASES,
    STRIPED_RU,
    Form,
    Language,
)


@dataclass(frozen=True)
class Captions:
    """`full` names the person's looks and the scene, `scene` only pose, place and framing."""

    en_full: str
    en_scene: str
    ru_full: str
    ru_scene: str


def caption(identity: Identity, shot: Shot) -> Captions:
    """The captions of a photo; the choice of template follows from the two seeds."""
    random = np.random.default_rng([79, shot.identity_seed, shot.photo])
    template = int(random.integers(3))
    place = int(random.integers(2))
    shoes = shot.framing == "full"
    bottom = shot.framing != "portrait"
    return Captions(
        en_full=_scene_en(person_en(identity, bottom, shoes), shot, template, place),
        en_scene=_scene_en("a person", shot, template, place),
        ru_full=_scene_ru(person_ru(identity, bottom, shoes), shot, template, place),
        ru_scene=_scene_ru("человек", shot, template, place),
    )


def scene_prompt(background: str, pose: str, framing: str, language: Language) -> str:
    """A scene caption without a photo, for prompts. KeyError on an unknown name."""
    phrase = BACKGROUND_PHRASES[background][language][0]
    action, frame = POSE_PHRASES[pose][language], FRAMING_PHRASES[framing][language]
    if language == "en":
        if framing == "portrait":
            return f"a portrait of a person {phrase}"
        return f"a {frame} of a person {action} {phrase}"
    if framing == "portrait":
        return f"портрет человека {phrase}"
    return f"{frame}: человек {_action_ru(pose)} {phrase}"


def person_en(identity: Identity, bottom: bool = True, shoes: bool = True) -> str:
    """The person: "a woman with long red hair in a green t-shirt and blue trousers"."""
    noun = "woman" if identity.woman else "man"
    age = "" if identity.age_group == "adult" else f"{identity.age_group} "
    bald = "bald " if identity.hair.style == "bald" else ""
    words = f"{_article(age + bald + noun)} {age}{bald}{noun}"
    features = [] if bald else [_hair_en(identity.hair)]
    features += ["a beard"] if identity.beard else []
    features += ["glasses"] if identity.glasses else []
    if features:
        words += f" with {_listed(features, 'and')}"
    garments = [_garment_en(garment) for garment in _worn(identity, bottom, shoes)]
    carried = f", with {_bag_en(identity.bag)}" if bottom and identity.bag is not None else ""
    return f"{words} in {_listed(garments, 'and')}{carried}"


def person_ru(identity: Identity, bottom: bool = True, shoes: bool = True) -> str:
    """The person, in the nominative: «женщина с длинными рыжими волосами в зелёной футболке и синих брюках»."""
    adjective = {
        "young": ("молодой ", "молодая "),
        "adult": ("", ""),
        "elderly": ("пожилой ", "пожилая "),
    }[identity.age_group][int(identity.woman)]
    noun = "женщина" if identity.woman else "мужчина"
    bald = identity.hair.style == "bald"
    lysy = ("лысая " if identity.woman else "лысый ") if bald else ""
    words = f"{adjective}{lysy}{noun}"
    features = ["бородой"] if identity.beard else []
    features += [] if bald else [_hair_ru(identity.hair)]
    if features:
        with_words = "со" if features[0].startswith("св") else "с"
        words += f" {with_words} {_listed(features, 'и')}"
        if identity.hair.style in ("bob", "bun", "ponytail"):
            words += ","
    garments = [_garment_ru(garment) for garment in _worn(identity, bottom, shoes)]
    if identity.glasses:
        garments.append("очках")
    carried = f", с {_bag_ru(identity.bag)}" if bottom and identity.bag is not None else ""
    return f"{words} в {_listed(garments, 'и')}{carried}"


def _worn(identity: Identity, bottom: bool, shoes: bool) -> list[Garment]:
    """The garments that a framing shows, from the top down, then the hat."""
    worn = [identity.top, identity.bottom if bottom else None, identity.shoes if shoes else None, identity.hat]
    return [garment for garment in worn if garment is not None]


def _scene_en(person: str, shot: Shot, template: int, place: int) -> str:
    where = BACKGROUND_PHRASES[shot.background]["en"][place]
    frame = FRAMING_PHRASES[shot.framing]["en"]
    comma = "" if person == "a person" else ","
    does = "" if shot.framing == "portrait" else f" {POSE_PHRASES[shot.pose.name]['en']}"
    said = f"{person}{comma}{does} {where}"
    if template == 0:
        return f"{said}, {frame}"
    if template == 1 or shot.framing == "portrait":
        return f"a {frame} of {said}"
    return said


def _scene_ru(person: str, shot: Shot, template: int, place: int) -> str:
    where = BACKGROUND_PHRASES[shot.background]["ru"][place]
    frame = FRAMING_PHRASES[shot.framing]["ru"]
    bare = person == "человек"
    if shot.framing == "portrait":
        said = f"{person} {where}" if bare else f"{person}, {where}"
    else:
        said = f"{person}{'' if bare else ','} {_action_ru(shot.pose.name)} {where}"
    if template == 0:
        return f"{said}, {frame}"
    if bare and shot.framing == "portrait":
        return f"портрет человека {where}"
    if template == 1 or shot.framing == "portrait":
        return f"{frame}: {said}"
    return said


def _action_ru(pose: str) -> str:
    """The verb; a participle clause is closed by a comma."""
    action = POSE_PHRASES[pose]["ru"]
    return f"{action}," if "," in action else action


def _listed(words: list[str], conjunction: str) -> str:
    if len(words) < 2:
        return words[0]
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"


def _article(following: str) -> str:
    return "an" if following[0] in "aeio" else "a"


def _garment_en(garment: Garment) -> str:
    words = GARMENTS[garment.kind]
    colour, second = COLOURS_EN[garment.colour], COLOURS_EN.get(garment.second or "", "")
    if garment.pattern in ("striped", "checked"):
        colour = f"{colour} and {second} {garment.pattern}"
    elif garment.pattern == "two-tone":
        colour = f"two-tone {colour} and {second}"
    said = f"{colour} {words.en}" if words.plural else f"{_article(colour)} {colour} {words.en}"
    if garment.motif is not None:
        said += f" with {_article(second)} {second} {garment.motif}"
    if garment.kind in OVER and second:
        said += f" over {_article(second)} {second} t-shirt"
    return said


def _bag_en(bag: Garment) -> str:
    colour = COLOURS_EN[bag.colour]
    return f"{_article(colour)} {colour} {CARRIED[bag.kind].en}"


def _garment_ru(garment: Garment) -> str:
    words = GARMENTS[garment.kind]
    colour = COLOURS_RU_PREPOSITIONAL[garment.colour][words.form]
    if garment.pattern in ("striped", "checked", "two-tone") and garment.second:
        second = COLOURS_RU_PREPOSITIONAL[garment.second][words.form]
        colour = f"{COLOURS_RU_PREFIX[garment.colour]}-{second}"
        adjective = {"striped": f"{STRIPED_RU[words.form]} ", "checked": f"{CHECKED_RU[words.form]} "}
        colour = adjective.get(garment.pattern, "") + colour
    said = f"{colour} {words.ru}"
    if garment.motif is not None and garment.second:
        motif, form = MOTIFS_RU_INSTRUMENTAL[garment.motif]
        said += f" с {_colour_ru_instrumental(garment.second, form)} {motif}"
    if garment.kind in OVER and garment.second:
        said += f" поверх {COLOURS_RU_GENITIVE_FEMININE[garment.second]} футболки"
    return said


def _bag_ru(bag: Garment) -> str:
    words = CARRIED[bag.kind]
    return f"{_colour_ru_instrumental(bag.colour, words.form)} {words.ru}"


def _colour_ru_instrumental(colour: str, form: Form) -> str:
    return COLOURS_RU_PREPOSITIONAL[colour]["f"] if form == "f" else COLOURS_RU_INSTRUMENTAL[colour]


def _hair_en(hair: Hair) -> str:
    return HAIR_EN[hair.style].format(colour=hair.colour)


def _hair_ru(hair: Hair) -> str:
    return HAIR_RU[hair.style].format(colour=HAIR_RU_INSTRUMENTAL[hair.colour])
