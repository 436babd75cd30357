"""The body mapper is trained by the common loop, resumes, and is saved as the engine loads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from engine.body.mapper import load_mapper
from trainer.body_mapper import MapperRun, train_mapper
from trainer.synthetic.shards import ShardPlan, write_shards


@pytest.mark.slow
def test_a_mapper_learns_and_resumes(tmp_path: Path) -> None:
    for name, first, people in (("people", 0, 2), ("validation", 1_000_000, 1)):
        write_shards(tmp_path / name, ShardPlan(first, people, 2, 240, 160), workers=1)
    run = MapperRun(tmp_path / "people", tmp_path / "run", tmp_path / "validation", pictures=24, batch=4)
    facts = train_mapper(run)
    assert facts["pictures"] == 24 and set(facts["validation"]) == {"silhouette_iou", "surface_m", "normal_deg"}
    log = json.loads((tmp_path / "run" / "log.jsonl").read_text("utf-8").splitlines()[-1])
    assert log["step"] == 6 and log["loss"] > 0
    written = load_mapper(tmp_path / "run" / "mapper")
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)["average"]
    assert all(torch.equal(state[f"mapper.{name}"].half().float(), value) for name, value in written.named_parameters())
    assert train_mapper(run) == facts
