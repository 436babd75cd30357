"""Batches for nano's denoiser: a target photo, other photos of the same person as references, and a caption."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.backbones.nano.appearance import Appearance, ReferenceViews
from engine.backbones.nano.attributes import BAG, BOTTOM, HAT, NAMES, PERSON, SHOES, TOP
from engine.backbones.nano.head_alignment import aligned_head
from engine.backbones.nano.references import (
    UNDER_BOTTOM,
    UNDER_SHOES,
    UNDER_TOP,
    PreparedReference,
    ReferencePhoto,
    body_maps_of,
    head_photo_of,
    palette_of,
    prepare,
    stacked_heads,
    stacked_views,
)
from engine.body.atlas import Atlas, Region
from engine.body.body_map import MAP_SCALE, BodyMaps
from engine.body.texture import Sources, aligned_texture, merge_textures
from engine.identity.skeleton import MIRRORED_JOINTS
from engine.pixels import to_tensor
from trainer.nano.degrading import degraded, occluder, out_of_focus, softer, wrong_parts
from trainer.nano.preparing import DERIVED, wrong_mask
from trainer.nano.store import Store
from trainer.synthetic.parts import Part
from trainer.synthetic.shot import FRAMINGS

ARRAYS: Final = ("image", "parts", "surface", "normal", "joints", "attributes", "place", *DERIVED)

FRAMING_SHARES: Final = {"full": 0.5, "waist": 0.2, "portrait": 0.3}
"""The shares of the framings in the rows. Only portraits have eyes of more than two pixels, and heads of whole figures
are drawn again as portraits; one in eight of the rendered photos is a portrait."""
NOT_FULL_LENGTH: Final = 0.5
"""Share of the rows whose reference is a portrait or half length, where the person has one: users send as many."""
SECOND_PHOTO: Final = 0.25
OTHER_CLOTHES: Final = 0.25
"""Share of the rows whose caption names clothes that the reference does not show."""
PREDICTED_MAP: Final = 0.5
NO_TEXTURE, NO_PALETTE, NO_HEAD, NO_FACE, NO_BODY, NO_WORDS = 0.2, 0.15, 0.15, 0.08, 0.08, 0.05
"""Shares of the rows in which one condition is dropped: a branch that is never alone learns nothing."""
OWN_HEAD: Final = 0.5
"""Share of the rows whose aligned head is that of the target picture itself, degraded and shifted like those of other
photos. Few of a person's other photos look in the same direction: from those alone, the gate of `NanoNetwork` learned
to stay closed even for photos that fit (trainer/LOG.md 28)."""
DEGRADED: Final = 0.6
OCCLUDED: Final = 0.15
WRONG_MASK: Final = 0.5
SAID: Final = {"place": 0.95, "framing": 0.6, "pose": 0.5}
PERSON_SAID: Final = 0.3
"""References show the person's looks, so captions name them in this share of the rows only."""
CLOTHES_SAID: Final = 0.25
UNSEEN_SAID: Final = 0.6
"""Share of the rows whose caption names clothes that the reference does not show; in the other rows the network has to
guess them."""
PERSON_WEIGHT, HEAD_WEIGHT, FEATURES_WEIGHT = 3.0, 4.0, 8.0
"""Addends of the weight in the loss: of the person, of the head in addition, and of eyes, brows and lips in addition:
these are small, and users look at them first."""
HEAD_JOINT_NOISE: Final = 0.006
"""Standard deviation of the error of a joint of the head, in distances from ears to shoulders: about half a pixel of a
face of 70 px, the error of MediaPipe's face mesh. With .03, an aligned head explained no more than a third of its own
picture, and nothing could be learned from it (trainer/LOG.md 28)."""


@dataclass(frozen=True)
class Batch:
    """B rows. picture [B, 3, H, W] in [-1, 1]; weight [B, 1, h, w] per latent position; the other tensors are the
    arguments of `NanoNetwork.condition`, with the picture's own layout and background. rows, references: the rows of
    the pictures and of the first references in the store, for sheets."""

    picture: Tensor
    weight: Tensor
    values: Tensor
    appearance: Appearance
    maps: BodyMaps
    layout: Tensor
    background: Tensor
    rows: NDArray[np.int64]
    references: NDArray[np.int64]

    def conditions(self) -> tuple[Tensor, Appearance, BodyMaps, Tensor, Tensor]:
        """The arguments of `NanoNetwork.condition`."""
        return self.values, self.appearance, self.maps, self.layout, self.background

    def to(self, device: torch.device) -> Batch:
        """The same batch with its tensors on a device."""
        return replace(
            self,
            picture=self.picture.to(device),
            weight=self.weight.to(device),
            values=self.values.to(device),
            appearance=self.appearance.to(device),
            maps=BodyMaps(self.maps.surface.to(device), self.maps.normal.to(device)),
            layout=self.layout.to(device),
            background=self.background.to(device),
        )


def join_batches(batches: Sequence[Batch]) -> Batch:
    """The rows of several batches in one."""
    return Batch(
        picture=torch.cat([batch.picture for batch in batches]),
        weight=torch.cat([batch.weight for batch in batches]),
        values=torch.cat([batch.values for batch in batches]),
        appearance=Appearance(
            ReferenceViews(
                *(torch.cat(parts) for parts in zip(*(one.appearance.views.tensors() for one in batches), strict=True))
            ),
            torch.cat([one.appearance.scales for one in batches], 1),
            torch.cat([one.appearance.texture for one in batches]),
            torch.cat([one.appearance.palette for one in batches]),
            torch.cat([one.appearance.head for one in batches]),
            torch.cat([one.appearance.head_parts for one in batches]),
        ),
        maps=BodyMaps(
            torch.cat([batch.maps.surface for batch in batches]), torch.cat([batch.maps.normal for batch in batches])
        ),
        layout=torch.cat([batch.layout for batch in batches]),
        background=torch.cat([batch.background for batch in batches]),
        rows=np.concatenate([batch.rows for batch in batches]),
        references=np.concatenate([batch.references for batch in batches]),
    )


@dataclass(frozen=True)
class _Plan:
    """The sources of one row."""

    target: int
    references: tuple[int, ...]
    hidden_regions: tuple[Region, ...]
    slots: frozenset[str]


class Batches:
    """Builds batches from a store. `augment` False: exact maps and masks, full-length references first, all words of
    the scene, nothing dropped or degraded (for sheets and validation)."""

    def __init__(self, store: Store, atlas: Atlas, patch_px: int, augment: bool = True) -> None:
        self.store, self.atlas, self.patch_px, self.augment = store, atlas, patch_px, augment
        self.framing, self.outfit = store.column("framing"), store.column("outfit")
        identity = store.column("identity")
        order = np.argsort(identity, kind="stable")
        _, starts = np.unique(identity[order], return_index=True)
        self.siblings: dict[int, NDArray[np.int64]] = {}
        for group in np.split(order, starts[1:]):
            for row in group:
                self.siblings[int(row)] = group[group != row]
        self.targets = np.array(sorted(row for row, others in self.siblings.items() if len(others)))

    def sample_targets(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """`count` random targets, with each framing in its share."""
        shares = np.array([FRAMING_SHARES[name] for name in FRAMINGS])[self.framing[self.targets]]
        chances = shares / np.bincount(self.framing)[self.framing[self.targets]]
        return rng.choice(self.targets, count, p=chances / chances.sum())

    def of(self, targets: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        """The batch whose targets are the photos of rows `targets`."""
        plans = [self._plan(int(row), rng) for row in targets]
        flips = rng.random(len(plans)) < (0.5 if self.augment else 0.0)
        pictures, weights, surfaces, normals, layouts, places = [], [], [], [], [], []
        for plan, flip in zip(plans, flips, strict=True):
            with_predicted_map = self.augment and rng.random() < PREDICTED_MAP
            surface, normal = self._map(plan.target, int(with_predicted_map))
            image, parts = self.store.row("image", plan.target), self.store.row("parts", plan.target)
            place = self.store.row("place", plan.target)
            head = (self.store.row("regions", plan.target)[0] == Region.HEAD).repeat(MAP_SCALE, 0).repeat(MAP_SCALE, 1)
            if flip:
                image, parts, surface, normal = self._flip(image, parts, surface, normal)
                head, place = head[:, ::-1], place[:, ::-1]
            places.append(softer(place, rng) if self.augment else place)
            pictures.append(out_of_focus(image, parts > 0))
            weights.append(self._weight(parts, head))
            layouts.append(parts)
            surfaces.append(surface)
            normals.append(normal)
        maps = body_maps_of(np.stack(surfaces), np.stack(normals))
        firsts, textures, palettes, heads = [], [], [], []
        for plan, flip in zip(plans, flips, strict=True):
            # with its picture the reference is mirrored too, or bags and prints would be on the wrong side
            prepared = [self._reference(row, plan.hidden_regions, bool(flip), rng) for row in plan.references]
            firsts.append(prepared[0])
            textures.append(merge_textures([reference.texture[None] for reference in prepared])[0])
            palettes.append(palette_of(prepared))
            joints = self._joints(plan.target, bool(flip), rng)
            photos = [one.head for one in prepared]
            if self.augment and rng.random() < OWN_HEAD:
                photos = [head_photo_of(self._photo(plan.target, bool(flip), rng)[0])]
            heads.append(aligned_head(photos, joints, self.store.row("parts", 0).shape))
        texture, palette = torch.stack(textures), torch.stack(palettes)
        scales = torch.ones(2, len(plans))
        scales[0] *= torch.tensor([float(reference.face is not None) for reference in firsts])
        shares = torch.ones(len(plans))
        if self.augment:
            texture[torch.from_numpy(rng.random(len(plans)) < NO_TEXTURE), 3] = 0.0
            scales[0] *= torch.from_numpy(rng.random(len(plans)) >= NO_FACE)
            scales[1] *= torch.from_numpy(rng.random(len(plans)) >= NO_BODY)
            shares *= torch.from_numpy(rng.random(len(plans)) >= NO_HEAD)
            palette *= torch.from_numpy(rng.random(len(plans)) >= NO_PALETTE).float()[:, None, None]
        return Batch(
            picture=to_tensor(np.stack(pictures)),
            weight=torch.from_numpy(np.stack(weights))[:, None],
            values=torch.from_numpy(np.stack([self._values(plan) for plan in plans])),
            appearance=Appearance(
                stacked_views(firsts, self.atlas),
                scales,
                aligned_texture(texture, maps.surface),
                palette,
                *stacked_heads(heads),
            ).with_head(shares),
            maps=maps,
            layout=torch.from_numpy(np.stack(layouts).astype(np.int64)),
            background=to_tensor(np.stack(places)),
            rows=targets,
            references=np.array([plan.references[0] for plan in plans]),
        )

    def same_clothes(self, targets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether another photo of the person shows the clothes of each target [n]."""
        return np.array([bool((self.outfit[self.siblings[int(row)]] == self.outfit[row]).any()) for row in targets])

    def _plan(self, target: int, rng: np.random.Generator) -> _Plan:
        others = self.siblings[target]
        same = others[self.outfit[others] == self.outfit[target]]
        change = self.augment and (rng.random() < OTHER_CLOTHES or not len(same))
        pool = others if change or not len(same) else same
        short = pool[self.framing[pool] != FRAMINGS.index("full")]
        full = pool[self.framing[pool] == FRAMINGS.index("full")]
        wants_short = self.augment and rng.random() < NOT_FULL_LENGTH
        first = short if (wants_short and len(short)) or not len(full) else full
        references = [int(rng.choice(first)) if self.augment else int(first[0])]
        rest = pool[pool != references[0]]
        if self.augment and len(rest) and not change and rng.random() < SECOND_PHOTO:
            references.append(int(rng.choice(rest)))
        return _Plan(target, tuple(references), *self._words(target, references, change, rng))

    def _words(
        self, target: int, references: list[int], change: bool, rng: np.random.Generator
    ) -> tuple[tuple[Region, ...], frozenset[str]]:
        """The regions of the references that are hidden, and the slots that the caption names."""
        if not self.augment:
            return (), frozenset(SAID)
        hidden_regions: set[Region] = set()
        slots = {slot for slot, share in SAID.items() if rng.random() < share}
        slots |= {slot for slot in PERSON if rng.random() < PERSON_SAID}
        length = max(2 - int(self.framing[row]) for row in references)  # 0 portrait, 1 half length, 2 full length
        different = any(self.outfit[row] != self.outfit[target] for row in references)
        for garment, regions, needs in ((TOP, UNDER_TOP, 0), (BOTTOM, UNDER_BOTTOM, 1), (SHOES, UNDER_SHOES, 2)):
            other = different or (change and rng.random() < 0.5)
            if other:
                hidden_regions.update(regions)
            chance = UNSEEN_SAID if other or length < needs else CLOTHES_SAID
            if rng.random() < chance:
                slots |= {slot for slot in garment if rng.random() < 0.9}
        for accessory in (HAT, BAG):
            if different or rng.random() < CLOTHES_SAID:
                slots |= set(accessory)
        if rng.random() < NO_WORDS:
            slots = set()
        return tuple(hidden_regions), frozenset(slots)

    def _values(self, plan: _Plan) -> NDArray[np.int64]:
        is_named = np.array([name in plan.slots for name in NAMES])
        return np.where(is_named, self.store.row("attributes", plan.target), 0).astype(np.int64)

    def _map(self, row: int, variant: int) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
        names = ("surface_predicted", "normal_predicted") if variant else ("surface", "normal")
        return self.store.row(names[0], row), self.store.row(names[1], row)

    def _joints(self, row: int, flip: bool, rng: np.random.Generator) -> NDArray[np.float32]:
        """The joints [17, 3] of a photo with errors of some pixels, as a pose estimator makes them."""
        joints = self.store.row("joints", row)[:, :3].astype(np.float32)
        if self.augment:
            spread = HEAD_JOINT_NOISE * self._head_height(joints)
            joints[:, :2] += rng.normal(size=(len(joints), 2)) * spread * np.array([1.5, 1.0])  # x is in widths
        if flip:
            joints = joints[list(MIRRORED_JOINTS)] * np.array([-1, 1, 1], np.float32) + np.array([1, 0, 0], np.float32)
        return joints

    def _head_height(self, joints: NDArray[np.float32]) -> float:
        """The distance from the ears to the shoulders, in heights of the picture."""
        ears, shoulders = joints[[3, 4], :2].mean(0), joints[[5, 6], :2].mean(0)
        return float(np.hypot((shoulders[0] - ears[0]) / 1.5, shoulders[1] - ears[1]))

    def _flip(
        self, image: NDArray[np.uint8], parts: NDArray[np.uint8], surface: NDArray[np.uint16], normal: NDArray[np.uint8]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint16], NDArray[np.uint8]]:
        normals = normal[:, ::-1].copy()
        normals[..., 0] = np.where(surface[:, ::-1] > 0, 255 - normals[..., 0], 0)
        return image[:, ::-1], parts[:, ::-1], self._mirror_surface(surface), normals

    def _mirror_surface(self, surface: NDArray[np.uint16]) -> NDArray[np.uint16]:
        mirror = np.concatenate([[0], self.atlas.mirror.numpy() + 1]).astype(np.uint16)
        return np.ascontiguousarray(mirror[surface][:, ::-1])

    def _weight(self, parts: NDArray[np.uint8], head: NDArray[np.bool_]) -> NDArray[np.float32]:
        person = parts > 0
        weight = 1 + PERSON_WEIGHT * person + HEAD_WEIGHT * (person & head) + FEATURES_WEIGHT * (parts == Part.FACE)
        rows, columns = parts.shape[0] // self.patch_px, parts.shape[1] // self.patch_px
        return np.asarray(cv2.resize(weight.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA))

    def _reference(
        self, row: int, hidden_regions: Collection[Region], flip: bool, rng: np.random.Generator
    ) -> PreparedReference:
        photo, sources = self._photo(row, flip, rng)
        return prepare(photo, sources, hidden_regions, self.atlas)

    def _photo(self, row: int, flip: bool, rng: np.random.Generator) -> tuple[ReferencePhoto, Sources]:
        """A photo as users send it, with the errors of the networks that read it, and the sources of its texels."""
        variant = int(self.augment and rng.random() < PREDICTED_MAP)
        surface, normal = self._map(row, variant)
        image, parts = self.store.row("image", row), self.store.row("parts", row)
        regions = self.store.row("regions", row)[variant]
        sureness = self.store.row("source_sureness", row)[variant] / np.float32(255)
        pixel = self.store.row("source_pixel", row)[variant].astype(np.int32)
        if flip:
            image, parts, surface, normal = self._flip(image, parts, surface, normal)
            regions, mirror, columns = regions[:, ::-1], self.atlas.mirror.numpy(), surface.shape[1]
            pixel, sureness = pixel[mirror], sureness[mirror]
            pixel = pixel - pixel % columns + (columns - 1 - pixel % columns)
        person = parts > 0
        if self.augment:
            if rng.random() < WRONG_MASK:
                person = wrong_mask(person, rng)
            parts = wrong_parts(parts, rng)
            if rng.random() < DEGRADED:
                image = degraded(image, rng)
            if rng.random() < OCCLUDED:
                open_ = ~occluder(person, rng)
                person = person & open_
                sureness = sureness * open_[::MAP_SCALE, ::MAP_SCALE].ravel()[pixel]
        joints = self._joints(row, flip, rng)
        return ReferencePhoto(image, person, parts, joints, surface, normal, regions), Sources(pixel, sureness)
