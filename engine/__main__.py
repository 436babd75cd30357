"""The command line of the engine, which needs no server: `generate` draws one picture, `examine` judges photos,
`styles` shows a picture in every style, `presets` draws the pictures above the bot's buttons, `fetch` downloads the
weights of the vision networks, `doctor` reports what is installed and what is missing.

Exit codes: 0 done, 1 the drawing failed, 2 a wrong argument or an incomplete installation, 3 a photo is unsuitable.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

from rich.console import Console

from engine.commands import MISUSED, doctor, examine, fetch, generate, presets, provenance, styles
from engine.errors import SetupError

STOPPED = 130
"""The exit code that shells give to a program ended by Ctrl-C."""


class Command(Protocol):
    """A module of engine.commands."""

    @property
    def add(self) -> Callable[[argparse.ArgumentParser], None]: ...

    @property
    def run(self) -> Callable[[argparse.Namespace, Console], int]: ...


COMMANDS: dict[str, tuple[Command, str]] = {
    "generate": (generate, "draw one picture"),
    "examine": (examine, "say whether photos can serve as references"),
    "styles": (styles, "draw a picture in every style that is a filter, on one sheet"),
    "presets": (presets, "draw the pictures that the bot shows above its style and pose buttons"),
    "provenance": (provenance, "say what a file tells of having been made by a model"),
    "fetch": (fetch, "download the weights that photos are read with"),
    "doctor": (doctor, "say what is installed and what is missing; fetch it on request"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code. Errors are one line on stderr."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    os.environ.setdefault("TQDM_DISABLE", "1")  # the libraries' bars ("Loading checkpoint shards"), not ours
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        return COMMANDS[options.command][0].run(options, console)
    except SetupError as error:
        console.print(f"engine: {error}", style="red", markup=False)
        return MISUSED
    except KeyboardInterrupt:
        console.print("engine: stopped", style="red")
        return STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine", description="Pictures of a person from photos and words.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, does) in COMMANDS.items():
        module.add(commands.add_parser(name, help=does, description=module.__doc__))
    return parser


if __name__ == "__main__":
    sys.exit(main())
