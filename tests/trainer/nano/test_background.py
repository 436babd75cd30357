"""BackgroundDenoiser learns from painted places, resumes, and shows what it draws."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.backbones.nano.attributes import NAMES, PLACES
from engine.backbones.nano.background import BackgroundDenoiser
from engine.networks import load_network
from engine.pixels import to_tensor
from trainer.nano import background
from trainer.nano.background import BackgroundLearner, BackgroundRun, painted, train_background


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> BackgroundRun:
    return BackgroundRun(tmp_path_factory.mktemp("background"), painted=600, pictures=64, batch=32, workers=1)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "CHUNK", 600)
    monkeypatch.setattr(background, "ProcessPoolExecutor", InThisProcess)
    monkeypatch.setattr(background, "UNSEEN", 100)


class InThisProcess:
    """A pool of this process alone, which has CHUNK as the tests set it."""

    def __init__(self, workers: int, mp_context: object) -> None:
        assert workers == 1

    def __enter__(self) -> InThisProcess:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    map = staticmethod(map)


def test_places_are_painted_once_under_their_names(run: BackgroundRun) -> None:
    pictures, values = painted(run)
    stamps = {path: path.stat().st_mtime_ns for path in (run.out / "painted").iterdir()}
    again, same = painted(run)

    assert pictures.shape == (600, 60, 40, 3) and pictures.dtype == np.uint8
    assert np.array_equal(again, pictures) and torch.equal(same, values)
    assert stamps == {path: path.stat().st_mtime_ns for path in (run.out / "painted").iterdir()}
    place = values[:, NAMES.index("place")]
    red = pictures[(place == 1 + PLACES.index("red_wall")).numpy()].mean((0, 1, 2))
    green = pictures[(place == 1 + PLACES.index("forest")).numpy()].mean((0, 1, 2))
    assert red[0] > 2 * red[1] and green[1] > 1.3 * green[0]


def test_one_command_trains_writes_and_resumes(run: BackgroundRun) -> None:
    facts = train_background(run)
    kept = load_network(BackgroundDenoiser, run.out / "background")

    assert facts["pictures"] == 64 and 0 < facts["validation"]["error_0.5"] < 10
    assert json.loads((run.out / "background" / "metadata.json").read_text())["pictures"] == 64
    assert kept.draw(torch.zeros(1, len(NAMES), dtype=torch.int64), [0]).shape == (1, 3, 60, 40)
    assert train_background(replace(run))["pictures"] == 64  # a finished run is only loaded


def test_a_new_run_begins_with_the_weights_of_another(run: BackgroundRun, tmp_path: Path) -> None:
    train_background(run)
    (tmp_path / "painted").symlink_to(run.out / "painted")
    one_step = replace(run, out=tmp_path, pictures=32, learning_rate=1e-6, start_from=run.out / "background")
    train_background(one_step)
    first, second = (load_network(BackgroundDenoiser, out / "background") for out in (run.out, tmp_path))

    assert torch.equal(first.basis, second.basis) and torch.equal(first.scale, second.scale)
    assert all(
        torch.allclose(value, second.state_dict()[name], atol=1e-3) for name, value in first.state_dict().items()
    )


def test_it_learns_which_place_has_which_colours(run: BackgroundRun) -> None:
    pictures, values = painted(run)
    torch.manual_seed(0)
    denoiser = BackgroundDenoiser(components=32, width=64, depth=2)
    denoiser.fit(to_tensor(pictures))
    learner, clean = BackgroundLearner(denoiser), denoiser.encode(to_tensor(pictures))
    optimizer = torch.optim.AdamW([p for p in learner.parameters() if p.requires_grad], lr=3e-3)
    noise = torch.Generator().manual_seed(0)
    for _ in range(150):
        optimizer.zero_grad()
        learner((clean, values), noise)["loss"].backward()
        optimizer.step()

    place_values = torch.zeros(2, len(NAMES), dtype=torch.int64)
    place_values[:, NAMES.index("place")] = torch.tensor([1 + PLACES.index(name) for name in ("red_wall", "forest")])
    wall, forest = denoiser.draw(place_values, [1, 2]).mean((2, 3))
    assert wall[0] > wall[1] + 0.3 and forest[1] > forest[0] + 0.05
