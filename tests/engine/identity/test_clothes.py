"""Views with hidden clothes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from engine.identity.body import BodyPart
from engine.identity.clothes import HIDDEN_RGB, garment_mask, without_clothes
from engine.identity.examine import observe
from engine.identity.faces import CascadeFinder
from engine.identity.person_parser import ShippedParser
from engine.identity.profile import Observation, View


def _grey(picture: Image.Image) -> np.ndarray:
    return (np.asarray(picture) == HIDDEN_RGB).all(2)


def test_garments_are_hidden_and_skin_hair_and_face_are_not(paper_doll: View) -> None:
    hidden = _grey(without_clothes(paper_doll))
    photo = np.asarray(paper_doll.image).astype(int)
    garments = (photo == (200, 30, 40)).all(2) | (photo == (30, 40, 200)).all(2) | (photo == (20, 20, 20)).all(2)
    bare = (photo == (225, 185, 155)).all(2) | (photo == (230, 190, 160)).all(2) | (photo == (60, 40, 20)).all(2)
    assert hidden[garments].mean() > 0.99 and hidden[bare].mean() < 0.03


def test_the_photo_itself_is_not_touched(paper_doll: View) -> None:
    before = np.asarray(paper_doll.image).copy()
    without_clothes(paper_doll)
    assert np.array_equal(np.asarray(paper_doll.image), before)


def test_without_a_part_map_everything_below_the_head_is_hidden(paper_doll: View) -> None:
    observation = replace(paper_doll.observation, parts=None, parts_box=None)
    hidden = _grey(without_clothes(View(paper_doll.image, observation)))
    assert hidden[40:190, 35:65].all() and not hidden[:36, 40:60].any()


def test_a_part_map_that_shows_no_clothes_is_not_believed(paper_doll: View) -> None:
    bare = np.where(np.array(paper_doll.observation.parts) > 0, np.uint8(BodyPart.SKIN), np.uint8(0))
    hidden = _grey(without_clothes(View(paper_doll.image, replace(paper_doll.observation, parts=bare))))
    assert hidden[40:190, 35:65].all()


def test_a_box_alone_keeps_its_upper_part(headless: View) -> None:
    hidden = _grey(without_clothes(headless))
    assert hidden[60:190, 25:75].all() and not hidden[:30].any()


def test_where_nobody_is_seen_nothing_is_hidden(paper_doll: View) -> None:
    assert garment_mask(Observation(100, 200)) is None
    assert without_clothes(View(paper_doll.image, Observation(100, 200))) is paper_doll.image


def test_the_included_parser_hides_the_clothes_of_a_standing_person(
    standing: Image.Image, cascades: CascadeFinder, shipped: ShippedParser
) -> None:
    hidden = _grey(without_clothes(View(standing, observe(standing, cascades, shipped))))
    assert hidden[48:70, 75:90].mean() > 0.9, "the top"
    assert hidden[100:150, 64:72].mean() > 0.8, "a leg"
    assert not hidden[:25].any(), "the head"
