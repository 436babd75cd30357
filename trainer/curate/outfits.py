"""Groups photos of one person by the clothes that are worn, so that a reference can show what the target wears.

Two photos show one outfit if the garments that both show have nearly the same colours: the medians of tops, bottoms and
shoes in CIELAB, with half the weight for lightness, because light differs between photos. The colours may differ more
between photos of one gallery page, of one hour, or of nearly the same view, and less between photos of different days.
Groups come from average linkage, cut at OUTFIT_MAX.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.cluster.hierarchy import fcluster, linkage  # type: ignore[import-untyped]
from scipy.spatial.distance import squareform  # type: ignore[import-untyped]
from skimage.color import rgb2lab

from engine.identity.body import BodyPart, parts_on_photo
from engine.identity.observation import Observation

OUTFIT_MAX: Final = 18.0
"""The largest distance within an outfit, in units of CIELAB. On rendered people, .95 of the pairs that it joins wear
the same, and it joins .67 of the pairs that wear the same (trainer/LOG.md)."""
FAR: Final = 1e3
TOGETHER: Final = 0.6
"""A factor on distances between photos that were probably taken together."""
APART: Final = 1.5
"""A factor on distances between photos of different days."""
SAME_VIEW_BITS: Final = 14
"""The largest difference of two views that count as nearly the same, in bits of a perceptual hash of 64."""
HOURS: Final = 2
WORN: Final = (BodyPart.TOP, BodyPart.BOTTOM, BodyPart.SHOES)
WEIGHTS: Final = (1.0, 1.0, 0.3)
"""The weights of tops, bottoms and shoes. Shoes are small, and often have the ground's colour."""
SHARE_MIN: Final = 0.02
"""The least share of the person's pixels for a garment with a reliable colour."""
SIDE_PX: Final = 512
_EXIF: Final = 0x8769
_TAKEN: Final = 0x9003


@dataclass(frozen=True, eq=False)
class OutfitEvidence:
    """What decides about the outfit of a photo. garments float32 [3, 4]: lightness halved, a, b, and the spread of
    lightness of top, bottom and shoes, NaN for a garment that is not seen. perceptual: phash in hex. page: the gallery
    page, or "". taken: the time by the camera's clock."""

    garments: NDArray[np.float32]
    perceptual: str
    page: str = ""
    taken: datetime | None = None

    @property
    def dressed(self) -> bool:
        """Whether any garment is seen, so that the photo can be grouped."""
        return bool(np.isfinite(self.garments[:2, 0]).any())


def outfits(photos: Sequence[OutfitEvidence]) -> list[int | None]:
    """The number of each photo's outfit, counted from 0 in order of appearance; None where no clothes are seen."""
    dressed = [row for row, photo in enumerate(photos) if photo.dressed]
    if not dressed:
        return [None] * len(photos)
    labels = [1]
    if len(dressed) > 1:
        distances = np.zeros((len(dressed), len(dressed)))
        for one in range(len(dressed)):
            for other in range(one):
                distance = distance_of(photos[dressed[one]], photos[dressed[other]])
                distances[one, other] = distances[other, one] = distance
        labels = fcluster(linkage(squareform(distances), "average"), OUTFIT_MAX, "distance").tolist()
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    found = {row: numbers[label] for row, label in zip(dressed, labels, strict=True)}
    return [found.get(row) for row in range(len(photos))]


def distance_of(one: OutfitEvidence, other: OutfitEvidence) -> float:
    """The distance of the clothes on two photos; FAR where no garment is seen on both."""
    differences = np.linalg.norm(one.garments - other.garments, axis=1)
    both = np.isfinite(differences)
    if not both[:2].any():
        return FAR
    weights = np.array(WEIGHTS)[both]
    distance = float((differences[both] * weights).sum() / weights.sum())
    hours = None
    if one.taken is not None and other.taken is not None:
        hours = abs((one.taken - other.taken).total_seconds()) / 3600
    alike = imagehash.hex_to_hash(one.perceptual) - imagehash.hex_to_hash(other.perceptual) <= SAME_VIEW_BITS
    if alike or (hours is not None and hours <= HOURS) or (hours is None and one.page and one.page == other.page):
        return TOGETHER * distance
    return APART * distance if hours is not None and hours > 24 else distance


def evidence_of(
    image: Image.Image,
    observation: Observation,
    perceptual: str,
    provenance: dict[str, Any] | None,
    taken: datetime | None,
) -> OutfitEvidence:
    """The evidence of a photo. image: the RGB photo of `observation`."""
    page = str((provenance or {}).get("page_url", ""))
    return OutfitEvidence(garments_of(image, observation), perceptual, page, taken)


def garments_of(image: Image.Image, observation: Observation) -> NDArray[np.float32]:
    """The garments of a photo, as in OutfitEvidence."""
    found = np.full((len(WORN), 4), np.nan, np.float32)
    parts = parts_on_photo(observation)
    if parts is None:
        return found
    scale = SIDE_PX / max(image.size)
    if scale < 1:
        size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
        image = image.resize(size, Image.Resampling.BOX)
        parts = np.asarray(Image.fromarray(parts).resize(size, Image.Resampling.NEAREST))
    lab = np.asarray(rgb2lab(np.asarray(image.convert("RGB"))), np.float32)
    person = np.count_nonzero(parts)
    for row, part in enumerate(WORN):
        pixels = lab[parts == part]
        if len(pixels) and len(pixels) >= SHARE_MIN * person:
            low, high = np.percentile(pixels[:, 0], (25, 75))
            light, a, b = np.median(pixels, axis=0)
            found[row] = light / 2, a, b, (high - low) / 2
    return found


def taken_at(path: Path) -> datetime | None:
    """The time by the camera's clock in a file's EXIF; None without one."""
    try:
        with Image.open(path) as photo:
            text = photo.getexif().get_ifd(_EXIF).get(_TAKEN)
        return None if text is None else datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S")
    except (OSError, ValueError, SyntaxError):
        return None
