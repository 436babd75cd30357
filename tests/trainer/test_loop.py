import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainer.errors import CheckpointError
from trainer.loop import TrainConfig, fit, learning_rate


class Line(nn.Module):
    """Learns y = 2 x + 1 from noisy points: both random sources matter."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.line = nn.Linear(1, 1)

    def forward(self, points: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        noise = 0.01 * torch.randn(points.shape, generator=generator)
        return {"loss": (self.line(points) - 2 * points - 1 + noise).square().mean()}


def points(rows: int, rng: np.random.Generator) -> Tensor:
    return torch.from_numpy(rng.uniform(-1, 1, (rows, 1))).float()


def a_run(out: Path, **changes: object) -> TrainConfig:
    return TrainConfig(**({"out": out, "steps": 12, "batch": 8, "learning_rate": 0.1, "save_every": 5} | changes))  # type: ignore[arg-type]


class Unplugged(Exception):
    pass


def test_a_run_that_was_cut_off_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole, cut = Line(), Line()
    fit(a_run(tmp_path / "whole"), whole, points)
    drawn = 0

    def until_the_seventh(rows: int, rng: np.random.Generator) -> Tensor:
        nonlocal drawn
        drawn += 1
        if drawn == 8:
            raise Unplugged
        return points(rows, rng)

    with pytest.raises(Unplugged):
        fit(a_run(tmp_path / "cut"), cut, until_the_seventh)
    again = Line()
    fit(a_run(tmp_path / "cut"), again, points)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))
    first = torch.load(tmp_path / "whole" / "state.pt", weights_only=True)
    second = torch.load(tmp_path / "cut" / "state.pt", weights_only=True)
    assert all(torch.equal(first["learner"][name], second["learner"][name]) for name in first["learner"])


def test_a_finished_run_is_loaded_and_not_trained_again(tmp_path: Path) -> None:
    fit(a_run(tmp_path), Line(), points)

    def never(rows: int, rng: np.random.Generator) -> Tensor:
        raise AssertionError("drew a batch")

    loaded = Line()
    fit(a_run(tmp_path), loaded, never)
    kept = torch.load(tmp_path / "state.pt", weights_only=True)["average"]
    assert torch.equal(loaded.line.weight, kept["line.weight"])


def test_other_settings_in_the_same_folder_are_refused_in_one_line(tmp_path: Path) -> None:
    fit(a_run(tmp_path), Line(), points)
    with pytest.raises(CheckpointError, match="expected a run of") as caught:
        fit(a_run(tmp_path, learning_rate=0.2), Line(), points)
    assert "\n" not in str(caught.value)


def test_learning_is_logged_and_pictures_are_kept(tmp_path: Path) -> None:
    picture = np.full((4, 6, 3), 7, np.uint8)
    fit(a_run(tmp_path, steps=60, validate_every=30), Line(), points, lambda step: picture)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [25, 50, 60]
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert sorted(path.name for path in (tmp_path / "validation").iterdir()) == ["000030.png", "000060.png"]
    assert list((tmp_path / "tensorboard").iterdir())


def test_a_budget_of_minutes_ends_a_run_and_takes_the_learning_rate_down(tmp_path: Path) -> None:
    run = a_run(tmp_path, steps=10**6, minutes=0.01)
    seconds = fit(run, Line(), points)

    assert 0.6 <= seconds < 60
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert 0 < state["step"] < 10**6
    assert learning_rate(run, 10**5, 1.0) == pytest.approx(0.01 * run.learning_rate)
    assert learning_rate(run, 10**5, 0.0) == run.learning_rate
