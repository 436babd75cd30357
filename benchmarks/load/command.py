"""`python -m benchmarks load --json load.json`: exit code 0 if every job had exactly one outcome, else 1."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.local.parts import StackError
from engine.commands import DONE, FAILED, MISUSED, check_out, tables, write
from engine.errors import SetupError

BROKEN_MAX = 20


def main(arguments: Sequence[str]) -> int:
    """Runs the load; the exit code. Errors are one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks load", description="The whole service under load.")
    parser.add_argument("--users", type=int, default=500, help="simulated users, 3 or more; default: %(default)s")
    parser.add_argument("--pictures", type=int, default=2000, help="pictures in total; default: %(default)s")
    parser.add_argument("--faults", action="store_true", help="cause faults during the load, one after another")
    parser.add_argument("--json", type=Path, metavar="FILE.json", help="where the figures go")
    options = parser.parse_args(arguments)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        if options.users < 3 or options.pictures < 1:
            raise SetupError("expected --users of 3 or more and --pictures of 1 or more")
        if options.json:
            check_out(options.json, "--json")
        from benchmarks.load.run import Figures, LoadPlan, LoadRunError, measure_load

        try:
            figures: Figures = measure_load(
                LoadPlan(options.users, options.pictures, options.faults),
                lambda text: console.print(text, markup=False),
            )
        except (StackError, LoadRunError) as error:
            console.print(f"benchmarks load: {error}", style="red", markup=False)
            return FAILED
    except SetupError as error:
        console.print(f"benchmarks load: {error}", style="red", markup=False)
        return MISUSED
    if options.json:
        write(options.json, (json.dumps(figures, indent=1) + "\n").encode())
    tables().print(load_table(figures))
    for line in figures["broken"][:BROKEN_MAX]:
        console.print(line, style="red", markup=False)
    return FAILED if figures["broken"] else DONE


def load_table(figures: dict[str, object]) -> Table:
    """The figures, one per row."""
    table = Table("figure", "value", title="load")
    for name, value in figures.items():
        if name in ("supervisor", "broken"):
            assert isinstance(value, list)
            table.add_row(name, str(len(value)))
        elif isinstance(value, dict):
            for key, inner in value.items():
                table.add_row(f"{name}: {key}", _formatted(inner))
        else:
            table.add_row(name, _formatted(value))
    return table


def _formatted(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_formatted(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return " ".join(_formatted(inner) for inner in value)
    return str(value)
