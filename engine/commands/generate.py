"""`python -m engine generate`: one picture of a person, from photos and a prompt."""

from __future__ import annotations

import argparse
import os
import secrets
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from engine import contract
from engine.backbones.base import Capabilities
from engine.commands import DONE, FAILED, UNSUITABLE, check_out, read_bytes, write
from engine.commands.examine import MEANINGS
from engine.config import Config, load_config
from engine.errors import BadReference, SetupError, StyleError
from engine.examiner import Examiner
from engine.identity.photo import read_photo
from engine.pipeline import RequestPipeline
from engine.styles import find_style, shipped_styles

PHOTO_AT_FAULT = (contract.FailureCode.BAD_REFERENCE, contract.FailureCode.REFUSED_PHOTO)
NEVER = (contract.Verdict.MINOR, contract.Verdict.NUDITY)
"""Verdicts on photos that are not used even with --force."""
LIKENESS = {"face": (1.3, 0.7), "balanced": (1.0, 1.0), "body": (0.7, 1.3)}
"""Scales of the face and the body."""


class Unsuitable(Exception):
    """A photo is unsuitable; the message is one line."""


def add(parser: argparse.ArgumentParser) -> None:
    say = parser.add_argument
    say("--reference", action="append", required=True, type=Path, metavar="PHOTO", help="of the person; repeatable")
    say("--companion", action="append", type=Path, metavar="PHOTO", help="of a second person, drawn at the right")
    say("--prompt", required=True, help="what to draw")
    say("--negative", default="", metavar="PROMPT", help="what to keep out")
    say("--out", required=True, type=Path, metavar="FILE.png", help="where the picture goes")
    say("--style", metavar="NAME", help=f"one of: {', '.join(shipped_styles())}")
    say("--pose", metavar="PHOTO|PRESET", help=f"a photo of anybody, or one of: {', '.join(contract.PosePreset)}")
    say("--pose-scale", type=float, default=1.0, help="0 to 2; default: %(default)s")
    say("--image-prompt", type=Path, metavar="PICTURE", help="whose style is followed")
    say("--image-prompt-scale", type=float, default=1.0, help="0 to 2; default: %(default)s")
    say("--aspect", choices=[*contract.Aspect], help="width to height; default: the backbone's own")
    say("--clothes", choices=[*contract.Clothes], default=contract.Clothes.KEEP.value, help="default: %(default)s")
    say("--likeness", choices=[*LIKENESS], default="balanced", help="what matters more; default: %(default)s")
    say("--face-scale", type=float, help="0 to 2; default: as --likeness says")
    say("--body-scale", type=float, help="0 to 2; default: as --likeness says")
    say("--steps", type=int, help="denoising steps; default: the backbone's")
    say("--guidance", type=float, help="how strictly the words are followed; default: the backbone's")
    say("--seed", type=int, help="the same seed draws the same picture; default: a random one")
    say("--device", help="auto, cpu, cuda, ...; default: ENGINE_DEVICE or auto")
    say("--backbone", help="the model; default: ENGINE_BACKBONE or nano")
    say("--weights", type=Path, metavar="FOLDER", help="weights in place of the backbone's own")
    say("--force", action="store_true", help="draw even if a photo does not look suitable")


def run(options: argparse.Namespace, console: Console) -> int:
    """Draws and reports on stdout; the exit code."""
    from engine.factory import assemble

    request = _request(options)
    check_out(options.out, formats=("PNG",))
    try:
        _check_photos(options, request)
        pipeline = assemble(_config(options), worker_id="command line")
        references, companion = (
            tuple(
                _checked(path, reference, pipeline.examiner, options.force, console)
                for path, reference in zip(paths, photos, strict=True)
            )
            for paths, photos in (
                (options.reference, request.references),
                (options.companion or (), request.companion),
            )
        )
    except Unsuitable as error:
        console.print(f"engine: {error}", style="red", markup=False)
        return UNSUITABLE
    request = request.model_copy(update={"references": references, "companion": companion})
    for note in _notes(request, pipeline.backbone.capabilities):
        console.print(f"engine: {note}", style="yellow", markup=False)
    ending = _draw(pipeline, request, console)
    if isinstance(ending, contract.Failure):
        console.print(f"engine: {ending.code.value}: {ending.detail}", style="red", markup=False)
        return UNSUITABLE if ending.code in PHOTO_AT_FAULT else FAILED
    write(options.out, ending.image)
    size = f"{ending.width} x {ending.height}"
    print(
        f"{options.out}: {size} px, {ending.backbone} on {pipeline.backbone.device}, seed {request.seed}, "
        f"{ending.seconds:.1f} s"
    )
    return DONE


def _config(options: argparse.Namespace) -> Config:
    """The configuration of the environment, overridden by the command line."""
    chosen = {name: getattr(options, name) for name in ("backbone", "device", "weights")}
    return load_config().model_copy(update={name: value for name, value in chosen.items() if value is not None})


def _request(options: argparse.Namespace) -> contract.GenerateRequest:
    if not any(character.isalnum() for character in options.prompt):
        raise SetupError(f"--prompt: expected what to draw in words, got {options.prompt!r}")
    references, companion = (
        tuple(contract.Reference(image=read_bytes(path)) for path in paths)
        for paths in (options.reference, options.companion or ())
    )
    face_scale, body_scale = LIKENESS[options.likeness]
    try:
        return contract.GenerateRequest(
            job_id="command-line",
            references=references,
            companion=companion,
            prompt=options.prompt,
            negative_prompt=options.negative,
            style=_style(options.style),
            seed=secrets.randbelow(2**31) if options.seed is None else options.seed,
            settings=contract.Settings(
                steps=options.steps,
                guidance=options.guidance,
                face_scale=face_scale if options.face_scale is None else options.face_scale,
                body_scale=body_scale if options.body_scale is None else options.body_scale,
                clothes=contract.Clothes(options.clothes),
                pose_scale=options.pose_scale,
                image_prompt_scale=options.image_prompt_scale,
                aspect=None if options.aspect is None else contract.Aspect(options.aspect),
            ),
            pose=None if options.pose is None else _pose(options.pose),
            image_prompt=None if options.image_prompt is None else read_bytes(options.image_prompt),
            preview=False,
        )
    except ValidationError as error:
        faults = (f"--{'.'.join(map(str, fault['loc'])).replace('_', '-')}: {fault['msg']}" for fault in error.errors())
        raise SetupError("; ".join(faults)) from error


def _notes(request: contract.GenerateRequest, can: Capabilities) -> list[str]:
    """One line per setting that the backbone does not follow."""
    settings = request.settings
    notes = []
    if settings.steps is not None and can.steps(settings.steps) != settings.steps:
        notes.append(f"--steps {settings.steps}: {can.name} draws in {can.steps(settings.steps)}")
    if settings.guidance is not None and can.guidance(settings.guidance) != settings.guidance:
        notes.append(f"--guidance {settings.guidance:g}: {can.name} draws with {can.guidance(settings.guidance):g}")
    if settings.aspect is not None and settings.aspect not in can.aspects:
        offered = f"it has {', '.join(can.aspects)}" if can.aspects else f"it draws {can.width} x {can.height} px alone"
        notes.append(f"--aspect {settings.aspect}: {can.name} has no such size; {offered}")
    if request.image_prompt is not None and can.image_prompt and not can.strength and settings.image_prompt_scale != 1:
        notes.append(f"--image-prompt-scale {settings.image_prompt_scale:g}: {can.name} knows only 0 and 1")
    if request.negative_prompt and not can.reads_negative_prompt(settings.guidance):
        remedy = ": give --guidance above 1" if can.negative_prompt == "guided" else ""
        notes.append(f"--negative has no effect: {can.name} does not read it{remedy}; say in --prompt what to draw")
    return notes


def _style(name: str | None) -> str | None:
    """The name, with either kind of dash."""
    try:
        style = find_style(None if name is None else name.replace("-", "_").lower())
    except StyleError as error:
        raise SetupError(f"--style: {error}") from error
    return None if style is None else style.name


def _pose(value: str) -> contract.Pose:
    """A preset by its name, with either kind of dash; anything else is a photo."""
    name = value.replace("-", "_").lower()
    if name in list(contract.PosePreset):
        return contract.Pose(preset=contract.PosePreset(name))
    if not os.path.exists(value):  # noqa: PTH110  (Path.exists raises where the name is too long for the system)
        raise SetupError(f"--pose: expected a photo or one of {', '.join(contract.PosePreset)}, got {value!r}")
    return contract.Pose(image=read_bytes(Path(value)))


def _check_photos(options: argparse.Namespace, request: contract.GenerateRequest) -> None:
    """Checks the files before weights are loaded. Raises Unsuitable with the name of a file that is no photo."""
    paths = [*options.reference, *(options.companion or ())]
    photos = [*request.references, *request.companion]
    files = [(path, photo.image) for path, photo in zip(paths, photos, strict=True)]
    if request.pose is not None and request.pose.image is not None:
        files.append((Path(options.pose), request.pose.image))
    if request.image_prompt is not None:
        files.append((options.image_prompt, request.image_prompt))
    for path, content in files:
        try:
            read_photo(content)
        except BadReference as error:
            raise Unsuitable(f"{path}: {error}") from error


def _checked(
    path: Path, reference: contract.Reference, examiner: Examiner, force: bool, console: Console
) -> contract.Reference:
    """The reference with its examination's profile. Raises Unsuitable; with `force` only for the verdicts
    NEVER_USED."""
    examination = examiner.examine(contract.ExamineRequest(reference_id=str(path), image=reference.image))
    if examination.profile is not None:
        return reference.model_copy(update={"profile": examination.profile})
    if examination.verdict in NEVER:
        raise Unsuitable(f"{path}: {MEANINGS[examination.verdict]}; take another photo")
    if not force:
        raise Unsuitable(
            f"{path}: {MEANINGS[examination.verdict]}; take another photo, or draw all the same with --force"
        )
    console.print(
        f"engine: {path}: {MEANINGS[examination.verdict]}; drawing all the same", style="yellow", markup=False
    )
    return reference


def _draw(
    pipeline: RequestPipeline, request: contract.GenerateRequest, console: Console
) -> contract.Result | contract.Failure:
    """Draws with a progress bar; the last reply, a Result or a Failure."""
    endings: list[contract.Result | contract.Failure] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("drawing", total=request.settings.steps)

        def show(reply: contract.Reply) -> None:
            if isinstance(reply, contract.Started) and reply.translated_prompt is not None:
                console.print(f"engine: the translated prompt: {reply.translated_prompt}", markup=False)
            elif isinstance(reply, contract.Progress):
                bar.update(task, completed=reply.step, total=reply.steps)
            elif isinstance(reply, contract.Result | contract.Failure):
                endings.append(reply)

        pipeline.generate([request], show, lambda _: False)
    return endings[0]
