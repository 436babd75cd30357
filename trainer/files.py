"""Reads states and cached results of earlier runs, and writes files atomically. Killed processes, full disks and
interrupted copies leave truncated files. A damaged state is an error of one line; a damaged result counts as absent.
"""

from __future__ import annotations

import logging
import os
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trainer.errors import CheckpointError

log = logging.getLogger(__name__)

_DAMAGED: Final = (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile)
"""Errors of torch and NumPy on files that are cut, empty or changed."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path`, with its suffix. It replaces `path` at the end of the block and is removed where
    the block raises, so that `path` is always unchanged or complete."""
    draft = path.with_name(f".{os.getpid()}.{path.name}")  # no glob of a folder's files begins with a dot
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def load_state(path: Path, device: Any = None) -> Any:
    """A state that torch.save wrote. Raises CheckpointError for a file that cannot be read."""
    import torch  # imported here, so that the renderer, which uses `replacing`, loads no torch

    try:
        return torch.load(path, weights_only=True, map_location=device)
    except _DAMAGED as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise CheckpointError(
            f"expected a whole state in {path}, got {reason}: delete it to begin anew, or give another folder"
        ) from error


def load_arrays(path: Path) -> dict[str, NDArray[Any]] | None:
    """Arrays that numpy.savez wrote; None where there is no such file, or a damaged one."""
    try:
        with path.open("rb") as stream, np.load(stream) as arrays:
            return dict(arrays)
    except FileNotFoundError:
        return None
    except _DAMAGED as error:
        log.warning("%s cannot be read (%s): it is made anew", path, error)
        return None


def load_array(path: Path) -> NDArray[Any] | None:
    """An array that numpy.save wrote; None as for `load_arrays`."""
    try:
        with path.open("rb") as stream:
            found: NDArray[Any] = np.load(stream)
    except FileNotFoundError:
        return None
    except _DAMAGED as error:
        log.warning("%s cannot be read (%s): it is made anew", path, error)
        return None
    return found
