"""The head of a reference ends at the chin, even if the parser mistakes a collar for skin or hair."""

from __future__ import annotations

import numpy as np
import pytest

from engine.backbones.nano.references import ReferencePhoto, head_photo_of
from engine.body.atlas import Region
from engine.identity.body import BodyPart

HEIGHT, WIDTH = 120, 80


def photo(seen: float = 1.0, turn: int = 1) -> ReferencePhoto:
    """A face of skin with eyes at row 40, 20 px apart, the nose at row 50, and hair that falls to both sides of a
    collar that was taken for hair; turn -1: upside down."""
    parts = np.full((HEIGHT, WIDTH), int(BodyPart.SKIN), np.uint8)
    parts[:, :10] = parts[:, -10:] = int(BodyPart.HAIR)
    parts[75:, 30:50] = int(BodyPart.HAIR)
    joints = np.zeros((17, 3), np.float32)
    joints[:3] = (40, 50, 1), (50, 40, seen), (30, 40, seen)
    joints[:3] /= (WIDTH, HEIGHT, 1)
    if turn < 0:
        parts, joints[:3, :2] = parts[::-1, ::-1].copy(), 1 - joints[:3, :2]
    half = (HEIGHT // 2, WIDTH // 2)
    head = np.full(half, int(Region.HEAD), np.uint8)
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    person = np.ones((HEIGHT, WIDTH), bool)
    return ReferencePhoto(image, person, parts, joints, np.ones(half, np.uint16), np.zeros((*half, 3), np.uint8), head)


@pytest.mark.parametrize("turn", [1, -1])
def test_the_neck_is_left_out_and_hair_beside_it_is_kept(turn: int) -> None:
    mask = head_photo_of(photo(turn=turn)).mask[::turn, ::turn]

    assert mask[:65].all()  # eyes, mouth, chin
    assert not mask[70:, 25:55].any()  # the neck and what hides it
    assert mask[70:, :10].all() and mask[70:, -10:].all()


def test_without_eyes_nothing_is_left_out() -> None:
    assert head_photo_of(photo(seen=0.0)).mask.all()


def test_hair_that_does_not_touch_the_head_is_left_out() -> None:
    shown = photo()
    shown.parts[112:116, 63:66] = int(BodyPart.HAIR)

    mask = head_photo_of(shown).mask
    assert not mask[112:116, 63:66].any()
    assert np.array_equal(mask, head_photo_of(photo()).mask)
