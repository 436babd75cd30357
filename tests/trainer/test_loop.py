import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainer import loop
from trainer.errors import CheckpointError, DataError
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


def test_a_run_of_several_processes_on_the_cpu_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # accelerate gives each of several processes a device of this name
    monkeypatch.setattr("accelerate.Accelerator.device", torch.device("cpu", 0))
    trained, loaded = Line(), Line()
    fit(a_run(tmp_path), trained, points)
    fit(a_run(tmp_path), loaded, points)
    assert all(torch.equal(a, b) for a, b in zip(trained.parameters(), loaded.parameters(), strict=True))


def test_a_finished_run_is_loaded_and_not_trained_again(tmp_path: Path) -> None:
    fit(a_run(tmp_path), Line(), points)

    def never(rows: int, rng: np.random.Generator) -> Tensor:
        raise AssertionError("drew a batch")

    loaded = Line()
    fit(a_run(tmp_path), loaded, never)
    average = torch.load(tmp_path / "state.pt", weights_only=True)["average"]
    assert torch.equal(loaded.line.weight, average["line.weight"])


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


class Accumulated(Line):
    """A learner without random noise, so that one batch of eight equals two of four."""

    def forward(self, points: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        return {"loss": (self.line(points) - 2 * points - 1).square().mean()}


def test_gradients_of_several_batches_make_one_step(tmp_path: Path) -> None:
    whole, parts = Accumulated(), Accumulated()
    fit(a_run(tmp_path / "whole", steps=3), whole, points)
    fit(a_run(tmp_path / "parts", steps=3, batch=4, accumulation=2), parts, points)
    assert torch.allclose(whole.line.weight, parts.line.weight, atol=1e-6)
    rows = [json.loads((tmp_path / name / "log.jsonl").read_text()) for name in ("whole", "parts")]
    assert rows[0]["loss"] == pytest.approx(rows[1]["loss"], abs=1e-6)


def test_an_accumulating_run_resumes_bit_for_bit(tmp_path: Path) -> None:
    changes = {"accumulation": 3}
    whole, again = Line(), Line()
    fit(a_run(tmp_path / "whole", **changes), whole, points)
    drawn = 0

    def until_the_eighth_step(rows: int, rng: np.random.Generator) -> Tensor:
        nonlocal drawn
        drawn += 1
        if drawn == 3 * 7 + 2:
            raise Unplugged
        return points(rows, rng)

    with pytest.raises(Unplugged):
        fit(a_run(tmp_path / "cut", **changes), Line(), until_the_eighth_step)
    fit(a_run(tmp_path / "cut", **changes), again, points)
    assert torch.equal(whole.line.weight, again.line.weight)


def test_runs_from_before_accumulation_resume(tmp_path: Path) -> None:
    stamp = a_run(tmp_path).stamp()
    assert not {"accumulation", "optimizer", "wandb", "minutes"} & set(stamp)
    assert a_run(tmp_path, accumulation=2).stamp()["accumulation"] == 2


@pytest.mark.parametrize("changes", [{"optimizer": "adamw8bit"}, {"wandb": "bolid"}])
def test_a_package_that_is_missing_is_one_line_with_the_remedy(
    tmp_path: Path, changes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("bitsandbytes", "wandb"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DataError, match=r"run `pip install \w+`, or ") as caught:
        fit(a_run(tmp_path, **changes), Line(), points)
    assert "\n" not in str(caught.value)


def test_figures_go_to_wandb_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[tuple[int, dict[str, float]]] = []
    finished: list[bool] = []
    run = SimpleNamespace(log=lambda means, step: logged.append((step, means)), finish=lambda: finished.append(True))
    begun: dict[str, Any] = {}
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=lambda **named: begun.update(named) or run))
    fit(a_run(tmp_path, steps=30, wandb="bolid"), Line(), points)
    assert begun["project"] == "bolid" and begun["resume"] == "allow"
    assert [step for step, _ in logged] == [25, 30] and finished == [True]
    assert set(logged[0][1]) == {"loss"}


def test_the_first_process_keeps_the_time_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    several = SimpleNamespace(num_processes=2, device=torch.device("cpu"))
    monkeypatch.setattr("trainer.loop.broadcast", lambda seconds, from_process: torch.full_like(seconds, 7.5))

    assert loop._of_first(several, 3.0) == 7.5
    assert loop._of_first(SimpleNamespace(num_processes=1), 3.0) == 3.0
