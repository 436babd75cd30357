"""The image encoder reads only the person, without patches of clothes that must not appear."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPVisionModelWithProjection

from engine.backbones.reference_crops import MEAN_RGB, ReferenceReader, body_reference, head_reference
from engine.contract import Clothes
from engine.identity.body import BodyPart
from engine.identity.profile import Observation, View

CROP_PX, PATCH_PX = 96, 8


def recoloured(view: View, part: BodyPart, colour: tuple[int, int, int]) -> View:
    """The same photo with one part in another colour."""
    assert view.observation.parts is not None
    parts = np.asarray(view.observation.parts).repeat(2, 0).repeat(2, 1)
    picture = np.asarray(view.image).copy()
    picture[parts == part] = colour
    return View(Image.fromarray(picture), view.observation)


@pytest.fixture(scope="module")
def reader(tiny_sdxl: Any) -> ReferenceReader:
    encoder = CLIPVisionModelWithProjection.from_pretrained(tiny_sdxl.image_encoder).eval()
    return ReferenceReader(encoder, torch.float32)


def test_the_surroundings_never_reach_the_encoder(paper_doll: View) -> None:
    other = recoloured(paper_doll, BodyPart.BACKGROUND, (250, 10, 250))
    for clothes in Clothes:
        first, second = (body_reference(view, clothes, CROP_PX, PATCH_PX) for view in (paper_doll, other))
        assert first is not None and second is not None
        assert np.array_equal(np.asarray(first.image), np.asarray(second.image))
    heads = [head_reference(view, CROP_PX) for view in (paper_doll, other)]
    assert heads[0] is not None and heads[1] is not None
    assert np.array_equal(np.asarray(heads[0].image), np.asarray(heads[1].image))


def test_the_person_reaches_the_encoder(paper_doll: View) -> None:
    first = body_reference(paper_doll, Clothes.KEEP, CROP_PX, PATCH_PX)
    second = body_reference(recoloured(paper_doll, BodyPart.TOP, (10, 250, 10)), Clothes.KEEP, CROP_PX, PATCH_PX)
    assert first is not None and second is not None and first.patch_mask is None
    assert not np.array_equal(np.asarray(first.image), np.asarray(second.image))


def test_patches_of_other_clothes_are_dropped_and_nothing_is_painted_grey(paper_doll: View) -> None:
    crop = body_reference(paper_doll, Clothes.CHANGE, CROP_PX, PATCH_PX)
    assert crop is not None and crop.patch_mask is not None
    assert crop.patch_mask.shape == (CROP_PX // PATCH_PX,) * 2
    middle = crop.patch_mask.shape[1] // 2
    assert not crop.patch_mask[4:9, middle].any(), "the torso and the legs stand in the middle"
    assert crop.patch_mask[:2, middle].all(), "the head is encoded"
    pixels = np.asarray(crop.image)
    assert not (pixels == 128).all(-1).any()
    for part in (BodyPart.TOP, BodyPart.BOTTOM, BodyPart.SHOES):
        other = body_reference(recoloured(paper_doll, part, (1, 2, 3)), Clothes.CHANGE, CROP_PX, PATCH_PX)
        assert other is not None and np.array_equal(np.asarray(other.image), pixels)


def test_a_photo_of_clothes_alone_gives_nothing(paper_doll: View) -> None:
    parts = np.full_like(np.asarray(paper_doll.observation.parts), BodyPart.TOP)
    observation = replace(paper_doll.observation, parts=parts, face_box=None)
    assert body_reference(View(paper_doll.image, observation), Clothes.CHANGE, CROP_PX, PATCH_PX) is None


def test_a_photo_without_a_mask_or_with_a_poor_one_stays_as_it_is(paper_doll: View) -> None:
    parts = np.zeros_like(np.asarray(paper_doll.observation.parts))
    for observation in (Observation(100, 200), replace(paper_doll.observation, parts=parts)):
        crop = body_reference(View(paper_doll.image, observation), Clothes.KEEP, CROP_PX, PATCH_PX)
        assert crop is not None and not (np.asarray(crop.image) == MEAN_RGB).all(-1).any()


def test_kept_patches_are_encoded_without_the_others(reader: ReferenceReader, paper_doll: View) -> None:
    """Dropped patches have no influence, not even through the encoder's attention."""
    whole = body_reference(paper_doll, Clothes.KEEP, reader.crop_px, reader.patch_px)
    assert whole is not None
    patch_mask = np.zeros((4, 4), np.bool_)
    patch_mask[0] = True
    blackened = np.asarray(whole.image).copy()
    blackened[reader.patch_px :] = 0
    with torch.no_grad():
        all_states, some, same = reader.hidden(
            [
                whole,
                replace(whole, patch_mask=patch_mask),
                replace(whole, image=Image.fromarray(blackened), patch_mask=patch_mask),
            ]
        )
    assert len(all_states) == 17 and len(some) == 5
    assert torch.allclose(some, same, atol=1e-5)
    assert not torch.allclose(some, all_states[:5], atol=1e-3)


def test_whole_crops_are_encoded_as_transformers_does(reader: ReferenceReader, paper_doll: View) -> None:
    crop = body_reference(paper_doll, Clothes.KEEP, reader.crop_px, reader.patch_px)
    assert crop is not None
    pixels = reader._to_tensor([crop.image], return_tensors="pt").pixel_values
    with torch.no_grad():
        theirs = reader._encoder(pixels, output_hidden_states=True).hidden_states[-2]
        assert torch.allclose(reader.hidden([crop])[0], theirs[0], atol=1e-5)
