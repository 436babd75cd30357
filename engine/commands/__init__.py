"""The commands of `python -m engine`, one module each: `add` declares the arguments, `run` does it."""

from __future__ import annotations

from pathlib import Path

from engine.errors import SetupError

DONE, FAILED, MISUSED, UNSUITABLE = range(4)
"""Exit codes: the drawing failed; a wrong argument or an incomplete installation; a photo cannot serve."""


def read_bytes(path: Path) -> bytes:
    """A file named on the command line. Raises SetupError with the system's reason."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror or error}") from error


def check_out(path: Path) -> None:
    """Said before the work, not after it: raises SetupError where no file can be written."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise SetupError(f"--out: expected a file name in a folder that exists, got {path}")
