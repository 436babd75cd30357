"""Settings: each is explained, docs/settings.md is current, and nothing secret is shown."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.config import Config as BotConfig
from engine.config import Config as WorkerConfig
from tests.conventions.settings_table import DOCUMENT, document

ROOT = Path(__file__).parents[2]
CLASSES = (BotConfig, WorkerConfig)
SECRET_NAMES = re.compile("token|secret|password|key$|database_url|broker_url")
FILES = {"c2pa_key"}
"""The path of a file, which is no secret."""
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}


def fields() -> list[tuple[str, Any]]:
    return [(name, field) for kind in CLASSES for name, field in kind.model_fields.items()]


def test_the_table_of_settings_is_current() -> None:
    assert DOCUMENT.read_text("utf-8") == document(), "run `make settings`"


@pytest.mark.parametrize(("name", "field"), fields(), ids=[name for name, _ in fields()])
def test_every_setting_has_a_meaning(name: str, field: Any) -> None:
    assert field.description and field.description.endswith("."), f"give {name} a docstring"


def test_what_is_secret_is_a_secret_string() -> None:
    named = [(name, field) for name, field in fields() if SECRET_NAMES.search(name) and name not in FILES]
    assert len(named) >= 5
    assert [name for name, field in named if "SecretStr" not in str(field.annotation)] == []


def test_a_configuration_shows_no_secret() -> None:
    secrets = {"bot_token": "123456:hidden-token-of-a-test", "webhook_secret": "hidden-secret-of-a-test"}
    secrets |= {"database_url": "postgresql://bolid:hidden@db/bolid", "broker_url": "redis://:hidden@valkey:6379/0"}
    config = BotConfig(_env_file=None, **{name: SecretStr(value) for name, value in secrets.items()})
    worker = WorkerConfig(broker_url=SecretStr(secrets["broker_url"]), watermark_key=SecretStr("hidden"))
    assert (
        "hidden" not in f"{config!r} {config} {config.model_dump_json()} {worker!r} {worker} {worker.model_dump_json()}"
    )


def test_no_log_line_unwraps_a_secret() -> None:
    """Secrets are unwrapped where a connection is opened, never in a call of a logger."""
    calls = wrong = 0
    for room in ("bot", "engine"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                    continue
                if node.func.attr in LOG_METHODS and ast.unparse(node.func.value).endswith(("log", "logger")):
                    calls += 1
                    wrong += "get_secret_value" in ast.unparse(node)
    assert calls > 50 and wrong == 0
