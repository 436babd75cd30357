"""Figures of given pictures: recognition of the person, places of joints, and equation 1 by the person's mask."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from trainer.adapter.recognition import CropPlace, Recognition
from trainer.evaluation.published import Published
from trainer.measure.cases import Target
from trainer.measure.equation import equation_figures
from trainer.measure.networks import MeasuringNetworks
from trainer.measure.people import PersonRow, distances_of, person_row, values_of

HEIGHT, WIDTH = 32, 24


def a_picture(shade: int) -> NDArray[np.uint8]:
    return np.full((HEIGHT, WIDTH, 3), shade, np.uint8)


class Shades:
    """Finds somebody on every picture that is not black."""

    def find(self, picture: Image.Image) -> CropPlace | None:
        return CropPlace(np.eye(3)[:2]) if picture.getbbox() else None

    def place(self, seen: Any) -> None:
        return None


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> MeasuringNetworks:
    """Networks whose vector turns with a picture's brightness; the joints read are those of the corners."""

    def embedding_at(recognition: Any, image: Image.Image, place: Any, unit: bool) -> Any:
        if place is None:
            return None
        angle = np.asarray(image).mean() / 255
        vector = np.array([np.cos(angle), np.sin(angle)], np.float32)
        return vector if unit else 2 * vector

    monkeypatch.setattr("trainer.measure.networks.embedding_at", embedding_at)
    recognition: Any = Recognition("shades", (4, 4), SimpleNamespace(), Shades())  # type: ignore[arg-type]
    joints = np.zeros((17, 3), np.float32)
    poses: Any = SimpleNamespace(
        see=lambda picture: SimpleNamespace(keypoints=lambda: joints) if picture.any() else None
    )
    faces = {"arcface": recognition, "dlib": recognition}
    no_network: Any = None
    return MeasuringNetworks(Published(), None, faces, recognition, poses, no_network, no_network)


def a_target(shade: int) -> Target:
    joints = np.full((17, 3), 1.0, np.float32)
    joints[:8, :2] = 0
    return Target(a_picture(shade), None, joints)


def test_likeness_is_to_the_reference_and_to_the_held_out_photo(networks: MeasuringNetworks) -> None:
    pictures = [a_picture(102), a_picture(0)]
    found = person_row(networks, pictures, a_picture(51), a_target(204), "a person").figures
    assert found["arcface_ref"] == pytest.approx(np.cos(0.2)) and found["arcface_gt"] == pytest.approx(np.cos(0.4))
    assert found["arcface_gap"] == pytest.approx(np.cos(0.2) - np.cos(0.4), abs=1e-5)
    assert found["dlib_gt"] == pytest.approx(4 * np.sin(0.2), rel=1e-4)
    assert found["body_found"] == found["arcface_face_found"] == 0.5
    assert "dlib_gap" not in found
    assert found["pck"] == pytest.approx((8 / 17 + 0) / 2)  # nobody is seen on the second


def test_a_photo_without_anybody_gives_no_likeness(networks: MeasuringNetworks) -> None:
    found = person_row(networks, [a_picture(102)], a_picture(51), a_target(0), "a person").figures
    assert np.isnan(found["arcface_gt"]) and not np.isnan(found["arcface_ref"])
    assert "arcface_face_found" not in found
    assert person_row(networks, [], a_picture(51), a_target(0), "a person") == PersonRow({})


def test_rank1_counts_people_whose_own_photo_is_nearest() -> None:
    x, y = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    rows = [
        PersonRow({"pck": 1.0}, {"body_drawn": x, "body_true": x}),
        PersonRow({}),
        PersonRow({"pck": 0.0}, {"body_drawn": x, "body_true": y}),
    ]
    values = values_of(rows)
    assert values["body_rank1"][[0, 2]].tolist() == [1.0, 0.0] and np.isnan(values["body_rank1"][1])
    assert np.isnan(values["pck"][1]) and "arcface_rank1" not in values
    assert distances_of(rows) == {}
    rng = np.random.default_rng(0)
    features = rng.normal(size=(6, 3)).astype(np.float32)
    same = [PersonRow({}, {"drawn": features[[n]], "true": features[[n]]}) for n in range(6)]
    assert distances_of(same)["fid"] == pytest.approx(0, abs=1e-5)


def test_equation_1_is_averaged_on_the_person_and_beside() -> None:
    errors = np.ones((2, 4, 2), np.float32)
    errors[:, :, 0] = 3
    errors[1] *= 2
    mask = np.zeros((16, 8), np.float32)
    mask[:, :4] = 1
    found = equation_figures(errors, (0.1, 0.9), mask)
    assert found["eq1_person_t0.1"] == 3 and found["eq1_background_t0.9"] == 2 and found["eq1_t0.1"] == 2
    assert (found["eq1"], found["eq1_person"], found["eq1_background"]) == (3, 4.5, 1.5)
    assert set(equation_figures(errors, (0.1, 0.9), None)) == {"eq1", "eq1_t0.1", "eq1_t0.9"}
    assert "eq1_person" not in equation_figures(errors, (0.1, 0.9), np.zeros((16, 8), np.float32))
