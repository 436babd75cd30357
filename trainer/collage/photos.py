"""What one training step of nano sees: a target, words, a skeleton, and another photo of the same person.

Everything is prepared once as tensors and lies where the model is, so that a step costs indexing and no pictures are
opened: a GPU would otherwise wait for its processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from engine.adapter.guide import Draft, at_scales, behind, draft_of
from engine.adapter.reposing import Reposed, repose
from engine.adapter.stand_in import CHOOSING, Figures, recoloured
from engine.backbones.collage_model import NanoModel
from trainer.collage.prepared import BODY_CROPS, CROPS, GARMENTS, ids, joints, kept, made
from trainer.collage.training_set import KINDS, TrainingSet
from trainer.part_colours import PAINTED
from trainer.synthetic.parts import Part
from trainer.synthetic.shot import FRAMINGS

LEVELS: Final = 2
"""The part map is foretold on a grid so many times as fine as the latents."""
FACE_WEIGHT: Final = 3.0
JITTER: Final = 0.006
"""How far off a joint of the reference is, as a share of the photo's sides."""
NEAR_ENOUGH: Final = 6
PAINTED_SHARE: Final = 0.7
"""A stand-in is one of so many, and in the target's own colours so often."""
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
    stood_in: how often a stand-in shows what it does not.
    """

    styled: float = 0.1
    scene_only: float = 0.7
    no_text: float = 0.05
    no_identity: float = 0.05
    no_face: float = 0.3
    no_body: float = 0.08
    pose: float = 0.92
    pose_seen_only: float = 0.3
    hidden_clothes: float = 0.12
    other_clothes: float = 0.15
    reposed: float = 0.92
    place: float = 0.95
    stood_in: float = 0.92
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
    styled, woman [B], 0 or 1."""

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
    woman: Tensor


class TrainingPhotos:
    """A training set as tensors on one device. What is derived from it is kept at `cache`."""

    def __init__(self, people: TrainingSet, model: NanoModel, cache: Path) -> None:
        vae, tokenizer, config = model.vae, model.tokenizer, model.adapter.config
        self.people, self.vae, self.device = people, vae, vae.device
        self.siblings = people.siblings()
        self.plain, self.styled = np.nonzero(~people.styled)[0], np.nonzero(people.styled)[0]
        self.images = self._here(people.images).permute(0, 3, 1, 2)
        self.places = self._here(people.places).permute(0, 3, 1, 2)
        self.parts, self.joints = self._here(people.parts), self._here(joints(people))
        self.asked, self.place, self.restyled = (self._here(x) for x in (people.asked, people.place, people.styled))
        self.woman = self._here(people.woman)
        self.nothing = self._here(ids([""], tokenizer))
        self.framing = people.asked % len(FRAMINGS)
        self.face_seen: NDArray[np.bool_] = np.all(~np.isnan(people.head_box), axis=1)
        cell_px = int(vae.config.patch_px) // LEVELS
        key = repr((config, cell_px, sorted(tokenizer.get_vocab().items())))
        prepared = kept(cache / "photos.npz", people, key, lambda: made(people, tokenizer, config, cell_px))
        self.tokens, self.shares, self.colours = (
            self._here(prepared[name]) for name in ("tokens", "shares", "colours")
        )
        self.palette, self.skeletons = (self._here(prepared[name]) for name in ("palette", "skeletons"))
        self.crops = {name: self._here(prepared[name]).permute(0, 1, 4, 2, 3) for name in CROPS}
        self.figures = None if model.stand_ins is None else model.stand_ins.figures()
        if model.stand_ins is not None:
            self.stand_in_colours = model.stand_ins.colours.cpu().numpy()
            self.stand_in_colours_here = model.stand_ins.colours.to(self.device)
            self.stand_in_woman = model.stand_ins.woman.cpu().numpy() > 0
        self.own_colours: NDArray[np.float32] = prepared["colours"]

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
            woman=self.woman[told["target"]].float(),
        )

    def _tensor(self, values: list[Any]) -> Tensor:
        return torch.from_numpy(np.stack(values)).to(self.device)

    def _row(self, conditions: Conditions, rng: np.random.Generator) -> dict[str, Any]:
        copies = self.styled if len(self.styled) and rng.random() < conditions.styled else self.plain
        target = int(rng.choice(copies))
        reference = self._reference(target, conditions, rng)
        dressed_otherwise = bool(self.people.outfit[reference] != self.people.outfit[target])
        wordless = rng.random() < conditions.no_text
        unknown = rng.random() < conditions.no_identity
        hidden = bool(rng.random() < (0.5 if dressed_otherwise else conditions.hidden_clothes))
        closer = self.framing[reference] > self.framing[target]
        told_clothes = hidden or dressed_otherwise or (closer and rng.random() < conditions.hidden_by_framing)
        scene_only = rng.random() < conditions.scene_only and not unknown and not told_clothes
        face = bool(self.face_seen[reference]) and not unknown and rng.random() >= conditions.no_face
        body = not unknown and (not face or rng.random() >= conditions.no_body)
        mirrored = bool(rng.random() < conditions.mirrored)
        seen_only = bool(rng.random() < conditions.pose_seen_only)
        posed = bool(rng.random() < conditions.pose)
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
            "placed": bool(rng.random() < conditions.place),
            "stand_in": self._stand_in(target, rng),
            "stood_in": bool(rng.random() < conditions.stood_in),
            "painted": float(rng.random() < PAINTED_SHARE),
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

    def _stand_in(self, target: int, rng: np.random.Generator) -> int:
        """One of those that are nearly as the target is coloured: what is foretold of it is not exact either."""
        if self.figures is None:
            return 0
        off = np.nansum((self.stand_in_colours - self.own_colours[target]) ** 2, axis=2) @ np.array(CHOOSING)
        off = off + 1e3 * (self.stand_in_woman != self.people.woman[target])
        return int(rng.choice(np.argsort(off)[:NEAR_ENOUGH]))

    def _wanted(self, told: dict[str, Tensor]) -> Tensor:
        """Joints [B, 17, 3] in 0..1, of confidence 0 where no pose is given."""
        wanted = self.joints[told["target"], told["skeleton"]].clone()
        wanted[..., 2] *= told["posed"][:, None]
        return wanted

    def _reposed(self, told: dict[str, Tensor]) -> Reposed:
        """The whole reference photo laid along the joints of the target, as inexactly as an observer sees it, before a
        stand-in for what it does not show."""
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
        own = at_scales(reposed, told["face"] * shown, told["body"] * shown)
        return own if self.figures is None else behind(own, self._stood_in(self.figures, told, size))

    def _stood_in(self, figures: Figures, told: dict[str, Tensor], size: tuple[int, int]) -> Reposed:
        chosen = told["stand_in"]
        own = self.stand_in_colours_here[chosen]
        wanted = self.colours[told["target"]]
        strength = told["painted"][:, None].float().repeat(1, len(PAINTED))
        strength[:, PAINTED.index(Part.SKIN)] = 1.0
        wanted = torch.where(wanted.isnan(), own, wanted)
        picture = recoloured(figures.picture[chosen], figures.parts[chosen], own, wanted, strength)
        painted = Figures(picture, figures.parts[chosen], figures.joints[chosen])
        reposed = repose(painted.picture, painted.outline, painted.joints, self._wanted(told), size)
        shown = reposed.shown * told["stood_in"].float()[:, None, None, None]
        return Reposed(reposed.picture, shown, reposed.head)

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
