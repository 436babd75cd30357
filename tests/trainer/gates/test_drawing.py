"""Pictures are kept, and drawn again when anything that they depend on has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.contract import Settings
from engine.errors import BadReference
from engine.identity.body import parts_on_photo
from trainer.errors import CheckpointError
from trainer.gates.candidates import hash_of_weights
from trainer.gates.cases import SIZE, Case
from trainer.gates.drawing import GateRequest, Studio


@pytest.fixture
def studio(no_faces: Any, tmp_path: Path) -> Callable[..., Studio]:
    return lambda backbone, weights="first": Studio(backbone, weights, no_faces, None, tmp_path)


def some_requests() -> list[GateRequest]:
    photo = np.zeros((24, 16, 3), np.uint8)
    return [GateRequest(photo + seed, "words", seed) for seed in range(1, 6)]


def seeds(backbone: Any) -> list[int]:
    return [drawing.seed for drawing in backbone.drawn]


def test_a_run_that_was_cut_off_draws_the_rest(plain: Any, studio: Callable[..., Studio]) -> None:
    cut_off, rest = plain(breaks_at=4), plain()
    with pytest.raises(KeyboardInterrupt):
        studio(cut_off).draw("posed", some_requests())
    pictures = studio(rest).draw("posed", some_requests())
    assert (seeds(cut_off), seeds(rest)) == ([1, 2, 3, 4], [5])
    assert pictures[:, 0, 0, 0].tolist() == [1, 2, 3, 4, 5]


def test_pictures_of_every_backbone_are_read_at_one_size(plain: Any, studio: Callable[..., Studio]) -> None:
    for side in (40, 320):
        backbone = plain(replace(plain().capabilities, width=side, height=side * 3 // 2))
        pictures = studio(backbone, str(side)).draw(f"of-{side}", some_requests())
        assert pictures.shape == (5, SIZE[1], SIZE[0], 3) and pictures[4, 100, 100].tolist() == [5, 5, 5]


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
def test_a_changed_request_is_drawn_anew_and_replaces_the_old_picture(
    change: dict[str, Any], plain: Any, studio: Callable[..., Studio], tmp_path: Path
) -> None:
    backbone, requests = plain(), some_requests()
    studio(backbone).draw("posed", requests)
    requests[2] = replace(requests[2], **change)
    studio(backbone).draw("posed", requests)
    assert seeds(backbone) == [1, 2, 3, 4, 5, 3]
    assert len(list((tmp_path / "posed").iterdir())) == 5


def test_other_weights_draw_everything_anew(plain: Any, studio: Callable[..., Studio]) -> None:
    backbone = plain()
    for weights in ("first", "first", "second"):
        studio(backbone, weights).draw("posed", some_requests())
    assert seeds(backbone) == [1, 2, 3, 4, 5] * 2


def test_weights_are_known_by_their_bytes(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="--weights"):
        hash_of_weights(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"first")
    first = hash_of_weights(tmp_path)
    (tmp_path / "README.md").write_text("a card")
    assert hash_of_weights(tmp_path) == first
    (tmp_path / "model.safetensors").write_bytes(b"second")
    assert hash_of_weights(tmp_path) != first


def test_a_refused_render_is_drawn_with_its_true_parts_and_any_other_refused_photo_is_grey(
    cases: list[Case], plain: Any, studio: Callable[..., Studio]
) -> None:
    class Strict(plain):  # type: ignore[misc]
        """Refuses photos on which no person was found."""

        def draw(self, drawings: Any, on_step: Any = None) -> Any:
            if any(drawing.identity.views[0].observation.keypoints is None for drawing in drawings):
                raise BadReference("expected a photo that shows a person")
            return super().draw(drawings, on_step)

    photo, here = cases[0].reference, studio(Strict())
    known, unknown = (GateRequest(photo.image, "words", 1, truth=truth) for truth in (photo, None))

    seen, grey = here.draw("known", [known])[0], here.draw("unknown", [unknown])[0]
    assert seen[0, 0].tolist() == [int(channel) for channel in photo.image.mean((0, 1))]
    assert len(np.unique(grey)) == 1 and here.refusals([photo.image]).tolist() == [1.0]
    drawn = here.backbone.drawn[0].identity.views[0].observation  # type: ignore[attr-defined]
    assert np.array_equal(parts_on_photo(drawn), photo.parts) and drawn.keypoints.shape == (17, 3)
