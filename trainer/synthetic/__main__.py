"""Command line: renders shards of synthetic people, or a contact sheet."""

import argparse
import sys
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trainer.errors import DataError, TrainerError
from trainer.synthetic.identity import SPLITS
from trainer.synthetic.shards import ShardPlan, check_plan, write_shards

MISUSED = 2
"""The exit code of a user's mistake, as in `python -m trainer`."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line; `arguments` None means the process's own."""
    options = _parser().parse_args(arguments)
    if options.sheet is not None:
        from trainer.synthetic.sheet import draw_sheet

        identities = options.identities or 8
        draw_sheet(options.sheet, options.first_identity, identities, options.photos, options.height, options.width)
        return
    try:
        plans = _plans(options)
        for plan in plans.values():
            check_plan(plan)
        for folder, plan in plans.items():
            _render(folder, plan, options.workers)
    except TrainerError as error:
        print(f"trainer.synthetic: {error}", file=sys.stderr)
        raise SystemExit(MISUSED) from error


def _plans(options: argparse.Namespace) -> dict[Path, ShardPlan]:
    """Folder -> the plan to render into it: one plan, or one per split."""
    if options.out is None or bool(options.splits) == bool(options.identities):
        raise DataError("expected --out DIR and either --identities K or --splits NAME=K ... (or --sheet PNG)")
    shape = (options.photos, options.height, options.width)
    if not options.splits:
        return {options.out: ShardPlan(options.first_identity, options.identities, *shape)}
    plans = {}
    for wish in options.splits:
        name, _, count = wish.partition("=")
        if name not in SPLITS or not count.isdecimal() or options.out / name in plans:
            raise DataError(f"expected each of {', '.join(SPLITS)} at most once as NAME=COUNT, got {wish!r}")
        plans[options.out / name] = ShardPlan(SPLITS[name].start, int(count), *shape)
    return plans


def _render(folder: Path, plan: ShardPlan, workers: int) -> None:
    columns = (TextColumn("photos"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("photos", total=plan.identities * plan.photos)
        manifest = write_shards(folder, plan, workers, lambda photos: progress.advance(task, photos))
    speed = manifest["throughput"]
    print(
        f"{folder}: {manifest['photos']} photos; the last run rendered {speed['photos']} at "
        f"{speed['photos_a_second']} photos/s with {speed['workers']} workers"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer.synthetic", description=__doc__)
    parser.add_argument("--first-identity", type=int, default=0, metavar="N")
    parser.add_argument("--identities", type=int, default=0, metavar="K")
    parser.add_argument(
        "--splits", nargs="+", default=[], metavar="NAME=K", help="train=K validation=K test=K, each into DIR/NAME"
    )
    parser.add_argument("--photos", type=int, default=4, help="photos of each identity")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the shards")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--height", type=int, default=192)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="draw a contact sheet instead")
    return parser


if __name__ == "__main__":
    main()
