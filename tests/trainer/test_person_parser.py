"""Training the person parser on three people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.identity.network import load_network
from engine.identity.parts_network import HINT_STRIDE, load_parts_network
from engine.identity.skeleton import MIRRORED_JOINTS
from trainer.parser_backgrounds import Backgrounds
from trainer.parser_crops import CropMaker, Likelihoods
from trainer.parser_hints import unsure_joints, unsure_matte
from trainer.parts_training import PartsRun, dice_loss, train_parts
from trainer.person_parser import ParserRun, _rank_1, contrastive, train
from trainer.shards import read_shards
from trainer.synthetic.parts import KEYPOINTS, Part


def test_a_run_writes_weights_with_figures_and_is_not_repeated(shards: Path, tmp_path: Path) -> None:
    run = ParserRun(
        shards, tmp_path, steps=3, embedding_steps=2, embedding_rounds=1, batch=2, people=2, held_out=1,
        threads=torch.get_num_threads(),
    )  # fmt: skip
    figures = train(run)
    assert 0 <= figures["pck_10"] <= 1 and figures["people"] == 1
    network, metadata = load_network(tmp_path / "person_parser")
    assert metadata["step"] == 3 and len(metadata["data"]["hash"]) == 64
    assert metadata["held_out"] == figures
    logs = [tmp_path / "log.jsonl", tmp_path / "embedding" / "log.jsonl"]
    before = [log.read_text() for log in logs]
    assert train(run) == figures, "both stages are only loaded"
    assert [log.read_text() for log in logs] == before
    again, _ = load_network(tmp_path / "person_parser")
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in again.state_dict().items())


def test_the_embedding_learns_while_the_rest_stays(shards: Path, tmp_path: Path) -> None:
    weights = []
    for steps in (1, 8):
        run = ParserRun(
            shards, tmp_path / str(steps), steps=1, embedding_steps=steps, batch=2, people=2, held_out=1,
            threads=torch.get_num_threads(),
        )  # fmt: skip
        train(run)
        weights.append(load_network(tmp_path / str(steps) / "person_parser")[0].state_dict())
    changed = {name.split(".")[0] for name, value in weights[0].items() if not torch.equal(value, weights[1][name])}
    assert changed == {"embedding"}


def test_a_run_of_parts_writes_weights_with_figures_and_is_not_repeated(shards: Path, tmp_path: Path) -> None:
    run = PartsRun(shards, shards, tmp_path, steps=3, batch=2, threads=torch.get_num_threads())
    figures = train_parts(run)
    assert 0 <= figures["hinted_mask_iou"] <= 1 and figures["hinted_mask_iou"] != figures["plain_mask_iou"]
    network, metadata = load_parts_network(tmp_path / "person_parser")
    assert metadata["step"] == 3 and metadata["held_out"]["plain"]["iou_hair"] == figures["plain_iou_hair"]
    log = (tmp_path / "log.jsonl").read_text()
    assert train_parts(run) == figures and (tmp_path / "log.jsonl").read_text() == log
    again, _ = load_parts_network(tmp_path / "person_parser")
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in again.state_dict().items())


def test_the_dice_loss_is_small_for_the_truth_alone() -> None:
    parts = torch.randint(0, len(Part), (2, 16, 16), generator=torch.Generator().manual_seed(0))
    truth = 20.0 * torch.nn.functional.one_hot(parts, len(Part)).movedim(-1, 1)
    assert dice_loss(truth, parts) < 0.01 < 0.5 < dice_loss(truth.flip(2), parts)


def test_people_have_hints_with_errors_and_empty_crops_have_none(shards: Path) -> None:
    people, rows = read_shards(shards, places=True), np.arange(9)
    given = CropMaker(people, 96, 144, None, 1.0).crops(rows, np.random.default_rng(0))
    absent = CropMaker(people, 96, 144, None).crops(rows, np.random.default_rng(0))
    empty = CropMaker(people, 96, 144, Likelihoods(without_person=1.0), 1.0).crops(rows, np.random.default_rng(0))
    assert not absent.hints.any() and not empty.hints.any()
    matte, heat = (
        torch.nn.functional.pixel_shuffle(given.hints[:, : HINT_STRIDE**2], HINT_STRIDE)[:, 0],
        given.hints[:, 16:],
    )
    with_matte = matte.flatten(1).any(1)
    assert with_matte.sum() > 4 and heat.flatten(1).any(1).all()
    person, read = given.parts[with_matte] > 0, matte[with_matte] > 0
    assert 0.5 < (person & read).sum() / (person | read).sum() < 0.99
    assert heat.shape[1:] == (17, 36, 24) and 0 < heat.amax() <= 1


def test_an_unsure_matte_and_joints_are_near_the_truth() -> None:
    rng = np.random.default_rng(0)
    parts = np.zeros((144, 96), np.uint8)
    parts[20:130, 30:70] = Part.TOP
    joints = np.tile(np.array([50.0, 60.0, 1.0], np.float32), (17, 1))
    mattes = [unsure_matte(parts, joints, rng) for _ in range(50)]
    found = np.stack([unsure_joints(joints, 96, 144, rng) for _ in range(50)])
    overlaps = [((m > 0.5) & (parts > 0)).sum() / ((m > 0.5) | (parts > 0)).sum() for m in mattes]
    assert min(map(np.min, mattes)) >= 0 and max(map(np.max, mattes)) <= 1
    assert np.median(overlaps) > 0.75 and max(overlaps) < 1 and min(overlaps) < 0.85
    given = found[..., 2] > 0
    distance = np.linalg.norm(found[..., :2] - joints[:, :2], axis=-1)
    assert 0.8 < given.mean() < 0.95 and 0.5 < np.median(distance) < 6 and (distance > 20).any()


def test_backgrounds_show_no_person_of_the_places() -> None:
    places = np.full((2, 40, 30, 3), 90, np.uint8)
    backgrounds = Backgrounds(places, 96, 144)
    drawn = [backgrounds.draw(np.random.default_rng(seed)) for seed in range(40)]
    assert {(picture.shape, picture.dtype) for picture in drawn} == {((144, 96, 3), np.dtype(np.uint8))}
    places_alone = sum((picture == 90).all() for picture in drawn)
    assert 8 < places_alone < 25


def test_plain_crops_keep_joints_on_the_person(shards: Path) -> None:
    people = read_shards(shards, places=True)
    crops = CropMaker(people, 96, 144, None).crops(np.arange(len(people.images)), np.random.default_rng(0))
    visible = crops.joints[..., 2] > 0
    rows, joints = torch.nonzero(visible, as_tuple=True)
    x, y = crops.joints[rows, joints, 0].long(), crops.joints[rows, joints, 1].long()
    assert (crops.parts[rows, y.clamp(0, 143), x.clamp(0, 95)] > 0).float().mean() > 0.9
    assert crops.inside[visible].all()


def test_a_mirrored_crop_swaps_left_and_right(shards: Path) -> None:
    people = read_shards(shards, places=True)
    assert [KEYPOINTS[index] for index in MIRRORED_JOINTS[:3]] == ["nose", "right_eye", "left_eye"]
    maker = CropMaker(people, 96, 144, None)
    window = np.array([0.0, 0.0, 128.0, 192.0])
    plain, mirrored = maker._cut(0, window, 0.0, False), maker._cut(0, window, 0.0, True)
    assert mirrored.joints[5, 0] == pytest.approx(96 - plain.joints[6, 0], abs=0.01)
    assert (mirrored.parts == plain.parts[:, ::-1]).mean() > 0.95


def test_changed_crops_differ_and_nobody_is_nobody(shards: Path) -> None:
    people = read_shards(shards, places=True)
    maker = CropMaker(people, 96, 144, Likelihoods(without_person=1.0))
    empty = maker.crops(np.zeros(3, np.int64), np.random.default_rng(0))
    assert not empty.parts.any() and not empty.joints[..., 2].any() and not empty.inside.any()
    crops = CropMaker(people, 96, 144, Likelihoods(without_person=0.0)).crops(
        np.zeros(2, np.int64), np.random.default_rng(0)
    )
    assert not torch.equal(crops.images[0], crops.images[1])


def test_the_contrastive_loss_is_small_where_people_lie_apart() -> None:
    identity = torch.tensor([0, 1, 0, 1])
    apart = torch.tensor([[1.0, 0], [0, 1], [1, 0], [0, 1]])
    assert contrastive(apart, identity) < 0.01 < contrastive(apart[[0, 0, 1, 1]], identity)


def test_rank_1_counts_whose_nearest_is_their_own() -> None:
    vectors = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 2, 2]]
    assert _rank_1(vectors, np.array([0, 0, 1, 1, 2, 2])) == 1.0
    assert _rank_1(vectors[[0, 2, 2, 4, 4, 0]], np.array([0, 0, 1, 1, 2, 2])) == 0.0
