"""`python -m engine bench`: speed beside diffusers' own IP-Adapter attention."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from engine.commands import DONE, check_out
from engine.errors import SetupError


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--shape", choices=("nano", "sd15", "sdxl"), default="nano")
    parser.add_argument("--json", required=True, type=Path, metavar="FILE.json", help="where the figures go")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="where a picture of them goes")
    parser.add_argument("--pairs", type=int, default=15, help="pairs of runs a figure; default: %(default)s")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ...; default: %(default)s")


def run(options: argparse.Namespace, console: Console) -> int:
    """A table on stdout, everything in the JSON file."""
    from engine.backbones import choose_device
    from engine.bench import plot
    from engine.bench import run as measure

    if options.pairs < 1:
        raise SetupError(f"--pairs: expected 1 or more, got {options.pairs}")
    for path in filter(None, (options.json, options.plot)):
        check_out(path)
    figures = measure(options.shape, choose_device(options.device), options.pairs, console)
    options.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    if options.plot:
        plot(figures, options.plot)
    table = Table(
        "figure", "median", "quartiles", "seconds", "peer's seconds", title=f"{options.shape}, {figures['device']}"
    )
    for key, row in figures["spread"].items():
        quartiles = f"{row['low']:.3f} to {row['high']:.3f}"
        table.add_row(key, f"{row['median']:.3f}", quartiles, f"{row['seconds']:.4f}", f"{row['peer_seconds']:.4f}")
    Console().print(table)
    return DONE
