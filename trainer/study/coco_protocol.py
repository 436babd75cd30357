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
from trainer.evaluation.metrics import bootstrap, cosine, frechet, kernel_distance
from trainer.evaluation.published import Clip, Published
from trainer.files import load_arrays, replacing
from trainer.study.evaluate import weights_digest
from trainer.study.methods.request import AS_USUAL, Request, Sampler, StudyReference, Variation
from trainer.study.methods.sampler import load_sampler

PICTURES_EACH: Final = 4
CAPTIONS_AT_ONCE: Final = 16
CLIP_SCORE_WEIGHT: Final = 2.5

Rows = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class CocoRun:
    """limit: captions; pictures n of all captions begin with the same noise, that of seed + n."""

    folder: Path
    limit: int = PROTOCOL_CAPTIONS
    variation: Variation = AS_USUAL
    seed: int = 0


def evaluate_coco(study: Path, run: CocoRun, names: Sequence[str], published: Published) -> dict[str, Any]:
    """Draws and measures; writes STUDY/coco/<name>.json. Measurements are cached, so that an interrupted run
    resumes. Raises DataError without COCO, CheckpointError without CLIP or a trained method."""
    clip = published.clip
    assert clip is not None, "the command asks for --clip"
    captions = read_captions(run.folder, run.limit)
    results = {}
    for name in names:
        sampler = load_sampler(study, name)
        kept = study / "coco" / name
        kept.mkdir(parents=True, exist_ok=True)
        weights = weights_digest(study, name)
        starts = range(0, len(captions), CAPTIONS_AT_ONCE)
        parts = [captions[first : first + CAPTIONS_AT_ONCE] for first in starts]
        measured = [
            _kept(kept, part, run, weights, sampler, published, clip) for part in track(parts, description=name)
        ]
        rows = {key: np.concatenate([part[key] for part in measured]) for key in measured[0]}
        results[name] = _figures(rows, run, len(captions))
        (study / "coco" / f"{name}.json").write_text(json.dumps(results[name], indent=1) + "\n", "utf-8")
    return results


def _kept(
    folder: Path,
    part: Sequence[Caption],
    run: CocoRun,
    weights: str,
    sampler: Sampler,
    published: Published,
    clip: Clip,
) -> Rows:
    """The measurements of some captions: those on disk if they are of the same captions, seeds and weights."""
    said = [(caption.image_id, caption.text) for caption in part]
    networks = published.inception is not None
    stamp = hashlib.sha256(repr((said, run.variation, run.seed, weights, networks)).encode()).hexdigest()
    path = folder / f"{stamp[:24]}.npz"
    if (kept := load_arrays(path)) is not None:
        return kept
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
    drawn = clip.pictures(list(pictures))
    rows: Rows = {
        "clip_t": cosine(drawn, clip.texts([caption.text for caption in part]).repeat(PICTURES_EACH, 0)),
        "clip_i": cosine(drawn, clip.pictures(photos).repeat(PICTURES_EACH, 0)),
    }
    if published.inception is not None:
        rows["drawn"] = published.inception.features(pictures)
        rows["true"] = np.concatenate([published.inception.features(photo[None]) for photo in photos])
    return rows


def _reference(photo: NDArray[np.uint8]) -> StudyReference:
    """A photo without any detection."""
    nobody = np.full(4, np.nan, np.float32)
    return StudyReference(photo, np.zeros((17, 3), np.float32), nobody, nobody)


def _figures(rows: Rows, run: CocoRun, captions: int) -> dict[str, Any]:
    """Intervals are over captions: the pictures of one caption are no independent draws."""
    by_caption = {key: rows[key].reshape(captions, PICTURES_EACH).mean(1) for key in ("clip_t", "clip_i")}
    figures: dict[str, Any] = {key: asdict(bootstrap(values)) for key, values in by_caption.items()}
    figures["clip_score"] = float((CLIP_SCORE_WEIGHT * rows["clip_t"].clip(0)).mean())
    if "drawn" in rows:
        figures["fid"] = frechet(rows["drawn"], rows["true"])
        figures["kid"] = kernel_distance(rows["drawn"], rows["true"])
    counts = {"captions": captions, "pictures": captions * PICTURES_EACH, "full": captions == PROTOCOL_CAPTIONS}
    return figures | counts | {"seed": run.seed, "variation": asdict(run.variation)}
