"""Measures the detection and false positives of the watermark: `python -m trainer watermark`.

Half of the pictures are marked; all are processed as by a messenger (scaling and JPEG, in either order).
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
from PIL import Image
from rich.progress import track
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from engine.backbones.base import Backbone, GenerationInput
from engine.contract import Settings
from engine.errors import BadReference
from engine.identity.examine import observe
from engine.identity.faces import FaceFinder
from engine.identity.person_parser import ShippedParser
from engine.identity.profile import IdentityProfile, View
from engine.marking.watermark import FALSE_POSITIVE_RATE, THRESHOLD, Watermark
from trainer.errors import DataError
from trainer.shards import read_shards

Pictures = Sequence[Image.Image]
Treatments = Mapping[str, Callable[[Image.Image], Image.Image]]

JPEG_QUALITY = 75
LONG_SIDE_PX = 1280
DRAWING_STEPS = 3
"""Few steps suffice for a picture with edges and texture; its content does not matter."""
WRONG_KEYS = 20
NANO_LATER = (256, 384)
LARGE = (1024, 1024)


@dataclass(frozen=True)
class Mark:
    """A picture, its marked copy, and the seconds of marking."""

    plain: Image.Image
    marked: Image.Image
    seconds: float


def jpeg(picture: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return Image.open(buffer).convert("RGB")


def resize(picture: Image.Image) -> Image.Image:
    scale = LONG_SIDE_PX / max(picture.size)
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)


TREATMENTS: Treatments = {
    "as it is": lambda picture: picture,
    "jpeg, resized": lambda picture: resize(jpeg(picture)),
    "resized, jpeg": lambda picture: jpeg(resize(picture)),
}


def drawn(backbone: Backbone, finder: FaceFinder, data: Path, count: int) -> list[Image.Image]:
    """Pictures of the people in a folder of shards, in other people's scenes, in English and in Russian."""
    shards = read_shards(data, limit=1)
    captions, parser = shards.captions, ShippedParser()
    people = [Image.fromarray(photo) for photo in shards.images]
    profiles = [IdentityProfile((View(photo, observe(photo, finder, parser)),)) for photo in people]
    pictures: list[Image.Image] = []
    for number in track(range(count), description="drawing"):
        words = captions[number * 7 % len(captions)]["en_scene" if number % 2 else "ru_scene"]
        for person in (profiles[(number + step) % len(profiles)] for step in range(len(profiles))):
            drawing = GenerationInput(person, words, "", seed=number, settings=Settings(steps=DRAWING_STEPS))
            with suppress(BadReference):  # the person was not found on the photo: skip
                pictures += backbone.draw([drawing])
                break
        else:
            raise DataError(f"expected photos of people in {data}, found nobody on any: give another --data")
    return pictures


def photos(count: int, size: tuple[int, int]) -> list[Image.Image]:
    """Crops of scikit-image's pictures, among them textures and printed pages: harder than drawn pictures."""
    folder = Path(skimage.data.__file__).parent
    whole = [Image.open(path).convert("RGB") for path in sorted(folder.iterdir()) if path.suffix in (".png", ".jpg")]
    generator = np.random.default_rng(0)
    return [
        _crop(whole[number % len(whole)], generator).resize(size, Image.Resampling.BICUBIC) for number in range(count)
    ]


def _crop(picture: Image.Image, generator: np.random.Generator) -> Image.Image:
    width, height = (round(side * generator.uniform(0.5, 1.0)) for side in picture.size)
    left, top = generator.integers(picture.width - width + 1), generator.integers(picture.height - height + 1)
    return picture.crop((int(left), int(top), int(left) + width, int(top) + height))


def sets(nano: Pictures, count: int) -> Iterator[tuple[str, list[Image.Image]]]:
    """(name, pictures): nano's pictures, the same at a larger size, and small and large photos."""
    yield "nano", list(nano)
    yield "nano enlarged", [picture.resize(NANO_LATER, Image.Resampling.BICUBIC) for picture in nano]
    yield "photos small", photos(count, nano[0].size)
    yield "photos large", photos(count, LARGE)


def measure(pictures: Pictures, watermark: Watermark, treatments: Treatments = TREATMENTS) -> dict[str, Any]:
    """The figures of one set; its first half gets marked."""
    half = len(pictures) // 2
    marks = [_mark(picture, watermark) for picture in pictures[:half]]
    scores = {name: [watermark.score(treat(mark.marked)) for mark in marks] for name, treat in treatments.items()}
    others = [watermark.score(treat(picture)) for picture in pictures[half:] for treat in treatments.values()]
    psnr = [peak_signal_noise_ratio(np.asarray(mark.plain), np.asarray(mark.marked)) for mark in marks]
    ssim = [structural_similarity(np.asarray(m.plain), np.asarray(m.marked), channel_axis=2) for m in marks]
    return {
        "marked": half,
        "others": len(pictures) - half,
        "size": list(pictures[0].size),
        "read_back": min(_share(values) for values in scores.values()),
        "treatments": {
            name: {"read_back": _share(values), "score_min": min(values), "score_median": float(np.median(values))}
            for name, values in scores.items()
        },
        "false_positives": sum(score > THRESHOLD for score in others),
        "others_score_max": max(others),
        "psnr_db": {"min": min(psnr), "median": float(np.median(psnr))},
        "ssim": {"min": float(min(ssim)), "median": float(np.median(ssim))},
        "mark_ms_median": 1000 * float(np.median([mark.seconds for mark in marks])),
    }


def measure_null(pictures: Pictures) -> dict[str, Any]:
    """Scores with unused keys: the distribution of the score without a mark."""
    scores = [Watermark(f"wrong {key}").score(picture) for key in range(WRONG_KEYS) for picture in pictures]
    return {"scores": len(scores), "deviation": float(np.std(scores)), "max": max(scores)}


def write_figures(nano: Pictures, count: int, watermark: Watermark, out: Path) -> dict[str, Any]:
    """Measures all sets, each with `count` marked and `count` unmarked pictures."""
    figures: dict[str, Any] = {"threshold": THRESHOLD, "false_positive_rate_at_most": FALSE_POSITIVE_RATE}
    figures["wrong_keys"] = measure_null(nano[count:])
    figures["sets"] = {
        name: measure(pictures, watermark)
        for name, pictures in track(sets(nano, 2 * count), total=4, description="sets")
    }
    out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    return figures


def _mark(picture: Image.Image, watermark: Watermark) -> Mark:
    began = time.perf_counter()
    marked = watermark.mark(picture)
    return Mark(picture, marked, time.perf_counter() - began)


def _share(scores: Sequence[float]) -> float:
    return sum(score > THRESHOLD for score in scores) / len(scores)
