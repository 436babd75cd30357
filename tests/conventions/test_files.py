"""Rules for every file of the project: length, names, docstrings, hosts, paths, sizes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES_MAX = 400
WEIGHTS_MAX_BYTES, NANO_MAX_BYTES = 66_000_000, 60_000_000
HEAD_LINES = 12
FOREIGN_HOSTS = re.compile(
    "|".join([r"pypi\.o" + "rg", "pythonhos" + "ted", r"registry\.npm" + "js", r"deb\.deb" + "ian"])
)
MACHINE_PATHS = re.compile(
    "|".join("/" + name for name in ["work" + "/[a-z.]", "farm" + "/", "root" + "/", "opt" + "/wheels"])
)
NAMELESS = re.compile(r"(^|_)(utils?|helpers?|common|misc)(_|$)")


def project_files() -> list[Path]:
    """The files that git has or would take: tracked files, and new ones that it does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return [path for name in sorted(set(listed)) if name and (path := ROOT / name).is_file()]


def text_of(path: Path) -> str | None:
    """The text of a file; None where it is not text."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return None


def python_files(*packages: str) -> list[Path]:
    return [path for path in project_files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in packages]


def test_files_are_short_or_say_why_they_are_not() -> None:
    long = []
    for path in python_files("bot", "engine", "trainer", "benchmarks"):
        lines = path.read_text("utf-8").splitlines()
        if len(lines) > LINES_MAX and "one file because" not in " ".join(lines[:HEAD_LINES]).lower():
            name = path.relative_to(ROOT)
            long.append(f"{name}: {len(lines)} lines; split it, or say 'one file because …' at its top")
    assert long == []


def test_no_file_or_folder_is_named_for_nothing() -> None:
    parts = {part for path in project_files() for part in path.relative_to(ROOT).with_suffix("").parts}
    assert sorted(part for part in parts if NAMELESS.search(part)) == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files("bot", "engine", "trainer", "benchmarks", "migrations")
        if (source := path.read_text("utf-8").strip()) and not source.startswith(('"""', 'r"""'))
    ]
    assert silent == []


def test_tests_are_no_packages() -> None:
    assert [str(path.relative_to(ROOT)) for path in python_files("tests") if path.name == "__init__.py"] == []


@pytest.mark.parametrize("pattern", [FOREIGN_HOSTS, MACHINE_PATHS], ids=["registry hosts", "paths of one machine"])
def test_no_file_names(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in project_files()
        if (text := text_of(path)) is not None and (match := pattern.search(text))
    ]
    assert found == []


def test_weights_together_stay_small() -> None:
    weights = ROOT / "engine" / "weights"
    for folder, limit in ((weights, WEIGHTS_MAX_BYTES), (weights / "nano", NANO_MAX_BYTES)):
        assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= limit


def test_no_single_file_is_large() -> None:
    assert [str(path.relative_to(ROOT)) for path in project_files() if path.stat().st_size > 50_000_000] == []
