"""Captions: they say what is there, and scene captions say nothing of the person."""

import re
from dataclasses import fields, replace

import pytest

from trainer.synthetic import BACKGROUNDS, FRAMINGS, POSES, sample_identity, scene_prompt
from trainer.synthetic.captions import caption, person_en, person_ru
from trainer.synthetic.identity import Hair, Identity
from trainer.synthetic.shot import sample_shot
from trainer.synthetic.wardrobe import BAGS, BOTTOMS, HATS, MOTIFS, SHOES, TOPS, Garment, Outfit
from trainer.synthetic.words import (
    BACKGROUND_PHRASES,
    CARRIED,
    COLOURS_EN,
    COLOURS_RU_INSTRUMENTAL,
    COLOURS_RU_PREPOSITIONAL,
    GARMENTS,
    IDENTITY_WORDS,
    MOTIFS_RU_INSTRUMENTAL,
    Language,
)

GREEN = (0.1, 0.5, 0.2)


WORN = {field.name for field in fields(Outfit)}


def dressed(**changes: object) -> Identity:
    """A known woman in known clothes, with changes to her or to her outfit."""
    outfit = Outfit(
        top=Garment("t-shirt", "green", GREEN),
        bottom=Garment("trousers", "blue", GREEN),
        shoes=Garment("shoes", "white", GREEN),
        hat=None,
        bag=None,
        neckline="round",
    )
    plain = replace(
        sample_identity(1),
        woman=True,
        age_group="adult",
        hair=Hair("long", "red", GREEN, fringe=False, volume=0.5),
        beard=False,
        glasses=False,
    )
    worn = {name: value for name, value in changes.items() if name in WORN}
    of_person = {name: value for name, value in changes.items() if name not in WORN}
    return replace(plain, outfit=replace(outfit, **worn), **of_person)  # type: ignore[arg-type]


def test_an_english_person_reads_as_written() -> None:
    assert person_en(dressed(), shoes=False) == ("a woman with long red hair in a green t-shirt and blue trousers")


def test_a_russian_woman_reads_as_written() -> None:
    assert person_ru(dressed(), shoes=False) == ("женщина с длинными рыжими волосами в зелёной футболке и синих брюках")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"woman": False, "beard": True}, "мужчина с бородой и длинными рыжими волосами в"),
        ({"age_group": "elderly"}, "пожилая женщина с"),
        ({"woman": False, "hair": Hair("bald", "black", GREEN, False, 0.0)}, "лысый мужчина в"),
        (
            {"hair": Hair("bun", "blond", GREEN, False, 0.0)},
            "со светлыми волосами, собранными в пучок, в",
        ),
        (
            {"top": Garment("dress", "navy", GREEN), "bottom": None},
            "в тёмно-синем платье и белых туфлях",
        ),
        (
            {"top": Garment("jacket", "black", GREEN, second="white", second_rgb=GREEN)},
            "в чёрной куртке поверх белой футболки, синих брюках",
        ),
        (
            {"top": Garment("t-shirt", "blue", GREEN, "striped", "white", GREEN)},
            "в полосатой сине-белой футболке",
        ),
        (
            {"bottom": Garment("skirt", "pink", GREEN)},
            "в зелёной футболке, розовой юбке и белых туфлях",
        ),
        ({"glasses": True}, "белых туфлях и очках"),
        ({"top": Garment("hoodie", "grey", GREEN)}, "в сером худи,"),
        (
            {"top": Garment("shirt", "blue", GREEN, "checked", "white", GREEN)},
            "в клетчатой сине-белой рубашке,",
        ),
        (
            {"top": Garment("coat", "black", GREEN, second="red", second_rgb=GREEN)},
            "в чёрном пальто поверх красной футболки,",
        ),
        (
            {"top": Garment("t-shirt", "white", GREEN, "print", "red", GREEN, "star")},
            "в белой футболке с красной звездой,",
        ),
        (
            {"top": Garment("t-shirt", "white", GREEN, "print", "navy", GREEN, "heart")},
            "в белой футболке с тёмно-синим сердцем,",
        ),
        ({"bag": Garment("backpack", "yellow", GREEN)}, "туфлях, с жёлтым рюкзаком"),
        ({"bag": Garment("shoulder bag", "black", GREEN)}, "туфлях, с чёрной сумкой через плечо"),
        ({"shoes": Garment("sneakers", "pink", GREEN)}, "и розовых кроссовках"),
        ({"hair": Hair("buzz", "grey", GREEN, False, 0.0)}, "с очень короткими седыми волосами в"),
    ],
)
def test_russian_forms_agree(changes: dict[str, object], words: str) -> None:
    assert words in person_ru(dressed(**changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"top": Garment("hoodie", "orange", GREEN)}, "in an orange hoodie,"),
        (
            {"top": Garment("shirt", "blue", GREEN, "checked", "white", GREEN)},
            "in a blue and white checked button-up shirt,",
        ),
        (
            {"top": Garment("t-shirt", "white", GREEN, "print", "orange", GREEN, "circle")},
            "in a white t-shirt with an orange circle,",
        ),
        (
            {"top": Garment("coat", "navy", GREEN, second="white", second_rgb=GREEN)},
            "in a navy blue coat over a white t-shirt,",
        ),
        ({"bag": Garment("backpack", "orange", GREEN)}, "white shoes, with an orange backpack"),
        ({"hat": Garment("sun hat", "yellow", GREEN)}, "and a yellow sun hat"),
    ],
)
def test_english_garments_read_as_written(changes: dict[str, object], words: str) -> None:
    assert words in person_en(dressed(**changes))


def test_a_portrait_does_not_speak_of_the_bag() -> None:
    carrying = dressed(bag=Garment("backpack", "yellow", GREEN))
    assert "backpack" not in person_en(carrying, bottom=False, shoes=False)
    assert "рюкзак" not in person_ru(carrying, bottom=False, shoes=False)


def test_every_kind_of_garment_bag_and_print_has_words() -> None:
    assert set(GARMENTS) == {*TOPS, *BOTTOMS, *SHOES, *HATS}
    assert set(CARRIED) == set(BAGS)
    assert set(MOTIFS_RU_INSTRUMENTAL) == set(MOTIFS)
    assert set(COLOURS_RU_INSTRUMENTAL) == set(COLOURS_RU_PREPOSITIONAL)


def test_captions_name_the_colour_of_the_top_and_the_place() -> None:
    for seed in range(60):
        identity, shot = sample_identity(seed), sample_shot(seed, 0)
        sentences = caption(identity, shot)
        words = GARMENTS[identity.top.kind]
        assert COLOURS_EN[identity.top.colour] in sentences.en_full and words.en in sentences.en_full
        assert words.ru in sentences.ru_full
        if identity.top.pattern == "plain":
            assert COLOURS_RU_PREPOSITIONAL[identity.top.colour][words.form] in sentences.ru_full
        for language, text in (("en", sentences.en_full), ("ru", sentences.ru_full)):
            assert any(p in text for p in BACKGROUND_PHRASES[shot.background][language])  # type: ignore[index]


def test_scene_captions_say_nothing_of_the_person() -> None:
    worn = {words.en for words in GARMENTS.values()} | {words.ru for words in GARMENTS.values()}
    forbidden: dict[Language, set[str]] = {language: set(stems) | worn for language, stems in IDENTITY_WORDS.items()}
    for seed in range(200):
        sentences = caption(sample_identity(seed), sample_shot(seed, seed % 4))
        for language, text in (("en", sentences.en_scene), ("ru", sentences.ru_scene)):
            for word in forbidden[language]:  # type: ignore[index]
                assert not re.search(rf"\b{re.escape(word)}", text), (word, text)


def test_captions_are_reproducible_and_vary_in_form() -> None:
    identity = sample_identity(5)
    scenes = [caption(identity, sample_shot(5, index)).en_full for index in range(12)]
    again = [caption(identity, sample_shot(5, index)).en_full for index in range(12)]
    assert scenes == again
    assert len({text.split(",")[0] for text in scenes}) > 2


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_scene_has_a_prompt(language: Language) -> None:
    prompts = {
        scene_prompt(background, pose, framing, language)
        for background in BACKGROUNDS
        for pose in POSES
        for framing in FRAMINGS
    }
    assert len(prompts) == len(BACKGROUNDS) * (2 * len(POSES) + 1)


def test_a_russian_participle_is_closed_by_a_comma() -> None:
    assert scene_prompt("forest", "arms_crossed", "full", "ru") == (
        "фото в полный рост: человек стоит, скрестив руки, в лесу"
    )
