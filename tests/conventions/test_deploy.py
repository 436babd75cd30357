"""The files of deploy/ fit the code: metrics, commands, paths."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from bot.db.operations import QueueState
from bot.db.usage import Spread
from bot.domain import JobState
from bot.monitoring.metrics import LoopLag, Metrics
from bot.monitoring.state import ServiceState
from engine.worker.monitor import WorkerMetrics

ROOT = Path(__file__).parents[2]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana.json").read_text("utf-8"))
SUFFIXES = ("_total", "_created", "_bucket", "_sum", "_count")


def metric_names() -> set[str]:
    """The names of the metrics of bot and worker, without suffixes."""
    metrics, worker = Metrics(), WorkerMetrics()
    metrics.watch_updates({})
    metrics.watch_lag(LoopLag().take)
    worker.watch(in_hand=lambda: 0, unsent=lambda: 0, still_s=lambda: 0)
    queue = QueueState(
        open={}, oldest_s=0, photos_pending=0, workers_alive=0, workers_busy=0, ended={(JobState.FAILED, "x"): 1},
        wait=Spread(1, 1), drawing=Spread(1, 1),
    )  # fmt: skip
    text = metrics.render(ServiceState(queue, {"q": 0}, leads=True)) + generate_latest(worker.registry)
    return set(re.findall(r"^# TYPE (\w+) ", text.decode(), re.MULTILINE))


def base(name: str) -> set[str]:
    return {name, *(name.removesuffix(suffix) for suffix in SUFFIXES)}


def test_the_dashboard_shows_metrics_that_exist_and_all_of_them() -> None:
    expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    metrics = {name for expression in expressions for name in re.findall(r"\bbolid_\w+", expression)}
    given = {name for name in metric_names() if name.startswith("bolid_")}
    bases = {name for each in given for name in base(each)}
    assert [name for name in sorted(metrics) if not base(name) & bases] == []
    bases_shown = {name for each in metrics for name in base(each)}
    hidden = [name for name in sorted(given) if not base(name) & bases_shown]
    assert hidden == [], "show it, or remove the metric"


def test_panels_have_ids_and_places_of_their_own() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)


def test_the_unit_starts_what_make_run_starts_and_leaves_time_to_stop() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((ROOT / "deploy" / "bolid.service").read_text("utf-8"))
    service = unit["Service"]
    assert service["ExecStart"].endswith("-m bot.local run")
    assert "-m bot.local run" in (ROOT / "Makefile").read_text("utf-8")
    assert int(service["TimeoutStopSec"]) >= 30
    assert service["KillMode"] == "mixed"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """The unit's interpreter is replaced by this one, because systemd checks that the program exists."""
    unit = tmp_path / "bolid.service"
    text = (ROOT / "deploy" / "bolid.service").read_text("utf-8")
    unit.write_text(text.replace("/srv/bolid/.venv/bin/python", sys.executable))
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
