"""What an operator can set is said in .env.example and reaches the worker's container."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.config import Config, load_config
from engine.errors import SetupError

ROOT = Path(__file__).parents[2]
SETTINGS = {f"ENGINE_{name.upper()}" for name in Config.model_fields} - {"ENGINE_BROKER_URL"}
RARE = {"ENGINE_FACE_PACK", "ENGINE_LOG_LEVEL"}
"""For developers."""


def test_compose_passes_every_setting_to_the_worker_and_no_secret_of_the_bots() -> None:
    worker = (ROOT / "compose.yaml").read_text("utf-8").partition("\n  worker:\n")[2].partition("\nvolumes:")[0]
    assert set(re.findall(r"^      (ENGINE_\w+): \$\{\1:-", worker, re.MULTILINE)) == SETTINGS
    assert "BOT_TOKEN" not in worker and "env_file" not in worker


def test_the_example_names_every_setting() -> None:
    example = (ROOT / ".env.example").read_text("utf-8")
    assert set(re.findall(r"^(ENGINE_\w+)=$", example, re.MULTILINE)) == SETTINGS - RARE


def test_empty_values_are_defaults_and_wrong_ones_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.setenv(name, "")
    assert load_config().backbone == "nano"
    monkeypatch.setenv("ENGINE_SAFETY_THRESHOLD", "2")
    with pytest.raises(SetupError, match="ENGINE_SAFETY_THRESHOLD: "):
        load_config()
