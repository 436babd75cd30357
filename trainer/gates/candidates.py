"""Backbones to measure, by name, with a hash of their weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from engine.backbones import SHIPPED_NANO, load_backbone
from engine.backbones.base import Backbone
from trainer.errors import CheckpointError


@dataclass(frozen=True)
class GateCandidate:
    """weights: SHA-256 of the folder, or the backbone's name where its weights are not in a folder of ours."""

    name: str
    backbone: Backbone
    weights: str


def open_candidate(name: str, weights: Path | None = None) -> GateCandidate:
    """A backbone of `engine.backbones.load_backbone` on the CPU; `weights` replaces its own folder.

    Raises CheckpointError for an empty folder, SetupError and WeightsError as `load_backbone`."""
    folder = weights or (SHIPPED_NANO if name == "nano" else None)
    stamp = name if folder is None else hash_of_weights(folder)
    return GateCandidate(name, load_backbone(name, "cpu", weights), stamp)


def hash_of_weights(folder: Path) -> str:
    """SHA-256 of the files of a checkpoint folder without its documents. Raises CheckpointError for an empty one."""
    digest = hashlib.sha256()
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".md"]
    if not files:
        raise CheckpointError(f"expected a folder of weights, found nothing in {folder}: give another --weights")
    for path in files:
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
