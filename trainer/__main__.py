"""The trainer's commands: one per network, the study of methods, and the measurements.

python -m trainer.synthetic --first-identity 0 --identities 4000 --photos 4 --out data/train
python -m trainer body-mapper --people data/train --validation data/validation --out runs/mapper
python -m trainer layout --people data/train --validation data/validation --out runs/layout
python -m trainer background --out runs/background
python -m trainer nano --people data/train --validation data/validation --out runs/nano
python -m trainer export --run runs/nano --layout runs/layout/layout --background runs/background/background --out nano
python -m trainer pack --store runs/nano/store --out nano.zip
python -m trainer nano --bundle nano.zip --validation data/validation --out runs/nano
python -m trainer parser --data data/train --out runs/parser --steps 5000
python -m trainer parts --data data/train --validation data/validation --out runs/parts --minutes 42
python -m trainer evaluators --study runs/study
python -m trainer gates --first-identity 2000000 --identities 500 --json gates.json --page docs
python -m trainer study --config trainer/configs/study.yaml --out runs/study
python -m trainer evaluate --study runs/study --clip clip-vit-large-patch14 --inception fid --lpips lpips
python -m trainer evaluate --study runs/study --coco coco --clip clip-vit-large-patch14 --limit 250
python -m trainer report --study runs/study --out docs
python -m trainer watermark --data data/validation --json watermark.json
python -m trainer split --data data/curated --test-people 200
python -m trainer precompute --data data/curated --base sdxl --out cache
python -m trainer adapter --base sdxl --data cache --method bolid --out runs/bolid
python -m trainer adapter-memory
python -m trainer measure --config trainer/configs/measure/sdxl.yaml --data data/curated --out runs/measure
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from trainer.adapter.commands import add_parsers as add_adapter_parsers
from trainer.errors import TrainerError
from trainer.measure.commands import add_parser as add_measure_parser

STUDY_CONFIG = Path(__file__).parent / "configs" / "study.yaml"


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; a user's mistake is one line on stderr and exit code 2."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except (EngineError, TrainerError) as error:
        print(f"trainer: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer", description="Train and measure nano.")
    commands = parser.add_subparsers(required=True)

    study = commands.add_parser("study", help="compare the methods: people, training, evaluation, report; resumes")
    study.add_argument("--config", type=Path, default=STUDY_CONFIG, help="a study's YAML (the report's by default)")
    study.add_argument("--out", type=Path, required=True, help="the study's folder; what is there is not done again")
    study.add_argument("--only", nargs="+", default=None, metavar="STAGE", help="some stages (all by default)")
    study.add_argument("--methods", nargs="+", default=None, metavar="NAME", help="some methods (all by default)")
    study.set_defaults(command=_study)

    _evaluation_parsers(commands)
    _nano_parsers(commands)
    add_adapter_parsers(commands)
    add_measure_parser(commands)
    person_parser = commands.add_parser("parser", help="train the included person parser: joints, parts, embedding")
    person_parser.add_argument("--data", type=Path, required=True, help="a folder of shards")
    person_parser.add_argument("--out", type=Path, required=True, help="the run folder; a cut-off run resumes there")
    person_parser.add_argument("--steps", type=int, default=5000, help="of joints and parts")
    person_parser.add_argument("--minutes", type=float, default=None, help="a second budget of these, in minutes")
    person_parser.add_argument("--embedding-steps", type=int, default=2000, help="of the embedding, afterwards")
    person_parser.add_argument("--batch", type=int, default=24)
    person_parser.add_argument("--threads", type=int, default=1)
    person_parser.set_defaults(command=_parser_training)
    parts = commands.add_parser("parts", help="train the person parser's network of body parts")
    parts.add_argument("--data", type=Path, required=True, help="a folder of shards")
    parts.add_argument("--validation", type=Path, required=True, help="shards of other people, for the figures")
    parts.add_argument("--out", type=Path, required=True, help="the run folder; a cut-off run resumes there")
    parts.add_argument("--steps", type=int, default=5000)
    parts.add_argument("--minutes", type=float, default=None, help="a second budget, in minutes")
    parts.add_argument("--batch", type=int, default=16)
    parts.add_argument("--threads", type=int, default=1)
    parts.set_defaults(command=_parts_training)

    evaluators = commands.add_parser("evaluators", help="ship a study's evaluators, which the gates measure with")
    evaluators.add_argument("--study", type=Path, required=True, help="a study's folder with trained evaluators")
    evaluators.add_argument("--out", type=Path, default=None, help="trainer/weights/evaluators by default")
    evaluators.set_defaults(command=_evaluators)

    gates = commands.add_parser("gates", help="measure a backbone on unseen people and real photos; resumes")
    gates.add_argument("--first-identity", type=int, required=True)
    gates.add_argument("--identities", type=int, default=500)
    gates.add_argument("--json", type=Path, required=True, help="where the figures go; pictures are kept beside it")
    gates.add_argument("--sheet", type=Path, default=None, help="where a picture of a dozen cases goes")
    gates.add_argument("--page", type=Path, default=None, metavar="DIR", help="where nano.md with its pictures goes")
    gates.add_argument("--backbone", default="nano", help="a name of ENGINE_BACKBONE's")
    gates.add_argument("--weights", type=Path, default=None, help="the backbone's folder (its own by default)")
    gates.add_argument(
        "--against", nargs="+", default=[], metavar="NAME", help="other backbones, measured the same way"
    )
    gates.add_argument("--ablate", action="store_true", help="also without the reference, the pose and the words")
    gates.add_argument(
        "--evaluators", type=Path, default=None, help="an evaluators' folder (the shipped one by default)"
    )
    gates.add_argument("--steps", type=int, default=None)
    gates.add_argument("--face-root", type=Path, default=None, help="an insightface root; cascades otherwise")
    gates.add_argument("--face-pack", default="buffalo_l")
    gates.set_defaults(command=_gates)

    watermark = commands.add_parser("watermark", help="measure how surely the watermark is read back")
    watermark.add_argument("--data", type=Path, required=True, help="a folder of shards: people to draw")
    watermark.add_argument("--json", type=Path, required=True, help="where the figures go")
    watermark.add_argument("--pictures", type=int, default=200, help="so many marked and so many others in each set")
    watermark.add_argument("--key", default="BoLID", help="the watermark's key")
    watermark.set_defaults(command=_watermark)
    return parser


def _evaluation_parsers(commands: Any) -> None:
    evaluate = commands.add_parser("evaluate", help="measure a study's methods, also with public networks, or on COCO")
    report = commands.add_parser("report", help="write report.json, report.md, plots and pictures of people")
    for parser in (evaluate, report):
        parser.add_argument("--study", type=Path, required=True, help="a study's folder")
        parser.add_argument("--config", type=Path, default=STUDY_CONFIG, help="that study's YAML")
    evaluate.add_argument("--methods", nargs="+", default=None, metavar="NAME", help="some methods (all by default)")
    evaluate.add_argument("--clip", type=Path, default=None, help="a CLIP folder (ViT-L/14): CLIP-T and CLIP-I")
    evaluate.add_argument("--inception", type=Path, default=None, help="a folder with Inception's weights: FID, KID")
    evaluate.add_argument("--lpips", type=Path, default=None, help="a folder with AlexNet's and LPIPS's weights")
    evaluate.add_argument("--coco", type=Path, default=None, help="COCO 2017 val: its protocol alone; needs --clip")
    evaluate.add_argument("--limit", type=int, default=5000, help="captions of COCO (5000 are the full protocol)")
    evaluate.set_defaults(command=_evaluate)
    report.add_argument("--out", type=Path, default=Path("docs"), help="where report.json, report.md and report/ go")
    report.set_defaults(command=_report)


def _nano_parsers(commands: Any) -> None:
    mapper = commands.add_parser("body-mapper", help="train BodyMapper: a skeleton's body map; resumes")
    layout = commands.add_parser("layout", help="train LayoutPredictor: the parts of a dressed person; resumes")
    background = commands.add_parser("background", help="train BackgroundDenoiser: the places behind people; resumes")
    background.add_argument("--out", type=Path, required=True, help="the run's folder; a run that was cut off goes on")
    background.add_argument("--painted", type=int, default=None, help="different pictures to learn from")
    background.add_argument("--pictures", type=int, default=None, help="the whole budget, over all calls")
    background.add_argument("--batch", type=int, default=None, help="rows per step")
    background.add_argument("--threads", type=int, default=1)
    background.set_defaults(command=_background)
    nano = commands.add_parser("nano", help="train nano's denoiser, which draws from noise; resumes")
    for parser, pictures in ((mapper, 100_000), (layout, 300_000), (nano, 1_000_000)):
        parser.add_argument("--people", type=Path, default=None, help="a folder of shards of 160 x 240 px")
        parser.add_argument("--validation", type=Path, required=True, help="a folder of shards of other identities")
        parser.add_argument("--out", type=Path, required=True, help="the run's folder; a run that was cut off goes on")
        parser.add_argument("--pictures", type=int, default=pictures, help="the whole budget, over all calls")
    mapper.add_argument("--threads", type=int, default=1)
    mapper.set_defaults(command=_body_mapper)
    for parser in (layout, background):
        parser.add_argument("--minutes", type=float, default=None, help="a budget of training time as well")
    layout.add_argument("--threads", type=int, default=1)
    layout.set_defaults(command=_layout)
    nano.add_argument("--bundle", type=Path, default=None, help="a file of pack to learn from, in place of people")
    nano.add_argument("--mapper", type=Path, default=None, help="a BodyMapper's folder (the shipped one)")
    nano.add_argument("--processes", type=int, default=2, help="their gradients are averaged; one thread each")
    nano.add_argument("--batch", type=int, default=24, help="pictures per process and step")
    nano.add_argument("--minutes", type=float, default=None, help="a budget of training time as well")
    nano.add_argument("--workers", type=int, default=0, help="processes that make batches (a GPU needs a dozen)")
    nano.add_argument("--learning-rate", type=float, default=None)
    for parser in (layout, background, nano):
        parser.add_argument("--start-from", type=Path, default=None, help="weights that a new run begins with")
    nano.add_argument("--size", choices=("small", "medium", "large"), default="small", help="of the UNet")
    nano.add_argument("--adversarial", action="store_true", help="the last stage, with a critic (with --start-from)")
    nano.add_argument(
        "--only-behind", action="store_true", help="learn only what is behind the person (with --start-from)"
    )
    nano.add_argument("--sheet-every", type=int, default=None, help="pictures between two validations")
    for parser in (layout, nano):
        parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True, help="compile the U-Net")
    nano.set_defaults(command=_nano)
    pack = commands.add_parser("pack", help="put the photos of a store into one file for a machine with a GPU")
    pack.add_argument("--store", type=Path, required=True, help="the store of python -m trainer nano")
    pack.add_argument("--out", type=Path, required=True, help="the bundle, one file")
    pack.add_argument("--limit-mib", type=float, default=60.0)
    pack.add_argument("--wheels", nargs="*", default=None, help="packages that the other machine lacks")
    pack.add_argument("--python", default="3.12", help="the other machine's CPython")
    pack.set_defaults(command=_pack)
    export = commands.add_parser("export", help="write the averaged weights of a run of nano or adapter")
    export.add_argument("--run", type=Path, required=True, help="the run's folder")
    export.add_argument("--out", type=Path, required=True, help="where nano's pipeline or the adapter's files go")
    export.add_argument("--layout", type=Path, default=None, help="of nano: the folder that trainer layout wrote")
    export.add_argument("--background", type=Path, default=None, help="of nano: that of trainer background")
    export.set_defaults(command=_export)


def _only(run: type[Any], options: argparse.Namespace) -> dict[str, Any]:
    """The options that are fields of a run and are given."""
    names = {field.name for field in fields(run)}
    return {name: value for name, value in vars(options).items() if name in names and value is not None}


def _study(options: argparse.Namespace) -> None:
    os.environ.setdefault("WARP_LOG_LEVEL", "30")
    from trainer.study.run import Study, read_config, stages_of

    study = Study(read_config(options.config), options.out)
    study.run(stages_of(options.only), None if options.methods is None else tuple(options.methods))


def _evaluate(options: argparse.Namespace) -> None:
    from trainer.errors import DataError
    from trainer.evaluation.published import load_published
    from trainer.study.coco_protocol import CocoRun, evaluate_coco
    from trainer.study.evaluate import evaluate
    from trainer.study.run import read_config

    config = read_config(options.config)
    names = options.methods or [*config.names, *config.ablations]
    if options.coco is not None and options.clip is None:
        raise DataError("expected --clip with --coco, got none: the protocol is CLIP's; give a CLIP folder")
    published = load_published(options.clip, options.inception, options.lpips)
    if options.coco is None:
        evaluate(options.study, config.evaluation, options.study / "people" / "test", names, published)
        return
    plan = config.evaluation
    print(evaluate_coco(options.study, CocoRun(options.coco, options.limit, plan.usual(), plan.seed), names, published))


def _report(options: argparse.Namespace) -> None:
    from trainer.study.report import write_report
    from trainer.study.run import read_config

    config = read_config(options.config)
    test = options.study / "people" / "test"
    write_report(options.study, config.evaluation, test, config.model_dump(mode="json"), options.out)


def _body_mapper(options: argparse.Namespace) -> None:
    from trainer.body_mapper import MapperRun, train_mapper

    print(train_mapper(MapperRun(**_only(MapperRun, options))))


def _layout(options: argparse.Namespace) -> None:
    from trainer.nano.layout import LayoutRun, train_layout

    print(train_layout(LayoutRun(**_only(LayoutRun, options))))


def _background(options: argparse.Namespace) -> None:
    from trainer.nano.background import BackgroundRun, train_background

    print(train_background(BackgroundRun(**_only(BackgroundRun, options))))


def _nano(options: argparse.Namespace) -> None:
    if options.bundle is not None:
        from trainer.nano.wheels import use_wheels

        use_wheels(options.bundle, options.out / "wheels")
    from trainer.nano.run import NanoRun, train_nano

    train_nano(NanoRun(**_only(NanoRun, options)))


def _pack(options: argparse.Namespace) -> None:
    from trainer.nano.bundle import ARRAYS, MIB, PICTURES, Packing, pack_store
    from trainer.nano.store import Store
    from trainer.nano.wheels import WHEELS

    wheels = WHEELS if options.wheels is None else tuple(options.wheels)
    packing = Packing(options.out, int(options.limit_mib * MIB), wheels=wheels, python=options.python)
    print(pack_store(Store(options.store, (*PICTURES, *ARRAYS)), packing))


def _export(options: argparse.Namespace) -> None:
    from trainer.adapter.export import RUN_FILE, export_run
    from trainer.errors import DataError
    from trainer.nano.export import export_nano

    if (options.run / RUN_FILE).exists():
        print(*export_run(options.run, options.out), sep="\n")
        return
    if options.layout is None or options.background is None:
        raise DataError(
            "expected the other networks that nano draws with: give --layout RUN/layout and --background RUN/background"
        )
    print(export_nano(options.run, options.out, options.layout, options.background))


def _parser_training(options: argparse.Namespace) -> None:
    from trainer.person_parser import ParserRun, train

    print(train(ParserRun(**_only(ParserRun, options))))


def _parts_training(options: argparse.Namespace) -> None:
    from trainer.parts_training import PartsRun, train_parts

    print(train_parts(PartsRun(**_only(PartsRun, options))))


def _evaluators(options: argparse.Namespace) -> None:
    from trainer.evaluation.evaluators import SHIPPED_EVALUATORS, ship_evaluators

    ship_evaluators(options.study / "evaluators", options.out or SHIPPED_EVALUATORS)


def _gates(options: argparse.Namespace) -> None:
    os.environ.setdefault("WARP_LOG_LEVEL", "30")
    from engine.config import load_config
    from engine.factory import open_parser
    from engine.identity.faces import open_finder
    from trainer.evaluation.evaluators import SHIPPED_EVALUATORS, load_evaluators
    from trainer.gates.candidates import open_candidate
    from trainer.gates.cases import check_people
    from trainer.gates.people_reader import PeopleReader
    from trainer.gates.run import GatesRun, Instruments, run_gates

    check_people(options.first_identity, options.identities)
    config = load_config()
    run = GatesRun(
        first_identity=options.first_identity,
        identities=options.identities,
        json=options.json,
        settings=_settings(options),
        ablate=options.ablate,
        sheet=options.sheet,
        page=options.page,
    )
    tools = Instruments(
        evaluators=load_evaluators(options.evaluators or SHIPPED_EVALUATORS),
        reader=PeopleReader(config.state),
        finder=open_finder(options.face_root, options.face_pack, config.state),
        parser=open_parser(config),  # the engine's parser; the shipped one was trained on renders only
        candidate=open_candidate(options.backbone, options.weights),
        against=[open_candidate(name) for name in options.against],
    )
    run_gates(run, tools)


def _settings(options: argparse.Namespace) -> Any:
    """The settings of the drawings. Raises DataError for a number of steps that no backbone supports."""
    from pydantic import ValidationError

    from engine.contract import Settings
    from trainer.errors import DataError

    try:
        return Settings(steps=options.steps)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"--{first['loc'][0]}: {first['msg'].lower()}, got {first['input']}") from None


def _watermark(options: argparse.Namespace) -> None:
    from engine.backbones import load_backbone
    from engine.identity.faces import CascadeFinder
    from engine.marking.watermark import Watermark
    from trainer.watermark import drawn, write_figures

    nano = drawn(load_backbone("nano", "cpu"), CascadeFinder(), options.data, 2 * options.pictures)
    write_figures(nano, options.pictures, Watermark(options.key), options.json)
    print(options.json.read_text("utf-8"))


if __name__ == "__main__":
    sys.exit(main())
