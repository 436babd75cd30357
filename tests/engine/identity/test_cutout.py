"""The cutout of a person: box, outline and joints in one picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.contract import Clothes
from engine.identity.cutout import Cutout, cut_out
from engine.identity.profile import View

SIZE = (160, 240)


def share_of(cut: Cutout, colour: tuple[int, int, int]) -> float:
    """How much of what has this colour is inside the outline."""
    is_it = (np.abs(np.asarray(cut.picture, int) - colour) < 12).all(2)
    return float((np.asarray(cut.figure)[is_it] > 127).mean())


def test_outline_and_joints_lie_on_the_person(paper_doll: View) -> None:
    cut = cut_out(paper_doll, SIZE)
    assert cut is not None and cut.picture.size == cut.figure.size == SIZE
    assert share_of(cut, (200, 30, 40)) > 0.98 and share_of(cut, (30, 40, 200)) > 0.98
    assert share_of(cut, (90, 160, 90)) < 0.03
    photo, picture = np.asarray(paper_doll.image), np.asarray(cut.picture)
    assert paper_doll.observation.keypoints is not None
    for before, now in zip(paper_doll.observation.keypoints, cut.joints, strict=True):
        column, row = int(now[0] * SIZE[0]), int(now[1] * SIZE[1])
        nearby = picture[row - 2 : row + 3, column - 2 : column + 3].reshape(-1, 3).astype(int)
        assert (np.abs(nearby - photo[int(before[1]), int(before[0])]).sum(1) < 30).any()
        assert now[2] == before[2]


def test_clothes_that_are_to_change_are_outside_the_outline(paper_doll: View) -> None:
    cut = cut_out(paper_doll, SIZE, Clothes.CHANGE)
    assert cut is not None
    assert share_of(cut, (200, 30, 40)) < 0.02 and share_of(cut, (30, 40, 200)) < 0.02
    assert share_of(cut, (230, 190, 160)) > 0.9


def test_the_photos_size_does_not_matter(paper_doll: View) -> None:
    seen = paper_doll.observation
    twice = replace(
        seen, width=200, height=400, keypoints=np.array(seen.keypoints) * np.array((2, 2, 1), np.float32),
        body_box=(40, 12, 160, 380), face_box=(80, 28, 120, 72), parts_box=(0, 0, 200, 400),
    )  # fmt: skip
    small, large = cut_out(paper_doll, SIZE), cut_out(View(paper_doll.image.resize((200, 400)), twice), SIZE)
    assert small is not None and large is not None
    assert np.allclose(small.joints, large.joints, atol=1e-5)
    outlines = [np.asarray(cut.figure) > 127 for cut in (small, large)]
    assert (outlines[0] == outlines[1]).mean() > 0.99


def test_who_nobody_looked_at_is_not_cut_out(headless: View) -> None:
    assert cut_out(headless, SIZE) is None


def test_a_rough_outline_is_drawn_again_along_the_persons_colours(paper_doll: View) -> None:
    parts = np.asarray(paper_doll.observation.parts)
    rough = np.where(np.indices(parts.shape).sum(0) % 7 < 5, np.roll(parts, 2, 1), 0).astype(np.uint8)
    mended = cut_out(replace(paper_doll, observation=replace(paper_doll.observation, parts=rough)), SIZE)
    again = cut_out(replace(paper_doll, observation=replace(paper_doll.observation, parts=rough)), SIZE)
    exact = cut_out(paper_doll, SIZE)
    assert mended is not None and again is not None and exact is not None
    assert mended.figure.tobytes() == again.figure.tobytes()
    outlines = [np.asarray(cut.figure) > 127 for cut in (mended, exact)]
    assert (outlines[0] & outlines[1]).sum() / (outlines[0] | outlines[1]).sum() > 0.9
