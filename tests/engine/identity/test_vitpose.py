"""ViTPose and RT-DETR through transformers, with tiny random checkpoints of their layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    RTDetrConfig,
    RTDetrForObjectDetection,
    RTDetrResNetConfig,
    VitPoseBackboneConfig,
    VitPoseConfig,
    VitPoseForPoseEstimation,
)
from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil
from transformers.models.vitpose.image_processing_pil_vitpose import VitPoseImageProcessorPil

from engine.errors import WeightsError
from engine.identity.observation import Box
from engine.identity.parsers import open_person_parser
from engine.identity.person_parser import ShippedParser
from engine.identity.vitpose import VitPoseParser


def _pose_model(folder: Path, joints: int = 17) -> Path:
    torch.manual_seed(0)
    names = {number: f"joint_{number}" for number in range(joints)}
    backbone = VitPoseBackboneConfig(
        image_size=[256, 192], patch_size=[16, 16], hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        mlp_ratio=2, out_indices=[2],
    )  # fmt: skip
    config = VitPoseConfig(backbone_config=backbone, id2label=names, label2id={v: k for k, v in names.items()})
    VitPoseForPoseEstimation(config).save_pretrained(folder)
    VitPoseImageProcessorPil().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    pose, detector = tmp_path_factory.mktemp("pose"), tmp_path_factory.mktemp("detector")
    _pose_model(pose)
    torch.manual_seed(0)
    backbone = RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], out_features=["stage2", "stage3", "stage4"]
    )
    config = RTDetrConfig(
        backbone_config=backbone, encoder_hidden_dim=16, encoder_in_channels=[8, 16, 16], encoder_ffn_dim=16,
        encoder_attention_heads=2, decoder_in_channels=[16, 16, 16], d_model=16, num_queries=10, decoder_layers=1,
        decoder_ffn_dim=16, decoder_attention_heads=2, num_denoising=0, encoder_layers=1, anchor_image_size=None,
        id2label={0: "person", 1: "bicycle"}, label2id={"person": 0, "bicycle": 1},
    )  # fmt: skip
    RTDetrForObjectDetection(config).save_pretrained(detector)
    RTDetrImageProcessorPil(size={"height": 128, "width": 128}).save_pretrained(detector)
    return pose, detector


@pytest.fixture(scope="module")
def parser(folders: tuple[Path, Path]) -> VitPoseParser:
    opened = open_person_parser(*folders)
    assert isinstance(opened, VitPoseParser)
    return opened


def test_the_detector_gives_boxes_inside_the_photo_and_people_alone(
    parser: VitPoseParser, standing: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.identity.vitpose.PERSON_MIN", 0.0)
    people = [person.box for person in parser.detect(standing)]
    assert 0 < len(people) <= 10
    assert all(0 <= x0 < x1 <= 128 and 0 <= y0 < y1 <= 192 for x0, y0, x1, y1 in people)
    monkeypatch.setattr(parser, "_person", 5)
    assert parser.detect(standing) == []


def test_joints_come_from_vitpose_and_parts_from_the_shipped_network(
    parser: VitPoseParser, standing: Image.Image, shipped: ShippedParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    detected: Box = (45, 0, 115, 182)
    monkeypatch.setattr(parser, "_boxes", lambda _: [(0.0, 0.0, 20.0, 20.0), detected])
    body = parser.parse(standing, (30, 0, 128, 192))
    assert body is not None and body.box == detected
    assert body.keypoints.shape == (17, 3) and body.keypoints.dtype == np.float32
    assert np.array_equal(body.parts, shipped.parts(standing, detected, body.keypoints)[0])
    assert (body.parts > 0).mean() > 0.1


def test_a_peak_of_the_heat_map_is_found_where_it_lies(
    parser: VitPoseParser, standing: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    heat = torch.zeros(1, 17, 64, 48)
    heat[:, :, 32, 24] = 0.9
    forward = type(parser._pose).forward

    def with_a_peak(*arguments: object, **keywords: object) -> object:
        outputs = forward(parser._pose, *arguments, **keywords)
        outputs.heatmaps = heat
        return outputs

    monkeypatch.setattr(parser._pose, "forward", with_a_peak)
    joints = parser._joints(standing, (44, 20, 84, 170))
    assert joints[0] == pytest.approx([64, 95, 0.9], abs=3), "the middle of the map is the middle of the box"


def test_nobody_detected_falls_back_to_the_shipped_network(
    parser: VitPoseParser, standing: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parser, "_boxes", lambda _: [])
    body = parser.parse(standing, (0, 0, 128, 192))
    assert body is not None and body.box[3] > 170
    assert parser.parse(Image.new("RGB", (128, 192), "gray"), (0, 0, 128, 192)) is None


def test_folders_that_hold_something_else_are_named_in_one_line(
    folders: tuple[Path, Path], shipped: ShippedParser, tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match="ENGINE_POSE_MODEL") as caught:
        VitPoseParser(tmp_path, folders[1], shipped)
    assert "\n" not in str(caught.value)
    with pytest.raises(WeightsError, match="17 joints"):
        VitPoseParser(_pose_model(tmp_path / "other", 21), folders[1], shipped)
