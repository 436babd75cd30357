"""An installed wheel has every file that the packages need, and migrates a database without the source tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("bot", "engine", "trainer", "migrations")
BUILD = "import setuptools.build_meta as backend; backend.build_wheel('wheels')"
MIGRATE = """
import sys
from bot.db import migrate
assert str(migrate.MIGRATIONS).startswith(sys.argv[1])
migrate.main([])
migrate.main(["current"])
"""
WEIGHTS = {".safetensors", ".zip"}
"""Large files are left out of the copy; the wheel takes them by their suffix."""

pytestmark = pytest.mark.slow


def packaged_files() -> list[str]:
    """The paths of all files of the packages that git has or would take, but the large ones."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PACKAGES]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    return [name for name in listed if name and (ROOT / name).is_file() and Path(name).suffix not in WEIGHTS]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built without network by the installed setuptools, from a copy: the build writes next to its sources."""
    source = tmp_path_factory.mktemp("source")
    for name in [*packaged_files(), "pyproject.toml", "README.md", "LICENSE"]:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    built = subprocess.run([sys.executable, "-c", BUILD], cwd=source, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-1500:]
    [path] = (source / "wheels").glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_has_every_file_of_the_packages(wheel: zipfile.ZipFile) -> None:
    assert sorted(set(packaged_files()) - set(wheel.namelist())) == []


def test_the_suffixes_of_weights_are_packaged() -> None:
    declared = (ROOT / "pyproject.toml").read_text("utf-8")
    assert all(f'"*{suffix}"' in declared for suffix in WEIGHTS)


def test_an_installed_bot_migrates_its_database(
    wheel: zipfile.ZipFile, empty_database_url: str, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    wheel.extractall(site)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site), "DATABASE_URL": empty_database_url}
    command = [sys.executable, "-c", MIGRATE, str(site)]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-1500:]
    assert "(head)" in ended.stdout
