"""Packages that travel in a bundle; nothing here needs them."""

from __future__ import annotations

import importlib
import importlib.util
import io
import sys
import zipfile
from pathlib import Path

from trainer.errors import DataError


def use_wheels(bundle: Path, folder: Path) -> list[str]:
    """Unpacks the bundle's wheels to `folder` and puts them behind what is installed; returns the packages taken."""
    taken = []
    with zipfile.ZipFile(opened(bundle)) as archive:
        for name in (name for name in archive.namelist() if name.startswith("wheels/")):
            package = name.split("/")[1].split("-")[0]
            if _installed(package):
                continue
            with zipfile.ZipFile(io.BytesIO(archive.read(name))) as wheel:
                wheel.extractall(folder)
            taken.append(package)
    if taken and str(folder) not in sys.path:
        sys.path.append(str(folder))
        importlib.invalidate_caches()
    return taken


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def opened(bundle: Path) -> Path:
    """The path itself. Raises DataError where no bundle is."""
    if not zipfile.is_zipfile(bundle):
        raise DataError(f"expected a bundle at {bundle}, found none: make one with python -m trainer pack")
    return bundle
