"""The import rules of the architecture, read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("bot", "engine", "trainer", "benchmarks", "migrations")


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import in a file, wherever it stands; `from a import b` gives `a.b`."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (above, node.module or "") if part)
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"


def imports_in(top: str) -> list[tuple[str, str]]:
    """(place, dotted name) of every import in a top-level package."""
    return [
        (f"{path.relative_to(ROOT)}:{line}", name)
        for path in sorted((ROOT / top).rglob("*.py"))
        for line, name in imports_of(path)
    ]


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize(
    ("top", "forbidden", "allowed"),
    [
        ("bot", "engine", "engine.contract"),
        ("bot", "trainer", None),
        ("bot", "migrations", None),
        ("engine", "bot", None),
        ("engine", "trainer", None),
        ("engine", "migrations", None),
        ("trainer", "bot", None),
        ("trainer", "migrations", None),
        ("bot", "benchmarks", None),
        ("engine", "benchmarks", None),
        ("trainer", "benchmarks", None),
        ("benchmarks", "trainer", None),
        ("migrations", "bot", "bot.db"),
        ("migrations", "engine", None),
        ("migrations", "trainer", None),
    ],
)
def test_imports_follow_the_arrows(top: str, forbidden: str, allowed: str | None) -> None:
    against = [
        f"{place} imports {name}"
        for place, name in imports_in(top)
        if is_in(name, forbidden) and not (allowed and is_in(name, allowed))
    ]
    assert against == []


@pytest.mark.parametrize("top", PACKAGES)
def test_every_package_has_code_that_this_reads(top: str) -> None:
    assert imports_in(top)


def test_no_package_imports_the_tests() -> None:
    assert [place for top in PACKAGES for place, name in imports_in(top) if is_in(name, "tests")] == []


def test_the_contract_alone_declares_queues_and_exchanges() -> None:
    """A second declaration that differs makes RabbitMQ refuse whichever side comes later."""
    declaring = {"kombu.Exchange", "kombu.Queue"}
    elsewhere = [place for top in (*PACKAGES, "tests") for place, name in imports_in(top) if name in declaring]
    assert [place for place in elsewhere if not place.startswith("engine/contract/topology.py:")] == []


@pytest.mark.parametrize(("table", "owner"), [("Job", "bot/db/job_states.py"), ("Reference", "bot/db/photo_states.py")])
def test_one_module_changes_states_leases_and_counters(table: str, owner: str) -> None:
    """For jobs it builds every change of state from bot.domain.MOVES."""
    owned = {"state", "handed_at", "lease_until", "handouts", "attempts"}
    elsewhere = []
    for path in sorted((ROOT / "bot").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "values":
                changes = f"update({table})" in ast.unparse(node.func) and owned & {word.arg for word in node.keywords}
            else:
                changes = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in owned
                changes = changes and ast.unparse(node) != f"self.{node.attr}"
            if changes and path != ROOT / owner:
                elsewhere.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert f"update({table})" in (ROOT / owner).read_text("utf-8")
    assert elsewhere == []


def test_one_module_reads_the_refusals_of_telegram() -> None:
    """Other modules ask bot.telegram.refusals what a refusal means."""
    words = "aiogram.exceptions.TelegramBadRequest"
    reading = {place.partition(":")[0] for place, name in imports_in("bot") if name == words}
    assert {place for place in reading if not place.startswith("bot/local/")} == {"bot/telegram/refusals.py"}


LAYERS = {
    "bot/db": ("aiogram", "celery", "kombu", "bot.usecases", "bot.telegram", "bot.dispatch", "bot.app"),
    "bot/usecases": ("aiogram", "celery", "kombu", "bot.telegram", "bot.dispatch", "bot.app"),
    "bot/telegram": ("celery", "kombu", "bot.dispatch", "bot.app"),
    "bot/dispatch": ("bot.telegram.handlers", "bot.app"),
    "bot/monitoring": ("bot.telegram.handlers", "bot.usecases", "bot.app"),
    "bot/api": ("celery", "kombu", "bot.telegram.handlers", "bot.app"),
}
"""The imports that are forbidden to each layer of the bot."""


@pytest.mark.parametrize("layer", LAYERS)
def test_the_layers_of_the_bot_import_downwards(layer: str) -> None:
    against = [
        f"{place} imports {name}"
        for place, name in imports_in(layer)
        if any(is_in(name, forbidden) for forbidden in LAYERS[layer])
    ]
    assert against == []


def test_use_cases_and_handlers_write_no_sql() -> None:
    """Statements stand in bot/db; others may name the session that they pass on."""
    session = {"sqlalchemy.ext.asyncio.AsyncSession"}
    against = [
        f"{place} imports {name}"
        for layer in ("bot/usecases", "bot/telegram", "bot/dispatch", "bot/monitoring", "bot/api")
        for place, name in imports_in(layer)
        if is_in(name, "sqlalchemy") and name not in session
    ]
    assert against == []


def test_nothing_imports_torchvision() -> None:
    assert [
        place for top in (*PACKAGES, "tests") for place, name in imports_in(top) if is_in(name, "torchvision")
    ] == []


@cache
def loaded_by(module: str) -> set[str]:
    """The top-level packages in a fresh interpreter after importing `module`."""
    program = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_contract_loads_no_torch() -> None:
    heavy = {"torch", "numpy", "diffusers", "transformers", "PIL", "cv2", "celery"}
    assert loaded_by("engine.contract") & heavy == set()


def test_the_bot_runs_without_torch() -> None:
    """Nor with matplotlib, which only a chart for /admin needs."""
    assert loaded_by("bot.app") & {"torch", "diffusers", "transformers", "trainer", "matplotlib"} == set()


def test_the_bot_without_its_api_loads_nothing_of_it() -> None:
    assert loaded_by("bot.app") & {"fastapi", "starlette", "uvicorn"} == set()


def test_the_bot_reads_its_settings_before_it_loads_its_parts() -> None:
    assert loaded_by("bot.__main__") & {"aiogram", "sqlalchemy", "celery"} == set()


def test_the_worker_loads_nothing_of_telegram_or_the_database() -> None:
    assert loaded_by("engine.worker.__main__") & {"aiogram", "sqlalchemy", "asyncpg", "alembic", "bot"} == set()
