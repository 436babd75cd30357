"""Crops of reference photos for an image encoder: the person without the background, all patches or some.

IP-Adapters copy all that their encoder reads: the background as well as the clothes. So the background is replaced by
the encoder's mean colour, which is zero after normalisation. Patches of clothes that the picture must not show are not
encoded at all: a colour painted over them would be taken for their colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from engine.contract import Clothes
from engine.identity.clothes import garment_mask
from engine.identity.crops import body_crop, head_crop
from engine.identity.profile import Observation, View
from engine.identity.region_views import MEAN_RGB, without_surroundings

GARMENT_SHARE_MAX: Final = 0.25
"""The share of clothes in a patch above which the patch is dropped; below it, the clothes become the mean colour."""


@dataclass(frozen=True)
class ReferenceCrop:
    """image: RGB square; patch_mask: bool [patches, patches], which of them are encoded, None for all."""

    image: Image.Image
    patch_mask: NDArray[np.bool_] | None = None


def body_reference(view: View, clothes: Clothes, crop_px: int, patch_px: int) -> ReferenceCrop | None:
    """The body on the mean colour; with Clothes.CHANGE without the patches of its clothes, None where no patch
    remains."""
    observation = view.observation
    photo, person = without_surroundings(view)
    garments = garment_mask(observation) if clothes is Clothes.CHANGE else None
    if garments is None:
        return ReferenceCrop(body_crop(photo, observation.body_box, crop_px, crop_px))
    masked = Image.composite(Image.new("RGB", photo.size, MEAN_RGB), photo, garments)
    patch_mask = _share(garments, observation, crop_px, patch_px) <= GARMENT_SHARE_MAX
    of_person = patch_mask if person is None else patch_mask & (_share(person, observation, crop_px, patch_px) > 0)
    if not of_person.any():
        return None
    return ReferenceCrop(body_crop(masked, observation.body_box, crop_px, crop_px), patch_mask)


def head_reference(view: View, crop_px: int) -> ReferenceCrop | None:
    """The head with its hair on the mean colour; None without a detected face."""
    box = view.observation.face_box
    return None if box is None else ReferenceCrop(head_crop(without_surroundings(view)[0], box, crop_px))


def _share(mask: Image.Image, observation: Observation, crop_px: int, patch_px: int) -> NDArray[np.float32]:
    """float32 [patches, patches]: the share of each patch of the body's crop that the mask covers."""
    cropped = body_crop(mask.convert("RGB"), observation.body_box, crop_px, crop_px)
    patches = crop_px // patch_px
    inside = np.asarray(cropped, np.float32)[: patches * patch_px, : patches * patch_px, 0] / 255
    shares: NDArray[np.float32] = inside.reshape(patches, patch_px, patches, patch_px).mean((1, 3))
    return shares


class ReferenceReader:
    """CLIP's image encoder up to the states that IP-Adapters read, over whole crops or some of their patches."""

    def __init__(self, encoder: Any, dtype: torch.dtype) -> None:
        self._encoder, self.dtype = encoder, dtype
        self.crop_px, self.patch_px = int(encoder.config.image_size), int(encoder.config.patch_size)
        self._to_tensor = CLIPImageProcessorPil(
            size={"shortest_edge": self.crop_px}, crop_size={"height": self.crop_px, "width": self.crop_px}
        )

    def hidden(self, crops: Sequence[ReferenceCrop]) -> list[Tensor]:
        """Per crop its states [1 + number of patches, D] before the last layer, the class token's first."""
        pixels = self._to_tensor([crop.image for crop in crops], return_tensors="pt").pixel_values
        whole = [number for number, crop in enumerate(crops) if crop.patch_mask is None]
        found = dict(zip(whole, self._states(pixels[whole]), strict=True)) if whole else {}
        for number, crop in enumerate(crops):
            if crop.patch_mask is not None:
                found[number] = self._states(pixels[number : number + 1], crop.patch_mask)[0]
        return [found[number] for number in range(len(crops))]

    def hidden_of_nothing(self) -> Tensor:
        """The states [1, S, D] of a picture of zeros, which IP-Adapters give to the negative half."""
        return self._states(torch.zeros(1, 3, self.crop_px, self.crop_px))

    def _states(self, pixels: Tensor, patch_mask: NDArray[np.bool_] | None = None) -> Tensor:
        """Patches outside the mask are removed before the encoder, whose attention would mix them into the others."""
        model = self._encoder.vision_model
        states = model.embeddings(pixels.to(self._encoder.device, self._encoder.dtype))
        if patch_mask is not None:
            chosen = torch.from_numpy(np.concatenate([[True], patch_mask.ravel()])).to(states.device)
            states = states[:, chosen]
        states = model.pre_layrnorm(states)
        for layer in model.encoder.layers[:-1]:
            states = layer(states, None)
        hidden: Tensor = states.to(self.dtype)
        return hidden
