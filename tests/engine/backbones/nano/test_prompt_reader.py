"""The prompt reader with the real lexicon and, where a test says so, the real sentence encoder."""

import time
from pathlib import Path

import pytest

from engine.backbones.nano.attributes import SLOTS
from engine.backbones.nano.prompt_reader import PromptReader, PromptReading
from trainer.gates.prompt_reading import PROMPTS, all_slots, prompts_of, read_all, score_of

DEVELOPMENT = Path(__file__).with_name("development_prompts.toml")


@pytest.fixture(scope="module")
def reader() -> PromptReader:
    return PromptReader()


@pytest.fixture
def without_encoder() -> PromptReader:
    return PromptReader(meanings=lambda: None)


def test_an_empty_prompt_says_nothing(without_encoder: PromptReader) -> None:
    for prompt in ("", "   \n", "!!! ...", "--ar 2:3 --v 6", "👍"):
        assert without_encoder.read(prompt) == PromptReading({}, ())


def test_words_about_the_drawing_say_nothing(without_encoder: PromptReader) -> None:
    for prompt in ("a beautiful picture of me, 4k, highly detailed", "нарисуй меня красиво, пожалуйста"):
        assert without_encoder.read(prompt) == PromptReading({}, ())


@pytest.mark.parametrize("prompt", ["red jacket and blue jeans", "в красной куртке и синих джинсах"])
def test_a_colour_belongs_to_the_garment_that_it_stands_with(without_encoder: PromptReader, prompt: str) -> None:
    read = without_encoder.read(prompt)
    assert read.attributes == {
        "top": "jacket",
        "top_colour": "red",
        "bottom": "trousers",
        "bottom_colour": "blue",
    }
    assert not read.ignored


@pytest.mark.parametrize("prompt", ["куртка красного цвета", "куртка красная", "jacket in red", "бордовая куртка"])
def test_a_colour_may_follow_its_garment(without_encoder: PromptReader, prompt: str) -> None:
    assert without_encoder.read(prompt).attributes == {"top": "jacket", "top_colour": "red"}


def test_a_colour_of_an_unknown_thing_stays_with_it(without_encoder: PromptReader) -> None:
    read = without_encoder.read("blue eyes, рыжий кот, red cape and green hoodie")
    assert read.attributes == {"top": "hoodie", "top_colour": "green"}
    assert read.ignored == ("blue eyes", "рыжий кот", "red cape")


def test_hair_has_its_own_colours(without_encoder: PromptReader) -> None:
    assert without_encoder.read("long dark hair").attributes == {"hair": "long", "hair_colour": "black"}
    assert without_encoder.read("рыжие кудри").attributes == {"hair": "curly", "hair_colour": "red"}
    assert without_encoder.read("green hair").ignored == ("green",)
    assert without_encoder.read("с седой бородой").attributes == {"beard": "yes"}


def test_patterns_belong_to_garments(without_encoder: PromptReader) -> None:
    striped = without_encoder.read("striped red and white t-shirt").attributes
    assert striped == {"top": "t-shirt", "top_colour": "red", "top_pattern": "striped", "top_second": "white"}
    assert without_encoder.read("юбка в клетку").attributes == {"bottom": "skirt", "bottom_pattern": "checked"}


def test_a_dress_stands_in_both_slots(without_encoder: PromptReader) -> None:
    for prompt in ("yellow dress", "жёлтое платье", "в ЖЕЛТОМ ПЛАТЬЕ"):
        dress = {"top": "dress", "top_colour": "yellow", "bottom": "dress", "bottom_colour": "yellow"}
        assert without_encoder.read(prompt).attributes == dress


def test_a_jacket_hides_what_is_under_it(without_encoder: PromptReader) -> None:
    read = without_encoder.read("чёрный пиджак поверх белой футболки")
    assert read.attributes == {"top": "jacket", "top_colour": "black", "top_second": "white"}


def test_colours_of_all_that_is_worn(without_encoder: PromptReader) -> None:
    for prompt in ("dressed all in black", "вся в чёрном", "black outfit"):
        assert without_encoder.read(prompt).attributes == {"top_colour": "black", "bottom_colour": "black"}


@pytest.mark.parametrize(
    ("prompt", "slots"),
    [
        ("without a hat", {"hat": "none"}),
        ("no beard, no glasses", {"beard": "no", "glasses": "no"}),
        ("без шапки и очков", {"hat": "none", "glasses": "no"}),
        ("not on a beach but in a forest", {"place": "forest"}),
        ("не в куртке, а в пальто", {"top": "coat"}),
        ("no hat and a red jacket", {"hat": "none", "top": "jacket", "top_colour": "red"}),
        ("no dragons", {}),
        ("волосы не меняй", {}),
    ],
)
def test_negation_is_respected(without_encoder: PromptReader, prompt: str, slots: dict[str, str]) -> None:
    assert without_encoder.read(prompt) == PromptReading(slots, ())


def test_night_and_snow_join_a_street(without_encoder: PromptReader) -> None:
    assert without_encoder.read("on a street at night").attributes == {"place": "night_city"}
    assert without_encoder.read("улица, зима").attributes == {"place": "winter_street"}


def test_a_second_place_is_named_as_not_drawn(without_encoder: PromptReader) -> None:
    assert without_encoder.read("in a cafe at sunset") == PromptReading({"place": "cafe"}, ("sunset",))
    assert without_encoder.read("дома на кухне") == PromptReading({"place": "kitchen"}, ())


def test_an_age_in_years_is_an_age(without_encoder: PromptReader) -> None:
    assert without_encoder.read("a 60 year old man").attributes == {"sex": "man", "age": "elderly"}
    assert without_encoder.read("женщина 35 лет").attributes == {"sex": "woman", "age": "adult"}


def test_both_languages_may_stand_in_one_prompt(without_encoder: PromptReader) -> None:
    read = without_encoder.read("selfie в лесу, red hoodie и джинсы")
    assert read.attributes == {
        "place": "forest",
        "framing": "portrait",
        "top": "hoodie",
        "top_colour": "red",
        "bottom": "trousers",
        "bottom_colour": "blue",
    }


def test_slots_come_in_the_order_of_the_weights(without_encoder: PromptReader) -> None:
    said = list(without_encoder.read("backpack, red cap, standing in a park").attributes)
    assert said == [slot for slot in SLOTS if slot in said]


def test_a_stem_that_the_stemmer_cuts_too_short_is_found(without_encoder: PromptReader) -> None:
    assert without_encoder.read("на диване").attributes == {"pose": "sitting"}
    assert without_encoder.read("за океаном").attributes == {"place": "beach"}


def test_a_phrase_that_matches_only_in_part_is_read_on(without_encoder: PromptReader) -> None:
    assert without_encoder.read("with logs, in full").ignored == ("logs",)


def test_without_the_encoder_unknown_words_are_named(without_encoder: PromptReader) -> None:
    assert without_encoder.read("with a dragon at the brasserie").ignored == ("dragon", "brasserie")


@pytest.mark.parametrize(
    ("prompt", "slots"),
    [
        ("at the bistro", {"place": "cafe"}),
        ("в сугробе", {"place": "winter_street"}),
        ("среди сосен и берёз", {"place": "forest"}),
        ("on the coastal path", {"place": "beach"}),
    ],
)
def test_an_unknown_phrase_means_what_its_nearest_example_means(
    reader: PromptReader, prompt: str, slots: dict[str, str]
) -> None:
    assert reader.read(prompt).attributes == slots


@pytest.mark.parametrize(
    ("prompt", "ignored"),
    [
        ("dragon", ("dragon",)),
        ("Paris", ("Paris",)),
        ("я играю на гитаре", ("на гитаре",)),
        ("Дракон!", ("Дракон",)),
        ("riding a horse, drinking whisky", ("riding a horse", "drinking whisky")),
    ],
)
def test_what_cannot_be_drawn_is_named_as_the_user_wrote_it(
    reader: PromptReader, prompt: str, ignored: tuple[str, ...]
) -> None:
    assert reader.read(prompt) == PromptReading({}, ignored)


def test_a_slip_of_the_keyboard_is_forgiven_and_a_real_word_is_not_taken_for_one(reader: PromptReader) -> None:
    assert reader.read("a white jaket").attributes == {"top": "jacket", "top_colour": "white"}
    assert reader.read("в кросовках").attributes == {"shoes": "sneakers"}
    assert reader.read("with a horse").ignored == ("horse",)
    assert "top" not in reader.read("с пальмами").attributes


def test_a_long_prompt_is_read_within_a_second(reader: PromptReader) -> None:
    reader.read("unknownword")
    words = "a knight in a red jacket with a zither, near the old lighthouse, в чаще с арфой, "
    start = time.process_time()
    read = reader.read((words * 40)[:2000])
    assert time.process_time() - start < 1
    assert read.attributes["top_colour"] == "red"
    assert len(read.ignored) == len(set(read.ignored))


def test_the_development_prompts_are_read(reader: PromptReader) -> None:
    reads = read_all(reader, prompts_of(DEVELOPMENT))
    slots, ignored = all_slots(reads), score_of(reads, "ignored")
    assert slots.precision is not None and slots.precision > 0.95
    assert slots.recall is not None and slots.recall > 0.95
    assert ignored.precision is not None and ignored.precision > 0.9
    assert ignored.recall is not None and ignored.recall > 0.9


def test_the_free_prompts_are_fifty_of_each_language_and_none_is_developed_on() -> None:
    prompts = prompts_of(PROMPTS)
    languages = [prompt.language for prompt in prompts]
    assert (languages.count("en"), languages.count("ru")) == (50, 50)
    assert not {prompt.text for prompt in prompts} & {prompt.text for prompt in prompts_of(DEVELOPMENT)}
