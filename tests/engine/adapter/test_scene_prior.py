"""A place by the words, one of its examples by the seed, framed as the pose is."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.adapter.scene_prior import ScenePrior, framing_of
from engine.contract import PosePreset
from engine.pose import preset

COLOURS = {"beach": (200, 180, 40), "forest": (20, 120, 30)}
SHADES = {"full": 0, "waist": 20, "portrait": 40}


def webp(colour: tuple[int, int, int], shade: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (32, 48), tuple(channel + shade for channel in colour)).save(stream, "WEBP", lossless=True)
    return stream.getvalue()


@pytest.fixture
def scenes() -> ScenePrior:
    """Words whose first component is positive ask for the beach; nobody has seen space."""
    scenes = ScenePrior(4, ("beach", "space", "forest"))
    with torch.no_grad():
        for parameter in scenes.parameters():
            parameter.zero_()
        scenes.classify.weight[0, 0], scenes.classify.weight[2, 0], scenes.classify.bias[1] = 9.0, -9.0, 50.0
        scenes.restyle.weight[0, 1] = 1.0
    scenes.examples = {
        place: {framing: [webp(colour, shade), webp(colour, shade + 5)] for framing, shade in SHADES.items()}
        for place, colour in COLOURS.items()
    }
    return scenes


def words(first: float) -> torch.Tensor:
    return torch.tensor([[first, 0.0, 0.0, 0.0]])


def asked(scenes: ScenePrior, first: float) -> torch.Tensor:
    logits: torch.Tensor = scenes(words(first))[0]
    return logits


def seen(picture: Image.Image | None) -> tuple[int, ...]:
    assert picture is not None
    return tuple(np.asarray(picture)[0, 0].tolist())


def test_words_choose_the_place_and_the_pose_how_it_is_framed(scenes: ScenePrior) -> None:
    waist, portrait = preset(PosePreset.STANDING), preset(PosePreset.STANDING)
    waist[13:, 1] += 0.5
    portrait[7:, 2] = 0
    for pose, framing in (
        (preset(PosePreset.STANDING), "full"),
        (waist, "waist"),
        (portrait, "portrait"),
        (None, "full"),
    ):
        assert framing_of(pose) == framing
        for first, place in ((1.0, "beach"), (-1.0, "forest")):
            (picture,) = scenes.suggest(asked(scenes, first), [pose], [3])
            shade = seen(picture)[0] - COLOURS[place][0]
            assert shade in (SHADES[framing], SHADES[framing] + 5)


def test_equal_seeds_give_equal_places_and_others_others(scenes: ScenePrior) -> None:
    shades = [seen(scenes.suggest(asked(scenes, 1.0), [None], [seed])[0])[0] for seed in [*range(12), *range(12)]]
    assert shades[:12] == shades[12:] and len(set(shades)) == 2


def test_without_examples_there_is_no_place(scenes: ScenePrior) -> None:
    scenes.examples = {}
    assert scenes.suggest(asked(scenes, 1.0), [None], [0]) == [None]


def test_a_place_without_the_framing_shows_another(scenes: ScenePrior) -> None:
    del scenes.examples["beach"]["full"]
    assert seen(scenes.suggest(asked(scenes, 1.0), [None], [0])[0])[0] >= COLOURS["beach"][0] + 20


def test_words_tell_of_a_style(scenes: ScenePrior) -> None:
    styles = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0]])
    assert (scenes(styles)[1] > 0).tolist() == [True, False]


def test_examples_come_back_from_their_archive_and_equal_ones_make_equal_files(
    scenes: ScenePrior, tmp_path: Path
) -> None:
    scenes.save_examples(tmp_path / "one.zip")
    again = ScenePrior(4, scenes.places)
    again.load_examples(tmp_path / "one.zip")
    assert again.examples == scenes.examples
    again.save_examples(tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
