"""What a photo does not show is borrowed from a figure in the colours foretold."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.adapter.guide import behind
from engine.adapter.reposing import Reposed
from engine.adapter.stand_in import COLOURED, StandIns, recoloured
from engine.identity.body import BodyPart
from trainer.part_colours import PAINTED

TOP, BOTTOM = COLOURED.index(BodyPart.TOP), COLOURED.index(BodyPart.BOTTOM)


def files(top: tuple[int, int, int]) -> tuple[bytes, bytes]:
    """A figure whose upper half is its top and whose lower is its bottom, grey."""
    parts = np.zeros((48, 32), np.uint8)
    parts[8:24, 8:24], parts[24:40, 8:24] = BodyPart.TOP, BodyPart.BOTTOM
    picture = np.full((48, 32, 3), 250, np.uint8)
    picture[parts == BodyPart.TOP], picture[parts == BodyPart.BOTTOM] = top, (128, 128, 128)
    streams = io.BytesIO(), io.BytesIO()
    Image.fromarray(picture).save(streams[0], "WEBP", lossless=True)
    Image.fromarray(parts).save(streams[1], "PNG")
    return streams[0].getvalue(), streams[1].getvalue()


@pytest.fixture
def wardrobe() -> StandIns:
    """A woman in red, a woman in blue and a man in blue; the four numbers told are a red, a green, a blue and a sex."""
    stand_ins = StandIns(4, 3)
    stand_ins.images = [files(top) for top in ((220, 30, 30), (30, 30, 220), (30, 30, 220))]
    stand_ins.colours[:, TOP] = torch.tensor([[220.0, 30, 30], [30, 30, 220], [30, 30, 220]]) / 127.5 - 1
    stand_ins.joints[:, :, 2] = 1
    stand_ins.woman.copy_(torch.tensor([1.0, 1.0, 0.0]))
    with torch.no_grad():
        for parameter in stand_ins.parameters():
            parameter.zero_()
        stand_ins.foretell.weight[3 * TOP : 3 * TOP + 3, :3] = torch.eye(3)
        stand_ins.foretell_woman.weight[0, 3] = 1
    return stand_ins


def test_its_parts_are_those_that_training_foretells() -> None:
    assert tuple(map(int, COLOURED)) == tuple(map(int, PAINTED))


def test_who_fits_best_stands_in_in_the_colours_foretold(wardrobe: StandIns) -> None:
    green_woman, blue_man = [-0.9, 0.0, 0.9, 1.0], [-0.9, -0.9, 0.9, -1.0]
    figures = wardrobe.suggest(torch.tensor([green_woman, blue_man]))
    assert figures is not None and figures.outline.shape == (2, 1, 48, 32)
    tops = [figures.picture[row][:, figures.parts[row] == BodyPart.TOP].mean(1) for row in range(2)]
    assert torch.allclose(tops[0], torch.tensor([-0.9, 0.0, 0.9]), atol=0.2), "painted over"
    assert torch.allclose(tops[1], wardrobe.colours[2, TOP], atol=0.2)
    assert float(figures.picture[0, :, 0, 0].min()) > 0.9, "nothing but the figure is painted"


def test_who_is_told_nothing_keeps_the_figures_own_clothes(wardrobe: StandIns) -> None:
    usual = wardrobe.colours[:, TOP].mean(0)
    figures = wardrobe.suggest(torch.tensor([[*usual.tolist(), -1.0]]))
    assert figures is not None
    assert torch.allclose(
        figures.picture[0][:, figures.parts[0] == BodyPart.TOP].mean(1), wardrobe.colours[2, TOP], atol=0.02
    )


def test_without_figures_nobody_stands_in() -> None:
    assert StandIns(4, 0).suggest(torch.zeros(2, 4)) is None


def test_figures_are_kept(wardrobe: StandIns, tmp_path: Path) -> None:
    wardrobe.save_images(tmp_path / "examples.zip")
    again = StandIns(4, 3)
    again.load_images(tmp_path / "examples.zip")
    assert again.images == wardrobe.images


def test_colours_change_and_folds_stay() -> None:
    parts = torch.full((1, 2, 2), BodyPart.BOTTOM, dtype=torch.uint8)
    picture = torch.tensor([[0.0, -0.5], [0.0, 0.0]]).expand(1, 3, 2, 2)
    own, wanted = torch.full((1, len(COLOURED), 3), -0.1), torch.full((1, len(COLOURED), 3), -0.55)
    for strength, darker in ((0.0, 1.0), (1.0, 0.53)):
        painted = recoloured(picture, parts, own, wanted, torch.full((1, len(COLOURED)), strength))
        assert torch.allclose((painted + 1) / 2, (picture + 1) / 2 * darker, atol=0.01)


def test_only_what_the_person_does_not_show_is_the_stand_ins() -> None:
    shown, head = torch.zeros(2, 1, 4, 2), torch.zeros(2, 1, 4, 2, dtype=torch.bool)
    shown[0, :, 0], head[:, :, 0] = 1.0, True
    person = Reposed(0.5 * shown.expand(2, 3, 4, 2), shown, head)
    borrowed = Reposed(torch.full((2, 3, 4, 2), -0.5), torch.ones(2, 1, 4, 2), head)
    both = behind(person, borrowed)
    assert (both.shown[:, :, 1:] == 1).all() and (both.picture[:, :, 1:] == -0.5).all()
    assert (both.picture[0, :, 0] == 0.5).all(), "the person before the stand-in"
    assert (both.picture[1, :, 0] == -0.5).all(), "a head only where there would be none"
    hatless = behind(Reposed(person.picture * 0, 0 * shown + 0.2 * head, head), borrowed)
    assert (hatless.shown[:, :, 0] <= 0.2 + 1e-6).all(), "no other head behind a faint one"
