"""Recognition networks: embeddings equal to those of the engine, and gradients for the picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from PIL import Image

from engine.identity.alignment import TEMPLATE, aligned_face
from engine.identity.faces import Face
from engine.identity.observation import Observation
from engine.identity.person_parser import ShippedParser
from engine.identity.profile import View
from engine.pixels import to_tensor
from engine.vision.onnx import OnnxNetwork
from trainer.adapter.onnx_network import FrozenOnnxNetwork
from trainer.adapter.recognition import (
    FacePlaces,
    aligning_matrix,
    box_matrix,
    cut,
    embedding_of_photo,
    embeddings,
    open_body_recognition,
    open_face_recognition,
    recognition_file,
)
from trainer.adapter.sources import open_source
from trainer.errors import DataError


class NoFaces:
    """A finder that never finds any."""

    name = "none"

    def find(self, image: Image.Image) -> list[Face]:
        return []


def a_picture(width: int = 90, height: int = 120) -> Image.Image:
    rng = np.random.default_rng(4)
    small = Image.fromarray(rng.integers(0, 255, (12, 9, 3), np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def test_a_network_embeds_as_onnxruntime_does(tmp_path: Path, write_recognition: Any) -> None:
    path = write_recognition(tmp_path / "network.onnx")
    pictures = torch.rand(2, 3, 112, 112) * 2 - 1
    ours, theirs = FrozenOnnxNetwork(path), OnnxNetwork(path)
    assert ours.size == (112, 112) and not ours.normalises
    assert torch.allclose(ours(pictures), torch.from_numpy(theirs(pictures.numpy())[0]), atol=1e-5)
    assert not list(ours.parameters())


def test_a_network_with_unknown_operators_is_an_error_of_one_line(tmp_path: Path, write_recognition: Any) -> None:
    path = write_recognition(tmp_path / "network.onnx")
    model = onnx.load(str(path))
    model.graph.node.append(helper.make_node("Resize", ["image"], ["large"]))
    onnx.save(model, str(path))
    with pytest.raises(DataError, match="got one with Resize"):
        FrozenOnnxNetwork(path)
    (tmp_path / "broken.onnx").write_bytes(b"\xff\xff")
    with pytest.raises(DataError, match="give another ONNX file"):
        FrozenOnnxNetwork(tmp_path / "broken.onnx")


def test_the_recognition_network_of_a_pack_is_the_one_that_reads_faces(tmp_path: Path, write_recognition: Any) -> None:
    write_recognition(tmp_path / "a_detector.onnx", size=(640, 640), dim=8)
    faces = write_recognition(tmp_path / "faces.onnx")
    assert recognition_file(tmp_path) == faces
    with pytest.raises(DataError, match="give another pack"):
        recognition_file(tmp_path / "none")


def test_a_crop_is_the_one_that_drawing_and_curating_make() -> None:
    picture = a_picture()
    landmarks = np.array([(36, 50), (50, 52), (43, 60), (38, 67), (48, 68)], np.float32)
    view = View(picture, Observation(90, 120, (20, 20, 70, 90), landmarks))
    aligned = aligned_face(view)
    assert aligned is not None
    pixels = to_tensor(np.array(picture)[None])
    ours = cut(pixels, aligning_matrix(landmarks, np.array(TEMPLATE, np.float32)), (112, 112))
    assert (ours[0] - to_tensor(np.array(aligned))).abs().max() < 0.03
    box = (10.0, 20.0, 74.0, 84.0)
    cropped = to_tensor(np.array(picture.crop((10, 20, 74, 84))))
    assert torch.allclose(cut(pixels, box_matrix(box, (64, 64)), (64, 64))[0], cropped, atol=1e-4)
    halved = to_tensor(np.array(picture.crop((10, 20, 74, 84)).resize((32, 32), Image.Resampling.BOX)))
    assert (cut(pixels, box_matrix(box, (32, 32)), (32, 32))[0] - halved).abs().max() < 0.03


def test_faces_are_embedded_where_the_finder_sees_them(tmp_path: Path, write_recognition: Any) -> None:
    write_recognition(tmp_path / "faces.onnx")
    recognition = open_face_recognition(tmp_path, NoFaces())
    assert recognition.places.find(a_picture()) is None
    observation = Observation(90, 120, (20, 20, 70, 90))
    place = FacePlaces((112, 112), NoFaces()).place(observation)
    assert place is not None and place.weights is None
    pictures = to_tensor(np.array(a_picture())[None]).requires_grad_(True)
    found = embeddings(recognition, pictures, [place])
    assert found.shape == (1, 512) and float(found.detach().norm()) == pytest.approx(1)
    found[0, 0].backward()
    assert pictures.grad is not None and float(pictures.grad.abs().sum()) > 0
    photo = embedding_of_photo(recognition, a_picture(), observation)
    assert photo is not None and np.allclose(photo, found[0].detach().numpy(), atol=1e-6)
    assert embedding_of_photo(recognition, a_picture(), Observation(90, 120)) is None


def test_the_included_network_embeds_bodies_as_the_person_parser_does(rendered: tuple[Path, ...]) -> None:
    recognition = open_body_recognition("shipped")
    views = [photo.open() for photo in open_source(rendered[0]).read()][:4]
    for view in views:
        observation = view.observation
        assert observation.body_box is not None and observation.keypoints is not None
        ours = embedding_of_photo(recognition, view.image, observation)
        theirs = ShippedParser().embed(view.image, observation.body_box, observation.keypoints)
        assert ours is not None and float(ours @ theirs) > 0.95  # one samples, the other resizes
    assert recognition.name.startswith("shipped-")


def test_a_re_identification_network_comes_from_a_file(tmp_path: Path, write_recognition: Any) -> None:
    path = write_recognition(tmp_path / "body.onnx", size=(256, 128), dim=32)
    recognition = open_body_recognition(str(path))
    assert recognition.size == (256, 128)
    joints: Any = np.array([[40.0, 30.0 + 5 * joint, 0.9] for joint in range(17)], np.float32)
    observation = Observation(90, 120, body_box=(25, 20, 55, 110), keypoints=joints)
    found = embedding_of_photo(recognition, a_picture(), observation)
    assert found is not None and found.shape == (32,)
    other = write_recognition(tmp_path / "other.onnx", size=(256, 128), dim=32, seed=1)
    assert open_body_recognition(str(other)).name != recognition.name
    with pytest.raises(DataError, match=r"none\.onnx"):
        open_body_recognition(str(tmp_path / "none.onnx"))
