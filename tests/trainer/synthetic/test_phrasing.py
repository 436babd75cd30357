"""Phrases are true of the photo, well-formed and varied, and use the whole vocabulary."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from transformers import CLIPTokenizer

from trainer import synthetic
from trainer.synthetic import BACKGROUNDS, FRAMINGS, POSES, Identity, sample_identity
from trainer.synthetic.identity import Hair
from trainer.synthetic.phrasing import SYNONYMS, Facts, alternatives, phrase, phrase_facts, say, worn
from trainer.synthetic.phrasing.attire import garment_said, with_word
from trainer.synthetic.phrasing.clothes import CLOTHES
from trainer.synthetic.phrasing.colours import CHECKED, STRIPED
from trainer.synthetic.phrasing.declension import decline, noun
from trainer.synthetic.phrasing.facts import visible_garments
from trainer.synthetic.phrasing.fillers import COURTESY, PRAISE, RARE, filled
from trainer.synthetic.phrasing.keyboard import typed, with_slips
from trainer.synthetic.phrasing.places import PLACES
from trainer.synthetic.phrasing.saying import FILLED
from trainer.synthetic.phrasing.synonyms import KINDS, KNOWN_WORDS, LANGUAGES, Kind, plain_words
from trainer.synthetic.shot import Shot, sample_shot
from trainer.synthetic.wardrobe import BAGS, BOTTOMS, HATS, MOTIFS, OVER, SHOES, TOPS, Garment
from trainer.synthetic.words import (
    BACKGROUND_PHRASES,
    CARRIED,
    COLOURS_EN,
    COLOURS_RU_INSTRUMENTAL,
    COLOURS_RU_PREPOSITIONAL,
    FRAMING_PHRASES,
    GARMENTS,
    HAIR_RU_INSTRUMENTAL,
    IDENTITY_WORDS,
    MOTIFS_RU_INSTRUMENTAL,
    POSE_PHRASES,
    Language,
)

TOKENIZER = Path(__file__).parents[3] / "trainer" / "weights" / "tokenizer"
PHOTOS = 300
GREY = (0.5, 0.5, 0.5)
PATTERNS = {word for words in (STRIPED, CHECKED) for word in (*words["en"], *(w[:6] for w in words["ru"]))}


def words_of(text: str) -> list[str]:
    """The words without articles, which users leave out."""
    return [word for word in plain_words(text) if word not in ("a", "an", "the")]


SURFACES: dict[Language, dict[tuple[str, ...], set[tuple[Kind, str]]]] = {language: {} for language in LANGUAGES}
for kind in KINDS:
    for name, said in SYNONYMS[kind].items():
        for language in LANGUAGES:
            for surface in said[language]:
                SURFACES[language].setdefault(tuple(words_of(surface)), set()).add((kind, name))
LONGEST = max(len(words) for table in SURFACES.values() for words in table)


@dataclass(frozen=True)
class Found:
    """A surface phrase in a text: where its words begin and end, and what it may mean."""

    start: int
    end: int
    meanings: frozenset[tuple[Kind, str]]

    def names(self, kind: Kind) -> set[str]:
        return {name for found, name in self.meanings if found == kind}


def found_in(text: str, language: Language) -> list[Found]:
    """The surface phrases of a text from left to right, the longest first."""
    words, found, at = words_of(text), [], 0
    while at < len(words):
        for length in range(min(LONGEST, len(words) - at), 0, -1):
            meanings = SURFACES[language].get(tuple(words[at : at + length]))
            if meanings:
                found.append(Found(at, at + length, frozenset(meanings)))
                break
        else:
            length = 1
        at += length
    return found


@cache
def photo(seed: int, number: int = 0) -> tuple[Identity, Shot]:
    shot = sample_shot(seed, number)
    return sample_identity(seed, shot.outfit), shot


def truths(identity: Identity, shot: Shot) -> set[tuple[Kind, str]]:
    """All that may be said of a photo."""
    garments = list(visible_garments(identity, shot))
    true: set[tuple[Kind, str]] = {("place", shot.background), ("framing", shot.framing)}
    true |= {("hair_colour", identity.hair.colour)}
    if shot.framing != "portrait":
        true |= {("pose", shot.pose.name)}
        if identity.bag is not None:
            true |= {("bag", identity.bag.kind), ("colour", identity.bag.colour)}
    for garment in garments:
        true |= {("garment", garment.kind), ("colour", garment.colour)}
        if garment.second is not None:
            true |= {("colour", garment.second)}
        if garment.motif is not None:
            true |= {("motif", garment.motif)}
        if garment.kind in OVER:
            true |= {("garment", "t-shirt")}
    return true


def colours_of(identity: Identity, shot: Shot) -> dict[str, set[str]]:
    """The colours that may stand right before each thing worn."""
    garments = visible_garments(identity, shot)
    colours: dict[str, set[str]] = {}
    for garment in garments:
        mixed = garment.pattern in ("striped", "checked", "two-tone")
        garment_colours = {garment.colour} | ({garment.second} if mixed and garment.second else set())
        colours[garment.kind] = colours.get(garment.kind, set()) | garment_colours
        if garment.kind in OVER and garment.second is not None:
            colours["t-shirt"] = colours.get("t-shirt", set()) | {garment.second}
    if identity.bag is not None:
        colours[identity.bag.kind] = {identity.bag.colour}
    return colours


def falsehoods(text: str, language: Language, identity: Identity, shot: Shot) -> list[str]:
    """Claims of a text that the photo does not show: names of things, and colours on the wrong things."""
    words, true, colours = words_of(text), truths(identity, shot), colours_of(identity, shot)
    found = found_in(text, language)
    wrong = [" ".join(words[one.start : one.end]) for one in found if not one.meanings & true]
    for before, after in pairwise(found):
        worn_here = after.names("garment") | after.names("bag")
        if not before.names("colour") or not worn_here:
            continue
        between = words[before.end : after.start]
        if all(word in PATTERNS or word[:6] in PATTERNS for word in between) and not any(
            before.names("colour") & colours.get(thing, set()) for thing in worn_here
        ):
            wrong.append(" ".join(words[before.start : after.end]))
    return wrong


class AllWords:
    """A vocabulary that contains every word, so that no typing slip is allowed."""

    def __contains__(self, word: object) -> bool:
        return True


def without_slips(identity: Identity, shot: Shot, language: Language, full: bool, rng: np.random.Generator) -> str:
    """A phrase with its fillers and without typing slips."""
    text = say(phrase_facts(identity, shot, full, rng), language, rng)
    return typed(filled(text, language, rng), language, rng, AllWords())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("full", [True, False])
def test_nothing_false_is_ever_said(language: Language, full: bool) -> None:
    rng = np.random.default_rng(11)
    for seed in range(PHOTOS):
        identity, shot = photo(seed, seed % 4)
        for _ in range(6):
            text = without_slips(identity, shot, language, full, rng)
            assert falsehoods(text, language, identity, shot) == [], (text, shot.background, shot.pose.name)


def test_the_search_for_falsehoods_finds_them() -> None:
    identity, shot = photo(0)
    shot = replace(shot, background="beach", framing="full", pose=replace(shot.pose, name="sitting"))
    top = Garment("t-shirt", "red", GREY)
    bottom = Garment("trousers", "blue", GREY)
    identity = replace(identity, outfit=replace(identity.outfit, top=top, bottom=bottom, hat=None, bag=None))
    assert falsehoods("I sit by the sea in a scarlet tee and jeans, full body", "en", identity, shot) == []
    assert falsehoods("сижу у моря в красной футболке и джинсах", "ru", identity, shot) == []
    for text in ("in the woods", "running", "selfie", "a blue tee", "red jeans", "a skirt", "a green t-shirt"):
        assert falsehoods(text, "en", identity, shot), text
    for text in ("в лесу", "бегущую", "по пояс", "в синей футболке", "красные джинсы", "юбка", "зелёных брюках"):
        assert falsehoods(text, "ru", identity, shot), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fact_is_said(language: Language) -> None:
    rng = np.random.default_rng(12)
    for seed in range(PHOTOS):
        identity, shot = photo(seed)
        facts = phrase_facts(identity, shot, True, rng)
        text = f" {' '.join(plain_words(say(facts, language, rng)))} "
        named: list[tuple[Kind, str | None]] = [
            ("place", facts.place),
            ("pose", facts.pose),
            ("framing", facts.framing),
        ]
        named += [("garment", garment.kind) for garment in facts.garments]
        named += [("bag", facts.bag.kind)] if facts.bag is not None else []
        for kind, name in named:
            surfaces = alternatives(kind, name, language) if name is not None else ()
            is_named = any(f" {' '.join(plain_words(surface))} " in text for surface in surfaces)
            assert name is None or is_named, (text, kind, name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_phrase_means_two_things_of_a_kind(kind: Kind, language: Language) -> None:
    meant: dict[tuple[str, ...], set[str]] = {}
    for name, surfaces in SYNONYMS[kind].items():
        for surface in surfaces[language]:
            meant.setdefault(tuple(plain_words(surface)), set()).add(name)
    assert {words: names for words, names in meant.items() if len(names) > 1} == {}


def test_every_place_pose_framing_colour_and_garment_has_synonyms() -> None:
    assert set(SYNONYMS["place"]) == set(BACKGROUNDS)
    assert set(SYNONYMS["pose"]) == set(POSES)
    assert set(SYNONYMS["framing"]) == set(FRAMINGS)
    assert set(SYNONYMS["colour"]) == set(COLOURS_EN)
    assert set(SYNONYMS["garment"]) == {*TOPS, *BOTTOMS, *SHOES, *HATS}
    assert set(SYNONYMS["bag"]) == set(BAGS)
    assert set(SYNONYMS["motif"]) == set(MOTIFS)
    assert set(SYNONYMS["hair_colour"]) == set(HAIR_RU_INSTRUMENTAL)
    for kind in ("place", "pose", "framing"):
        for name, surfaces in SYNONYMS[kind].items():  # type: ignore[index]
            assert all(len(surfaces[language]) >= 5 for language in LANGUAGES), name


def test_the_words_of_captions_are_among_the_synonyms() -> None:
    words: list[tuple[Kind, str, Language, str]] = []
    for language in LANGUAGES:
        words += [
            ("place", name, language, s) for name, phrases in BACKGROUND_PHRASES.items() for s in phrases[language]
        ]
        words += [("pose", name, language, phrases[language]) for name, phrases in POSE_PHRASES.items()]
        words += [("framing", name, language, phrases[language]) for name, phrases in FRAMING_PHRASES.items()]
    words += [("colour", name, "en", phrases) for name, phrases in COLOURS_EN.items()]
    words += [("colour", n, "ru", form) for n, forms in COLOURS_RU_PREPOSITIONAL.items() for form in forms.values()]
    words += [("colour", name, "ru", phrases) for name, phrases in COLOURS_RU_INSTRUMENTAL.items()]
    words += [("hair_colour", name, "ru", phrases) for name, phrases in HAIR_RU_INSTRUMENTAL.items()]
    words += [("motif", name, "ru", phrases[0]) for name, phrases in MOTIFS_RU_INSTRUMENTAL.items()]
    for kind, table in (("garment", GARMENTS), ("bag", CARRIED)):
        words += [(kind, name, "en", phrases.en) for name, phrases in table.items()]  # type: ignore[misc]
        words += [(kind, name, "ru", phrases.ru) for name, phrases in table.items()]  # type: ignore[misc]
    absent = [
        (kind, name, phrases)
        for kind, name, language, phrases in words
        if plain_words(phrases) not in map(plain_words, SYNONYMS[kind][name][language])
    ]
    assert absent == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_place_pose_garment_and_colour_gets_said(language: Language) -> None:
    rng = np.random.default_rng(13)
    kinds: set[tuple[Kind, str]] = set()
    for seed in range(700):
        identity, shot = photo(seed)
        for found in found_in(say(phrase_facts(identity, shot, True, rng), language, rng), language):
            kinds |= found.meanings
    every = {(kind, name) for kind in KINDS for name in SYNONYMS[kind]}
    assert every - kinds == set()


def test_jeans_are_plain_trousers_of_a_denim_colour() -> None:
    rng = np.random.default_rng(14)
    for colour, pattern, ever in (("blue", "plain", True), ("red", "plain", False), ("blue", "checked", False)):
        trousers = Garment("trousers", colour, GREY, pattern, "white" if pattern == "checked" else None)  # type: ignore[arg-type]
        words = {garment_said(trousers, "prep", rng).split()[-1] for _ in range(40)}
        assert ("джинсах" in words) == ever


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_the_person_only_the_scene_is_said(language: Language) -> None:
    rng = np.random.default_rng(15)
    forbidden = {word for clothing in CLOTHES.values() for word in clothing.en} | {"her", "him", "she", "he"}
    forbidden |= {form for surfaces in SYNONYMS["garment"].values() for form in surfaces["ru"]} | {
        "она",
        "девушк",
        "парень",
    }
    forbidden |= set(IDENTITY_WORDS[language])
    pattern = re.compile("|".join(rf"\b{re.escape(word)}" + (r"\b" if word.isascii() else "") for word in forbidden))
    for seed in range(PHOTOS):
        text = say(phrase_facts(*photo(seed), False, rng), language, rng)
        assert not pattern.search(text), text


def test_what_the_framing_hides_is_not_named() -> None:
    identity, shot = photo(3)
    rng = np.random.default_rng(16)
    bag = Garment("backpack", "black", GREY)
    identity = replace(identity, outfit=replace(identity.outfit, bag=bag))
    for framing, hidden in (("portrait", {identity.bottom, identity.shoes, bag}), ("waist", {identity.shoes})):
        for _ in range(80):
            facts = phrase_facts(identity, replace(shot, framing=framing), True, rng)  # type: ignore[arg-type]
            assert not hidden & {*facts.garments, facts.bag} - {None}
            assert framing != "portrait" or facts.pose is None


def test_equal_states_give_equal_phrases_and_others_differ() -> None:
    identity, shot = photo(8)
    for language in LANGUAGES:
        one, two = [phrase(identity, shot, language, True, np.random.default_rng(5)) for _ in range(2)]
        assert one == two
        rng = np.random.default_rng(6)
        assert len({phrase(identity, shot, language, True, rng) for _ in range(100)}) > 95


def test_photos_do_not_depend_on_phrases() -> None:
    """The manifest of rendered photos lists the hashes of the sources that they depend on; this package is not among
    them."""
    sources = sorted(Path(synthetic.__file__).parent.glob("*.py"))
    assert sources and not [path.name for path in sources if "phrasing" in path.read_text("utf-8")]


def test_phrases_fit_the_text_encoder() -> None:
    """The shipped vocabulary was learned from captions alone, so phrases need up to 64 tokens; a vocabulary learned
    from phrases would need half as many."""
    tokenizer = CLIPTokenizer.from_pretrained(TOKENIZER)
    rng = np.random.default_rng(17)
    texts = [
        phrase(*photo(seed), language, full, rng)
        for seed in range(PHOTOS)
        for language in LANGUAGES
        for full in (True, False)
    ]
    lengths = np.array([len(ids) for ids in tokenizer(texts, verbose=False).input_ids])
    assert (lengths <= 64).mean() > 0.95
    assert max(len(text) for text in texts) < 320


ADJECTIVES = {
    ("красный", "prep", "f"): "красной",
    ("красный", "acc", "f"): "красную",
    ("синий", "prep", "m"): "синем",
    ("синий", "acc", "f"): "синюю",
    ("синий", "ins", "p"): "синими",
    ("синий", "nom", "n"): "синее",
    ("рыжий", "nom", "f"): "рыжая",
    ("рыжий", "gen", "m"): "рыжего",
    ("рыжий", "ins", "p"): "рыжими",
    ("рыжий", "acc", "f"): "рыжую",
    ("седой", "nom", "m"): "седой",
    ("седой", "ins", "p"): "седыми",
    ("молодой", "acc", "f"): "молодую",
    ("широкий", "prep", "p"): "широких",
    ("широкий", "nom", "n"): "широкое",
    ("широкий", "gen", "m"): "широкого",
    ("сидящий", "ins", "m"): "сидящим",
    ("сидящий", "ins", "f"): "сидящей",
    ("сидящий", "nom", "f"): "сидящая",
    ("прогуливающийся", "gen", "f"): "прогуливающейся",
    ("тёмно-синий", "prep", "p"): "тёмно-синих",
}


@pytest.mark.parametrize(("adjective", "expected"), ADJECTIVES.items())
def test_adjectives_decline(adjective: tuple[str, ...], expected: str) -> None:
    assert decline(*adjective) == expected  # type: ignore[arg-type]


def test_what_is_animate_has_the_accusative_of_the_genitive() -> None:
    man = noun("мужчина", "m", animate=True)
    assert man.said("acc", "молодой") == "молодого мужчину"
    assert noun("человек", "m", animate=True).said("acc", "пожилой") == "пожилого человека"
    assert noun("рюкзак", "m").said("acc", "чёрный") == "чёрный рюкзак"


def test_an_unknown_ending_is_refused() -> None:
    with pytest.raises(ValueError, match="синева"):
        decline("синева", "nom", "f")


@pytest.mark.parametrize(
    ("garment", "case", "expected"),
    [
        (Garment("t-shirt", "red", GREY), "prep", "красной футболке"),
        (Garment("t-shirt", "red", GREY), "acc", "красную футболку"),
        (Garment("t-shirt", "blue", GREY, "striped", "white"), "prep", "полосатой сине-белой футболке"),
        (Garment("t-shirt", "blue", GREY, "striped", "white"), "nom", "футболка в сине-белую полоску"),
        (Garment("shirt", "green", GREY, "checked", "black"), "acc", "клетчатую зелёно-чёрную рубашку"),
        (
            Garment("t-shirt", "white", GREY, "print", "navy", None, "heart"),
            "prep",
            "белой футболке с тёмно-синим сердцем",
        ),
        (Garment("t-shirt", "white", GREY, "print", "grey", None, "star"), "nom", "белая футболка с серой звездой"),
        (Garment("dress", "navy", GREY, "two-tone", "pink"), "prep", "двухцветном тёмно-сине-розовом платье"),
        (Garment("jacket", "black", GREY, "plain", "red"), "acc", "чёрную куртку поверх красной футболки"),
        (Garment("coat", "grey", GREY, "plain", "red"), "prep", "сером пальто поверх алой футболки"),
        (Garment("trousers", "navy", GREY), "prep", "тёмно-синих джинсах"),
        (Garment("shorts", "turquoise", GREY), "nom", "бирюзовые шорты"),
        (Garment("hoodie", "yellow", GREY), "nom", "жёлтое худи"),
        (Garment("hoodie", "yellow", GREY), "acc", "жёлтую толстовку с капюшоном"),
        (Garment("boots", "brown", GREY), "prep", "коричневых сапогах"),
        (Garment("shoes", "beige", GREY), "prep", "бежевых туфлях"),
        (Garment("beanie", "purple", GREY), "prep", "фиолетовой вязаной шапке"),
        (Garment("sun hat", "white", GREY), "acc", "белую шляпу с широкими полями"),
        (Garment("backpack", "pink", GREY), "ins", "розовым рюкзаком"),
        (Garment("backpack", "pink", GREY), "ins", "розовым ранцем"),
        (Garment("shoulder bag", "orange", GREY), "ins", "оранжевой сумкой через плечо"),
    ],
)
def test_garments_agree_in_russian(garment: Garment, case: str, expected: str) -> None:
    rng = np.random.default_rng(18)
    assert expected in {garment_said(garment, case, rng) for _ in range(400)}  # type: ignore[arg-type]


def test_the_preposition_is_lengthened_before_clusters() -> None:
    assert with_word("светлыми волосами") == "со светлыми волосами"
    assert with_word("серой сумкой") == "с серой сумкой"
    assert with_word("бородой") == "с бородой"


SITTING = Facts(
    woman=True,
    age_group="young",
    who=True,
    hair=None,
    beard=False,
    glasses=False,
    garments=(Garment("t-shirt", "red", GREY),),
    bag=None,
    pose="sitting",
    place="beach",
    framing="full",
)


def every_saying(facts: Facts, language: Language, number: int = 15_000) -> set[str]:
    """The phrase for the facts, with the usual words for the place."""
    rng = np.random.default_rng(19)
    assert facts.place is not None
    where = sorted(PLACES[facts.place][language].where, key=len, reverse=True)
    usual, places = PLACES[facts.place][language].where[0], re.compile("|".join(map(re.escape, where)))
    return {places.sub(usual, say(facts, language, rng)) for _ in range(number)}


def test_russian_sentences_read_as_written() -> None:
    sentences = every_saying(replace(SITTING, framing=None, garments=()), "ru")
    for expected in (
        "девушка сидит на пляже",
        "молодая женщина сидит на пляже",
        "я сижу на пляже",
        "сделай меня сидящей на пляже",
        "нарисуй девушку, которая сидит на пляже",
        "нарисуй молодую женщину, сидящую на пляже",
        "посади меня на пляже",
        "фото девушки, сидящей на пляже",
        "моё фото на пляже, как я сижу",
        "девушка, пляж, сидя",
    ):
        assert expected in sentences, expected
    assert "хочу сидеть на пляже" in every_saying(replace(SITTING, framing=None, garments=(), who=False), "ru")


def test_russian_sentences_agree_with_a_man() -> None:
    facts = replace(SITTING, woman=False, age_group="elderly", pose="running", place="park", framing=None, garments=())
    sentences = every_saying(facts, "ru")
    for expected in (
        "пожилой мужчина бежит в парке",
        "нарисуй пожилого мужчину, бегущего в парке",
        "сделай меня бегущим в парке",
        "фото пожилого мужчины, который бежит в парке",
        "в парке бежит пожилой мужчина",
    ):
        assert expected in sentences, expected
    assert not any(re.search("бегущ(ая|ую|ей)|котор(ая|ую)", text) for text in sentences)


def test_hair_agrees_in_russian() -> None:
    facts = replace(SITTING, garments=(), pose=None, framing=None, hair=Hair("long", "blond", GREY, False, 0.5))
    sentences = every_saying(facts, "ru")
    assert "девушка с длинными светлыми волосами на пляже" in sentences
    assert "девушка со светлыми волосами на пляже" in sentences
    assert any("блондинк" in text for text in sentences)
    bald = every_saying(replace(facts, woman=False, hair=Hair("bald", "black", GREY, False, 0.0)), "ru")
    assert "лысый молодой мужчина на пляже" in bald or "молодой лысый мужчина на пляже" in bald
    assert not any("волос" in text for text in bald)


def test_english_sentences_read_as_written() -> None:
    sentences = every_saying(replace(SITTING, framing=None, garments=()), "en")
    for expected in (
        "me sitting on a beach",
        "I'm sitting on a beach",
        "make me sitting on a beach",
        "make me sit on a beach",
        "a young woman sits on a beach",
        "a photo of a girl sitting on a beach",
        "my photo sitting on a beach",
        "draw her sitting on a beach",
        "young woman, beach, sitting",
    ):
        assert expected in sentences, expected
    dressed = every_saying(replace(SITTING, pose=None, framing=None), "en")
    assert {"young woman, beach, red t-shirt", "me in a red t-shirt on a beach"} <= dressed


def test_a_quarter_of_phrases_has_words_without_meaning() -> None:
    for language in LANGUAGES:
        rng = np.random.default_rng(20)
        fillers = {tuple(plain_words(word)) for table in (PRAISE, COURTESY, RARE) for word in table[language]}
        single = {words[0] for words in fillers if len(words) == 1} | {words[-1] for words in fillers}
        texts = [phrase(*photo(seed), language, False, rng) for seed in range(PHOTOS) for _ in range(8)]
        share = np.mean([bool(single & set(plain_words(text))) for text in texts])
        assert FILLED - 0.04 < share < FILLED + 0.04, language


def test_words_without_meaning_are_many_and_do_not_describe_the_picture() -> None:
    assert sum(len(words) for words in RARE.values()) >= 150
    for table in (PRAISE, COURTESY, RARE):
        for words in table.values():
            assert not {word for filler in words for word in plain_words(filler)} & (KNOWN_WORDS - {"high"})


def test_slips_are_few_and_never_make_another_known_word() -> None:
    rng = np.random.default_rng(21)
    words = [word for word in sorted(KNOWN_WORDS) if len(word) >= 6] * 30
    slipped = with_slips(" ".join(words), rng, KNOWN_WORDS).split()
    wrong = [(before, after) for before, after in zip(words, slipped, strict=True) if before != after]
    assert 0.05 < len(wrong) / len(words) < 0.11
    assert not {after for _, after in wrong} & KNOWN_WORDS
    assert all(before[0] == after[0] and 0 <= len(before) - len(after) <= 1 for before, after in wrong)
    assert with_slips("a red hat", rng, KNOWN_WORDS) == "a red hat"


def test_typing_varies_capitals_articles_and_yo() -> None:
    rng = np.random.default_rng(22)
    english = Counter(typed("a man on the beach", "en", rng, frozenset()).rstrip(" .!") for _ in range(400))
    assert {"a man on the beach", "A man on the beach", "man on beach", "A MAN ON THE BEACH"} <= set(english)
    russian = {typed("чёрный, зелёный", "ru", rng, KNOWN_WORDS).rstrip(" .!") for _ in range(400)}
    assert {"чёрный, зелёный", "черный, зеленый", "Чёрный, зелёный", "чёрный зелёный"} <= russian


def test_worn_gives_prompts_that_agree() -> None:
    assert {"in a red t-shirt", "in a scarlet tee"} <= set(worn("t-shirt", "red", "en"))
    assert {"in an orange skirt", "in a bright orange skirt"} <= set(worn("skirt", "orange", "en"))
    assert {"in dark blue jeans", "in navy pants"} <= set(worn("trousers", "navy", "en"))
    assert {"в красной футболке", "в алой футболочке"} <= set(worn("t-shirt", "red", "ru"))
    assert "в зелёных штанах" in worn("trousers", "green", "ru") and "в зелёных джинсах" not in worn(
        "trousers", "green", "ru"
    )
