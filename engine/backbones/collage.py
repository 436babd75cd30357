"""nano: the small model trained here from scratch and shipped with the project.

It understands English and Russian by training, and lays who is on the photo along the joints of the pose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.adapter.attention import BRANCHES, BranchCondition
from engine.adapter.bridge import step
from engine.adapter.guide import Draft, at_scales, behind, draft_of, nobody
from engine.adapter.model import AdapterConfig, condition_of, text_keys_values
from engine.adapter.reposing import Reposed, repose
from engine.backbones.base import Capabilities, GenerationInput, Step, StepCallback
from engine.backbones.collage_model import NanoModel, Told, pool_words, predict_clean
from engine.contract import Clothes
from engine.identity.clothes import without_clothes
from engine.identity.crops import body_crop, head_crop
from engine.identity.cutout import cut_out
from engine.identity.profile import View
from engine.pose import draw_skeleton

SHIPPED_WEIGHTS = Path(__file__).parent.parent / "weights" / "nano"
NOBODY = np.zeros((17, 3), np.float32)


def to_pixels(images: Sequence[Image.Image]) -> Tensor:
    """RGB pictures of one size -> float32 [B, 3, H, W] in [-1, 1]."""
    stacked = np.stack([np.asarray(image, np.uint8) for image in images])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_unit(images: Sequence[Image.Image]) -> Tensor:
    """RGB pictures of one size -> float32 [B, 3, H, W] in [0, 1]."""
    return (to_pixels(images) + 1) / 2


def view_crops(view: View, config: AdapterConfig, clothes: Clothes = Clothes.KEEP) -> dict[str, Image.Image]:
    """Branch name -> the crop that the branch reads; without a face box there is no face crop."""
    seen = view.observation
    whole = without_clothes(view) if clothes is Clothes.CHANGE else view.image
    crops = {"body": body_crop(whole, seen.body_box, *config.body_size)}
    if seen.face_box is not None:
        crops["face"] = head_crop(view.image, seen.face_box, config.face_size[0])
    return crops


class NanoBackbone:
    """Draws with a nano checkpoint (see `engine.backbones.base.Backbone`)."""

    def __init__(self, model: NanoModel, device: str = "cpu") -> None:
        self.model = model
        self.device = device
        for module in model.modules():
            module.to(device)
        sampling = model.metadata["sampling"]
        self.capabilities = Capabilities(
            name="nano",
            family="adapter",
            width=model.vae.config.patch_px * model.unet.config.sample_size[1],
            height=model.vae.config.patch_px * model.unet.config.sample_size[0],
            references_max=4,
            batch_max=8,
            steps_default=int(sampling["steps"]),
            guidance_default=1.0,
            steps_range=(1, 50),
            guidance_range=(1.0, 1.0),
            pose=True,
            strength=True,
            styles="filters",
            preview_decoder="own",
            languages=("en", "ru"),
            photorealistic=False,
            licence="Apache-2.0",
            commercial_use=True,
        )

    @torch.inference_mode()
    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        """RGB pictures of capabilities.width x height px, in the order of `drawings`."""
        steps = drawings[0].settings.steps or self.capabilities.steps_default
        told = self.tell(drawings)
        latents = told.guide.latents
        eta, way = (float(self.model.metadata["sampling"][name]) for name in ("eta", "way"))
        for number in range(steps):
            start, end = 1 - way * number / steps, 1 - way * (number + 1) / steps
            clean = predict_clean(self.model, latents, torch.full((len(drawings),), start, device=self.device), told)
            if on_step is not None:
                on_step(Step(number + 1, steps, lambda clean=clean: self._decode(clean)))  # type: ignore[misc]
            noise = eta * self._noise([(d.seed, number) for d in drawings]) if eta else torch.zeros_like(latents)
            latents = step(latents, clean, start, end, told.guide, noise)
        return self._decode(latents)

    @torch.inference_mode()
    def tell(self, drawings: Sequence[GenerationInput]) -> Told:
        """All that does not change from step to step, encoded once."""
        text, words = self._text([d.prompt for d in drawings])
        tokens = self._identity(drawings)
        posed = self._posed(drawings, words)
        pooled = self.model.adapter.pooled(words, tokens)
        skeletons, draft = self._skeletons(posed), self.draft(posed, words, pooled)
        return Told(
            text,
            pooled,
            self.model.adapter.cache(tokens),
            self.model.guide(skeletons, draft, self.model.vae),
            text_keys_values(self.model.unet, text),
        )

    def _text(self, prompts: list[str]) -> tuple[Tensor, Tensor]:
        """Token states [B, M, D] and the words pooled [B, D]."""
        tokenizer = self.model.tokenizer
        tokens = tokenizer(
            prompts,
            padding="max_length",
            truncation=True,
            max_length=self.model.text_encoder.config.max_position_embeddings,
            return_tensors="pt",
        )
        ids = tokens.input_ids.to(self.device)
        states = self.model.text_encoder(ids).last_hidden_state
        return states, pool_words(states, ids, tokenizer.eos_token_id)

    def _noise(self, seeds: Sequence[tuple[int, int]]) -> Tensor:
        channels, (height, width) = self.model.unet.config.out_channels, self.model.unet.config.sample_size
        noise = [np.random.default_rng(s).standard_normal((channels, height, width), np.float32) for s in seeds]
        return torch.from_numpy(np.stack(noise)).to(self.device)

    def _identity(self, drawings: Sequence[GenerationInput]) -> dict[str, BranchCondition]:
        """Crops of every person's views, encoded in one batch a branch, padded to the largest number of tokens."""
        adapter, limit = self.model.adapter, self.capabilities.references_max
        scales = {
            "face": [drawing.settings.face_scale for drawing in drawings],
            "body": [drawing.settings.body_scale for drawing in drawings],
        }
        crops = [
            [view_crops(view, adapter.config, drawing.settings.clothes) for view in drawing.identity.views[:limit]]
            for drawing in drawings
        ]
        condition = {}
        for branch in BRANCHES:
            owned = [[view[branch] for view in person if branch in view] for person in crops]
            counts = [len(views) for views in owned]
            if not any(count * scale for count, scale in zip(counts, scales[branch], strict=True)):
                continue
            encoded = adapter.encoders[branch](to_pixels([crop for views in owned for crop in views]).to(self.device))
            condition[branch] = condition_of(encoded, counts, scales[branch])
        return condition

    def _posed(self, drawings: Sequence[GenerationInput], words: Tensor) -> Sequence[GenerationInput]:
        """The same, each with the pose it asks for or else the one its words [B, D] suggest."""
        asked = [drawing.pose is not None and drawing.settings.pose_scale > 0 for drawing in drawings]
        if self.model.prior is None:
            return [d if own else replace(d, pose=None) for d, own in zip(drawings, asked, strict=True)]
        suggested = self.model.prior.suggest(words, [drawing.seed for drawing in drawings])
        return [d if own else replace(d, pose=pose) for d, own, pose in zip(drawings, asked, suggested, strict=True)]

    def _skeletons(self, drawings: Sequence[GenerationInput]) -> Tensor:
        """[B, 3, H, W] in [0, 1], by their scale; black where no pose is known."""
        size = (self.capabilities.width, self.capabilities.height)
        skeletons = to_unit([draw_skeleton(NOBODY if d.pose is None else d.pose, *size) for d in drawings])
        scale = torch.tensor([min(d.settings.pose_scale, 1.0) for d in drawings])
        return (skeletons * scale[:, None, None, None]).to(self.device)

    def draft(self, drawings: Sequence[GenerationInput], words: Tensor, pooled: Tensor) -> Draft:
        """Everybody along their pose, what their photos do not show by a stand-in, before a place that fits the words
        [B, D], mid grey where none is known. pooled [B, P]: all that is told."""
        own = [self.reposed(drawing) for drawing in drawings]
        reposed = Reposed(*(torch.cat([getattr(one, field.name) for one in own]) for field in fields(Reposed)))
        poses = [drawing.pose for drawing in drawings]
        wanted = torch.from_numpy(np.stack([NOBODY if pose is None else pose for pose in poses])).to(self.device)
        figures = None if self.model.stand_ins is None else self.model.stand_ins.suggest(pooled)
        if figures is not None:
            reposed = behind(
                reposed, repose(figures.picture, figures.outline, figures.joints, wanted, self._size, fine=True)
            )
        places = torch.zeros_like(reposed.picture)
        known, restyled = (torch.zeros(len(drawings), dtype=torch.bool, device=self.device) for _ in range(2))
        if self.model.scenes is not None:
            asked, style = self.model.scenes(words)
            restyled = style > 0
            for row, picture in enumerate(self.model.scenes.suggest(asked, poses, [d.seed for d in drawings])):
                if picture is not None:
                    places[row] = to_pixels([picture.resize((self._size[1], self._size[0]))])[0].to(self.device)
                    known[row] = True
        return draft_of(reposed, places, known, wanted, restyled)

    @property
    def _size(self) -> tuple[int, int]:
        """Rows and columns of the picture in px."""
        return self.capabilities.height, self.capabilities.width

    def reposed(self, drawing: GenerationInput) -> Reposed:
        """The person along the pose asked for, one row: of every photo what those before it do not show."""
        size = (self.capabilities.width, self.capabilities.height)
        known = nobody(1, self._size, self.device)
        if drawing.pose is None:
            return known
        for view in drawing.identity.views[: self.capabilities.references_max]:
            cut = cut_out(view, size, drawing.settings.clothes)
            if cut is None:
                continue
            figure = torch.from_numpy(np.array(cut.figure, np.float32) / 255)[None, None].to(self.device)
            source, wanted = (torch.from_numpy(pose)[None].to(self.device) for pose in (cut.joints, drawing.pose))
            more = repose(to_pixels([cut.picture]).to(self.device), figure, source, wanted, self._size, fine=True)
            free = 1 - known.shown
            known = Reposed(
                known.picture + free * more.picture,
                known.shown + free * more.shown,
                torch.where(known.shown >= more.shown, known.head, more.head),
            )
        settings = drawing.settings
        scales = (torch.tensor([scale], device=self.device) for scale in (settings.face_scale, settings.body_scale))
        return at_scales(known, *scales)

    def _decode(self, latents: Tensor) -> list[Image.Image]:
        shown = self.model.vae.decode(latents / self.model.vae.config.scaling_factor).sample
        pixels = ((shown.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        return [Image.fromarray(picture) for picture in pixels]
