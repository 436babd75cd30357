"""Findings about photos on disk, so that an interrupted or repeated run computes nothing twice."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from engine.errors import BadReference
from engine.identity.observation import Observation
from trainer.files import replacing

Record = TypeVar("Record", bound=BaseModel)


class Cache:
    """Files below `root`, named by the photo's hash, the kind of finding, and the version of the network that made it:
    another face finder, parser or captioner gets no findings of an earlier one."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def record(self, sha256: str, question: str, version: str, model: type[Record]) -> Record | None:
        """The stored record; None where none is stored, or where it is damaged."""
        content = self._read(sha256, question, version)
        try:
            return None if content is None else model.model_validate_json(content)
        except ValidationError:
            return None

    def store(self, sha256: str, question: str, version: str, record: BaseModel) -> None:
        self._write(sha256, question, version, record.model_dump_json().encode())

    def observation(self, sha256: str, version: str) -> Observation | None:
        content = self._read(sha256, "body", version)
        try:
            return None if content is None else Observation.from_bytes(content)
        except BadReference:
            return None

    def store_observation(self, sha256: str, version: str, observation: Observation) -> None:
        self._write(sha256, "body", version, observation.to_bytes())

    def _path(self, sha256: str, question: str, version: str) -> Path:
        return self._root / sha256[:2] / f"{sha256}.{question}.{hashlib.sha256(version.encode()).hexdigest()[:12]}"

    def _read(self, sha256: str, question: str, version: str) -> bytes | None:
        path = self._path(sha256, question, version)
        return path.read_bytes() if path.is_file() else None

    def _write(self, sha256: str, question: str, version: str, content: bytes) -> None:
        path = self._path(sha256, question, version)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as draft:
            draft.write_bytes(content)
