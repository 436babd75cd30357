"""Pictures are kept, and drawn anew when anything that they follow from is another."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.backbones.base import Capabilities, Drawing, StepCallback
from engine.contract import Settings
from engine.identity.faces import Face
from trainer.errors import CheckpointError
from trainer.gates.drawing import Studio, Wish, hash_of_weights

CAN = Capabilities(
    name="plain",
    family="adapter",
    width=16,
    height=24,
    references_max=1,
    batch_max=2,
    steps_default=1,
    steps_range=(1, 1),
    guidance_default=1.0,
    guidance_range=(1.0, 1.0),
    pose=True,
    strength=True,
    styles="words",
    preview_decoder="own",
    languages=("en",),
    photorealistic=False,
    licence="",
    commercial_use=True,
)


class Plain:
    """Draws one colour, the seed; breaks before picture number `breaks_at`."""

    capabilities, device = CAN, "cpu"

    def __init__(self, breaks_at: int = 1000) -> None:
        self.drawn: list[int] = []
        self.breaks_at = breaks_at

    def draw(self, drawings: Sequence[Drawing], on_step: StepCallback | None = None) -> list[Image.Image]:
        if len(self.drawn) + len(drawings) > self.breaks_at:
            raise KeyboardInterrupt
        self.drawn += [drawing.seed for drawing in drawings]
        return [Image.new("RGB", (CAN.width, CAN.height), (drawing.seed, 0, 0)) for drawing in drawings]


class Nobody:
    name = "nobody"

    def find(self, image: Image.Image) -> list[Face]:
        return []


def studio(backbone: Plain, folder: Path, weights: str = "first") -> Studio:
    return Studio(backbone, weights, Nobody(), None, folder)


def wishes() -> list[Wish]:
    photo = np.zeros((24, 16, 3), np.uint8)
    return [Wish(photo + seed, "words", seed) for seed in range(1, 6)]


def test_a_run_that_was_cut_off_draws_the_rest(tmp_path: Path) -> None:
    cut_off, rest = Plain(breaks_at=4), Plain()
    with pytest.raises(KeyboardInterrupt):
        studio(cut_off, tmp_path).draw("right", wishes())
    pictures = studio(rest, tmp_path).draw("right", wishes())
    assert (cut_off.drawn, rest.drawn) == ([1, 2, 3, 4], [5])
    assert pictures[:, 0, 0, 0].tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "others"},
        {"settings": Settings(steps=2)},
        {"settings": Settings(body_scale=0.5)},
        {"reference": np.full((24, 16, 3), 9, np.uint8)},
        {"pose": np.ones((17, 3), np.float32)},
    ],
)
def test_another_wish_is_drawn_anew_in_place_of_the_old(change: dict[str, object], tmp_path: Path) -> None:
    backbone = Plain()
    asked = wishes()
    studio(backbone, tmp_path).draw("right", asked)
    asked[2] = replace(asked[2], **change)  # type: ignore[arg-type]
    studio(backbone, tmp_path).draw("right", asked)
    assert backbone.drawn == [1, 2, 3, 4, 5, 3]
    assert len(list((tmp_path / "right").iterdir())) == 5


def test_other_weights_draw_everything_anew(tmp_path: Path) -> None:
    backbone = Plain()
    for weights in ("first", "first", "second"):
        studio(backbone, tmp_path, weights).draw("right", wishes())
    assert backbone.drawn == [1, 2, 3, 4, 5] * 2


def test_weights_are_known_by_their_bytes(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="--weights"):
        hash_of_weights(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"first")
    first = hash_of_weights(tmp_path)
    (tmp_path / "README.md").write_text("a card")
    assert hash_of_weights(tmp_path) == first
    (tmp_path / "model.safetensors").write_bytes(b"second")
    assert hash_of_weights(tmp_path) != first
