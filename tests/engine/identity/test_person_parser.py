"""The shipped person parser, and the error where its weights are absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image, ImageOps

from engine.errors import SetupError, WeightsError
from engine.identity.body import BodyPart
from engine.identity.examine import look_version, observe
from engine.identity.faces import CascadeFinder, Face, FaceFinder
from engine.identity.network import NetworkConfig, Outputs, ParserNetwork, joints, load_network, save_network
from engine.identity.observation import Box
from engine.identity.parsers import open_person_parser
from engine.identity.parts_network import (
    HINT_STRIDE,
    PartsConfig,
    PartsNetwork,
    hints_of,
    load_parts_network,
    save_parts_network,
)
from engine.identity.person_parser import SHIPPED_PARSER, Hints, ShippedParser, without_islands
from engine.identity.profile import Observation
from engine.identity.skeleton import MIRRORED_JOINTS


def test_the_shipped_weights_are_small_and_carry_their_origin(shipped: ShippedParser) -> None:
    assert sum(path.stat().st_size for path in SHIPPED_PARSER.iterdir()) < 5_000_000
    assert {"config", "commit", "step", "data", "held_out"} <= set(shipped.metadata)
    assert len(shipped.metadata["data"]["hash"]) == 64


def test_a_standing_person_is_seen_from_head_to_feet(standing: Image.Image, shipped: ShippedParser) -> None:
    body = shipped.parse(standing, (40, 10, 120, 185))
    assert body is not None and (body.keypoints[:, 2] > 0.5).sum() >= 14
    nose, left_ankle = body.keypoints[0], body.keypoints[15]
    assert abs(nose[0] - 79) < 8 and abs(nose[1] - 21) < 8 and left_ankle[1] > 155
    x0, y0, x1, y1 = body.box
    assert y0 < 15 and y1 > 170 and x0 > 25 and x1 < 128
    assert np.linalg.norm(body.embedding) == pytest.approx(1, abs=1e-4)


def test_a_rough_box_is_refined_to_the_person(standing: Image.Image, shipped: ShippedParser) -> None:
    rough, exact = shipped.parse(standing, (0, 0, 128, 192)), shipped.parse(standing, (45, 0, 115, 182))
    assert rough is not None and exact is not None
    assert np.abs(np.subtract(rough.box, exact.box)).max() < 15


def test_the_same_person_mirrored_is_nearer_than_another(
    standing: Image.Image, astronaut: Image.Image, shipped: ShippedParser
) -> None:
    person = shipped.parse(standing, (45, 0, 115, 182))
    mirrored = shipped.parse(ImageOps.mirror(standing), (13, 0, 83, 182))
    other = shipped.parse(astronaut, (0, 0, 512, 512))
    assert person is not None and mirrored is not None and other is not None
    assert person.embedding @ mirrored.embedding > person.embedding @ other.embedding + 0.1


def test_a_photo_of_a_texture_has_no_person(shipped: ShippedParser) -> None:
    for name in ("brick", "gravel"):
        texture = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
        assert shipped.parse(texture, (0, 0, texture.width, texture.height)) is None


def test_observing_finds_joints_and_mask_of_a_real_portrait(
    astronaut: Image.Image, finder: FaceFinder, shipped: ShippedParser
) -> None:
    observation = observe(astronaut, finder, shipped)
    assert observation.keypoints is not None and observation.parts is not None and observation.face_box is not None
    x0, y0, x1, y1 = observation.face_box
    nose = observation.keypoints[0]
    assert x0 < nose[0] < x1 and y0 < nose[1] < y1
    assert observation.version == look_version(finder, shipped)
    stored = Observation.from_bytes(observation.to_bytes())
    assert (
        stored.version == observation.version
        and stored.parts is not None
        and np.array_equal(stored.parts, observation.parts)
    )
    assert stored.keypoints is not None and np.allclose(stored.keypoints, observation.keypoints)
    assert len(observation.to_bytes()) < 20_000


def test_a_body_whose_head_is_elsewhere_is_not_the_faces(
    standing: Image.Image, cascades: CascadeFinder, shipped: ShippedParser
) -> None:
    class Elsewhere(ShippedParser):
        def parse(self, image: Image.Image, box: object, face: object = None) -> object:  # type: ignore[override]
            body = super().parse(image, (40, 10, 120, 185))
            assert body is not None
            body.keypoints[:, 1] += 100
            body.keypoints[:, 2] *= 0.7
            return body

    assert observe(standing, cascades, shipped).keypoints is not None
    unsure = observe(standing, cascades, Elsewhere())
    assert unsure.keypoints is None and unsure.face_box is not None


class Faces:
    """Finds the faces that the test gives."""

    name = "given"

    def __init__(self, *boxes: Box) -> None:
        self._faces = [Face(box, np.zeros((5, 2), np.float32)) for box in boxes]

    def find(self, image: Image.Image) -> list[Face]:
        return self._faces


def test_a_person_without_a_face_or_an_outline_is_found_on_the_whole_photo(
    standing: Image.Image, cascades: CascadeFinder, shipped: ShippedParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = observe(standing, cascades, shipped)

    observation = observe(standing, Faces(), shipped)
    assert observation.keypoints is not None and usual.keypoints is not None
    assert np.abs(observation.keypoints[:, :2] - usual.keypoints[:, :2]).max() < 8
    assert observation.body_box is not None and observation.face_box is None


def test_a_false_face_is_dropped_for_the_person_on_the_photo(
    standing: Image.Image, cascades: CascadeFinder, shipped: ShippedParser
) -> None:
    usual = observe(standing, cascades, shipped)
    fooled = observe(standing, Faces((2.0, 150.0, 22.0, 172.0)), shipped)
    assert fooled.face_box is None and fooled.face_landmarks is None
    assert fooled.keypoints is not None and usual.keypoints is not None
    assert np.abs(fooled.keypoints[:, :2] - usual.keypoints[:, :2]).max() < 8


def test_on_photos_without_people_nobody_is_seen(shipped: ShippedParser) -> None:
    for name in ("coffee", "cat", "rocket", "brick", "grass", "moon"):
        photo = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
        assert observe(photo, Faces(), shipped).keypoints is None, name


def test_joints_are_read_between_the_cells() -> None:
    heat = torch.full((1, 17, 36, 24), -20.0)
    heat[:, :, 10, 5] = heat[:, :, 10, 6] = 0.0
    outputs = Outputs(heat.flatten(2).log_softmax(2).unflatten(2, (36, 24)), torch.zeros(1, 17), torch.zeros(1))
    assert joints(outputs)[0, 0].tolist() == pytest.approx([24.0, 42.0, 0.5], abs=1e-3)


def test_hints_are_zero_where_nothing_is_given() -> None:
    mattes = torch.stack([torch.full((8, 12), -1.0), torch.zeros(8, 12)])
    mattes[1, 2, 9] = 1.0
    points = torch.tensor([[[6.0, 2.0, 0.0]], [[6.0, 2.0, 1.0]]])
    planes = hints_of(mattes, points)
    assert planes.shape == (2, 17, 2, 3) and not planes[0].any()
    matte = torch.nn.functional.pixel_shuffle(planes[1:, :16], HINT_STRIDE)[0, 0]
    assert matte[2, 9] == 1 and matte.sum() == 1 - 95
    assert planes[1, 16].argmax() == 1 and planes[1, 16, 0, 1] == 1


def test_hints_of_a_mirrored_crop_are_mirrored() -> None:
    rng = np.random.default_rng(0)
    hints = Hints(rng.uniform(0, 96, (17, 3)).astype(np.float32), rng.random((288, 192), np.float32))
    twice = hints.mirrored(96).mirrored(96)
    assert np.allclose(twice.keypoints, hints.keypoints, atol=1e-4)
    assert torch.allclose(twice.planes((96, 144)), hints.planes((96, 144)), atol=1e-4)
    left, right = hints.planes((96, 144))[0, 16 + 5], hints.mirrored(96).planes((96, 144))[0, 16 + 6]
    assert torch.allclose(left, right.flip(1), atol=1e-4)


def test_weights_come_back_as_they_were_saved(tmp_path: Path) -> None:
    network = ParserNetwork(NetworkConfig(48, 64, (8, 16, 24)))
    save_network(tmp_path, network, {"step": 7})
    loaded, metadata = load_network(tmp_path)
    assert metadata["step"] == 7 and loaded.config == network.config
    crops = torch.rand(1, 3, 64, 48)
    assert torch.allclose(loaded(crops).heat, network.eval()(crops).heat, atol=0.05)


def test_weights_of_parts_come_back_as_they_were_saved(tmp_path: Path) -> None:
    network = PartsNetwork(PartsConfig(48, 64, (8, 16, 24, 24)))
    save_parts_network(tmp_path, network, {"step": 7})
    loaded, metadata = load_parts_network(tmp_path)
    assert metadata["step"] == 7 and loaded.config == network.config
    crops, hints = torch.rand(1, 3, 64, 48), torch.rand(1, HINT_STRIDE**2 + 17, 16, 12)
    likely = loaded(crops, hints)
    assert likely.shape == (1, 8, 64, 48) and torch.allclose(likely, network.eval()(crops, hints), atol=0.05)
    assert not torch.allclose(likely, loaded(crops, torch.zeros_like(hints)), atol=0.05)


@pytest.mark.parametrize(
    ("spoiled", "command"),
    [
        (None, "parser"),
        ("model.safetensors", "parser"),
        ("metadata.json", "parser"),
        ("parts.safetensors", "parts"),
        ("parts.json", "parts"),
    ],
)
def test_weights_that_cannot_be_loaded_are_named_in_one_line(tmp_path: Path, spoiled: str | None, command: str) -> None:
    if spoiled is not None:
        save_network(tmp_path, ParserNetwork(NetworkConfig(48, 64, (8, 16, 24))), {})
        save_parts_network(tmp_path, PartsNetwork(PartsConfig(48, 64, (8, 16, 24, 24))), {})
        (tmp_path / spoiled).write_bytes(b"{}")
    with pytest.raises(WeightsError, match=f"python -m trainer {command}\\b") as caught:
        ShippedParser(tmp_path)
    assert "\n" not in str(caught.value)


def test_half_of_the_larger_models_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="ENGINE_PERSON_DETECTOR"):
        open_person_parser(pose_model=tmp_path)


def test_a_photo_and_its_mirror_image_are_seen_alike(astronaut: Image.Image, shipped: ShippedParser) -> None:
    whole = (0.0, 0.0, 512.0, 512.0)
    seen, mirrored = (shipped.parse(image, whole) for image in (astronaut, ImageOps.mirror(astronaut)))
    assert seen is not None and mirrored is not None
    swapped = mirrored.keypoints[list(MIRRORED_JOINTS)] * (-1, 1, 1) + (512, 0, 0)
    sure = seen.keypoints[:, 2] > 0.5
    assert sure.sum() >= 5
    assert np.abs(swapped[sure, :2] - seen.keypoints[sure, :2]).max() < 12
    assert (mirrored.parts[:, ::-1] == seen.parts).mean() > 0.97


def test_a_badge_that_was_read_as_skin_is_part_of_the_garment_and_a_hand_stays() -> None:
    parts = np.zeros((120, 80), np.uint8)
    parts[10:110, 10:70] = BodyPart.TOP
    parts[40:46, 30:38] = BodyPart.SKIN  # a badge
    parts[90:96, 30:38] = BodyPart.SKIN  # a hand before the garment
    parts[10:40, 10:70] = BodyPart.HAIR
    parts[20:23, 30:40] = BodyPart.FACE
    points = np.zeros((17, 3), np.float32)
    points[9] = (34, 93, 0.9)

    cleaned = without_islands(parts, points)

    assert (cleaned[40:46, 30:38] == BodyPart.TOP).all()
    changed = cleaned != parts
    assert changed.sum() == 48 and not changed[90:96].any() and not changed[:40].any()
    points[9, 2] = 0  # not visible
    assert (without_islands(parts, points)[90:96, 30:38] == BodyPart.TOP).all()
