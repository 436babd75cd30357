"""Speed of steps and whole requests beside stock diffusers.

`python -m benchmarks --shape nano --json out.json --plot out.png`. Exit codes: 0 done, 2 a wrong argument.
`python -m benchmarks load` measures the whole service under load, see `benchmarks.load`.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from engine.commands import DONE, MISUSED, check_out, tables, write
from engine.devices import check_device
from engine.errors import SetupError


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures one shape, or the load where `load` is the first argument; the exit code. Errors are one line on
    stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] == "load":
        from benchmarks.load.command import main as load

        return load(arguments[1:])
    options = _parser().parse_args(arguments)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    os.environ.setdefault("TQDM_DISABLE", "1")  # the libraries' bars ("Loading checkpoint shards"), not ours
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        return _run(options, console)
    except SetupError as error:
        console.print(f"benchmarks: {error}", style="red", markup=False)
        return MISUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed beside stock diffusers.")
    parser.add_argument("--shape", choices=("nano", "sd15", "sdxl"), default="nano")
    parser.add_argument("--json", required=True, type=Path, metavar="FILE.json", help="where the figures go")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="where a picture of them goes")
    parser.add_argument("--pairs", type=int, default=15, help="pairs of runs a figure; default: %(default)s")
    parser.add_argument(
        "--request-pairs", type=int, default=5, help="pairs of whole requests, 0 for none (nano); default: %(default)s"
    )
    parser.add_argument("--weights", type=Path, metavar="FOLDER", help="the nano folder to draw with; default: shipped")
    parser.add_argument("--options", action="store_true", help="also what channels_last, compile and half are worth")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ...; default: %(default)s")
    return parser


def _run(options: argparse.Namespace, console: Console) -> int:
    """A table on stdout, everything in the JSON file."""
    from benchmarks.report import plot, table
    from benchmarks.suite import Plan, measure
    from engine.backbones import SHIPPED_NANO, choose_device

    if options.pairs < 1:
        raise SetupError(f"--pairs: expected 1 or more, got {options.pairs}")
    if options.request_pairs < 0:
        raise SetupError(f"--request-pairs: expected 0 or more, got {options.request_pairs}")
    check_out(options.json, "--json")
    if options.plot:
        check_out(options.plot, "--plot", ("PNG",))
    check_device(options.device)
    plan = Plan(
        options.shape,
        choose_device(options.device),
        options.pairs,
        options.request_pairs,
        options.weights or SHIPPED_NANO,
        options.options,
    )
    figures = measure(plan, console)
    write(options.json, (json.dumps(figures, indent=1) + "\n").encode())
    if options.plot:
        try:
            plot(figures, options.plot)
        except OSError as error:
            raise SetupError(f"{options.plot}: {error.strerror or error}") from error
    tables().print(table(figures))
    return DONE


if __name__ == "__main__":
    sys.exit(main())
