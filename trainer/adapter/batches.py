"""Random batches: pictures of one size, their captions, and other photos of the same people."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.identity.regions import ImageRegion
from trainer.adapter.cache import AdapterCache, CachedPhoto
from trainer.adapter.control import Points, skeleton_of
from trainer.adapter.recipe import Pairing
from trainer.errors import DataError

Judged = Literal["face", "body"]
"""The subjects of recognition networks."""
ARCFACE: Final = 512
WORN: Final = (ImageRegion.WHOLE, ImageRegion.TORSO, ImageRegion.LEGS, ImageRegion.FEET)


@dataclass(frozen=True)
class ReferenceStates:
    """The references of a batch: the photos of all rows, one after the other; R regions in the order of `regions`.

    hidden [n, R, S, D]; nearness [n, R, P]; shown bool [n, R]; embeds [n, E]; faces bool [n], whether a face was
    detected; face_embeds [n, F], of face recognition, and embedded bool [n], whether there is one; counts: the number
    of photos of each row."""

    regions: tuple[ImageRegion, ...]
    hidden: Tensor
    nearness: Tensor
    shown: Tensor
    embeds: Tensor
    faces: Tensor
    face_embeds: Tensor
    embedded: Tensor
    counts: list[int]

    def of(self, rows: list[int]) -> ReferenceStates:
        """The references of some rows of the batch."""
        ends = np.cumsum(self.counts)
        places = [place for row in rows for place in range(ends[row] - self.counts[row], ends[row])]
        chosen = {f.name: value[places] for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)}
        return replace(self, **chosen, counts=[self.counts[row] for row in rows])  # type: ignore[arg-type]


@dataclass(frozen=True)
class AdapterBatch:
    """mean, std [B, C, h, w]: the posterior of the pictures' latents, unscaled; mask [B, 1, h, w] in 0..1: the person;
    text [B, M, D]; pooled [B, D'] and time_ids [B, 6] for SDXL, else None; skeleton [B, 3, H, W] in 0..1 for methods
    that follow points, else None. wanted_face, wanted_body [B, D]: target embeddings of the drawn picture, unit
    vectors, zeros where there is none; None where no loss uses them."""

    mean: Tensor
    std: Tensor
    mask: Tensor
    text: Tensor
    pooled: Tensor | None
    time_ids: Tensor | None
    skeleton: Tensor | None
    references: ReferenceStates
    wanted_face: Tensor | None = None
    wanted_body: Tensor | None = None

    def of(self, rows: list[int]) -> AdapterBatch:
        """Some rows of the batch."""
        tensors = {f.name: value[rows] for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)}
        return replace(self, **tensors, references=self.references.of(rows))

    def to(self, device: torch.device) -> AdapterBatch:
        """The batch on `device`, with floating-point tensors in float32."""

        def moved(value: object) -> object:
            if not isinstance(value, Tensor):
                return value
            return value.to(device, torch.float32 if value.is_floating_point() else value.dtype)

        old = self.references
        references = ReferenceStates(**{f.name: moved(getattr(old, f.name)) for f in fields(old)})  # type: ignore[arg-type]
        tensors = {f.name: moved(getattr(self, f.name)) for f in fields(self) if f.name != "references"}
        return AdapterBatch(**tensors, references=references)  # type: ignore[arg-type]


@dataclass(frozen=True)
class TrainingRow:
    """A target with its references (none where the person is withheld). caption: full, scene or empty."""

    target: CachedPhoto
    references: tuple[CachedPhoto, ...]
    caption: str
    head_only: bool = False


class PairedPhotos:
    """The photos of one split, and random rows of them."""

    def __init__(
        self,
        cache: AdapterCache,
        split: str,
        pairing: Pairing,
        regions: Sequence[ImageRegion],
        points: Points | None = None,
        judged: Sequence[Judged] = (),
    ) -> None:
        """regions, points: those that the method reads; judged: the subjects whose embeddings losses compare. Raises
        DataError where the split has no person with enough photos."""
        self.cache, self.pairing, self.regions, self.points = cache, pairing, tuple(regions), points
        self.judged = tuple(judged)
        self.face_dim = face_dim(cache)
        people: dict[str, list[CachedPhoto]] = defaultdict(list)
        for photo in sorted(cache.photos, key=lambda photo: photo.key):
            if photo.split == split:
                people[photo.person].append(photo)
        self.people = {name: photos for name, photos in people.items() if len(photos) > 1 or not pairing.paired}
        if not self.people:
            requirement = "people with two photos" if pairing.paired else "photos"
            raise DataError(
                f"expected {requirement} in the split {split} of {cache.folder}, found none: precompute more"
            )
        buckets: dict[tuple[int, int], list[CachedPhoto]] = defaultdict(list)
        for photos in self.people.values():
            for photo in photos:
                buckets[photo.size].append(photo)
        self._buckets = [buckets[size] for size in sorted(buckets)]
        self._shares = np.array([len(bucket) for bucket in self._buckets], float)
        self._shares /= self._shares.sum()

    def batch(self, size: int, rng: np.random.Generator) -> AdapterBatch:
        """Random rows of one picture size; a size is chosen in proportion to its number of photos."""
        bucket = self._buckets[int(rng.choice(len(self._buckets), p=self._shares))]
        rows = [self._row(bucket[int(rng.integers(len(bucket)))], rng) for _ in range(size)]
        return self.encoded(rows, [self._left_out(row, rng) for row in rows])

    def _row(self, target: CachedPhoto, rng: np.random.Generator) -> TrainingRow:
        chances = self.pairing
        references, redressed = self._references(target, rng)
        both = rng.random() < chances.both
        has_person = not both and rng.random() >= chances.person
        has_text = not both and rng.random() >= chances.text
        head_only = rng.random() < chances.head_only
        scene = has_person and not redressed and not head_only and rng.random() < chances.scene_only
        caption = ("scene" if scene else "full") if has_text else "empty"
        return TrainingRow(target, references if has_person else (), caption, head_only)

    def _references(self, target: CachedPhoto, rng: np.random.Generator) -> tuple[tuple[CachedPhoto, ...], bool]:
        """Other photos of the person, and whether they may show other clothes than the target."""
        if not self.pairing.paired:
            return (target,), False
        others = [photo for photo in self.people[target.person] if photo is not target]
        same = [photo for photo in others if photo.outfit is not None and photo.outfit == target.outfit]
        different = [photo for photo in others if photo not in same]
        redressed = bool(different) and (not same or rng.random() < self.pairing.other_clothes)
        pool = different if redressed else same
        count = int(rng.integers(1, min(self.pairing.references, len(pool)) + 1))
        return tuple(pool[int(number)] for number in rng.permutation(len(pool))[:count]), redressed

    def _left_out(self, row: TrainingRow, rng: np.random.Generator) -> list[set[ImageRegion]]:
        """The withheld regions of each reference; at least one region remains."""
        left_out = []
        for photo in row.references:
            regions = [region for region in self.regions if region in photo.regions]
            hidden = {region for region in regions if rng.random() < self.pairing.region}
            if row.head_only and ImageRegion.HEAD in regions:
                hidden = set(WORN)
            left_out.append(hidden if set(regions) - hidden else set())
        return left_out

    def encoded(self, rows: Sequence[TrainingRow], left_out: Sequence[Sequence[set[ImageRegion]]]) -> AdapterBatch:
        """The rows as tensors. A row without references gets the encoded empty photo of the cache."""
        targets = [self._target(row) for row in rows]
        xl = self.cache.settings.layout == "sdxl"
        return AdapterBatch(
            mean=torch.stack([target["latents.mean"] for target in targets]),
            std=torch.stack([target["latents.std"] for target in targets]),
            mask=torch.stack([target["mask"].float() / 255 for target in targets])[:, None],
            text=of_one_length([target["text"] for target in targets]),
            pooled=torch.stack([target["pooled"] for target in targets]) if xl else None,
            time_ids=torch.tensor([_time_ids(row.target) for row in rows]) if xl else None,
            skeleton=None if self.points is None else self._skeletons(rows, targets, self.points),
            references=self._states(rows, left_out),
            wanted_face=self._recognition_targets(rows, "face") if "face" in self.judged else None,
            wanted_body=self._recognition_targets(rows, "body") if "body" in self.judged else None,
        )

    def _recognition_targets(self, rows: Sequence[TrainingRow], judged: Judged) -> Tensor:
        """Target embeddings: of a face from the references; of a body from the target, whose clothes the references or
        the caption describe. Zeros where the person is withheld, or shown without a body."""
        dim = self.face_dim if judged == "face" else max(photo.body for photo in self.cache.photos)
        targets = torch.zeros(len(rows), dim)
        for number, row in enumerate(rows):
            photos = row.references if judged == "face" else (row.target,)
            if not row.references or (judged == "body" and row.head_only):
                continue
            found = [self.cache.tensors(photo, [judged]).get(judged) for photo in photos]
            vectors = [F.normalize(one, dim=0) for one in found if one is not None and len(one) == dim]
            if vectors:
                targets[number] = F.normalize(torch.stack(vectors).mean(0), dim=0)
        return targets

    def _target(self, row: TrainingRow) -> dict[str, Tensor]:
        names = {"latents.mean", "latents.std", "mask", "joints", f"text.{row.caption}", f"pooled.{row.caption}"}
        found = self.cache.tensors(row.target, names)
        if row.caption == "empty":
            found |= {name: value for name, value in self.cache.shared.items() if name in names}
        for kind in ("text", "pooled"):
            if f"{kind}.{row.caption}" in found:
                found[kind] = found[f"{kind}.{row.caption}"].float()
        return found

    @staticmethod
    def _skeletons(rows: Sequence[TrainingRow], targets: list[dict[str, Tensor]], points: Points) -> Tensor:
        drawn = zip(rows, targets, strict=True)
        return torch.stack([skeleton_of(target["joints"].numpy(), row.target.size, points) for row, target in drawn])

    def _states(self, rows: Sequence[TrainingRow], left_out: Sequence[Sequence[set[ImageRegion]]]) -> ReferenceStates:
        shared = self.cache.shared
        nothing, no_embeds = shared["hidden.nothing"].half(), shared["embeds.nothing"].half()
        count = sum(max(len(row.references), 1) for row in rows)
        hidden = torch.zeros(count, len(self.regions), *nothing.shape, dtype=torch.float16)
        nearness = torch.ones(count, len(self.regions), len(nothing) - 1, dtype=torch.float16)
        shown = torch.zeros(count, len(self.regions), dtype=torch.bool)
        embeds, faces = no_embeds.repeat(count, 1), torch.ones(count, dtype=torch.bool)
        face_embeds, embedded = torch.zeros(count, self.face_dim), torch.ones(count, dtype=torch.bool)
        place = 0
        for row, missing in zip(rows, left_out, strict=True):
            if not row.references:
                hidden[place], shown[place] = nothing, True
                place += 1
            for photo, absent in zip(row.references, missing, strict=True):
                names = [f"{kind}.{region}" for kind in ("hidden", "nearness") for region in self.regions]
                found = self.cache.tensors(photo, [*names, "embeds", "face"])
                embeds[place], faces[place] = found["embeds"], photo.face
                embedded[place] = photo.embedding == self.face_dim
                if embedded[place]:
                    face_embeds[place] = found["face"]
                for number, region in enumerate(self.regions):
                    if region in photo.regions and region not in absent:
                        hidden[place, number] = found[f"hidden.{region}"]
                        nearness[place, number] = found[f"nearness.{region}"]
                        shown[place, number] = True
                place += 1
        counts = [max(len(row.references), 1) for row in rows]
        return ReferenceStates(self.regions, hidden, nearness, shown, embeds, faces, face_embeds, embedded, counts)


def of_one_length(texts: Sequence[Tensor]) -> Tensor:
    """[M, D] each -> [B, M', D]: shorter texts are repeated, which does not change attention (`long_prompts`)."""
    length = math.lcm(*(len(text) for text in texts))
    return torch.stack([text.repeat(length // len(text), 1) for text in texts])


def face_dim(cache: AdapterCache) -> int:
    """The length of the faces' embeddings; ArcFace's 512 where there are none."""
    return max(photo.embedding for photo in cache.photos) or ARCFACE


def _time_ids(photo: CachedPhoto) -> list[float]:
    """SDXL's time_ids: height and width of the photo, top and left of the crop, height and width of the picture."""
    (width, height), (x, y), (own_width, own_height) = photo.original, photo.offset, photo.size
    return [float(value) for value in (height, width, y, x, own_height, own_width)]
