"""Captions of photos: by a vision-language model, or by a template filled with the person parser's findings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage.color import rgb2lab
from transformers import AutoModelForImageTextToText, AutoTokenizer, BatchFeature
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from engine.identity.body import BodyPart, parts_on_photo
from engine.identity.profile import Observation, View
from engine.identity.skeleton import ANKLES, CONFIDENCE_MIN, HIPS, KNEES
from trainer.errors import DataError

Caption = dict[str, str]
"""Language ("en", "ru") -> one caption with the person's looks; "en_scene", "ru_scene" -> one without."""

INSTRUCTION: Final = (
    "Describe this photo in one sentence: who is shown (woman, man, hair), every garment with its colour, the pose, "
    "and the place. Do not name the person and do not guess what is not visible.\n"
    "Then describe it once more without a word on hair, face, build or clothes: only 'a woman', 'a man' or 'a person', "
    "the pose, and the place.\n"
    "Answer with exactly four lines, the Russian ones being translations:\n"
    "EN: <first sentence>\n"
    "RU: <first sentence in Russian>\n"
    "EN_SCENE: <second sentence>\n"
    "RU_SCENE: <second sentence in Russian>"
)
ANSWER_TOKENS_MAX: Final = 512
PIXELS_MAX: Final = 1024 * 28 * 28
"""The largest photo for the model, which reads one token per 28 x 28 px; more than a thousand tokens say nothing new
about clothes and pose."""
_LINE: Final = re.compile(r"^\W*((?:EN|RU)(?:[ _-]SCENE)?)\W*:\W*(.+)$", re.IGNORECASE)
_GARMENT_SHARE_MIN: Final = 0.02
"""The least share of the person's pixels for a garment with a reliable colour."""


class Captioner(Protocol):
    """Describes photos. `name` is stored in the data set, so that the source of the captions is known."""

    @property
    def name(self) -> str: ...

    def caption(self, views: Sequence[View]) -> list[Caption]:
        """The captions of each photo, with at least "en"."""
        ...


class QwenCaptioner:
    """Qwen2.5-VL (Bai et al. 2025) from a local folder or by its hub id, e.g. Qwen/Qwen2.5-VL-7B-Instruct.

    Photos are captioned one by one with greedy decoding, so a caption depends on its photo alone. Raises DataError for
    any other model."""

    def __init__(self, source: str, device: str = "cpu", pixels_max: int = PIXELS_MAX) -> None:
        where: dict[str, Any] = {"local_files_only": True} if Path(source).is_dir() else {}
        try:
            # AutoProcessor would also want Qwen's video processor, which needs torchvision.
            self._images = Qwen2VLImageProcessorPil.from_pretrained(source, max_pixels=pixels_max, **where)
            self._tokenizer: Any = AutoTokenizer.from_pretrained(source, **where)
            model: Any = AutoModelForImageTextToText.from_pretrained(source, dtype="auto", **where)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise _not_a_model(source, str(error)) from error
        if not hasattr(model.config, "image_token_id") or self._tokenizer.chat_template is None:
            raise _not_a_model(source, "no image token or no chat template")
        self._model = model.eval().to(device)
        self._image_token = str(self._tokenizer.convert_ids_to_tokens(model.config.image_token_id))
        self.name = f"qwen2.5-vl:{Path(source).name if Path(source).is_dir() else source}"

    def caption(self, views: Sequence[View]) -> list[Caption]:
        return [parse_answer(self.answer(view.image, ANSWER_TOKENS_MAX)) for view in views]

    def answer(self, image: Image.Image, tokens_max: int) -> str:
        """The unparsed answer of the model about an RGB photo."""
        inputs = self.inputs(image).to(self._model.device)
        with torch.inference_mode():
            tokens = self._model.generate(
                **inputs, max_new_tokens=tokens_max, do_sample=False, temperature=None, top_p=None, top_k=None
            )
        return str(self._tokenizer.decode(tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))

    def inputs(self, image: Image.Image) -> BatchFeature:
        """The inputs of `generate`: the photo's patches, and the chat with as many image tokens as they merge into."""
        inputs = self._images(images=image, return_tensors="pt")
        count = int(inputs["image_grid_thw"].prod()) // self._images.merge_size**2
        chat = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": INSTRUCTION}]}]
        text = self._tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        words = self._tokenizer(text.replace(self._image_token, self._image_token * count, 1), return_tensors="pt")
        is_image = (words["input_ids"] == self._model.config.image_token_id).long()
        return BatchFeature({**words, **inputs, "mm_token_type_ids": is_image})


def parse_answer(answer: str) -> Caption:
    """The lines of a model's answer by their names. Without a line EN:, the whole answer is the English caption."""
    found = {
        re.sub(r"[ -]", "_", match[1].lower()): match[2].strip()
        for line in answer.splitlines()
        if (match := _LINE.match(line.strip()))
    }
    return found if "en" in found else {"en": " ".join(answer.split()), **found}


def _not_a_model(source: str, reason: str) -> DataError:
    first = reason.strip().splitlines()[0] if reason.strip() else "unknown"
    return DataError(
        f"expected Qwen2.5-VL at {source}, could not load it ({first}); "
        "give a folder or hub id such as Qwen/Qwen2.5-VL-7B-Instruct, or --captioner template"
    )


COLOURS: Final[dict[str, tuple[str, tuple[int, int, int]]]] = {
    "black": ("чёрный", (25, 25, 28)),
    "white": ("белый", (240, 240, 240)),
    "grey": ("серый", (128, 128, 128)),
    "red": ("красный", (200, 30, 35)),
    "green": ("зелёный", (40, 130, 60)),
    "blue": ("синий", (45, 85, 185)),
    "light blue": ("голубой", (140, 185, 225)),
    "yellow": ("жёлтый", (240, 205, 50)),
    "orange": ("оранжевый", (235, 120, 30)),
    "purple": ("фиолетовый", (115, 50, 145)),
    "pink": ("розовый", (240, 150, 185)),
    "brown": ("коричневый", (110, 70, 45)),
    "beige": ("бежевый", (215, 195, 165)),
}
"""Name -> (in Russian, typical RGB)."""


class TemplateCaptioner:
    """Fills one sentence with framing and colours that the person parser measured. It knows neither sex nor hair, kind
    of garment, pose or place: a stopgap where no vision-language model can run."""

    name = "template"

    def caption(self, views: Sequence[View]) -> list[Caption]:
        return [_filled(view) for view in views]


def _filled(view: View) -> Caption:
    framing_en, framing_ru = _framing(view.observation)
    colours = {part: _colour(view, part) for part in (BodyPart.TOP, BodyPart.BOTTOM)}
    clothes_en = [f"{name} {word}" for part, word in _WORDS_EN if (name := colours[part])]
    clothes_ru = [f"{word} {COLOURS[name][0]}" for part, word in _WORDS_RU if (name := colours[part])]
    wearing = f", wearing {' and '.join(clothes_en)}" if clothes_en else ""
    scene_en, scene_ru = f"{framing_en} photo of a person", f"{framing_ru} человека"
    return {
        "en": f"{scene_en}{wearing}",
        "ru": ", ".join([scene_ru, *clothes_ru]),
        "en_scene": scene_en,
        "ru_scene": scene_ru,
    }


_WORDS_EN: Final = ((BodyPart.TOP, "upper clothes"), (BodyPart.BOTTOM, "lower clothes"))
_WORDS_RU: Final = ((BodyPart.TOP, "верх"), (BodyPart.BOTTOM, "низ"))


def _framing(observation: Observation) -> tuple[str, str]:
    """The framing of the photo, by the lowest joints on it."""
    if observation.keypoints is not None:
        visible = observation.keypoints[:, 2] >= CONFIDENCE_MIN
        if visible[list(ANKLES)].any():
            return "A full-length", "Фото в полный рост"
        if visible[[*HIPS, *KNEES]].any():
            return "A half-length", "Поясное фото"
    return "A head-and-shoulders", "Портретное фото"


def _colour(view: View, part: BodyPart) -> str | None:
    """The name of the median colour of a garment; None where too little of it was seen."""
    parts = parts_on_photo(view.observation)
    if parts is None:
        return None
    pixels = np.asarray(view.image.convert("RGB"))[parts == part]
    if len(pixels) == 0 or len(pixels) < _GARMENT_SHARE_MIN * np.count_nonzero(parts):
        return None
    return colour_name(np.median(pixels, axis=0))


def colour_name(rgb: NDArray[np.float64]) -> str:
    """The nearest of COLOURS in CIELAB; `rgb` float [3] in 0..255."""
    typical = np.array([rgb_of for _, rgb_of in COLOURS.values()], np.float64)
    lab = rgb2lab(np.vstack([np.asarray(rgb, np.float64)[None], typical])[None] / 255)[0]
    return list(COLOURS)[int(np.linalg.norm(lab[1:] - lab[0], axis=1).argmin())]
