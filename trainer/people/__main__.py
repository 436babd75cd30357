"""Command line: renders shards of synthetic people, or a contact sheet."""

import argparse
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trainer.people.shards import ShardPlan, write_shards


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line; `arguments` None means the process's own."""
    options = _parser().parse_args(arguments)
    if options.sheet is not None:
        from trainer.people.sheet import draw_sheet

        draw_sheet(
            options.sheet,
            options.first_identity,
            options.identities or 8,
            options.photos,
            options.height,
            options.width,
        )
        return
    if options.out is None or not options.identities:
        raise SystemExit("Expected --out DIR and --identities K (or --sheet PNG).")
    plan = ShardPlan(options.first_identity, options.identities, options.photos, options.height, options.width)
    columns = (
        TextColumn("photos"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        task = progress.add_task("photos", total=plan.identities * plan.photos)
        write_shards(options.out, plan, options.workers, lambda photos: progress.advance(task, photos))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer.people", description=__doc__)
    parser.add_argument("--first-identity", type=int, default=0, metavar="N")
    parser.add_argument("--identities", type=int, default=0, metavar="K")
    parser.add_argument("--photos", type=int, default=4, help="photos of each identity")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the shards")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--height", type=int, default=192)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="draw a contact sheet instead")
    return parser


if __name__ == "__main__":
    main()
