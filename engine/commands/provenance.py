"""`python -m engine provenance`: the marks of AI generation in files."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from engine.commands import DONE, UNSUITABLE, read_bytes
from engine.config import load_config
from engine.errors import BadReference
from engine.marking.provenance import Marks, read_marks
from engine.marking.watermark import THRESHOLD, Watermark


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE", help="PNG, JPEG or WebP")


def run(options: argparse.Namespace, console: Console) -> int:
    """Four lines per picture on stdout; UNSUITABLE if any of them cannot be read."""
    watermark = Watermark(load_config().watermark_key.get_secret_value())
    code = DONE
    for path in options.pictures:
        try:
            marks = read_marks(read_bytes(path), watermark)
        except BadReference as error:
            console.print(f"engine: {path}: {error}", style="red", markup=False)
            code = UNSUITABLE
        else:
            print(f"{path}\n{_lines(marks)}")
    return code


def _lines(marks: Marks) -> str:
    signer = f", signed by {marks.signer}" if marks.signer else ""
    problems = f" ({', '.join(marks.problems)})" if marks.problems else ""
    watermark = "there" if marks.watermarked else "absent"
    return (
        f"  XMP        {marks.source_type or 'absent'}{f', {marks.creator_tool}' if marks.creator_tool else ''}\n"
        f"  C2PA       {marks.signature.value}{signer}{problems}\n"
        f"  watermark  {watermark}, score {marks.watermark_score:.1f} (above {THRESHOLD}: there)"
    )
