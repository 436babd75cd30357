"""The commands of `python -m engine`, one module each: `add` declares the arguments, `run` does it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PIL import Image
from rich.console import Console

from engine.errors import SetupError

WIDE = 10_000
"""The width of tables where stdout is no terminal: no cell is cut."""

DONE, FAILED, MISUSED, UNSUITABLE = range(4)
"""Exit codes: the drawing failed; a wrong argument or an incomplete installation; a photo cannot serve."""


def read_bytes(path: Path) -> bytes:
    """A file named on the command line. Raises SetupError with the system's reason."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror or error}") from error


def check_out(path: Path, option: str = "--out", formats: tuple[str, ...] = ()) -> None:
    """Raises SetupError before the work if the file cannot be written; with `formats` (Pillow's names), also if the
    file's name has another format."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise SetupError(f"{option}: expected a file name in a folder that exists, got {path}")
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise SetupError(f"{option}: expected a place that may be written to, got {path}")
    named = Image.registered_extensions().get(path.suffix.lower())
    if formats and named is not None and named not in formats:
        raise SetupError(f"{option}: expected a name for {' or '.join(formats)}, got {path}: name it {formats[0]}")


def write(path: Path, content: bytes) -> None:
    """Writes the file. Raises SetupError with the system's reason."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror or error}") from error


def tables() -> Console:
    """The console for tables on stdout: as wide as the terminal, or as the table where stdout is no terminal."""
    return Console() if sys.stdout.isatty() else Console(width=WIDE)
