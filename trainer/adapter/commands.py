"""The commands split, precompute and adapter, and what export does with an adapter's run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

BASES: Final = "sd15 or sdxl from the hub's cache, or a diffusers pipeline's folder"


def add_parsers(commands: Any) -> None:
    """Adds the commands to the parser of `python -m trainer`."""
    split = commands.add_parser("split", help="hold out people of a curated folder, for good")
    split.add_argument("--data", type=Path, required=True, metavar="DIR", help="a curated folder")
    split.add_argument("--test-people", type=int, default=0, help="who are never learned from, only measured on")
    split.add_argument("--validation-people", type=int, default=0, help="who are shown on validation sheets")
    split.set_defaults(command=_split)

    precompute = commands.add_parser("precompute", help="encode photos for training adapters on a base; resumes")
    precompute.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="DIR", help="shards of people, or curated folders"
    )
    precompute.add_argument("--base", required=True, help=BASES)
    precompute.add_argument("--out", type=Path, required=True, help="the cache; what is there is not done again")
    precompute.add_argument("--image-encoder", type=Path, default=None, metavar="DIR", help="CLIP (ViT-H by default)")
    precompute.add_argument("--area", type=int, default=None, metavar="PX", help="of a picture (the base's own)")
    precompute.add_argument("--limit", type=int, default=None, help="of photos, for a trial")
    precompute.add_argument("--face-root", type=Path, default=None, help="an insightface root: embeds faces too")
    precompute.add_argument("--face-pack", default="buffalo_l")
    precompute.add_argument(
        "--face-network", choices=("arcface", "dlib"), default="arcface", help="dlib may be used commercially"
    )
    precompute.add_argument(
        "--body-network", default="shipped", metavar="FILE", help="a re-identification network as ONNX (the included)"
    )
    precompute.set_defaults(command=_precompute)

    adapter = commands.add_parser("adapter", help="train an adapter on a public base; resumes; `accelerate launch` too")
    adapter.add_argument("--base", required=True, help=BASES)
    adapter.add_argument("--data", type=Path, required=True, help="a cache of python -m trainer precompute")
    adapter.add_argument("--out", type=Path, required=True, help="the run's folder; a run that was cut off goes on")
    adapter.add_argument("--config", type=Path, default=None, help="a recipe (see trainer/configs/adapter)")
    adapter.add_argument("--image-encoder", type=Path, default=None, metavar="DIR", help="the cache's")
    adapter.add_argument(
        "--method",
        default=None,
        help="ip_adapter, ip_adapter_plus, bolid, instantid, instantid_body, pulid or pulid_body",
    )
    for name, kind in (("steps", int), ("batch", int), ("accumulation", int), ("learning-rate", float), ("seed", int)):
        adapter.add_argument(f"--{name}", type=kind, default=None, help="in place of the recipe's")
    adapter.add_argument("--optimizer", default=None, help="adamw or adamw8bit (needs bitsandbytes)")
    adapter.add_argument("--precision", default=None, help="bf16 or no")
    adapter.add_argument("--sheet-every", type=int, default=None, help="steps between validation sheets, 0 for none")
    adapter.add_argument("--wandb", default="", metavar="PROJECT", help="figures also go to this project")
    adapter.set_defaults(command=_adapter)

    memory = commands.add_parser("adapter-memory", help="print how much GPU memory runs take, by calculation")
    memory.set_defaults(command=_memory)


OVERRIDES: Final = (
    "method", "steps", "batch", "accumulation", "learning_rate", "seed", "optimizer", "precision", "sheet_every",
)  # fmt: skip
"""Options that are settings of a recipe."""


def _split(options: argparse.Namespace) -> None:
    from trainer.splits import split_folder

    counts = split_folder(options.data, options.validation_people, options.test_people)
    print(", ".join(f"{count} people for {kind}" for kind, count in counts.items()))


def _precompute(options: argparse.Namespace) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from engine.identity.faces import open_finder
    from trainer.adapter.base import open_base
    from trainer.adapter.face_networks import open_face_network
    from trainer.adapter.precompute import PrecomputeRun, precompute
    from trainer.adapter.recognition import face_network_name

    finder = None if options.face_root is None else open_finder(options.face_root, options.face_pack)
    dlib = options.face_network == "dlib"
    run = PrecomputeRun(
        data=tuple(options.data),
        base=open_base(options.base, options.image_encoder),
        out=options.out,
        area_px=options.area,
        limit=options.limit,
        face_network="" if options.face_root is None else face_network_name(options.face_root, options.face_pack),
        faces=open_face_network("dlib", options.face_root, options.face_pack) if dlib else None,
        body_network=options.body_network,
    )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        bar = progress.add_task("photos", total=None)
        count = precompute(run, finder, lambda done, total: progress.update(bar, completed=done, total=total))
    print(f"{count} photos in {options.out}")


def _adapter(options: argparse.Namespace) -> None:
    from trainer.adapter.base import open_base
    from trainer.adapter.recipe import read_recipe
    from trainer.adapter.run import AdapterRun, train_adapter

    given = {name: value for name in OVERRIDES if (value := getattr(options, name)) is not None}
    recipe = read_recipe(options.config, given)
    base = open_base(options.base, options.image_encoder)
    for path in train_adapter(AdapterRun(base, options.data, options.out, recipe, options.wandb)):
        print(path)


def _memory(options: argparse.Namespace) -> None:
    from trainer.adapter.memory import memory_table

    print(memory_table())
