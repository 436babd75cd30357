"""`python -m engine presets`: a small picture of one person in every style and every pose, for the bot's buttons."""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from rich.console import Console

from engine import contract
from engine.commands import DONE, FAILED, UNSUITABLE, read_bytes, write
from engine.commands.examine import MEANINGS
from engine.config import load_config
from engine.errors import SetupError
from engine.pipeline import RequestPipeline
from engine.styles import shipped_styles

NO_STYLE = "none"
HEIGHT_PX = 360
QUALITY = 80
PROMPT = "a full-length photo of a person standing"


def add(parser: argparse.ArgumentParser) -> None:
    say = parser.add_argument
    say("--reference", required=True, type=Path, metavar="PHOTO", help="of a person who may be shown to every user")
    say("--out", required=True, type=Path, metavar="FOLDER", help="style-NAME.webp and pose-NAME.webp go there")
    say("--prompt", default=PROMPT, help="of the styles; default: %(default)s")
    say("--clothes", choices=[*contract.Clothes], default=contract.Clothes.KEEP.value, help="default: %(default)s")
    say("--seed", type=int, default=1, help="of all pictures; default: %(default)s")
    say("--only", metavar="NAME", action="append", help="draw these alone, such as style-film; repeatable")
    say("--height", type=int, default=HEIGHT_PX, help="of the pictures in pixels; default: %(default)s")


def run(options: argparse.Namespace, console: Console) -> int:
    """The exit code; UNSUITABLE if the photo shows no person, FAILED if a picture could not be drawn."""
    from engine.factory import assemble

    if not options.out.is_dir():
        raise SetupError(f"--out: expected a folder that exists, got {options.out}")
    image = read_bytes(options.reference)
    requests = dict(_requests(options, image))
    unknown = sorted(set(options.only or ()) - set(requests))
    if unknown:
        raise SetupError(f"--only: expected some of {', '.join(requests)}, got {', '.join(unknown)}")
    pipeline = assemble(load_config(), worker_id="command line")
    examination = pipeline.examiner.examine(contract.ExamineRequest(reference_id=str(options.reference), image=image))
    if examination.profile is None:
        console.print(
            f"engine: {options.reference}: {MEANINGS[examination.verdict]}; take another photo",
            style="red",
            markup=False,
        )
        return UNSUITABLE
    if not pipeline.backbone.capabilities.pose:
        console.print(f"engine: {pipeline.backbone.capabilities.name} draws no chosen pose: styles alone", markup=False)
        requests = {name: request for name, request in requests.items() if request.pose is None}
    for name, request in requests.items():
        if options.only and name not in options.only:
            continue
        reference = contract.Reference(image=image, profile=examination.profile)
        ending = _draw(pipeline, request.model_copy(update={"references": (reference,)}))
        if isinstance(ending, contract.Failure):
            console.print(f"engine: {name}: {ending.code.value}: {ending.detail}", style="red", markup=False)
            return FAILED
        path = options.out / f"{name}.webp"
        write(path, _small(ending.image, options.height))
        print(f"{path}: {path.stat().st_size} bytes")
    return DONE


def _requests(options: argparse.Namespace, image: bytes) -> Iterator[tuple[str, contract.GenerateRequest]]:
    """(File name, request) for each style and each pose."""
    common = {
        "job_id": "command-line",
        "references": (contract.Reference(image=image),),
        "prompt": options.prompt,
        "seed": options.seed,
        "settings": contract.Settings(clothes=contract.Clothes(options.clothes)),
        "preview": False,
    }
    for style in (NO_STYLE, *shipped_styles()):
        style_name = None if style == NO_STYLE else style
        yield f"style-{style}", contract.GenerateRequest.model_validate({**common, "style": style_name})
    for preset in contract.PosePreset:
        posed = {"pose": contract.Pose(preset=preset), "prompt": "a full-length photo of a person"}
        yield f"pose-{preset}", contract.GenerateRequest.model_validate({**common, **posed})


def _draw(pipeline: RequestPipeline, request: contract.GenerateRequest) -> contract.Result | contract.Failure:
    endings: list[contract.Result | contract.Failure] = []

    def note(reply: contract.Reply) -> None:
        if isinstance(reply, contract.Result | contract.Failure):
            endings.append(reply)

    pipeline.generate([request], note, lambda _: False)
    return endings[0]


def _small(png: bytes, height: int) -> bytes:
    with Image.open(io.BytesIO(png)) as picture:
        width = max(round(picture.width * height / picture.height), 1)
        small = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    small.save(written, "WEBP", quality=QUALITY, method=6)
    return written.getvalue()
