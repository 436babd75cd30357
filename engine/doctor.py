"""The state of the installation: libraries, and the files that a backbone needs. Nothing is printed here."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine.config import Config
from engine.devices import check_device
from engine.errors import SetupError
from engine.hub.catalogue import Weights, load_catalogue
from engine.hub.packaged import named
from engine.hub.repositories import Advance, Hub
from engine.identity.faces import DEFAULT_ROOT

PACKAGES = (
    "torch",
    "diffusers",
    "transformers",
    "accelerate",
    "peft",
    "safetensors",
    "huggingface_hub",
    "insightface",
    "onnxruntime",
    "opencv-python",
    "sentencepiece",
    "sacremoses",
    "c2pa-python",
)
STAND_INS = {"opencv-python": "opencv-python-headless", "onnxruntime": "onnxruntime-gpu"}
DO_WITHOUT = ("none", "glossary")
HALF = ".fp16."
WEIGHTS_SUFFIXES = (".safetensors", ".bin")
SPACE_TO_SPARE = 1_000_000_000
"""Bytes of disk space that a download must leave free."""


@dataclass(frozen=True)
class Machine:
    """The machine that doctor runs on. Sizes in bytes."""

    device: str
    device_name: str
    device_memory: int | None
    memory: int
    cores: int
    cache: Path
    disk_free: int


@dataclass(frozen=True)
class Finding:
    """One entry of the catalogue and the files of it that are present."""

    weights: Weights
    repository: str
    folder: Path | None
    """The folder of its files, complete or not."""
    missing: tuple[str, ...]
    bytes: int | None
    """The size in bytes, from the hub or from the folder."""
    estimated: bool = False

    @property
    def present(self) -> bool:
        return self.folder is not None and not self.missing


@dataclass(frozen=True)
class Report:
    """The report on one backbone on this machine."""

    backbone: str
    packages: dict[str, str | None]
    machine: Machine
    findings: tuple[Finding, ...]
    problems: tuple[str, ...]
    """The reasons why it cannot be served, one line each with the remedy; empty where it can."""
    notes: tuple[str, ...] = ()
    """Weights that are present and that no setting uses yet."""


def examine_installation(backbone: str, config: Config, hub: Hub, ask_hub: bool = True) -> Report:
    """The report; changes nothing. With `ask_hub` sizes come from the hub where it answers.

    Raises SetupError for an unknown backbone. For one outside the engine, the report has only packages and machine."""
    backbones = sorted({name for weights in load_catalogue() for name in weights.backbones})
    if backbone not in backbones and ":" not in backbone:
        raise SetupError(f"expected a backbone of {', '.join(backbones)} or package.module:factory, got {backbone!r}")
    versions = {name: _version(name) for name in PACKAGES}
    entries = (weights for weights in load_catalogue() if backbone in weights.backbones)
    configured = filter(None, (as_configured(weights, config) for weights in entries))
    findings = tuple(_find(weights, config, hub, ask_hub) for weights in configured)
    problems = [f"expected the package {name}, found none: pip install {name}" for name, v in versions.items() if not v]
    problems += [_problem(finding) for finding in findings if finding.weights.needed and not finding.present]
    problems += _device_problem(config.device)
    notes = tuple(_note(finding) for finding in findings if _idle(finding, config))
    return Report(backbone, versions, look_at_machine(config.device, hub.cache), findings, tuple(problems), notes)


def _device_problem(name: str) -> list[str]:
    try:
        check_device(name)
    except SetupError as error:
        return [str(error)]
    return []


def look_at_machine(device: str, cache: Path) -> Machine:
    """Device and memory by torch; free disk space in the folder of the hub's cache, existing or not."""
    import torch

    from engine.backbones import choose_device

    chosen = choose_device(device)
    name, memory = "CPU", None
    if chosen.startswith("cuda") and torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(torch.device(chosen))
        name, memory = properties.name, properties.total_memory
    return Machine(
        device=chosen,
        device_name=name,
        device_memory=memory,
        memory=psutil.virtual_memory().total,
        cores=os.cpu_count() or 1,
        cache=cache,
        disk_free=shutil.disk_usage(_existing(cache)).free,
    )


def choose(findings: Iterable[Finding], names: Iterable[str]) -> list[Finding]:
    """The findings to fetch: by name, or "needed", or "all". Raises SetupError for an unknown name."""
    absent = [finding for finding in findings if not finding.present]
    selection = set(names) or {"needed"}
    unknown = selection - {"needed", "all"} - {finding.weights.name for finding in findings}
    if unknown:
        choices = ", ".join(["needed", "all", *(finding.weights.name for finding in findings)])
        raise SetupError(f"--download: expected one of {choices}, got {', '.join(sorted(unknown))}")
    return [
        finding
        for finding in absent
        if "all" in selection or finding.weights.name in selection or ("needed" in selection and finding.weights.needed)
    ]


def plan(finding: Finding, hub: Hub) -> dict[str, int]:
    """File -> bytes still to be fetched. Raises SetupError where the hub does not have the files."""
    listing = hub.listing(finding.repository)
    file_names = finding.weights.wanted(list(listing))
    absent = [
        pattern
        for pattern in finding.weights.files
        if not finding.weights.model_copy(update={"files": (pattern,)}).wanted(file_names)
    ]
    if absent:
        raise SetupError(
            f"expected {', '.join(absent)} in {finding.repository}, found none: the repository has changed; "
            "put the files into a folder yourself"
        )
    have = hub.folder(finding.repository)
    return {name: listing[name] for name in file_names if have is None or not (have / name).is_file()}


def check_space(needed_bytes: int, free: int, cache: Path) -> None:
    """Raises SetupError where the download would leave less than the free space that is kept."""
    if needed_bytes + SPACE_TO_SPARE > free:
        raise SetupError(
            f"expected {(needed_bytes + SPACE_TO_SPARE) / 1e9:.1f} GB free in {cache}, got {free / 1e9:.1f}: "
            "make room, or set HF_HOME to a folder on a larger disk"
        )


def fetch(finding: Finding, files: Iterable[str], hub: Hub, advance: Advance) -> None:
    """Fetches one file after another; each is stored whole or not at all."""
    for name in files:
        hub.fetch(finding.repository, name, advance)


def fetch_face_pack(config: Config) -> Path:
    """Downloads the model pack with insightface, which has its addresses."""
    from insightface.utils.storage import ensure_available

    root = (config.face_root or DEFAULT_ROOT).expanduser()
    try:
        return Path(ensure_available("models", config.face_pack, root=str(root)))
    except Exception as error:  # requests' and zipfile's errors share no base
        reason = (str(error).strip() or type(error).__name__).partition("\n")[0]
        raise SetupError(
            f"expected insightface to fetch its pack {config.face_pack}, got {reason}: "
            f"put the pack's *.onnx files into {root / 'models' / config.face_pack}"
        ) from error


def as_configured(weights: Weights, config: Config) -> Weights | None:
    """The entry as the settings change it: another location or precision; None where the settings do not need it."""
    chosen = str(getattr(config, weights.setting, None) or "") if weights.setting else ""
    if chosen in DO_WITHOUT or (weights.few_steps and config.distilled == "none"):
        return None
    changes: dict[str, object] = {}
    if weights.few_steps and config.distilled != "auto":
        changes["needed"] = weights.few_steps == config.distilled
    if chosen and not weights.few_steps:
        changes["needed"] = True  # weights that an operator names must be there
    files, path = weights.files, Path(chosen).expanduser()
    halves = any(HALF in name for name in files)
    if halves and ((chosen and path.is_dir()) or not _draws_in_halves(config)):
        files = tuple(name.replace(HALF, ".") for name in files)
        changes["bytes_per_parameter"] = 4
    if chosen and weights.setting != "weights":
        files = _named(chosen, files)
    return weights.model_copy(update=changes | {"files": files})


def _named(chosen: str, files: tuple[str, ...]) -> tuple[str, ...]:
    """The paths of `files` under a setting: a file, a folder, or owner/repository/path/in/it."""
    path = Path(chosen).expanduser()
    if path.is_file():
        return (path.name,)
    names = tuple(Path(name).name for name in files)
    inside = "" if path.is_dir() else "/".join(chosen.split("/")[2:])
    if not inside:
        return names
    return (inside,) if Path(inside).suffix in WEIGHTS_SUFFIXES else tuple(f"{inside}/{name}" for name in names)


def _draws_in_halves(config: Config) -> bool:
    import torch

    from engine.backbones import choose_device

    return config.options().dtype(choose_device(config.device)) == torch.float16


def _find(weights: Weights, config: Config, hub: Hub, ask_hub: bool) -> Finding:
    if weights.source == "package":
        return _find_packaged(weights, config)
    repository, folder = _place(weights, config, hub)
    if folder is not None and folder.is_dir():
        missing = tuple(weights.lacking(folder))
    else:
        folder, missing = None, weights.files
    size, estimated = None, False
    if folder is not None and not missing:
        size = _bytes_in(weights, folder)
    elif weights.source == "hub" and ask_hub:
        size = _listed(weights, repository, hub)
    if size is None and weights.estimate is not None:
        size, estimated = weights.estimate, True
    return Finding(weights, repository, folder, missing, size, estimated)


def _find_packaged(weights: Weights, config: Config) -> Finding:
    """Before the download, `bytes` is the size of the archive."""
    archive = named(weights.name)
    folder, missing = archive.folder(config.state), archive.lacking(config.state)
    size = archive.bytes if missing else _bytes_in(weights, folder)
    absent = missing == archive.files
    return Finding(weights, archive.package, None if absent else folder, missing, size)


def _place(weights: Weights, config: Config, hub: Hub) -> tuple[str, Path | None]:
    """The repository that has the files, and the local folder to search."""
    if weights.source == "insightface":
        return "", (config.face_root or DEFAULT_ROOT).expanduser() / "models" / config.face_pack
    chosen = str(getattr(config, weights.setting, None) or "") if weights.setting else ""
    path = Path(chosen).expanduser()
    if chosen and path.exists():
        return weights.repository, path if path.is_dir() else path.parent
    repository = "/".join(chosen.split("/")[:2]) if "/" in chosen else weights.repository
    return repository, hub.folder(repository) if repository else None


def _listed(weights: Weights, repository: str, hub: Hub) -> int | None:
    try:
        listing = hub.listing(repository)
    except SetupError:
        return None  # the report goes on without a size
    return sum(listing[name] for name in weights.wanted(list(listing))) or None


def _bytes_in(weights: Weights, folder: Path) -> int:
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return sum((folder / name).stat().st_size for name in weights.wanted(names))


def _problem(finding: Finding) -> str:
    weights = finding.weights
    setting = f"ENGINE_{weights.setting.upper()}" if weights.setting else ""
    if weights.source == "operator":
        return f"expected {weights.purpose}, found none: set {setting} to a folder that holds it"
    also = f", or set {setting}" if setting else ""
    return f"expected {weights.name} ({weights.purpose}), {finding.missing[0]} is missing: add --download{also}"


def _idle(finding: Finding, config: Config) -> bool:
    return finding.present and finding.weights.only_by_setting and not getattr(config, finding.weights.setting)


def _note(finding: Finding) -> str:
    return f"{finding.weights.name} is there; ENGINE_{finding.weights.setting.upper()}={finding.folder} puts it to use"


def _version(package: str) -> str | None:
    for name in filter(None, (package, STAND_INS.get(package))):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
