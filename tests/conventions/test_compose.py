"""compose.yaml passes every setting on, keeps secrets where they belong, and bounds what containers may use."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config import Config as BotConfig
from engine.config import Config as WorkerConfig

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
BRIEF = {"migrate", "fetch"}
LASTING = sorted(SERVICES.keys() - BRIEF)
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
DOCKER = shutil.which("docker")
GIVEN_HERE = {"DATABASE_URL", "BROKER_URL", "MONITOR_LISTEN", "ENGINE_BROKER_URL", "ENGINE_MONITOR_LISTEN"}
"""Variables whose values are those of the containers."""


def test_the_bot_gets_every_setting_and_nothing_else() -> None:
    assert set(SERVICES["bot"]["environment"]) == {name.upper() for name in BotConfig.model_fields}


def test_a_worker_gets_every_setting_and_nothing_else() -> None:
    assert set(SERVICES["worker"]["environment"]) == {f"ENGINE_{name.upper()}" for name in WorkerConfig.model_fields}


@pytest.mark.parametrize("service", ["bot", "worker"])
def test_settings_come_from_the_variable_of_their_name(service: str) -> None:
    for name, value in SERVICES[service]["environment"].items():
        if name not in GIVEN_HERE:
            assert re.fullmatch(r"\$\{" + name + r"(:-[\w.:]*|:\?[^}]*)\}", value), name


@pytest.mark.parametrize("name", sorted({n.upper() for n in BotConfig.model_fields if "alert" in n or "_s" not in n}))
def test_the_example_names_the_settings_of_operators(name: str) -> None:
    """Times of the dispatcher are left out: their defaults belong together."""
    assert f"\n{name}=" in EXAMPLE


@pytest.mark.parametrize("service", LASTING)
def test_every_lasting_service_is_watched_bounded_and_without_privileges(service: str) -> None:
    facts = SERVICES[service]
    assert facts["restart"] == "unless-stopped"
    assert facts["healthcheck"]["test"]
    assert facts["mem_limit"]
    assert facts["cap_drop"] == ["ALL"]
    assert facts["security_opt"] == ["no-new-privileges:true"]
    assert set(facts["logging"]["options"]) == {"max-size", "max-file"}


@pytest.mark.parametrize("service", sorted(BRIEF))
def test_what_runs_once_is_not_started_again_and_has_no_privileges(service: str) -> None:
    facts = SERVICES[service]
    assert facts["restart"] == "no"
    assert facts["cap_drop"] == ["ALL"]
    assert facts["security_opt"] == ["no-new-privileges:true"]


def test_workers_wait_until_the_volume_has_the_weights_of_their_version() -> None:
    """A volume hides what the image has at its path, and keeps what an older image had there."""
    fetch, worker = SERVICES["fetch"], SERVICES["worker"]
    assert fetch["command"] == ["python", "-m", "engine", "fetch"]
    assert fetch["volumes"] == worker["volumes"] and fetch["build"] == worker["build"]
    assert worker["depends_on"]["fetch"] == {"condition": "service_completed_successfully"}


def test_the_bot_and_a_worker_have_time_to_stop() -> None:
    """The default of Docker is 10 s; the bot needs about 10, a worker a batch and 30."""
    seconds = {name: int(SERVICES[name]["stop_grace_period"].removesuffix("s")) for name in ("bot", "worker")}
    assert seconds["bot"] >= 15 and seconds["worker"] >= 60


def test_the_gpu_file_gives_workers_a_gpu_and_changes_nothing_else() -> None:
    override: dict[str, Any] = yaml.safe_load((ROOT / "compose.gpu.yaml").read_text("utf-8"))
    worker = override["services"].pop("worker")
    assert override == {"services": {}}
    assert worker["deploy"]["resources"]["reservations"]["devices"] == [
        {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    ]
    assert worker["environment"].keys() <= SERVICES["worker"]["environment"].keys()
    assert worker.keys() == {"environment", "mem_limit", "deploy"}


def test_no_password_has_a_default() -> None:
    text = (ROOT / "compose.yaml").read_text("utf-8")
    assert re.search(r"(PASSWORD|TOKEN|SECRET)\w*:-[^}]", text) is None
    assert "${POSTGRES_PASSWORD:?" in text


def test_the_broker_writes_no_photo_to_the_disk() -> None:
    command = SERVICES["valkey"]["command"]
    assert command[command.index("--appendonly") + 1] == "no"
    assert command[command.index("--save") + 1] == ""
    assert "volumes" not in SERVICES["valkey"]


def test_compose_accepts_the_file() -> None:
    """By the command of Docker, which checks the schema; it needs no daemon."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False) if DOCKER else None
    if plugin is not None and plugin.returncode == 0:
        command = ["docker", "compose"]
    elif shutil.which("docker-compose"):
        command = ["docker-compose"]
    else:
        pytest.skip("neither docker compose nor docker-compose on this machine")
    settings = {"PATH": os.environ["PATH"], "BOT_TOKEN": "42:TEST", "POSTGRES_PASSWORD": "x"}
    checked = subprocess.run(
        [*command, "-f", ROOT / "compose.yaml", "config", "--quiet"],
        env=settings, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    settings.pop("POSTGRES_PASSWORD")
    refused = subprocess.run(
        [*command, "-f", ROOT / "compose.yaml", "config", "--quiet"],
        env=settings, cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode != 0 and "POSTGRES_PASSWORD" in refused.stderr
