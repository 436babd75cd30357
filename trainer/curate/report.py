"""The report of a curation: counts, one line per photo, and a sheet of examples for each reason.

report.json (options, versions of the networks, counts), photos.jsonl (one CurationVerdict per line), <reason>.jpg.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageDraw

from engine.errors import BadReference
from trainer.curate.folder import Candidate
from trainer.curate.looking import Experts
from trainer.curate.options import CurateOptions
from trainer.curate.records import CurationVerdict, Reason

EXAMPLES: Final = 12
_COLUMNS: Final = 4
_TILE_PX: Final = (240, 300)
_TEXT_PX: Final = 30


def counts(verdicts: Sequence[CurationVerdict]) -> dict[str, Any]:
    """The numbers of photos and persons, all and kept, and of dropped photos by reason, in the order of the checks."""
    reasons = Counter(verdict.reason for verdict in verdicts)
    return {
        "photos": len(verdicts),
        "photos_kept": reasons[None],
        "persons": len({verdict.person for verdict in verdicts}),
        "persons_kept": len({verdict.person for verdict in verdicts if verdict.reason is None}),
        "dropped": {reason.value: reasons[reason] for reason in Reason if reasons[reason]},
    }


def write(
    folder: Path,
    options: CurateOptions,
    experts: Experts,
    verdicts: Sequence[CurationVerdict],
    photos: Mapping[str, Candidate],
) -> None:
    """Writes the whole report again. `photos`: "person/file" -> the file."""
    folder.mkdir(parents=True, exist_ok=True)
    report = {"options": options.model_dump(mode="json"), "experts": _who(experts), **counts(verdicts)}
    (folder / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (folder / "photos.jsonl").write_text("".join(verdict.model_dump_json() + "\n" for verdict in verdicts), "utf-8")
    for reason in Reason:
        path = folder / f"{reason.value.replace(' ', '-')}.jpg"
        dropped = [verdict for verdict in verdicts if verdict.reason is reason]
        examples = _examples(dropped, photos)
        if examples:
            _sheet(examples).save(path, "JPEG", quality=85)
        else:
            path.unlink(missing_ok=True)


def _who(experts: Experts) -> dict[str, Any]:
    return {
        "faces": f"{experts.finder.name} {experts.face_version}".strip(),
        "bodies": experts.parser.version,
        "watermarks": [detector.version for detector in experts.detectors],
        "captioner": None if experts.captioner is None else experts.captioner.name,
    }


def _examples(
    dropped: Sequence[CurationVerdict], photos: Mapping[str, Candidate]
) -> list[tuple[Image.Image, CurationVerdict]]:
    """The first photos that can be opened, spread over the list."""
    step = max(len(dropped) // EXAMPLES, 1)
    drawn: list[tuple[Image.Image, CurationVerdict]] = []
    for verdict in dropped[::step][:EXAMPLES]:
        try:
            drawn.append((photos[f"{verdict.person}/{verdict.file_name}"].open(), verdict))
        except BadReference:
            continue
        drawn[-1][0].thumbnail(_TILE_PX)
    return drawn


def _sheet(examples: Sequence[tuple[Image.Image, CurationVerdict]]) -> Image.Image:
    width, height = _TILE_PX[0], _TILE_PX[1] + _TEXT_PX
    rows = -(-len(examples) // _COLUMNS)
    sheet = Image.new("RGB", (width * min(len(examples), _COLUMNS), height * rows), "white")
    brush = ImageDraw.Draw(sheet)
    for number, (image, verdict) in enumerate(examples):
        x, y = number % _COLUMNS * width, number // _COLUMNS * height
        sheet.paste(image, (x, y))
        brush.text((x + 2, y + _TILE_PX[1] + 2), f"{verdict.file_name}\n{verdict.detail}"[:90], fill="black")
    return sheet
