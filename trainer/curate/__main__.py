"""python -m trainer.curate --data CRAWL --out DIR: a crawled folder becomes a data set for training.

trainer/curate/__init__.py describes the reasons for dropping and the output.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.config import load_config
from engine.errors import EngineError
from engine.identity.faces import DEFAULT_PACK, open_finder
from engine.identity.parsers import open_person_parser
from trainer.curate import report
from trainer.curate.captioner import Captioner, QwenCaptioner, TemplateCaptioner
from trainer.curate.looking import Experts
from trainer.curate.options import CurateOptions
from trainer.curate.pipeline import CurationOutcome, curate
from trainer.curate.watermark import CornerText, SharedOverlay, WatermarkDetector
from trainer.errors import DataError, TrainerError

STOPPED = 130
DETECTORS: dict[str, tuple[type[SharedOverlay] | type[CornerText], ...]] = {
    "both": (SharedOverlay, CornerText),
    "overlay": (SharedOverlay,),
    "text": (CornerText,),
    "none": (),
}


def main(arguments: list[str] | None = None) -> int:
    """0 when all photos were judged, 130 when stopped, 2 with one line on stderr for a mistake."""
    parsed = _parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        options, experts = _options(parsed), _experts(parsed)
        with _progress(console) as progress:
            task = progress.add_task("", total=None)
            outcome = curate(
                options,
                experts,
                lambda what, done, total: progress.update(task, description=what, completed=done, total=total),
            )
    except KeyboardInterrupt:
        console.print("stopped before the end; the same command goes on from here")
        return STOPPED
    except (TrainerError, EngineError) as error:
        print(f"curate: {error}", file=sys.stderr)
        return 2
    console.print(_summary(outcome))
    console.print(f"data set: {options.out}, report: {options.out / 'report'}", markup=False)
    return 0


def open_captioner(parsed: str, device: str) -> Captioner | None:
    """`none`, `template`, or `qwen:` with a folder or hub id. Raises DataError for anything else."""
    if parsed == "none":
        return None
    if parsed == "template":
        return TemplateCaptioner()
    kind, _, source = parsed.partition(":")
    if kind != "qwen" or not source:
        raise DataError(f"expected --captioner qwen:PATH, template or none, got {parsed!r}; choose one of these")
    return QwenCaptioner(source, device)


def _options(parsed: argparse.Namespace) -> CurateOptions:
    values = {name: value for name, value in vars(parsed).items() if name in CurateOptions.model_fields}
    try:
        return CurateOptions.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "folders"
        message = first["msg"].removeprefix("Value error, ")
        raise DataError(f"options: {place}: {message}; correct it and run again") from error


def _experts(parsed: argparse.Namespace) -> Experts:
    state = load_config().state
    finder = open_finder(parsed.face_root, parsed.face_pack, state)
    detectors: list[WatermarkDetector] = [detector() for detector in DETECTORS[parsed.watermarks]]
    return Experts(
        finder=finder,
        parser=open_person_parser(parsed.pose_model, parsed.person_detector, parsed.device, state),
        detectors=detectors,
        captioner=open_captioner(parsed.captioner, parsed.device),
        face_version=parsed.face_pack if finder.name == "insightface" else "",
    )


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("photos"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=console,
    )


def _summary(outcome: CurationOutcome) -> Table:
    counts = report.counts(outcome.verdicts)
    table = Table("", "photos", title="curation")
    table.add_row("kept", f"{counts['photos_kept']} of {counts['persons_kept']} persons")
    for reason, count in counts["dropped"].items():
        table.add_row(f"dropped: {reason}", str(count))
    table.add_row("all", f"{counts['photos']} of {counts['persons']} persons")
    return table


def _default(field: str) -> object:
    return CurateOptions.model_fields[field].default


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer.curate", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="a crawl: <person>/<person>N.jpg")
    add("--out", type=Path, required=True, metavar="DIR", help="the data set; a cut-off run goes on there")
    add("--min-side", type=int, dest="min_side_px", default=_default("min_side_px"), help="px (%(default)s)")
    add("--min-photos", type=int, default=_default("min_photos"), help="of a person, after all else (%(default)s)")
    add("--duplicate-bits", type=int, default=_default("duplicate_bits"), help="of 64 that may differ (%(default)s)")
    add("--same-person", type=float, default=_default("same_person"), help="least cosine (%(default)s)")
    add(
        "--background-face",
        type=float,
        default=_default("background_face"),
        help="faces below this share of the largest one's side do not count (%(default)s: all count)",
    )
    add("--need-body", action="store_true", help="drop photos on which no joints are made out")
    add("--watermarks", choices=list(DETECTORS), default="both", help="how to look for them (%(default)s)")
    add("--captioner", default="none", metavar="qwen:PATH|template|none", help="who describes photos (%(default)s)")
    models = parser.add_argument_group("models").add_argument
    models("--face-root", type=Path, default=None, metavar="DIR", help="with models/<pack>/*.onnx of insightface")
    models("--face-pack", default=DEFAULT_PACK, help="(%(default)s)")
    models("--pose-model", type=Path, default=None, metavar="DIR", help="ViTPose; with --person-detector")
    models("--person-detector", type=Path, default=None, metavar="DIR", help="RT-DETR; with --pose-model")
    models("--device", default="cpu", help="for the pose model and the captioner (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
