"""`python -m engine styles`: one picture in every style that is a filter, on one sheet."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from engine.commands import DONE, UNSUITABLE, check_out, read_bytes
from engine.errors import BadReference
from engine.identity.photo import read_photo


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--picture", required=True, type=Path, metavar="FILE", help="PNG, JPEG or WebP")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.png", help="where the sheet goes")
    parser.add_argument("--seed", type=int, default=0, help="of grain and brush strokes; default: %(default)s")


def run(options: argparse.Namespace, console: Console) -> int:
    """The exit code; UNSUITABLE if the picture cannot be read."""
    from engine.looks.sheet import draw_sheet

    check_out(options.out)
    try:
        picture = read_photo(read_bytes(options.picture))
    except BadReference as error:
        console.print(f"engine: {options.picture}: {error}", style="red", markup=False)
        return UNSUITABLE
    sheet = draw_sheet(picture, options.seed)
    sheet.save(options.out, "PNG")
    print(f"{options.out}: {sheet.width} x {sheet.height} px")
    return DONE
