"""Each group of dependencies is sufficient for its part: all other packages are hidden from the import system."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
HEAVY = {"torch", "diffusers", "transformers", "cv2", "anny", "scrapy", "warp"}
pytestmark = pytest.mark.slow
HIDE = """
import runpy, sys
absent = frozenset({absent!r})
class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in absent else self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
sys.path.insert(0, {root!r})
sys.argv = {argv!r}
"""


def closure(lines: Iterable[str]) -> set[str]:
    """Distributions that the requirements bring here, by canonical name; groups of the project itself are followed."""
    found: set[tuple[str, frozenset[str]]] = set()
    open_ = [Requirement(line) for line in lines]
    while open_:
        requirement = open_.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in found or (requirement.marker and not _applies(requirement, {""})):
            continue
        found.add((name, extras))
        if name == PROJECT["name"]:
            open_ += [Requirement(line) for extra in extras for line in PROJECT["optional-dependencies"][extra]]
            continue
        try:
            needs = [Requirement(line) for line in requires(name) or ()]
        except PackageNotFoundError:
            continue
        groups = {"", *extras}
        for need in needs:
            if need.marker is None or _applies(need, groups):
                need.marker = None
                open_.append(need)
    return {name for name, _ in found}


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    return any(requirement.marker is None or requirement.marker.evaluate({"extra": extra}) for extra in extras)


def modules_outside(group: str) -> set[str]:
    """Importable top-level modules that neither the core dependencies nor the group bring."""
    inside = closure([*PROJECT["dependencies"], *PROJECT["optional-dependencies"][group]])
    names = packages_distributions()
    project = {"bot", "engine", "trainer", "benchmarks", "migrations"}
    return {
        module
        for module, distributions in names.items()
        if module not in project and not inside & {canonicalize_name(name) for name in distributions}
    }


def run(group: str, code: str, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    script = HIDE.format(absent=sorted(modules_outside(group)), root=str(ROOT), argv=list(argv)) + code
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LD_LIBRARY_PATH")}
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, cwd=ROOT, env=inherited | environment, capture_output=True, text=True, timeout=150, check=False
    )


def test_the_groups_keep_heavy_packages_out_of_the_bot() -> None:
    assert modules_outside("bot") >= HEAVY
    assert not {"aiogram", "sqlalchemy", "celery", "matplotlib"} & modules_outside("bot")


def test_every_module_of_the_bot_imports_with_its_group_alone() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "bot").rglob("*.py"))
        if "local" not in path.parts and path.name not in ("__main__.py", "__init__.py")
    ]
    done = run(
        "bot", f"import importlib\nfor name in {modules!r}: importlib.import_module(name)\nprint(len(sys.modules))"
    )

    assert done.returncode == 0, done.stderr[-1500:]


def test_the_bot_starts_with_its_group_alone_and_asks_for_its_settings() -> None:
    done = run("bot", "runpy.run_module('bot', run_name='__main__')", "bot")

    assert done.returncode == 2, done.stderr[-1500:]
    assert "BOT_TOKEN" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_migrations_run_with_the_bots_group_alone() -> None:
    done = run("bot", "import alembic.config, bot.db.tables; print('ready')", "alembic")

    assert "ready" in done.stdout, done.stderr[-1500:]


def test_the_engine_imports_with_its_group_alone() -> None:
    done = run(
        "engine",
        "import engine.worker.__main__, engine.backbones.nano.backbone; print('ready')",
    )

    assert "ready" in done.stdout, done.stderr[-1500:]
