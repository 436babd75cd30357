"""docs/settings.md, made from the settings classes: `make settings` writes it, test_settings.py holds it current."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bot.config import Config as BotConfig
from engine.config import Config as WorkerConfig

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"
HEAD = """# Settings

Environment variables; the bot and `make run` read `.env` too. [.env.example](../.env.example) has the common ones
with explanations. Empty values count as unset. `make settings` writes this file from `bot/config.py` and
`engine/config.py`.
"""
TABLE = "| variable | default | meaning |\n| --- | --- | --- |"
REQUIRED = "required"


def document() -> str:
    parts = [
        HEAD,
        f"## Bot\n\n{TABLE}\n{_rows(BotConfig.model_fields, '')}\n",
        f"## Worker and command line\n\n{TABLE}\n{_rows(WorkerConfig.model_fields, 'ENGINE_')}\n",
    ]
    return "\n".join(parts)


def _rows(fields: dict[str, FieldInfo], prefix: str) -> str:
    return "\n".join(
        f"| `{prefix}{name.upper()}` | {_default(field)} | {_meaning(field.description or '')} |"
        for name, field in fields.items()
    )


def _meaning(description: str) -> str:
    return " ".join(description.split()).replace("|", "\\|").replace("None:", "unset:")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return REQUIRED
    value = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined or value == frozenset():
        return "—"
    return f"`{_written(value)}`"


def _written(value: object) -> str:
    """The value as one writes it into `.env`."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case bool():
            return str(int(value))
        case tuple():
            return ",".join(f"{pack.credits}:{pack.stars}" for pack in value)
        case Path():
            return str(value).replace(str(Path.home()), "~")
        case float() if value.is_integer():
            return str(int(value))
    return str(value)


if __name__ == "__main__":
    DOCUMENT.write_text(document(), "utf-8")
    sys.stdout.write(f"{DOCUMENT}\n")
