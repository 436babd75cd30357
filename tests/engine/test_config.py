"""Every setting is described in .env.example and reaches the worker's container."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.config import Config, load_config
from engine.contract import BROKERS
from engine.errors import SetupError

ROOT = Path(__file__).parents[2]
SETTINGS = {f"ENGINE_{name.upper()}" for name in Config.model_fields} - {"ENGINE_BROKER_URL"}
RARE = {"ENGINE_FACE_PACK", "ENGINE_LOG_LEVEL"}
"""Settings for developers."""


def test_compose_passes_every_setting_to_the_worker_and_no_secret_of_the_bots() -> None:
    worker = (ROOT / "compose.yaml").read_text("utf-8").partition("\n  worker:\n")[2].partition("\nvolumes:")[0]
    given_there = {"ENGINE_MONITOR_LISTEN"}
    assert set(re.findall(r"^      (ENGINE_\w+): \$\{\1:-", worker, re.MULTILINE)) == SETTINGS - given_there
    assert "BOT_TOKEN" not in worker and "env_file" not in worker


def test_the_example_names_every_setting() -> None:
    example = (ROOT / ".env.example").read_text("utf-8")
    assert set(re.findall(r"^(ENGINE_\w+)=$", example, re.MULTILINE)) == SETTINGS - RARE


def test_empty_values_are_defaults_and_wrong_ones_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.setenv(name, "")
    assert load_config().backbone == "nano"
    monkeypatch.setenv("ENGINE_SAFETY_THRESHOLD", "2")
    monkeypatch.setenv("ENGINE_LOG_LEVEL", "LOUD")
    with pytest.raises(SetupError, match=r"ENGINE_SAFETY_THRESHOLD: .*; ENGINE_LOG_LEVEL: "):
        load_config()


@pytest.mark.parametrize("url", ["valkey://h", "valkeys://h", "sentinel://h", "amqps", "redis://", "http://h"])
@pytest.mark.parametrize("name", ["ENGINE_BROKER_URL", "BROKER_URL"])
def test_a_broker_that_nothing_opens_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    for other in ("ENGINE_BROKER_URL", "BROKER_URL"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, url.replace("//h", "//u:secret@h"))
    with pytest.raises(SetupError, match="ENGINE_BROKER_URL: is not a broker's address") as refusal:
        load_config()
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("scheme", BROKERS)
def test_a_broker_that_can_be_opened_is_taken(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("ENGINE_BROKER_URL", f"{scheme}://h:1/0")
    assert load_config().broker_url.get_secret_value() == f"{scheme}://h:1/0"
