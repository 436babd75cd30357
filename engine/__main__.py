"""The engine without any server: `python -m engine generate` draws one picture, `examine` looks at photos, `bench`
measures speed beside the peer.

Exit codes: 0 done, 1 the drawing failed, 2 a wrong argument or an incomplete installation, 3 a photo cannot serve.
"""

from __future__ import annotations

import argparse
import json
import logging
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine import contract
from engine.backbones import load_backbone
from engine.config import Config, load_config
from engine.errors import BadReference, SetupError
from engine.generate import Generator
from engine.identity.examine import examine
from engine.identity.faces import FaceFinder, open_finder
from engine.identity.photo import read_photo

DONE, FAILED, MISUSED, UNSUITABLE = range(4)
VERDICTS = {
    contract.Verdict.ACCEPTED: "can serve as a reference",
    contract.Verdict.NO_PERSON: "no person was found",
    contract.Verdict.SEVERAL_PEOPLE: "several people; one is wanted",
    contract.Verdict.TOO_SMALL: "too small",
    contract.Verdict.TOO_BLURRED: "too blurred",
    contract.Verdict.TOO_DARK: "too dark",
    contract.Verdict.UNREADABLE: "not a photo that can be read",
}


class _Unsuitable(Exception):
    """A photo cannot serve; the message is one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code. Errors are one line on stderr."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        if options.command == "bench":
            return _bench(options, console)
        config = load_config()
        finder = open_finder(config.face_root, config.face_pack)
        if options.command == "examine":
            return _examine(options.photos, finder)
        return _generate(options, config, finder, console)
    except _Unsuitable as error:
        console.print(f"engine: {error}", style="red", markup=False)
        return UNSUITABLE
    except SetupError as error:
        console.print(f"engine: {error}", style="red", markup=False)
        return MISUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine", description="Pictures of a person from photos and words.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    generate = commands.add_parser("generate", help="draw one picture", description="Draws one picture of a person.")
    generate.add_argument(
        "--reference",
        action="append",
        required=True,
        type=Path,
        metavar="PHOTO",
        help="a photo of the person; repeatable",
    )
    generate.add_argument("--prompt", required=True, help="what to draw")
    generate.add_argument("--negative", default="", metavar="PROMPT", help="what to keep out")
    generate.add_argument("--out", required=True, type=Path, metavar="FILE.png", help="where the picture goes")
    generate.add_argument("--steps", type=int, help="denoising steps; default: the backbone's")
    generate.add_argument("--guidance", type=float, help="how strictly the words are followed; default: the backbone's")
    generate.add_argument("--face-scale", type=float, default=1.0, help="0 to 2; default: %(default)s")
    generate.add_argument("--body-scale", type=float, default=1.0, help="0 to 2; default: %(default)s")
    generate.add_argument("--seed", type=int, help="the same seed draws the same picture; default: a random one")
    generate.add_argument("--device", help="auto, cpu, cuda, ...; default: ENGINE_DEVICE or auto")
    generate.add_argument("--backbone", help="the model; default: ENGINE_BACKBONE or nano")
    generate.add_argument("--weights", type=Path, metavar="FOLDER", help="weights in place of the backbone's own")
    generate.add_argument("--force", action="store_true", help="draw even if a photo does not look suitable")
    look = commands.add_parser("examine", help="say whether photos can serve as references")
    look.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    bench = commands.add_parser("bench", help="measure speed beside diffusers' own IP-Adapter attention")
    bench.add_argument("--shape", choices=("nano", "sd15", "sdxl"), default="nano")
    bench.add_argument("--json", required=True, type=Path, metavar="FILE.json", help="where the figures go")
    bench.add_argument("--plot", type=Path, metavar="FILE.png", help="where a picture of them goes")
    bench.add_argument("--pairs", type=int, default=15, help="pairs of runs a figure; default: %(default)s")
    bench.add_argument("--device", default="auto", help="auto, cpu, cuda, ...; default: %(default)s")
    return parser


def _bench(options: argparse.Namespace, console: Console) -> int:
    """A table on stdout, everything in the JSON file."""
    from engine.backbones import choose_device
    from engine.bench import plot, run

    if options.pairs < 1:
        raise SetupError(f"--pairs: expected 1 or more, got {options.pairs}")
    for path in filter(None, (options.json, options.plot)):
        _check_out(path)
    figures = run(options.shape, choose_device(options.device), options.pairs, console)
    options.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    if options.plot:
        plot(figures, options.plot)
    table = Table(
        "figure", "median", "quartiles", "seconds", "peer's seconds", title=f"{options.shape}, {figures['device']}"
    )
    for key, row in figures["spread"].items():
        quartiles = f"{row['low']:.3f} to {row['high']:.3f}"
        table.add_row(key, f"{row['median']:.3f}", quartiles, f"{row['seconds']:.4f}", f"{row['peer_seconds']:.4f}")
    Console().print(table)
    return DONE


def _examine(photos: Sequence[Path], finder: FaceFinder) -> int:
    """A table with a line a photo; UNSUITABLE if any of them is."""
    table = Table("photo", "verdict", "meaning", "people", "quality")
    verdicts = []
    for path in photos:
        verdict, people, quality = contract.Verdict.UNREADABLE, 0, ""
        try:
            verdict, people, observation = examine(read_photo(_bytes(path)), finder)
            quality = f"{observation.quality:.2f}" if observation else ""
        except BadReference:
            pass
        table.add_row(str(path), verdict.value, VERDICTS[verdict], str(people), quality)
        verdicts.append(verdict)
    Console().print(table)
    return DONE if all(verdict is contract.Verdict.ACCEPTED for verdict in verdicts) else UNSUITABLE


def _generate(options: argparse.Namespace, config: Config, finder: FaceFinder, console: Console) -> int:
    request = _request(options)
    _check_out(options.out)
    references = [
        _checked(path, reference, finder, options.force, console)
        for path, reference in zip(options.reference, request.references, strict=True)
    ]
    request = request.model_copy(update={"references": tuple(references)})
    backbone = load_backbone(
        options.backbone or config.backbone, options.device or config.device, options.weights or config.weights
    )
    generator = Generator(backbone, finder, worker_id="command line")
    ending = _draw(generator, request, console)
    if isinstance(ending, contract.Failure):
        console.print(f"engine: {ending.code.value}: {ending.detail}", style="red", markup=False)
        return UNSUITABLE if ending.code is contract.FailureCode.BAD_REFERENCE else FAILED
    options.out.write_bytes(ending.image)
    size = f"{ending.width} x {ending.height}"
    print(
        f"{options.out}: {size} px, {ending.backbone} on {backbone.device}, seed {request.seed}, {ending.seconds:.1f} s"
    )
    return DONE


def _request(options: argparse.Namespace) -> contract.GenerateRequest:
    references = tuple(contract.Reference(image=_bytes(path)) for path in options.reference)
    try:
        return contract.GenerateRequest(
            job_id="command-line",
            references=references,
            prompt=options.prompt,
            negative_prompt=options.negative,
            seed=secrets.randbelow(2**31) if options.seed is None else options.seed,
            settings=contract.Settings(
                steps=options.steps,
                guidance=options.guidance,
                face_scale=options.face_scale,
                body_scale=options.body_scale,
            ),
            preview=False,
        )
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise SetupError(f"--{'.'.join(map(str, first['loc'])).replace('_', '-')}: {first['msg']}") from error


def _checked(
    path: Path, reference: contract.Reference, finder: FaceFinder, force: bool, console: Console
) -> contract.Reference:
    """With what was seen on it. Raises _Unsuitable, with `force` only for what is no photo at all."""
    try:
        verdict, _, observation = examine(read_photo(reference.image), finder)
    except BadReference as error:
        raise _Unsuitable(f"{path}: {error}") from error
    if observation is not None:
        return reference.model_copy(update={"profile": observation.to_bytes()})
    if not force:
        raise _Unsuitable(f"{path}: {VERDICTS[verdict]}; take another photo, or draw all the same with --force")
    console.print(f"engine: {path}: {VERDICTS[verdict]}; drawing all the same", style="yellow", markup=False)
    return reference


def _check_out(path: Path) -> None:
    """Said before the drawing, not after it."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise SetupError(f"--out: expected a file name in a folder that exists, got {path}")


def _draw(
    generator: Generator, request: contract.GenerateRequest, console: Console
) -> contract.Result | contract.Failure:
    """The reply that ends the request; a progress bar meanwhile."""
    endings: list[contract.Result | contract.Failure] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("drawing", total=request.settings.steps)

        def show(reply: contract.Reply) -> None:
            if isinstance(reply, contract.Progress):
                bar.update(task, completed=reply.step, total=reply.steps)
            elif isinstance(reply, contract.Result | contract.Failure):
                endings.append(reply)

        generator.generate([request], show, lambda _: False)
    return endings[0]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror or error}") from error


if __name__ == "__main__":
    sys.exit(main())
