"""`python -m engine provenance`: what files say of having been made by a model."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from engine.commands import DONE, UNSUITABLE, read_bytes
from engine.config import load_config
from engine.errors import BadReference
from engine.provenance import read_marks
from engine.watermark import THRESHOLD, Watermark


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE", help="PNG, JPEG or WebP")


def run(options: argparse.Namespace, console: Console) -> int:
    """A table with a line a picture; UNSUITABLE if any of them cannot be read."""
    watermark = Watermark(load_config().watermark_key.get_secret_value())
    table = Table("picture", "XMP", "made with", "C2PA", "signed by", f"watermark (above {THRESHOLD}: there)")
    code = DONE
    for path in options.pictures:
        try:
            marks = read_marks(read_bytes(path), watermark)
        except BadReference as error:
            console.print(f"engine: {path}: {error}", style="red", markup=False)
            code = UNSUITABLE
            continue
        signature = ", ".join((marks.signature.value, *marks.problems))
        source = (marks.source_type or "absent").rpartition("/")[2]
        score = f"{'there' if marks.watermarked else 'absent'}, {marks.watermark_score:.1f}"
        table.add_row(str(path), source, marks.creator_tool or "", signature, marks.signer or "", score)
    Console(soft_wrap=True).print(table)
    return code
