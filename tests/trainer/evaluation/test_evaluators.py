"""The evaluators: the people that they may learn from, their training, and loading what was saved."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from trainer.__main__ import main
from trainer.errors import CheckpointError, DataError
from trainer.evaluation import train_evaluators
from trainer.evaluation.evaluators import (
    BODY_DIM,
    FACE_DIM,
    HEAD_PX,
    PARTS,
    SHIPPED_EVALUATORS,
    Evaluators,
    Trunk,
    heads_in,
    load_evaluators,
)
from trainer.evaluation.train_evaluators import EvaluatorRun, train
from trainer.loop import TrainConfig, fit
from trainer.shards import PeopleShards, read_shards

STEPS = 4


def run_to(out: Path, shards: Path) -> EvaluatorRun:
    return EvaluatorRun(shards, out, steps=STEPS, batch=2, width=32, height=48)


@pytest.fixture(scope="module")
def people(shards: Path) -> PeopleShards:
    return read_shards(shards)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, shards: Path) -> tuple[Path, dict[str, float | None]]:
    out = tmp_path_factory.mktemp("evaluators")
    return out, train(run_to(out, shards))


@pytest.fixture(scope="module")
def evaluators(trained: tuple[Path, dict[str, float | None]]) -> Evaluators:
    return load_evaluators(trained[0])


def lessons_of(people: PeopleShards) -> Any:
    return train_evaluators.Lessons(people, train_evaluators._names(people), (32, 48))


def test_what_is_loaded_judges_as_what_was_trained(
    trained: tuple[Path, dict[str, float | None]], evaluators: Evaluators, people: PeopleShards
) -> None:
    assert evaluators.held_out == trained[1]
    assert train_evaluators._figures(evaluators, people, lessons_of(people)) == trained[1]


def test_metadata_says_what_they_come_from_in_strict_json(
    trained: tuple[Path, dict[str, float | None]], people: PeopleShards
) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    metadata = json.loads((trained[0] / "metadata.json").read_text("utf-8"), parse_constant=refuse)
    assert metadata["data"] == {"hash": people.manifest["hash"], "photos": len(people.images)}
    assert metadata["run"]["steps"] == STEPS and metadata["run"]["batch"] == 2 and metadata["commit"]
    assert metadata["held_out"]["body_rank1"] is None  # one person is held out here: no rank among one


def test_the_last_people_are_not_learned_from(people: PeopleShards) -> None:
    lessons = lessons_of(people)
    learned = {int(people.identity[row]) for group in lessons.groups for row in group}
    held_out = {int(people.identity[row]) for row in lessons.held_out()}
    assert learned and held_out and not learned & held_out
    assert max(learned) < min(held_out)


@pytest.mark.parametrize("first", [0, 2_000_000])
def test_people_of_the_methods_or_of_the_test_are_refused(
    first: int, people: PeopleShards, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = replace(people, identity=people.identity - people.identity.min() + first)
    monkeypatch.setattr(train_evaluators, "read_shards", lambda folder: others)
    with pytest.raises(DataError, match="expected validation identities"):
        train(run_to(tmp_path, shards))


def test_a_folder_of_other_settings_is_refused(trained: tuple[Path, dict[str, float | None]], shards: Path) -> None:
    with pytest.raises(CheckpointError, match="expected a run of"):
        train(replace(run_to(trained[0], shards), batch=3))


def test_every_head_learns_a_few_photos_by_heart(people: PeopleShards, tmp_path: Path) -> None:
    """Parts, places and bodies of the same photos must be read better after some steps than before any."""
    torch.manual_seed(0)
    lessons, names = lessons_of(people), train_evaluators._names(people)
    trunk = Trunk({name: len(classes) for name, classes in asdict(names).items()})
    rows = np.concatenate(lessons.groups)

    def losses() -> dict[str, float]:
        eyes = Evaluators(trunk, names, (32, 48), {})
        reading = eyes.read(people.images[rows])
        right = {
            name: float((predicted == lessons.classes[name][rows]).mean())
            for name, predicted in reading.classes.items()
        }
        trunk.train()
        return right | {"parts": float((reading.parts == people.parts[rows]).mean())}

    before = losses()
    run = TrainConfig(out=tmp_path, steps=40, batch=4, learning_rate=2e-3, ema_decay=0.8)
    fit(run, train_evaluators.EvaluatorLearner(trunk), lessons.batch)
    rows_of_log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    after = losses()
    assert rows_of_log[-1]["loss"] < 0.9 * rows_of_log[0]["loss"]  # means of steps 26 to 40 and of 1 to 25
    assert after["parts"] > before["parts"]
    assert np.mean([after[name] for name in asdict(names)]) > np.mean([before[name] for name in asdict(names)]) + 0.1


def test_pictures_of_any_size_are_read_at_their_own(evaluators: Evaluators) -> None:
    for height, width in ((40, 30), (200, 130)):
        pictures = np.random.default_rng(0).integers(0, 255, (2, height, width, 3), np.uint8)
        reading = evaluators.read(pictures)
        assert reading.parts.shape == (2, height, width) and reading.parts.max() < PARTS
        assert set(reading.classes) == set(asdict(evaluators.names))
        body = evaluators.body(pictures)
        assert body.shape == (2, BODY_DIM)
        np.testing.assert_allclose(np.linalg.norm(body, axis=1), 1, atol=1e-5)


def test_words_and_pictures_share_unit_vectors(evaluators: Evaluators, people: PeopleShards) -> None:
    texts, pictures = evaluators.text(["a person on a beach", ""]), evaluators.picture(people.images[:2])
    assert texts.shape == pictures.shape
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)
    assert np.abs(texts[0] - texts[1]).max() > 1e-3


def test_a_face_is_taken_from_its_box_and_is_nothing_without_one(evaluators: Evaluators, people: PeopleShards) -> None:
    boxes = people.face_box[:3].copy()
    boxes[1] = np.nan
    boxes[2] = (-50, -50, -10, -10)
    faces = evaluators.face(people.images[:3], boxes)
    assert faces.shape == (3, FACE_DIM)
    np.testing.assert_allclose(np.linalg.norm(faces[0]), 1, atol=1e-5)
    assert np.isnan(faces[1:]).all()


def test_a_box_shows_what_is_in_it() -> None:
    picture = np.zeros((1, 60, 40, 3), np.uint8)
    picture[0, 10:30, 10:30] = 255
    inner, outer = (heads_in(picture, np.array([box], np.float32))[0] for box in ((16, 16, 24, 24), (30, 40, 40, 50)))
    assert inner is not None and inner.shape == (1, 3, HEAD_PX, HEAD_PX) and float(inner.min()) > 0.99
    assert outer is not None and float(outer.max()) < -0.99


def test_weights_of_another_trunk_are_refused_in_one_line(
    trained: tuple[Path, dict[str, float | None]], tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match="found none"):
        load_evaluators(tmp_path)
    (tmp_path / "metadata.json").write_text((trained[0] / "metadata.json").read_text())
    save_file({"stem": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="this trunk's weights") as caught:
        load_evaluators(tmp_path)
    assert "\n" not in str(caught.value)


def test_shipped_evaluators_are_half_as_large_and_see_the_same(
    trained: tuple[Path, dict[str, float | None]], evaluators: Evaluators, people: PeopleShards, tmp_path: Path
) -> None:
    study = tmp_path / "study"
    study.mkdir()
    (study / "evaluators").symlink_to(trained[0])
    assert main(["evaluators", "--study", str(study), "--out", str(tmp_path / "shipped")]) == 0
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (tmp_path / "shipped", trained[0])]
    assert sizes[0] < 0.51 * sizes[1]
    shipped = load_evaluators(tmp_path / "shipped")
    assert (shipped.names, shipped.size, shipped.held_out) == (evaluators.names, evaluators.size, evaluators.held_out)
    likeness = (shipped.body(people.images) * evaluators.body(people.images)).sum(1)
    assert likeness.min() > 0.999


def test_a_study_without_evaluators_ships_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluators", "--study", str(tmp_path), "--out", str(tmp_path / "shipped")]) == 2
    printed = capsys.readouterr().err
    assert "--only evaluators" in printed and printed.count("\n") == 1
    assert not (tmp_path / "shipped").exists()


def test_what_is_shipped_is_small_and_tells_how_good_it_is() -> None:
    assert sum(path.stat().st_size for path in SHIPPED_EVALUATORS.iterdir()) < 4_000_000
    held_out = load_evaluators(SHIPPED_EVALUATORS).held_out
    for name in ("background_accuracy", "body_rank1", "mean_part_iou"):
        assert 0 < held_out[name] <= 1
