"""Accuracy of the person parser on real photos: all photos of people that installed packages bring.

`python -m benchmarks.read_photos --out docs/photos.md`. Exit codes: 0 done, 2 a wrong argument.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.commands import DONE, MISUSED, check_out, write
from engine.errors import SetupError

FOUND = {True: "yes", False: "**no**", None: ""}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and writes; the exit code. Errors are one line on stderr."""
    try:
        return _run(_parser().parse_args(arguments))
    except SetupError as error:
        print(f"benchmarks.read_photos: {error}", file=sys.stderr)
        return MISUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.read_photos", description="Accuracy on real photos.")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="where the tables go; default: stdout")
    parser.add_argument("--json", type=Path, metavar="FILE.json", help="where the figures of every photo go")
    parser.add_argument("--before", type=Path, metavar="FILE.json", help="figures of another version, to compare with")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="downloaded wheels whose photos are read too")
    return parser


def _run(options: argparse.Namespace) -> int:
    """Markdown: a table of figures, and one of every photo."""
    from benchmarks.photos import load_cases, measure
    from engine.config import load_config
    from engine.factory import open_parser
    from engine.identity.faces import open_finder

    for path, name in ((options.out, "--out"), (options.json, "--json")):
        if path:
            check_out(path, name)
    config = load_config()
    finder = open_finder(config.face_root, config.face_pack, config.state)
    rows = measure(load_cases(options.wheels), reader(finder, open_parser(config)))
    before = None if options.before is None else _read(options.before)
    if options.json:
        write(options.json, (json.dumps(rows, indent=1) + "\n").encode())
    text = as_markdown(rows, before)
    if options.out:
        write(options.out, text.encode())
    else:
        print(text, end="")
    return DONE


def reader(finder: Any, parser: Any) -> Any:
    """A function as benchmarks.photos.Read, over engine.identity.examine."""
    import numpy as np

    from benchmarks.photos import PhotoReading
    from engine.identity.body import person_mask
    from engine.identity.examine import examine
    from engine.identity.framing import framing_of

    def read(image: Any, chosen: Any) -> PhotoReading:
        look = examine(image, finder, parser, chosen)
        observation = look.observation
        if observation is None:
            return PhotoReading(look.verdict.value, len(look.people))
        framing, mask = framing_of(observation), person_mask(observation)
        return PhotoReading(
            look.verdict.value,
            len(look.people),
            None if framing is None else framing.value,
            observation.keypoints,
            None if mask is None else np.asarray(mask) > 127,
        )

    return read


def as_markdown(rows: list[dict[str, Any]], before: list[dict[str, Any]] | None) -> str:
    """The tables of docs/photos.md."""
    from benchmarks.photos import summary

    figures = summary(rows)
    earlier = None if before is None else summary(before)
    lines = ["| figure | before | now |", "| --- | --- | --- |"] if earlier else ["| figure | now |", "| --- | --- |"]
    for name, value in figures.items():
        lines.append(f"| {name} | {earlier[name]:g} | {value:g} |" if earlier else f"| {name} | {value:g} |")
    lines += [
        "",
        "| photo | copy | people | seen | verdict | framing | right | joints | mask IoU |",
        "| --- " * 9 + "|",
    ]
    for row in rows:
        joints = f"{row['joints_near']} of {row['joints']}" if row["joints"] else ""
        overlaps = ", ".join(f"{value:.2f}" for value in row["iou"])
        cells = (row["name"], row["change"], row["people"], row["seen"], row["verdict"], row["framing"] or "")
        lines.append(f"| {' | '.join(map(str, cells))} | {FOUND[row['framing_right']]} | {joints} | {overlaps} |")
    return "\n".join(lines) + "\n"


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SetupError(f"--before: expected figures that --json wrote in {path}, got {error}") from error
    return rows


if __name__ == "__main__":
    sys.exit(main())
