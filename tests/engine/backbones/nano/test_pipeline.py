"""nano's pipeline: pictures from noise, equal for equal seeds; saved in a folder as diffusers saves pipelines."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from diffusers import DiffusionPipeline

from engine.backbones.nano.pipeline import NanoPipeline, load_nano, save_nano
from engine.backbones.nano.pose_examples import PoseExamples
from engine.backbones.nano.references import ReferencePhoto, prepare, regions_of, shrunk
from engine.backbones.nano.request import NanoRequest
from engine.body.atlas import shipped_atlas
from engine.body.texture import PARTS, sources_of
from engine.errors import WeightsError

HEIGHT, WIDTH = 64, 48


def nano_request(seed: int = 1) -> NanoRequest:
    atlas = shipped_atlas()
    random = np.random.default_rng(0)
    surface = np.zeros((HEIGHT // 2, WIDTH // 2), np.uint16)
    surface[4:28, 6:18] = random.integers(1, 4097, (24, 12))
    person = np.zeros((HEIGHT, WIDTH), bool)
    person[8:56, 12:36] = True
    small = shrunk(person)
    photo = ReferencePhoto(
        random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8),
        person,
        np.where(person, random.integers(1, PARTS, person.shape), 0).astype(np.uint8),
        np.concatenate([random.random((17, 2)), np.ones((17, 1))], 1).astype(np.float32),
        surface,
        np.full((HEIGHT // 2, WIDTH // 2, 3), 128, np.uint8),
        regions_of(surface, small, atlas),
    )
    joints = np.concatenate([random.random((17, 2)), np.ones((17, 1))], 1).astype(np.float32)
    return NanoRequest({"place": "beach"}, joints, [prepare(photo, sources_of(surface, small, atlas), (), atlas)], seed)


def test_equal_requests_give_equal_pictures_and_other_seeds_do_not(pipeline: NanoPipeline) -> None:
    first, again, other = (pipeline([nano_request(seed)], steps=2).pictures for seed in (1, 1, 2))

    assert first.shape == (1, HEIGHT, WIDTH, 3) and first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_batch_draws_what_single_requests_draw(pipeline: NanoPipeline) -> None:
    both = pipeline([nano_request(1), nano_request(2)], steps=2).pictures
    alone = pipeline([nano_request(2)], steps=2).pictures

    assert np.abs(both[1].astype(int) - alone[0].astype(int)).max() <= 1


def test_every_step_is_shown(pipeline: NanoPipeline) -> None:
    seen: list[tuple[int, tuple[int, ...]]] = []
    pipeline([nano_request()], steps=3, on_step=lambda number, preview: seen.append((number, preview().shape)))

    assert seen == [(1, (1, HEIGHT, WIDTH, 3)), (2, (1, HEIGHT, WIDTH, 3)), (3, (1, HEIGHT, WIDTH, 3))]


def test_at_body_scale_zero_the_photo_gives_no_colour(pipeline: NanoPipeline) -> None:
    request = replace(nano_request(), face_scale=0.0, body_scale=0.0)
    photo = request.references[0]
    darker = replace(photo, texture=photo.texture * 0.5, colours=photo.colours * 0.5)

    pictures = [pipeline([one], steps=1).pictures for one in (request, replace(request, references=[darker]))]
    assert np.array_equal(*pictures)


def test_a_folder_is_read_back_also_by_diffusers(pipeline: NanoPipeline, tmp_path: Path) -> None:
    save_nano(pipeline, tmp_path, {"pictures": 7})
    loaded, metadata = load_nano(tmp_path)

    assert metadata == {"pictures": 7}
    assert json.loads((tmp_path / "model_index.json").read_text())["_class_name"] == "NanoPipeline"
    drawn, again = (one([nano_request()], steps=1).pictures.astype(int) for one in (pipeline, loaded))
    assert np.abs(drawn - again).mean() < 2  # halves round
    parts = DiffusionPipeline.load_config(str(tmp_path))
    assert {"unet", "vae", "words", "references", "palette", "layout", "mapper", "poses"} <= set(parts)
    assert str(tmp_path) not in "".join(path.read_text() for path in tmp_path.rglob("*.json"))


def test_a_folder_without_a_pipeline_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="ENGINE_WEIGHTS"):
        load_nano(tmp_path)


def test_words_choose_the_skeleton() -> None:
    poses = PoseExamples(2)
    poses.count += 2
    for pose in range(poses.joints.shape[0]):
        for framing in range(3):
            poses.joints[pose, framing] = 10 * pose + framing

    assert poses.suggest({}, 0)[0, 0] == 0
    assert poses.suggest({"pose": "sitting"}, 0)[0, 0] == 90
    assert poses.suggest({"pose": "sitting", "framing": "portrait"}, 0)[0, 0] == 90
    assert poses.suggest({"framing": "portrait"}, 0)[0, 0] == 2
