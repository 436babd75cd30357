"""The parts of a head by the face's mesh and by colour."""

from __future__ import annotations

import numpy as np
import pytest

from engine.identity.body import BodyPart
from engine.identity.head_parts import LIPS, OVAL, with_mesh
from engine.vision.face_mesh import Mesh

SKIN, DARK = (205, 160, 135), (35, 25, 20)


@pytest.fixture
def mesh() -> Mesh:
    """A face 60 px high around (60, 70), which looks at the camera."""
    points = np.tile(np.array([60.0, 70.0, 0.0], np.float32), (468, 1))
    angles = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    points[list(OVAL), 0] = 60 + 22 * np.sin(angles)
    points[list(OVAL), 1] = 70 - 30 * np.cos(angles)
    turns = np.linspace(0, 2 * np.pi, len(LIPS), endpoint=False)
    points[list(LIPS), 0], points[list(LIPS), 1] = 60 + 6 * np.sin(turns), 85 - 3 * np.cos(turns)
    return Mesh(points, 1.0)


@pytest.mark.parametrize("bearded", [True, False])
def test_a_beard_is_hair_where_network_and_colour_agree(mesh: Mesh, bearded: bool) -> None:
    picture = np.full((140, 120, 3), SKIN, np.uint8)
    parts = np.full((140, 120), BodyPart.SKIN, np.uint8)
    parts[78:100, 45:75] = BodyPart.HAIR
    if bearded:
        picture[78:100, 45:75] = DARK

    found = with_mesh(parts, picture, np.ones(parts.shape, bool), mesh)

    assert found[94, 60] == (BodyPart.HAIR if bearded else BodyPart.SKIN)
    assert found[85, 60] == BodyPart.FACE and found[62, 60] == BodyPart.SKIN


def test_dark_pixels_that_the_network_takes_for_skin_are_no_beard(mesh: Mesh) -> None:
    picture = np.full((140, 120, 3), SKIN, np.uint8)
    picture[78:100, 45:75] = DARK  # a shadow

    found = with_mesh(np.full((140, 120), BodyPart.SKIN, np.uint8), picture, np.ones((140, 120), bool), mesh)

    assert found[94, 60] == BodyPart.SKIN


@pytest.mark.parametrize(("shade", "part"), [(DARK, BodyPart.TOP), ((140, 105, 85), BodyPart.SKIN)])
def test_a_dark_collar_is_no_neck_and_a_neck_in_shadow_is_skin(
    mesh: Mesh, shade: tuple[int, int, int], part: BodyPart
) -> None:
    picture = np.full((160, 120, 3), SKIN, np.uint8)
    picture[102:150] = shade

    found = with_mesh(np.full((160, 120), BodyPart.SKIN, np.uint8), picture, np.ones((160, 120), bool), mesh)

    assert (found[110:140, 50:70] == part).all() and found[70, 45] == BodyPart.SKIN
