"""The COCO protocol on a backbone: four pictures per caption, with one seed and the caption's photo as reference."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from engine.backbones.base import GenerationInput
from engine.contract import Aspect
from engine.identity.examine import observe
from engine.identity.profile import IdentityProfile, View
from trainer.evaluation.coco import PROTOCOL_CAPTIONS, Caption, read_captions
from trainer.evaluation.coco_figures import PICTURES_EACH, Rows, caption_figures, caption_rows
from trainer.files import load_arrays, replacing
from trainer.measure.models import OpenedModel
from trainer.measure.networks import MeasuringNetworks
from trainer.measure.pictures import KeyedDrawing, PictureFolder

CAPTIONS_AT_ONCE: Final = 16


@dataclass(frozen=True)
class CaptionRun:
    """folder: COCO 2017 val. out: the folder of pictures and measurements. Picture n of every caption has the seed
    `seed` + n."""

    folder: Path
    out: Path
    limit: int = PROTOCOL_CAPTIONS
    seed: int = 0


def measure_captions(
    run: CaptionRun, model: OpenedModel, networks: MeasuringNetworks, on_picture: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """The figures, and the number of captions that are left out because the model refuses their photo. Raises DataError
    without COCO's files."""
    captions, pictures = read_captions(run.folder, run.limit), PictureFolder(model, run.out / "pictures")
    parts = [
        _cached(run, captions[first : first + CAPTIONS_AT_ONCE], model, networks, pictures, on_picture)
        for first in range(0, len(captions), CAPTIONS_AT_ONCE)
    ]
    measured = sum(int(part.pop("captions")) for part in parts)
    rows = {name: np.concatenate([part[name] for part in parts if name in part]) for name in _names(parts)}
    counts = {
        "captions": measured,
        "refused": len(captions) - measured,
        "pictures": measured * PICTURES_EACH,
        "full": measured == PROTOCOL_CAPTIONS,
        "seed": run.seed,
    }
    return (caption_figures(rows, measured) if measured else {}) | counts


def _names(parts: Sequence[Rows]) -> list[str]:
    return list(dict.fromkeys(name for part in parts for name in part))


def _cached(
    run: CaptionRun,
    captions: Sequence[Caption],
    model: OpenedModel,
    networks: MeasuringNetworks,
    pictures: PictureFolder,
    on_picture: Callable[[], None],
) -> Rows:
    """The measurements of some captions, and their number; cached by all their inputs."""
    texts = [(caption.image_id, caption.text) for caption in captions]
    key = (texts, run.seed, model.digest, model.plan.settings.model_dump_json(), sorted(networks.used.items()))
    path = run.out / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:24]}.npz"
    if (kept := load_arrays(path)) is not None:
        for _ in range(len(captions) * PICTURES_EACH):
            on_picture()
        return kept
    photos = [_opened(caption.path) for caption in captions]
    keyed = [
        KeyedDrawing(f"{caption.image_id:012d}-{number}", drawing)
        for caption, photo in zip(captions, photos, strict=True)
        for number, drawing in enumerate(_drawings(caption, photo, model, networks, run.seed))
    ]
    drawn = pictures.draw(keyed, on_picture)
    usable = [
        number
        for number in range(len(captions))
        if all(picture is not None for picture in drawn[PICTURES_EACH * number : PICTURES_EACH * (number + 1)])
    ]
    rows: Rows = {"captions": np.array(len(usable))}
    if usable:
        captioned = [picture for n in usable for picture in drawn[PICTURES_EACH * n : PICTURES_EACH * (n + 1)]]
        rows |= caption_rows(
            [captions[number].text for number in usable],
            [np.array(photos[number], np.uint8) for number in usable],
            [picture for picture in captioned if picture is not None],
            networks.published.clip,
            networks.published.inception,
            networks.dino,
        )
    with replacing(path) as draft:
        np.savez(draft, allow_pickle=False, **rows)
    return rows


def _drawings(
    caption: Caption, photo: Image.Image, model: OpenedModel, networks: MeasuringNetworks, seed: int
) -> list[GenerationInput]:
    """The square aspect where the model has it, because CLIP reads the centre square."""
    settings = model.plan.settings
    if settings.aspect is None and Aspect.SQUARE in model.backbone.capabilities.aspects:
        settings = settings.model_copy(update={"aspect": Aspect.SQUARE})
    who = IdentityProfile((View(photo, observe(photo, networks.finder, networks.parser)),))
    return [GenerationInput(who, caption.text, "", seed + number, settings) for number in range(PICTURES_EACH)]


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as photo:
        return photo.convert("RGB")
