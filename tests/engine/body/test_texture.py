"""Colours of a photo arrive at the same points of the body in another pose."""

from __future__ import annotations

import numpy as np
import torch

from engine.body.atlas import Region, shipped_atlas
from engine.body.texture import aligned_colours, aligned_parts, merge_textures, sources_of, texture_of
from engine.identity.body import BodyPart


def patchwork(texels: list[int]) -> np.ndarray:
    """A surface map that shows each texel in a row of pixels."""
    surface = np.zeros((len(texels), 16), np.uint16)
    surface[:] = np.array(texels, np.uint16)[:, None] + 1
    return surface


def test_a_point_takes_the_colour_of_the_pixel_that_shows_it() -> None:
    atlas = shipped_atlas()
    head = int((atlas.region == Region.HEAD).nonzero()[0])
    leg = int((atlas.region == Region.LEGS).nonzero()[0])
    surface = patchwork([head, leg])
    photo = torch.zeros(1, 3, 2, 16)
    photo[0, 0, 0], photo[0, 1, 1] = 1.0, 1.0  # red head, green leg
    sources = sources_of(surface, np.ones(surface.shape, bool), atlas)
    parts = torch.tensor([int(BodyPart.FACE), int(BodyPart.BOTTOM)])[None, :, None].expand(1, 2, 16)
    pixel, sureness = torch.from_numpy(sources.pixel).long()[None], torch.from_numpy(sources.sureness)[None]
    texture = texture_of(photo, parts, pixel, sureness)

    queried = torch.tensor([[[leg + 1, head + 1, 0]]])
    laid, labels = aligned_colours(texture, queried), aligned_parts(texture, queried)

    assert laid[0, :, 0, 0].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert laid[0, :, 0, 1].tolist() == [1.0, 0.0, 0.0, 1.0]
    assert laid[0, :, 0, 2].tolist() == [0.0, 0.0, 0.0, -1.0]  # off the body
    assert labels[0, :, 0].argmax(0)[:2].tolist() == [BodyPart.BOTTOM, BodyPart.FACE]
    assert labels[0, :, 0].sum(0).tolist() == [1.0, 1.0, 0.0]


def test_an_arm_that_is_not_seen_takes_the_colour_of_the_other() -> None:
    atlas = shipped_atlas()
    hand = int((atlas.region == Region.HANDS).nonzero()[0])
    sources = sources_of(patchwork([hand]), np.ones((1, 16), bool), atlas)

    assert sources.sureness[int(atlas.mirror[hand])] > 0.8


def test_far_points_are_not_sure() -> None:
    atlas = shipped_atlas()
    foot = int((atlas.region == Region.FEET).nonzero()[0])
    sources = sources_of(patchwork([foot]), np.ones((1, 16), bool), atlas)

    assert sources.sureness[(atlas.region == Region.HEAD).numpy()].max() < 1e-6


def test_pixels_off_the_person_say_nothing() -> None:
    atlas = shipped_atlas()
    sources = sources_of(patchwork([5]), np.zeros((1, 16), bool), atlas)

    assert sources.sureness.max() == 0


def test_of_several_photos_the_one_that_shows_a_point_best_gives_its_colour() -> None:
    first, second = torch.zeros(1, 4, 3), torch.ones(1, 4, 3)
    first[0, 3] = torch.tensor([0.9, 0.2, 0.5])
    second[0, 3] = torch.tensor([0.5, 0.8, 0.5])

    assert merge_textures([first, second])[0, 0].tolist() == [0.0, 1.0, 0.0]
