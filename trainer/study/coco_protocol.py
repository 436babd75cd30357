"""CLIP-T, CLIP-I and FID by the COCO protocol: 5,000 captions of 2017 val, four pictures each, one seed.

A full run is `python -m trainer evaluate --coco FOLDER --clip FOLDER`, 20,000 pictures per method; `--limit 250` runs
a part of it. A method gets the caption, and the caption's photo as its only reference, so that methods
which read pictures are measured as IP-Adapter (Ye et al., 2023) was; "text" reads the caption alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from trainer.evaluation.coco import PROTOCOL_CAPTIONS, Caption, read_captions
from trainer.evaluation.coco_figures import PICTURES_EACH, Rows, caption_figures, caption_rows
from trainer.evaluation.published import Clip, Published
from trainer.files import load_arrays, replacing
from trainer.study.evaluate import weights_digest
from trainer.study.methods.request import AS_USUAL, Request, Sampler, StudyReference, Variation
from trainer.study.methods.sampler import load_sampler

CAPTIONS_AT_ONCE: Final = 16


@dataclass(frozen=True)
class CocoRun:
    """A run of the protocol. limit: the number of captions. The n-th picture of every caption begins with the noise of
    seed + n."""

    folder: Path
    limit: int = PROTOCOL_CAPTIONS
    variation: Variation = AS_USUAL
    seed: int = 0


def evaluate_coco(study: Path, run: CocoRun, names: Sequence[str], published: Published) -> dict[str, Any]:
    """Draws the pictures of all captions, measures them and writes STUDY/coco/<name>.json.

    Measurements are cached, so that an interrupted run resumes. Raises DataError without COCO, CheckpointError without
    CLIP or a trained method.
    """
    clip = published.clip
    assert clip is not None, "the command asks for --clip"
    captions = read_captions(run.folder, run.limit)
    results = {}
    for name in names:
        sampler = load_sampler(study, name)
        folder = study / "coco" / name
        folder.mkdir(parents=True, exist_ok=True)
        weights = weights_digest(study, name)
        starts = range(0, len(captions), CAPTIONS_AT_ONCE)
        parts = [captions[first : first + CAPTIONS_AT_ONCE] for first in starts]
        measured = [
            _cached(folder, part, run, weights, sampler, published, clip) for part in track(parts, description=name)
        ]
        rows = {key: np.concatenate([part[key] for part in measured]) for key in measured[0]}
        results[name] = _figures(rows, run, len(captions))
        (study / "coco" / f"{name}.json").write_text(json.dumps(results[name], indent=1) + "\n", "utf-8")
    return results


def _cached(
    folder: Path,
    part: Sequence[Caption],
    run: CocoRun,
    weights: str,
    sampler: Sampler,
    published: Published,
    clip: Clip,
) -> Rows:
    """The measurements of some captions: those on disk if they are of the same captions, seeds and weights."""
    texts = [(caption.image_id, caption.text) for caption in part]
    networks = published.inception is not None
    stamp = hashlib.sha256(repr((texts, run.variation, run.seed, weights, networks)).encode()).hexdigest()
    path = folder / f"{stamp[:24]}.npz"
    if (cached := load_arrays(path)) is not None:
        return cached
    rows = _measured(part, run, sampler, published, clip)
    with replacing(path) as draft:
        np.savez(draft, allow_pickle=False, **rows)
    return rows


def _measured(part: Sequence[Caption], run: CocoRun, sampler: Sampler, published: Published, clip: Clip) -> Rows:
    photos = [np.asarray(Image.open(caption.path).convert("RGB"), np.uint8) for caption in part]
    requests = [
        Request((_reference(photo),), caption.text, run.seed + number)
        for caption, photo in zip(part, photos, strict=True)
        for number in range(PICTURES_EACH)
    ]
    pictures = sampler.draw(requests, run.variation)
    texts = [caption.text for caption in part]
    return caption_rows(texts, photos, list(pictures), clip, published.inception)


def _reference(photo: NDArray[np.uint8]) -> StudyReference:
    """A photo without any detection."""
    no_box = np.full(4, np.nan, np.float32)
    return StudyReference(photo, np.zeros((17, 3), np.float32), no_box, no_box)


def _figures(rows: Rows, run: CocoRun, captions: int) -> dict[str, Any]:
    counts = {"captions": captions, "pictures": captions * PICTURES_EACH, "full": captions == PROTOCOL_CAPTIONS}
    return caption_figures(rows, captions) | counts | {"seed": run.seed, "variation": asdict(run.variation)}
