"""`python -m engine examine`: says whether photos can serve as references."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from engine import contract
from engine.commands import DONE, UNSUITABLE, read_bytes, tables
from engine.config import load_config
from engine.identity.profile import Observation

MEANINGS = {
    contract.Verdict.ACCEPTED: "can serve as a reference",
    contract.Verdict.NO_PERSON: "no person was found",
    contract.Verdict.SEVERAL_PEOPLE: "several people; one is wanted",
    contract.Verdict.TOO_SMALL: "too small",
    contract.Verdict.TOO_BLURRED: "too blurred",
    contract.Verdict.TOO_DARK: "too dark",
    contract.Verdict.UNREADABLE: "not a photo that can be read",
    contract.Verdict.MINOR: "looks like a minor",
    contract.Verdict.NUDITY: "shows nudity",
}


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")


def run(options: argparse.Namespace, _: Console) -> int:
    """Prints a table with one row per photo; the exit code, UNSUITABLE if any photo is."""
    from engine.factory import assemble_examiner

    photos = [(path, read_bytes(path)) for path in options.photos]
    examiner = assemble_examiner(load_config())
    table = Table(Column("photo", overflow="fold"), "verdict", "meaning", "people", "framing", "quality")
    verdicts = []
    for path, content in photos:
        examination = examiner.examine(contract.ExamineRequest(reference_id=str(path), image=content))
        quality = f"{Observation.from_bytes(examination.profile).quality:.2f}" if examination.profile else ""
        table.add_row(
            str(path),
            examination.verdict.value,
            MEANINGS[examination.verdict],
            str(examination.people),
            _as_text(examination),
            quality,
        )
        verdicts.append(examination.verdict)
    tables().print(table)
    return DONE if all(verdict is contract.Verdict.ACCEPTED for verdict in verdicts) else UNSUITABLE


def _as_text(examination: contract.Examination) -> str:
    framing = [] if examination.framing is None else [examination.framing.value]
    return ", ".join(dict.fromkeys([*framing, *examination.hints]))
