"""Pictures of the gates for people: a sheet of a dozen cases, and a page of uncurated results."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from engine.pose import draw_skeleton
from trainer.files import replacing
from trainer.gates.cases import SIZE, Case
from trainer.gates.drawing import Pictures
from trainer.gates.joints import pose_of
from trainer.gates.real import PUBLIC, SCENES, RealPerson, RealResult
from trainer.gates.table import REPORTED
from trainer.gates.variants import Shown
from trainer.synthetic import split_of

SHEET_CASES: Final = 12
PAGE_CASES: Final = 32
PICTURES_MAX_BYTES: Final = 1_450_000
"""The size of all pictures of the page together."""
QUALITIES: Final = (90, 80, 70, 60, 50)
REDUCTIONS: Final = (1, 2, 4, 8)
"""The factor by which pictures shrink if no quality makes them small enough."""
BEGIN: Final = "<!-- by hand: what follows stays when this page is written again -->"
END: Final = "<!-- end of what is written by hand -->"


def write_sheet(cases: Sequence[Case], shown: Shown, path: Path) -> None:
    """Columns are cases; rows: reference, held-out photo, the picture drawn for it, the same with a stranger's
    reference, the typed scene, the changed garment."""
    rows = [
        [case.reference.image for case in cases],
        [case.held_out.image for case in cases],
        *(list(pictures) for pictures in (shown.posed, shown.stranger, shown.typed, shown.garment)),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate([np.concatenate(row[:SHEET_CASES], 1) for row in rows])).save(path)


def write_page(cases: Sequence[Case], shown: Shown, real: RealResult, report: dict[str, Any], folder: Path) -> None:
    """FOLDER/nano.md and FOLDER/nano/*.webp: the first cases in their order, and all pictures of the people of PUBLIC.
    The text between the page's two marks is kept."""
    count = min(len(cases), PAGE_CASES)
    names = [f"{number:02}" for number in range(1, count + 1)] + [f"real-{name}" for name in PUBLIC]
    strips = [_strip(cases[row], shown, row) for row in range(count)] + [_real_strip(*real.of(name)) for name in PUBLIC]
    pictures, page = folder / "nano", folder / "nano.md"
    pictures.mkdir(parents=True, exist_ok=True)
    for old in (*pictures.glob("[0-9][0-9].webp"), *pictures.glob("real-*.webp")):
        old.unlink()
    for name, content in zip(names, _encode(strips), strict=True):
        (pictures / f"{name}.webp").write_bytes(content)
    with replacing(page) as draft:
        draft.write_text(_text(cases[:count], report, _by_hand(page)), "utf-8")


def _strip(case: Case, shown: Shown, row: int) -> Pictures:
    """Reference, true photo, its pose and the result, side by side."""
    skeleton = draw_skeleton(pose_of(case.held_out.keypoints, SIZE), *SIZE)
    panels = [case.reference.image, case.held_out.image, np.asarray(skeleton, np.uint8), shown.posed[row]]
    return np.concatenate(panels, 1)


def _real_strip(person: RealPerson, pictures: Pictures) -> Pictures:
    """The photo, scaled to the height of the pictures, and the pictures."""
    height, photo = pictures.shape[1], Image.fromarray(person.photo)
    width = round(photo.width * height / photo.height)
    return np.concatenate([np.asarray(photo.resize((width, height)), np.uint8), *pictures], 1)


def _encode(strips: Sequence[Pictures]) -> list[bytes]:
    """WebP files of the best quality within the page's limit."""
    for reduction, quality in product(REDUCTIONS, QUALITIES):
        files = [_webp(strip, reduction, quality) for strip in strips]
        if sum(map(len, files)) <= PICTURES_MAX_BYTES:
            break
    return files


def _webp(strip: Pictures, reduction: int, quality: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(strip).reduce(reduction).save(stream, "WEBP", quality=quality, method=6)
    return stream.getvalue()


def _by_hand(page: Path) -> str:
    """The text between the marks; a blank line on a new page."""
    if not page.exists():
        return "\n\n"
    match = re.search(re.escape(BEGIN) + "(.*?)" + re.escape(END), page.read_text("utf-8"), re.DOTALL)
    return "\n\n" if match is None else match.group(1)


def _text(cases: Sequence[Case], report: dict[str, Any], by_hand: str) -> str:
    first, people = report["first_identity"], report["identities"]
    lines = [
        f"# nano: {len(cases)} uncurated results",
        "",
        f"People of the {split_of(first)} split, on whom nano was not trained: the first {len(cases)} of {people} in "
        f"their order, {report['steps']} step{'s' * (report['steps'] > 1)}. The prompts",
        "name only the scene: the person comes from the one reference alone. Written by",
        "",
        f"    python -m trainer gates --first-identity {first} --identities {people} --json gates.json --page docs",
        "",
        "## Gates",
        "",
        f"Means (colours: medians) over {people} people with 95 % bootstrap intervals; half of the references are",
        "portraits or half lengths. Beside them what true photos of the same people get"
        + (", and other backbones." if report["against"] else "."),
        "",
        *_table(report),
        "",
        "`c2st_auc`: a classifier, trained on half of the people, separates drawn and true photos of the others.",
        "Colours are CIEDE2000 to a held-out photo, of parts that the reference shows; `reid_rank1` finds that",
        f"photo among {report['reid_gallery']} people; `background_accuracy_typed`: scenes as users type them, with "
        "synonyms and typing",
        "errors; `kid`: in the evaluators' features. People, faces and joints are counted by MediaPipe.",
        "`references_refused`: the share of rendered references on which the parsers of real photos find no person;",
        "these are drawn from with the renderer's own parts and joints, so that the gates measure the drawing.",
        "",
        "## What still looks wrong",
        "",
        BEGIN + by_hand + END,
        "",
        *_real(report["real"]),
        "## Results",
        "",
        "Reference, a true photo of the person, its pose, and the result in this pose, from reference and prompt.",
        "",
        "| | reference, true photo, pose, result | prompt |",
        "| --- | --- | --- |",
        *[f"| {number} | ![{number}](nano/{number:02}.webp) | {case.prompt} |" for number, case in enumerate(cases, 1)],
    ]
    return "\n".join(lines) + "\n"


def _real(real: dict[str, Any]) -> list[str]:
    lines = [
        "## After real photos",
        "",
        "Eileen Collins (NASA) and Grace Hopper (US Navy), both photos in the public domain, and what nano draws after "
        "each",
        f"of them in {len(SCENES)} scenes. Measured with them, and not shown: {real['people'] - len(PUBLIC)} people of "
        "a group photo that belongs to others.",
        "",
        *[f"![{name}](nano/real-{name}.webp)\n" for name in PUBLIC],
        "Colours are CIEDE2000 to the photo; `real_reference_wins`: nearer to it than to the next person's.",
        "",
        "| figure | measured | 95 % interval | pictures |",
        "| --- | --- | --- | --- |",
    ]
    for name, figure in real["figures"].items():
        if figure["value"] is not None:
            lines.append(f"| `{name}` | {_cell(figure['value'])} | {_interval(figure)} | {figure['count']} |")
    return [*lines, ""]


def _table(report: dict[str, Any]) -> list[str]:
    others = report["against"]
    titles = ["figure", "measured", "95 % interval", "limit", "met", "true photos", *others]
    lines = [f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]
    for row in report["gates"]:
        limit = "" if row["limit"] is None else f"at {row['at']} {row['limit']:.3g}"
        met = "yes" if row["met"] else "no"
        if row["skipped"]:
            met = f"no: {row['skipped']}"
        lines.append(_row(row["name"], row, limit, met, row["true_photos"], others))
    for name in REPORTED:
        if report.get(name) is not None:
            figure = {"value": report[name]} | report["intervals"][name]
            true = report["true_photos"].get(name, {}).get("value")
            lines.append(_row(name, figure, "", "", true, others))
    return lines


def _row(
    name: str, figure: dict[str, Any], limit: str, met: str, true: float | None, others: dict[str, dict[str, Any]]
) -> str:
    cells = [f"`{name}`", _cell(figure["value"]), _interval(figure), limit, met, _cell(true)]
    cells += [_cell(values.get(name, {}).get("value")) for values in others.values()]
    return f"| {' | '.join(cells)} |"


def _interval(figure: dict[str, Any]) -> str:
    return "" if figure["low"] is None else f"{figure['low']:.3f} to {figure['high']:.3f}"


def _cell(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"
