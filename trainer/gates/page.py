"""What the gates leave to be looked at: a sheet of a dozen cases, and a page of results that nobody has chosen."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.pose import draw_skeleton
from trainer.gates.cases import Case
from trainer.gates.drawing import Pictures
from trainer.gates.measuring import Shown
from trainer.people import split_of
from trainer.posing import pose_of

SHEET_CASES: Final = 12
PAGE_CASES: Final = 32
PICTURES_MAX_BYTES: Final = 1_450_000
"""Of all pictures of the page together."""
QUALITIES: Final = (90, 80, 70, 60, 50)
REDUCTIONS: Final = (1, 2, 4, 8)
"""By how much pictures shrink where no quality makes them small enough."""
BEGIN: Final = "<!-- by hand: what follows stays when this page is written again -->"
END: Final = "<!-- end of what is written by hand -->"
NOT_GATED: Final = (
    "background_accuracy_typed",
    "skin_de2000",
    "hair_de2000",
    "pose_pck_unasked",
    "reference_wins_colour",
    "frechet_here",
    "kid_here",
)


def write_sheet(cases: Sequence[Case], shown: Shown, path: Path) -> None:
    """Rows: reference, held-out photo, picture from the right reference, from a stranger's, in the pose asked for."""
    few = cases[:SHEET_CASES]
    drawn = [shown.own, shown.stranger] if shown.posed is None else [shown.own, shown.stranger, shown.posed]
    rows = [
        np.concatenate([case.reference.image for case in few], 1),
        np.concatenate([case.held_out.image for case in few], 1),
        *(np.concatenate(list(pictures[: len(few)]), 1) for pictures in drawn),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows)).save(path)


def write_page(cases: Sequence[Case], shown: Shown, report: dict[str, Any], folder: Path) -> None:
    """FOLDER/nano.md and FOLDER/nano/*.webp: the first cases in their order. What stands between the page's two marks
    is kept."""
    strips = [_strip(case, shown, row) for row, case in enumerate(cases[:PAGE_CASES])]
    pictures, page = folder / "nano", folder / "nano.md"
    pictures.mkdir(parents=True, exist_ok=True)
    for old in pictures.glob("[0-9][0-9].webp"):
        old.unlink()
    names = [f"{number:02}.webp" for number in range(1, len(strips) + 1)]
    for name, encoded in zip(names, _encoded(strips), strict=True):
        (pictures / name).write_bytes(encoded)
    draft = page.with_suffix(".tmp")
    draft.write_text(_text(cases[: len(names)], names, report, _by_hand(page)), "utf-8")
    draft.replace(page)


def write_real(pictures: Pictures, people: int, path: Path) -> None:
    """Pictures after real photos, one person a row, to be looked at and not to be passed on: much in them is the
    photo's own pixels."""
    Image.fromarray(_rows(pictures, people)).save(path)


def _rows(pictures: Pictures, rows: int) -> Pictures:
    """[n, H, W, 3] -> [rows * H, n / rows * W, 3]."""
    count, height, width, _ = pictures.shape
    columns = count // rows
    return pictures.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, columns * width, 3)


def _strip(case: Case, shown: Shown, row: int) -> Pictures:
    """Reference, result, and where poses are asked for the skeleton and the result in that pose."""
    panels: list[NDArray[np.uint8]] = [case.reference.image, shown.own[row]]
    if shown.posed is not None:
        height, width = case.held_out.image.shape[:2]
        skeleton = draw_skeleton(pose_of(case.held_out.keypoints, (width, height)), width, height)
        panels += [np.asarray(skeleton, np.uint8), shown.posed[row]]
    return np.concatenate(panels, 1)


def _encoded(strips: Sequence[Pictures]) -> list[bytes]:
    """WebP files as good as the page's limit allows."""
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
    """What was written between the marks, as it stands; nothing on a new page."""
    if not page.exists():
        return "\n\n"
    found = re.search(re.escape(BEGIN) + "(.*?)" + re.escape(END), page.read_text("utf-8"), re.DOTALL)
    return "\n\n" if found is None else found.group(1)


def _text(cases: Sequence[Case], names: Sequence[str], report: dict[str, Any], by_hand: str) -> str:
    first, people = report["first_identity"], report["identities"]
    posed = report["pose_pck"] is not None
    columns = "reference, result, the pose asked for, result in it" if posed else "reference, result"
    lines = [
        f"# nano: {len(cases)} results, none of them chosen",
        "",
        f"People of the {split_of(first)} split, whom nano has not learned from: the first {len(cases)} of {people} in "
        "their order,",
        f"{report['width']} x {report['height']} px, {report['steps']} steps. The",
        "words name only the scene: all that is right about the person comes from the one photo. Written by",
        "",
        f"    python -m trainer gates --first-identity {first} --identities {people} --json gates.json --page docs",
        "",
        "## Gates",
        "",
        f"Means (colours: medians) over {people} people with 95 % bootstrap intervals. Beside them, what other true "
        "photos of the same people get.",
        "",
        *_table(report),
        "",
        "Colours are CIEDE2000 to a held-out photo; `reid_rank1` finds that photo among "
        f"{report['reid_gallery']} people by the examiners' body",
        "vector; `background_accuracy_typed`: the same scenes in the words of users, with synonyms, idle words and",
        "slips; `frechet_here` and `kid_here` are distances of the examiners' features, not FID or KID.",
        "",
        "## What still looks wrong",
        "",
        BEGIN + by_hand + END,
        "",
        *_real(report["real"]),
        "## Results",
        "",
        f"| | {columns} | words |",
        "| --- | --- | --- |",
        *[
            f"| {number} | ![{number}](nano/{name}) | {case.prompt} |"
            for number, (name, case) in enumerate(zip(names, cases, strict=True), start=1)
        ],
    ]
    return "\n".join(lines) + "\n"


def _real(real: dict[str, Any]) -> list[str]:
    """What is said of real photos, which are not shown."""
    lines = [
        "## After real photos",
        "",
        f"{real['people']} people of photos that installed packages bring (scikit-image's astronaut, insightface's",
        "group photo; other people's, so neither they nor what is drawn of them is shown here), each in the same "
        f"scenes: {real['pictures']} pictures. Colours are CIEDE2000",
        "to the one photo there is, by the parts that the observer sees on it; `reference_wins_colour`: nearer to it",
        "than to the next person's.",
        "",
        "| figure | measured | 95 % interval | pictures |",
        "| --- | --- | --- | --- |",
    ]
    for name, figure in real["figures"].items():
        if figure["value"] is not None:
            interval = f"{figure['low']:.3f} to {figure['high']:.3f}"
            lines.append(f"| `{name}` | {figure['value']:.3f} | {interval} | {figure['count']} |")
    return [*lines, ""]


def _table(report: dict[str, Any]) -> list[str]:
    lines = [
        "| figure | measured | 95 % interval | wanted | met | true photos |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    true = report["ceiling"]
    for gate in report["gates"]:
        wanted = f"at {gate['at']} {gate['wanted']:g}"
        lines.append(_row(gate["name"], gate, wanted, "yes" if gate["met"] else "no", true))
    for name in NOT_GATED:
        if report.get(name) is not None:
            lines.append(_row(name, {"value": report[name]} | report["intervals"][name], "", "", true))
    return lines


def _row(name: str, figure: dict[str, Any], wanted: str, met: str, true: dict[str, Any]) -> str:
    interval = "" if figure["low"] is None else f"{figure['low']:.3f} to {figure['high']:.3f}"
    cells = (f"`{name}`", _cell(figure["value"]), interval, wanted, met, _cell(true.get(name)))
    return f"| {' | '.join(cells)} |"


def _cell(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"
