"""What one training step of nano sees: a target, words, a skeleton, and another photo of the same person.

Everything is prepared once as tensors and lies where the model is, so that a step costs indexing and no pictures are
opened: a GPU would otherwise wait for its processor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track
from torch import Tensor
from transformers import CLIPTokenizer

from engine.adapter.guide import Draft, at_scales, draft_of
from engine.adapter.model import AdapterConfig
from engine.adapter.reposing import Reposed, repose
from engine.identity.parts import body_crop, head_crop
from engine.pose import draw_skeleton
from trainer.data import face_of_head, part_colours
from trainer.nano.training_set import KINDS, TrainingSet
from trainer.people.parts import Part
from trainer.people.shot import FRAMINGS
from trainer.shards import pixels

GARMENTS: Final = (Part.TOP, Part.BOTTOM, Part.SHOES)
HIDDEN_RGB: Final = (128, 128, 128)
"""What is greyed out, and how, in a reference whose clothes are to change."""
CROPS: Final = ("face", "body", "hidden")
BODY_CROPS: Final = 3
"""The whole photo, and two crops around the person."""
MIRRORED_JOINTS: Final = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
LEVELS: Final = 2
"""The part map is foretold on a grid so many times as fine as the latents."""
FACE_WEIGHT: Final = 3.0
JITTER: Final = 0.006
"""How far off a joint of the reference is, as a share of the photo's sides."""
COARSE_PX: Final = 4
"""Cells of the coarser of the two outlines that a reference may have."""


@dataclass(frozen=True)
class Conditions:
    """How often what is known is withheld, so that every branch learns to work alone (probabilities).

    pose: how often it is given, and of those `pose_seen_only` with the joints a detector would see. hidden_clothes: the
    reference's garments are greyed out and the words name what the person wears. photo_like: the light and the
    sharpness of the reference are changed. hidden_by_framing: how often, where the reference shows less of the body
    than the target, the words name what it hides. other_clothes: the reference is a photo in other clothes, if there is
    one; the words then name those of the target, and half the time the reference's are greyed out. reposed: how often
    the reference is laid along the joints, where a pose is given. place: how often the draft stands before the place.
    """

    styled: float = 0.1
    scene_only: float = 0.7
    no_text: float = 0.05
    no_identity: float = 0.05
    nothing: float = 0.05
    no_face: float = 0.3
    no_body: float = 0.08
    pose: float = 0.92
    pose_seen_only: float = 0.3
    hidden_clothes: float = 0.12
    other_clothes: float = 0.15
    reposed: float = 0.92
    place: float = 0.95
    photo_like: float = 0.6
    hidden_by_framing: float = 0.6
    mirrored: float = 0.5


@dataclass(frozen=True)
class Batch:
    """latents [B, C, h, w]; weight [B, 1, h, w]; tokens int64 [B, M]; face [B, 3, S, S], body [B, 3, H, W] in [-1, 1];
    scales [B]; skeleton [B, 3, H, W] in [0, 1], black where no pose is given; draft: the reference along it before the
    target's place.

    What the side tasks foretell: colours [B, parts, 3], the mean RGB in [-1, 1] of each part of PAINTED in the target,
    NaN where it does not show; parts [B, P, 2 h, 2 w], shares; asked int64 [B], stance and framing; place int64 [B];
    styled [B], 0 or 1."""

    latents: Tensor
    weight: Tensor
    colours: Tensor
    tokens: Tensor
    face: Tensor
    body: Tensor
    face_scale: Tensor
    body_scale: Tensor
    skeleton: Tensor
    draft: Draft
    parts: Tensor
    asked: Tensor
    place: Tensor
    styled: Tensor


class TrainingPhotos:
    """A training set as tensors on one device. What is derived from it is kept at `cache`."""

    def __init__(
        self,
        people: TrainingSet,
        vae: Any,
        tokenizer: CLIPTokenizer,
        config: AdapterConfig,
        cache: Path,
        device: torch.device | str = "cpu",
    ) -> None:
        self.people, self.vae, self.device = people, vae, torch.device(device)
        self.siblings = people.siblings()
        self.plain, self.styled = np.nonzero(~people.styled)[0], np.nonzero(people.styled)[0]
        self.images = self._here(people.images).permute(0, 3, 1, 2)
        self.places = self._here(people.places).permute(0, 3, 1, 2)
        self.parts, self.joints = self._here(people.parts), self._here(_joints(people))
        self.asked, self.place, self.restyled = (self._here(x) for x in (people.asked, people.place, people.styled))
        self.nothing = self._here(_ids([""], tokenizer))
        self.framing = people.asked % len(FRAMINGS)
        self.face_seen: NDArray[np.bool_] = np.all(~np.isnan(people.head_box), axis=1)
        cell_px = int(vae.config.patch_px) // LEVELS
        key = repr((config, cell_px, sorted(tokenizer.get_vocab().items())))
        made = _kept(cache / "photos.npz", people, key, lambda: _made(people, tokenizer, config, cell_px))
        self.tokens, self.shares, self.colours = (self._here(made[name]) for name in ("tokens", "shares", "colours"))
        self.palette, self.skeletons = (self._here(made[name]) for name in ("palette", "skeletons"))
        self.crops = {name: self._here(made[name]).permute(0, 1, 4, 2, 3) for name in CROPS}

    def _here(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self.device)

    @torch.no_grad()
    def batch(self, size: int, conditions: Conditions, person_weight: float, rng: np.random.Generator) -> Batch:
        """A random batch; the loss weight is 1 + person_weight on the person, and more on the face."""
        rows = [self._row(conditions, rng) for _ in range(size)]
        told = {name: self._tensor([row[name] for row in rows]) for name in rows[0]}
        mirrored = told["mirrored"].bool()
        images = _flipped(self.images[told["target"]], mirrored).float() / 127.5 - 1
        latents = self.vae.encode(images).latents * self.vae.config.scaling_factor
        shares = _flipped(self.shares[told["target"]].float(), mirrored)
        coarse = F.avg_pool2d(shares, LEVELS)
        person, face = 1 - coarse[:, :1], coarse[:, Part.FACE : Part.FACE + 1]
        skeleton = self.palette[self.skeletons[told["target"], told["skeleton"]].long()].permute(0, 3, 1, 2)
        places = _flipped(self.places[told["target"]], mirrored).float() / 127.5 - 1
        styled = self.restyled[told["target"]]
        words = self.tokens[told["target"], told["kind"], told["phrase"]].long()
        return Batch(
            latents=latents,
            weight=1 + person_weight * person + FACE_WEIGHT * (face > 0),
            colours=self.colours[told["target"]],
            tokens=torch.where(told["wordless"].bool()[:, None], self.nothing.long(), words),
            face=self._crop("face", told, told["zero"]),
            body=self._body(told),
            face_scale=told["face"].float(),
            body_scale=told["body"].float(),
            skeleton=skeleton * told["posed"][:, None, None, None],
            draft=draft_of(self._reposed(told), places, told["placed"].bool(), self._wanted(told), styled),
            parts=shares,
            asked=self.asked[told["target"]],
            place=self.place[told["target"]],
            styled=styled.float(),
        )

    def _tensor(self, values: list[Any]) -> Tensor:
        return torch.from_numpy(np.stack(values)).to(self.device)

    def _row(self, conditions: Conditions, rng: np.random.Generator) -> dict[str, Any]:
        copies = self.styled if len(self.styled) and rng.random() < conditions.styled else self.plain
        target = int(rng.choice(copies))
        reference = self._reference(target, conditions, rng)
        dressed_otherwise = bool(self.people.outfit[reference] != self.people.outfit[target])
        nothing = rng.random() < conditions.nothing
        wordless = nothing or rng.random() < conditions.no_text
        unknown = nothing or rng.random() < conditions.no_identity
        hidden = bool(rng.random() < (0.5 if dressed_otherwise else conditions.hidden_clothes))
        closer = self.framing[reference] > self.framing[target]
        told_clothes = hidden or dressed_otherwise or (closer and rng.random() < conditions.hidden_by_framing)
        scene_only = rng.random() < conditions.scene_only and not unknown and not told_clothes
        face = bool(self.face_seen[reference]) and not unknown and rng.random() >= conditions.no_face
        body = not unknown and (not face or rng.random() >= conditions.no_body)
        mirrored = bool(rng.random() < conditions.mirrored)
        seen_only = bool(rng.random() < conditions.pose_seen_only)
        posed = not nothing and bool(rng.random() < conditions.pose)
        changed = bool(rng.random() < conditions.photo_like)
        gain, warmth = (rng.uniform(0.7, 1.3), rng.uniform(-0.12, 0.12)) if changed else (1.0, 0.0)
        return {
            "target": target,
            "reference": reference,
            "kind": KINDS.index(f"{'en' if rng.random() < 0.5 else 'ru'}_{'scene' if scene_only else 'full'}"),
            "phrase": int(rng.integers(self.tokens.shape[2])),
            "wordless": wordless,
            "face": face,
            "body": body,
            "hidden": hidden,
            "crop": int(rng.integers(BODY_CROPS)),
            "mirrored": mirrored,
            "mirrored_reference": bool(rng.random() < conditions.mirrored),
            "skeleton": 2 * mirrored + seen_only,
            "posed": posed,
            "reposed": posed and not unknown and bool(rng.random() < conditions.reposed),
            "placed": not nothing and bool(rng.random() < conditions.place),
            "hidden_joints": bool(rng.random() < 0.5),
            "coarse": bool(rng.random() < 0.5),
            "jitter": rng.standard_normal((17, 2)).astype(np.float32),
            "gain": float(gain),
            "warmth": float(warmth),
            "soft": float(rng.uniform(0.35, 1.0)) if changed else 1.0,
            "zero": 0,
        }

    def _reference(self, target: int, conditions: Conditions, rng: np.random.Generator) -> int:
        others = self.siblings[int(self.people.identity[target])]
        if not self.people.styled[target]:
            others = others[others != target]
        alike = self.people.outfit[others] == self.people.outfit[target]
        wanted = others[~alike] if rng.random() < conditions.other_clothes else others[alike]
        wanted = wanted if len(wanted) else others
        return int(rng.choice(wanted)) if len(wanted) else target

    def _wanted(self, told: dict[str, Tensor]) -> Tensor:
        """Joints [B, 17, 3] in 0..1, of confidence 0 where no pose is given."""
        wanted = self.joints[told["target"], told["skeleton"]].clone()
        wanted[..., 2] *= told["posed"][:, None]
        return wanted

    def _reposed(self, told: dict[str, Tensor]) -> Reposed:
        """The whole reference photo laid along the joints of the target, as inexactly as an observer sees it."""
        mirrored = told["mirrored_reference"].bool()
        photo = self._photographed(_flipped(self.images[told["reference"]], mirrored).float() / 255, told)
        parts = _flipped(self.parts[told["reference"]], mirrored)
        garments = torch.isin(parts, torch.tensor(GARMENTS, device=self.device))
        figure = ((parts > 0) & ~(garments & told["hidden"].bool()[:, None, None])).float()[:, None]
        smooth = F.interpolate(F.avg_pool2d(figure, COARSE_PX), figure.shape[2:], mode="bilinear").clamp(0, 1)
        figure = torch.where(told["coarse"].bool()[:, None, None, None], (smooth > 0.4).float(), figure)
        source = self.joints[told["reference"], 2 * mirrored + ~told["hidden_joints"].bool()].clone()
        source[..., :2] += JITTER * told["jitter"]
        size = (int(photo.shape[2]), int(photo.shape[3]))
        reposed = repose(photo, figure, source, self._wanted(told), size)
        shown = told["reposed"].float()
        return at_scales(reposed, told["face"] * shown, told["body"] * shown)

    def _body(self, told: dict[str, Tensor]) -> Tensor:
        plain = self._crop("body", told, told["crop"])
        bare = self._crop("hidden", told, told["crop"])
        return torch.where(told["hidden"].bool()[:, None, None, None], bare, plain)

    def _crop(self, kind: str, told: dict[str, Tensor], number: Tensor) -> Tensor:
        """Crops of the references [B, 3, h, w] in [-1, 1], as another camera in another light would show them."""
        crops = self.crops[kind][told["reference"], number]
        return self._photographed(_flipped(crops, told["mirrored_reference"].bool()).float() / 255, told)

    def _photographed(self, shown: Tensor, told: dict[str, Tensor]) -> Tensor:
        """[B, 3, h, w] in 0..1 -> the same in [-1, 1] in each row's light and sharpness."""
        tint = torch.stack([1 + told["warmth"], torch.ones_like(told["warmth"]), 1 - told["warmth"]], 1)
        lit = (shown * (told["gain"][:, None] * tint)[..., None, None].float()).clamp(0, 1)
        small = F.interpolate(lit, scale_factor=0.5, mode="area")
        blurred = F.interpolate(small, size=lit.shape[2:], mode="bilinear")
        soft = told["soft"][:, None, None, None].float()
        return (soft * lit + (1 - soft) * blurred) * 2 - 1


def _flipped(values: Tensor, which: Tensor) -> Tensor:
    """The rows [B, ..., W] with the columns reversed where `which` [B] says so."""
    shaped = which.view(-1, *(1,) * (values.dim() - 1))
    return torch.where(shaped, values.flip(-1), values)


def _ids(phrases: list[str], tokenizer: CLIPTokenizer) -> NDArray[np.int16]:
    told = tokenizer(phrases, padding="max_length", truncation=True, max_length=tokenizer.model_max_length)
    return np.asarray(told.input_ids, np.int16)


def _tokens(words: list[dict[str, list[str]]], tokenizer: CLIPTokenizer) -> NDArray[np.int16]:
    """int16 [n, kinds, phrases, M]."""
    counts = {len(phrases) for row in words for phrases in row.values()}
    flat = [text for row in words for kind in KINDS for text in row[kind]]
    return _ids(flat, tokenizer).reshape(len(words), len(KINDS), counts.pop(), -1)


def _kept(
    path: Path, people: TrainingSet, key: str, make: Callable[[], dict[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """What `make` gives, kept for these photos, words and key; another bundle may hold as many photos."""
    digest = hashlib.sha256(people.images.tobytes())
    for shown in (people.parts, people.poses, people.inside, people.head_box, people.body_box):
        digest.update(shown.tobytes())
    digest.update(repr((people.words, key)).encode())
    if path.exists():
        with np.load(path) as kept:
            if str(kept["key"]) == digest.hexdigest():
                return {name: kept[name] for name in kept.files if name != "key"}
    made = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name("draft.npz")
    np.savez(draft, key=np.array(digest.hexdigest()), **made)  # type: ignore[arg-type]
    draft.replace(path)
    return made


def _made(
    people: TrainingSet, tokenizer: CLIPTokenizer, config: AdapterConfig, cell_px: int
) -> dict[str, NDArray[Any]]:
    """All that is derived from the photos once: tokens, shares and colours of parts, skeletons, crops."""
    shares, colours = _seen(people, cell_px)
    palette, skeletons = _skeletons(people)
    told: dict[str, NDArray[Any]] = {"tokens": _tokens(people.words, tokenizer), "shares": shares, "colours": colours}
    return told | {"palette": palette, "skeletons": skeletons} | _crops(people, config)


def _seen(people: TrainingSet, cell_px: int) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """In a photo each part's share of its cells [n, P, rows, columns], and its colour [n, parts, 3]."""
    shares, colours = [], []
    for first in range(0, len(people.images), 256):
        parts = torch.from_numpy(people.parts[first : first + 256])
        split = F.one_hot(parts.long(), len(Part)).permute(0, 3, 1, 2).float()
        shares.append(F.avg_pool2d(split, cell_px).half())
        colours.append(part_colours(pixels(people.images[first : first + 256]), parts))
    return torch.cat(shares).numpy(), torch.cat(colours).numpy()


def _crops(people: TrainingSet, config: AdapterConfig) -> dict[str, NDArray[np.uint8]]:
    """uint8 [n, crops, h, w, 3] of every photo: its face, the body in BODY_CROPS ways, the same without garments."""
    rng = np.random.default_rng(0)
    rows = [_crops_of(people, row, config, rng) for row in track(range(len(people.images)), description="cropping")]
    return {name: np.stack([row[name] for row in rows]) for name in CROPS}


def _crops_of(
    people: TrainingSet, row: int, config: AdapterConfig, rng: np.random.Generator
) -> dict[str, NDArray[np.uint8]]:
    image, side = Image.fromarray(people.images[row]), config.face_size[0]
    seen = not np.isnan(people.head_box[row]).any()
    face = head_crop(image, face_of_head(people.head_box[row]), side) if seen else Image.new("RGB", (side, side))
    garments = np.isin(people.parts[row], GARMENTS)[..., None]
    bare = Image.fromarray(np.where(garments, np.array(HIDDEN_RGB, np.uint8), people.images[row]))
    boxes = [None, *(_jittered(people.body_box[row], rng) for _ in range(BODY_CROPS - 1))]
    return {
        "face": np.asarray(face)[None],
        "body": np.stack([np.asarray(body_crop(image, box, *config.body_size)) for box in boxes]),
        "hidden": np.stack([np.asarray(body_crop(bare, box, *config.body_size)) for box in boxes]),
    }


def _jittered(box: NDArray[np.float32], rng: np.random.Generator) -> tuple[float, float, float, float] | None:
    """As inexact as a detector's box; None where the body is not boxed."""
    if np.isnan(box).any():
        return None
    width, height = float(box[2] - box[0]), float(box[3] - box[1])
    x0, y0, x1, y1 = (float(side) for side in box + rng.uniform(-0.12, 0.2, 4) * [-width, -height, width, height])
    return x0, y0, x1, y1


def _joints(people: TrainingSet) -> NDArray[np.float32]:
    """float32 [n, 4, 17, 3], x and y in 0..1: all joints in the picture, those seen, and both again mirrored, the
    person's left then being right."""
    both = np.stack([people.poses, people.poses], 1)
    both[:, 0, :, 2] = people.inside
    mirrored = both[:, :, MIRRORED_JOINTS] * np.array((-1, 1, 1), np.float32) + np.array((1, 0, 0), np.float32)
    joints: NDArray[np.float32] = np.concatenate([both, mirrored], 1).astype(np.float32)
    return joints


def _skeletons(people: TrainingSet) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """A palette [colours, 3] in 0..1, and for each photo the four skeletons of `_joints` in it [n, 4, H, W]."""
    height, width = people.images.shape[1:3]
    numbers, colours = np.zeros(1 << 24, np.uint8), [0]
    drawn = np.zeros((len(people.images), 4, height, width), np.uint8)
    joints = _joints(people)
    for row in track(range(len(people.images)), description="skeletons"):
        for kind in range(4):
            picture = np.asarray(draw_skeleton(joints[row, kind], width, height), np.int32)
            packed = (picture[..., 0] << 16) | (picture[..., 1] << 8) | picture[..., 2]
            drawn[row, kind] = numbers[packed]
            for colour in np.unique(packed[(drawn[row, kind] == 0) & (packed > 0)]):
                numbers[colour] = len(colours)
                colours.append(int(colour))
                drawn[row, kind][packed == colour] = numbers[colour]
    palette = np.array([[colour >> 16, colour >> 8 & 255, colour & 255] for colour in colours], np.float32)
    return (palette / 255).astype(np.float32), drawn
