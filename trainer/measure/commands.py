"""The command measure."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

NETWORKS: Final = ("clip", "inception", "lpips", "dino", "face_root", "face_pack", "body_network")
SETTINGS: Final = ("split", "people", "pictures", "references", "captions", "seed")
"""Options that are settings of a plan."""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser of `python -m trainer`."""
    parser = commands.add_parser("measure", help="measure backbones and public adapters with public networks; resumes")
    parser.add_argument("--config", type=Path, default=None, help="a plan (see trainer/configs/measure)")
    parser.add_argument("--backbone", default=None, help="one model instead: a name of ENGINE_BACKBONE's")
    parser.add_argument("--weights", type=Path, default=None, help="that backbone's folder")
    parser.add_argument("--run", type=Path, default=None, help="a run of adapter to serve on that backbone")
    parser.add_argument(
        "--data",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="curated folders or shards, with held-out people",
    )
    parser.add_argument("--coco", type=Path, default=None, metavar="DIR", help="COCO 2017 val")
    parser.add_argument("--out", type=Path, required=True, help="of figures and pictures; what is there is kept")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--split", choices=("test", "validation"), default=None, help="whose people are drawn (test)")
    parser.add_argument("--people", type=int, default=None, help="at most so many (all)")
    parser.add_argument("--pictures", type=int, default=None, help="per person (4)")
    parser.add_argument("--references", type=int, default=None, help="photos per person (1)")
    parser.add_argument("--captions", type=int, default=None, help="of COCO (5000, the full protocol)")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--clip", type=Path, default=None, metavar="DIR", help="CLIP ViT-L/14: CLIP-T and CLIP-I")
    parser.add_argument("--inception", type=Path, default=None, metavar="DIR", help="Inception's weights: FID, KID")
    parser.add_argument("--lpips", type=Path, default=None, metavar="DIR", help="AlexNet's and LPIPS's weights")
    parser.add_argument("--dino", type=Path, default=None, metavar="DIR", help="DINO or DINOv2: DINO, FD-DINO")
    parser.add_argument("--face-root", type=Path, default=None, help="an insightface root: ArcFace (research only)")
    parser.add_argument("--face-pack", default=None)
    parser.add_argument("--body-network", default=None, metavar="FILE", help="a re-identification network as ONNX")
    parser.set_defaults(command=_measure)


def _measure(options: argparse.Namespace) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from engine.config import load_config
    from trainer.errors import DataError
    from trainer.measure.plan import read_plan
    from trainer.measure.report import PAGE
    from trainer.measure.run import MeasureRun, measure

    if (options.config is None) == (options.backbone is None):
        raise DataError("expected either --config or --backbone, got both or neither: give one of the two")
    given = {name: value for name in SETTINGS if (value := getattr(options, name)) is not None}
    given["networks"] = {name: value for name in NETWORKS if (value := getattr(options, name)) is not None}
    if options.backbone is not None:
        name = options.backbone if options.run is None else options.run.name
        model = {"name": name, "backbone": options.backbone, "weights": options.weights, "run": options.run}
        given["models"] = [model | {"options": vars(load_config().options())}]
    plan = read_plan(options.config, given)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        bars: dict[str, Any] = {}

        def report_progress(what: str, done: int, total: int) -> None:
            if what not in bars:
                bars[what] = progress.add_task(what, total=total)
            progress.update(bars[what], completed=done)

        run = MeasureRun(
            plan, options.out, load_config().state, tuple(options.data), options.coco, options.device, report_progress
        )
        measure(run)
    print(options.out / PAGE)
