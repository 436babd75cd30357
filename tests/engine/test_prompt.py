"""Russian prompts are translated for models that read English alone; the rest of a prompt is unchanged."""

from __future__ import annotations

import json
import logging
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import snowballstemmer
import torch
from transformers import MarianConfig, MarianMTModel, MarianTokenizer

from engine.errors import SetupError, WeightsError
from engine.prompt import (
    AS_WRITTEN,
    GLOSSARY,
    REPOSITORY,
    GlossaryTranslator,
    MarianTranslator,
    Reliable,
    Translated,
    in_known_language,
    open_translator,
)
from trainer.synthetic.words import BACKGROUND_PHRASES, FRAMING_PHRASES, POSE_PHRASES

ENGLISH = ("en",)


@pytest.fixture(scope="module")
def glossary() -> GlossaryTranslator:
    return GlossaryTranslator()


@pytest.fixture(scope="module")
def marian_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Marian checkpoint of the true layout, tiny and random, with sentence pieces of both languages."""
    folder = tmp_path_factory.mktemp("opus-mt-ru-en")
    words = {
        "source": ["девушка стоит на пляже у моря", "человек идёт по лесу в синей куртке", "портрет на закате"],
        "target": ["a young woman stands on a beach", "a person walks in the woods", "portrait at sunset"],
    }
    pieces = ["</s>", "<unk>"]
    for side, sentences in words.items():
        corpus = folder / f"{side}.txt"
        corpus.write_text("\n".join(sentences * 20), "utf-8")
        sentencepiece.SentencePieceTrainer.train(
            input=str(corpus),
            model_prefix=str(folder / side),
            vocab_size=40,
            hard_vocab_limit=False,
            minloglevel=2,
        )
        (folder / f"{side}.model").rename(folder / f"{side}.spm")
        model = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{side}.spm"))
        pieces += [model.id_to_piece(number) for number in range(3, model.get_piece_size())]
    pieces = [piece for piece in pieces if piece != "<pad>"]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys([*pieces, "<pad>"]))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    tokenizer = MarianTokenizer(
        str(folder / "source.spm"),
        str(folder / "target.spm"),
        str(folder / "vocab.json"),
        source_lang="ru",
        target_lang="en",
        model_max_length=64,
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    padding = vocabulary["<pad>"]
    config = MarianConfig(
        vocab_size=len(vocabulary),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_position_embeddings=64,
        pad_token_id=padding,
        decoder_start_token_id=padding,
        eos_token_id=0,
        forced_eos_token_id=0,
        num_beams=2,
    )
    model = MarianMTModel(config)
    model.generation_config.bad_words_ids = [[padding]]
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("russian", "english"),
    [
        ("Девушка в красном платье на пляже", "young woman in red dress on a beach"),
        (
            "человек идёт по осеннему лесу, в полный рост, в тёмно-синей куртке и белых кроссовках",
            "a person walking along autumn forest, full body, in navy blue jacket and white sneakers",
        ),
        ("рыцарь в доспехах держит меч перед замком", "knight in armour holding sword in front of castle"),
        ("женщина 30 лет в поле цветов", "woman 30 years old in a field of flowers"),
        ("нарисуй, пожалуйста, меня летом под дождём", "a person summer in the rain"),
        ("Машу рукой. Улыбаюсь!", "waving a hand. smiling!"),
        ("жёлтый ЗОНТИК, желтым зонтиком", "yellow umbrella, yellow umbrella"),
    ],
)
def test_the_glossary_knows_phrases_and_words_in_all_their_forms(
    glossary: GlossaryTranslator, russian: str, english: str
) -> None:
    assert glossary.translate(russian) == Translated(english, complete=True)


def test_the_glossary_drops_unknown_words_keeps_names_and_says_it_is_incomplete(glossary: GlossaryTranslator) -> None:
    assert glossary.translate("бармаглот, варкалось, в саду у Жюстины") == Translated("in garden by Zhyustiny", False)


def test_the_glossary_knows_every_place_pose_and_framing_that_nano_has_learnt(glossary: GlossaryTranslator) -> None:
    phrases = [phrase for places in BACKGROUND_PHRASES.values() for phrase in places["ru"]]
    phrases += [words["ru"] for words in (*POSE_PHRASES.values(), *FRAMING_PHRASES.values())]
    assert [phrase for phrase in phrases if not glossary.translate(phrase).complete] == []


def test_no_two_entries_of_the_glossary_share_a_stem_and_differ_in_meaning() -> None:
    stem = snowballstemmer.stemmer("russian").stemWord
    meanings: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for section, entries in tomllib.loads(GLOSSARY.read_text("utf-8")).items():
        for forms, english in entries.items():
            for form in forms.split("|") if section != AS_WRITTEN else ():
                meanings[tuple(stem(word.lower().replace("ё", "е")) for word in form.split())].add(english)
    assert len(meanings) > 500
    assert {stems: english for stems, english in meanings.items() if len(english) > 1} == {}


@pytest.mark.parametrize("prompt", ["a woman on a beach, café", "", "100 % $!", "自転車に乗る人"])
def test_prompts_without_russian_pass_untouched(prompt: str, glossary: GlossaryTranslator) -> None:
    assert in_known_language(prompt, ENGLISH, glossary) is None


def test_a_backbone_that_reads_russian_gets_the_users_prompt(glossary: GlossaryTranslator) -> None:
    assert in_known_language("девушка в лесу", ("en", "ru"), glossary) is None


def test_only_the_russian_parts_of_a_mixed_prompt_are_translated(glossary: GlossaryTranslator) -> None:
    translated = in_known_language("Portrait of me, в лесу, снег, CINEMATIC light (зима), 8k", ENGLISH, glossary)
    assert translated == Translated("Portrait of me, in forest, snow, CINEMATIC light (winter), 8k", True)


def test_a_style_template_stays_as_it_is_around_a_translated_prompt(glossary: GlossaryTranslator) -> None:
    translated = in_known_language("бармаглот, pencil sketch", ENGLISH, glossary)
    assert translated == Translated("pencil sketch", False)


def test_a_marian_folder_says_what_its_model_says(marian_folder: Path) -> None:
    text = "девушка стоит на пляже"
    tokenizer: Any = MarianTokenizer.from_pretrained(marian_folder)
    model: Any = MarianMTModel.from_pretrained(marian_folder)
    tokens = model.generate(**tokenizer([text], return_tensors="pt"), max_new_tokens=63)
    expected = tokenizer.decode(tokens[0], skip_special_tokens=True).strip()
    assert expected
    assert MarianTranslator(marian_folder).translate(text) == Translated(expected, complete=True)


def test_a_model_that_calls_grown_people_girls_and_boys_is_put_right(
    marian_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    translator = MarianTranslator(marian_folder)
    monkeypatch.setattr(
        translator._tokenizer, "batch_decode", lambda *_, **__: ["A girl and two young boys, girlfriends, cowboy."]
    )
    assert translator.translate("девушка").text == "A young woman and two young men, girlfriends, cowboy"


def test_a_prompt_too_long_for_marian_is_translated_as_far_as_it_goes(marian_folder: Path) -> None:
    translated = MarianTranslator(marian_folder).translate("девушка стоит на пляже у моря " * 20)
    assert translated.text and not translated.complete


def test_sentences_are_translated_one_by_one(marian_folder: Path) -> None:
    translator = MarianTranslator(marian_folder)
    first, second = "девушка стоит!", "портрет на закате"
    both = translator.translate(f"{first} {second}")
    assert both.text == " ".join(translator.translate(sentence).text for sentence in (first, second))


def test_a_folder_is_opened_by_its_path_and_the_glossary_by_its_name(marian_folder: Path) -> None:
    assert open_translator(str(marian_folder)).name == marian_folder.name
    assert open_translator("glossary").name == "glossary"


def test_without_a_setting_the_hubs_cache_decides(marian_folder: Path, empty_cache: Path) -> None:
    assert open_translator(None).name == "glossary"
    home = empty_cache / f"models--{REPOSITORY.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("abc")
    (home / "snapshots").mkdir()
    (home / "snapshots" / "abc").symlink_to(marian_folder)
    assert open_translator(None).name == "abc"
    assert open_translator(REPOSITORY).name == "abc"


def test_the_error_of_an_absent_translator_names_the_remedy(empty_cache: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="doctor --download translation"):
        open_translator("somebody/some-model")
    with pytest.raises(WeightsError, match=r"found no config.json, source.spm.*set ENGINE_TRANSLATOR"):
        open_translator(str(tmp_path))


def test_where_the_model_fails_the_glossary_translates_and_the_log_says_so(
    glossary: GlossaryTranslator, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        name = "failing"

        def translate(self, text: str) -> Translated:
            raise RuntimeError("no memory")

    with caplog.at_level(logging.WARNING):
        assert Reliable(Failing(), glossary).translate("в лесу") == Translated("in forest", True)
    assert "failing failed, glossary translates: RuntimeError: no memory" in caplog.text
