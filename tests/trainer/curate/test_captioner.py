"""Captions: Qwen2.5-VL through transformers with a tiny random checkpoint of its layout, and the template."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers.pre_tokenizers import ByteLevel
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2TokenizerFast
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from engine.identity.body import BodyPart
from engine.identity.profile import Observation, View
from trainer.curate.captioner import COLOURS, QwenCaptioner, TemplateCaptioner, colour_name, parse_answer
from trainer.errors import DataError

SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
    "<|video_pad|>",
)  # fmt: skip
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{% for piece in message.content %}"
    "{% if piece.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ piece.text }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def qwen_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with two layers each of vision and text, 28 x 28 px per token, a vocabulary of bytes."""
    folder = tmp_path_factory.mktemp("qwen")
    symbols = [*sorted(ByteLevel.alphabet()), *SPECIAL]
    number = {symbol: index for index, symbol in enumerate(symbols)}
    tokenizer = Qwen2TokenizerFast(vocab=number, merges=[])
    tokenizer.add_tokens(list(SPECIAL), special_tokens=True)
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(folder)
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(symbols), "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 4096,
            "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e4},
            "bos_token_id": number["<|endoftext|>"], "eos_token_id": number["<|im_end|>"],
            "pad_token_id": number["<|endoftext|>"],
        },
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 32,
            "fullatt_block_indexes": [1],
        },
        image_token_id=number["<|image_pad|>"], video_token_id=number["<|video_pad|>"],
        vision_start_token_id=number["<|vision_start|>"], vision_end_token_id=number["<|vision_end|>"],
    )  # fmt: skip
    torch.manual_seed(0)
    Qwen2_5_VLForConditionalGeneration(config).save_pretrained(folder)
    Qwen2VLImageProcessorPil().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def qwen(qwen_folder: Path) -> QwenCaptioner:
    return QwenCaptioner(str(qwen_folder), pixels_max=28 * 28 * 24)


def _view(colour: str = "red", size: tuple[int, int] = (140, 196)) -> View:
    image = Image.new("RGB", size, colour)
    return View(image, Observation(*size))


def test_the_chat_has_a_token_for_each_merged_patch_of_the_photo(qwen: QwenCaptioner) -> None:
    inputs = qwen.inputs(Image.new("RGB", (112, 168)))
    assert inputs["image_grid_thw"].tolist() == [[1, 12, 8]]
    assert inputs["mm_token_type_ids"].sum() == 12 * 8 // 4
    assert inputs["pixel_values"].shape == (12 * 8, 3 * 2 * 14 * 14)


def test_a_large_photo_is_reduced_to_what_the_model_may_see(qwen: QwenCaptioner) -> None:
    assert qwen.inputs(Image.new("RGB", (900, 1200)))["mm_token_type_ids"].sum() <= 24


def test_the_answer_depends_on_the_photo_and_is_the_same_again(qwen: QwenCaptioner) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (196, 140, 3), np.uint8))
    plain = qwen.answer(_view().image, tokens_max=12)
    assert plain == qwen.answer(_view().image, tokens_max=12)
    assert plain != qwen.answer(noise, tokens_max=12)


def test_each_photo_gets_a_caption_and_the_model_is_named(
    qwen: QwenCaptioner, qwen_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.curate.captioner.ANSWER_TOKENS_MAX", 4)
    captions = qwen.caption([_view("red"), _view("blue")])
    assert len(captions) == 2 and all("en" in caption for caption in captions)
    assert qwen.name == f"qwen2.5-vl:{qwen_folder.name}"


def test_a_folder_without_a_model_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected Qwen2\.5-VL .*--captioner template") as caught:
        QwenCaptioner(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("EN: A woman in red.\nRU: Женщина в красном.", {"en": "A woman in red.", "ru": "Женщина в красном."}),
        ("**EN:** A man.\n\n**RU:** Мужчина.", {"en": "A man.", "ru": "Мужчина."}),
        ("A woman\nin a park.", {"en": "A woman in a park."}),
        (
            "EN: A woman in red.\nEN_SCENE: A woman in a park.\n**RU SCENE:** Женщина в парке.",
            {"en": "A woman in red.", "en_scene": "A woman in a park.", "ru_scene": "Женщина в парке."},
        ),
    ],
)
def test_all_captions_are_read_from_an_answer(answer: str, expected: dict[str, str]) -> None:
    assert parse_answer(answer) == expected


def test_the_template_says_what_the_parser_saw_and_no_more() -> None:
    pixels = np.zeros((100, 60, 3), np.uint8)
    pixels[:50], pixels[50:] = (200, 30, 35), (45, 85, 185)
    parts = np.full((100, 60), BodyPart.TOP, np.uint8)
    parts[50:] = BodyPart.BOTTOM
    keypoints = np.ones((17, 3), np.float32)
    observation = Observation(60, 100, parts=parts, parts_box=(0, 0, 60, 100), keypoints=keypoints)
    (caption,) = TemplateCaptioner().caption([View(Image.fromarray(pixels), observation)])
    assert caption["en"] == "A full-length photo of a person, wearing red upper clothes and blue lower clothes"
    assert caption["en_scene"] == "A full-length photo of a person"
    assert caption["ru"] == "Фото в полный рост человека, верх красный, низ синий"
    (nothing,) = TemplateCaptioner().caption([_view()])
    assert nothing["en"] == nothing["en_scene"] == "A head-and-shoulders photo of a person"
    assert nothing["ru"] == nothing["ru_scene"] == "Портретное фото человека"


def test_every_colour_is_nearest_to_itself() -> None:
    assert [colour_name(np.array(rgb, np.float64)) for _, rgb in COLOURS.values()] == list(COLOURS)
