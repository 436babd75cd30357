"""Python packages in a bundle, for a machine that lacks them and has no internet."""

from __future__ import annotations

import importlib
import importlib.util
import io
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

from trainer.errors import DataError

WHEELS: Final = ("diffusers", "pydantic", "pydantic-core", "annotated-types", "typing-inspection")
"""Imports of engine and trainer beyond what comes with torch and transformers."""


def fetch_wheels(packages: tuple[str, ...], python: str) -> dict[str, bytes]:
    """Wheels by file name, in the versions that are installed here, for CPython `python` on Linux x86-64. Raises
    DataError where pip finds none."""
    if not packages:
        return {}
    platforms = [option for tag in ("2_28", "2_17") for option in ("--platform", f"manylinux_{tag}_x86_64")]
    target = ["--python-version", python, "--implementation", "cp", *platforms]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *target]
    pinned = [f"{name}=={version(name)}" for name in packages]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.run([*command, "--dest", folder, *pinned], capture_output=True, text=True, check=False)
        if process.returncode:
            message = (process.stderr.strip().splitlines() or ["nothing"])[-1]
            raise DataError(f"expected wheels of {', '.join(packages)}, got {message}: give --wheels those you need")
        return {path.name: path.read_bytes() for path in sorted(Path(folder).glob("*.whl"))}


def use_wheels(bundle: Path, folder: Path) -> list[str]:
    """Unpacks the bundle's wheels to `folder` and puts them behind what is installed; returns the packages taken."""
    packages = []
    with zipfile.ZipFile(opened(bundle)) as archive:
        for name in (name for name in archive.namelist() if name.startswith("wheels/")):
            package = name.split("/")[1].split("-")[0]
            if _installed(package):
                continue
            with zipfile.ZipFile(io.BytesIO(archive.read(name))) as wheel:
                wheel.extractall(folder)
            packages.append(package)
    if packages and str(folder) not in sys.path:
        sys.path.append(str(folder))
        importlib.invalidate_caches()
    return packages


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def opened(bundle: Path) -> Path:
    """The path itself. Raises DataError where no bundle is."""
    if not zipfile.is_zipfile(bundle):
        raise DataError(f"expected a bundle at {bundle}, found none: make one with python -m trainer pack")
    return bundle
