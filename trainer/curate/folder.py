"""The folder to be curated: who is there, which files are theirs, and where the crawler had them from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image

from engine.errors import BadReference
from engine.identity.photo import read_photo
from trainer.errors import DataError

SIDE_MAX_PX: Final = 4096
"""Larger photos are worked on, and kept, at this longest side."""
_NO_PHOTOS: Final = frozenset({".jsonl", ".json", ".part", ".log", ".txt"})
"""The files that a crawl leaves beside its photos; any other file is opened and judged."""


@dataclass(frozen=True)
class Candidate:
    """A file that may be a photo of a person. clean: the part of it that is used, px, None for all."""

    person: str
    path: Path
    sha256: str
    provenance: dict[str, Any] | None = None
    clean: tuple[int, int, int, int] | None = None

    @property
    def name(self) -> str:
        return f"{self.person}/{self.path.name}"

    @property
    def key(self) -> str:
        """Of what is remembered about its pixels."""
        return self.sha256 if self.clean is None else "-".join([self.sha256, *map(str, self.clean)])

    def open(self) -> Image.Image:
        """The upright RGB photo, longest side <= SIDE_MAX_PX. Raises BadReference for what is no whole photo."""
        try:
            photo = read_photo(self.path.read_bytes(), SIDE_MAX_PX)
            return photo if self.clean is None else photo.crop(self.clean)
        except OSError as error:
            raise BadReference(f"expected a file that can be read, got {error.strerror}: mend or delete it") from error


def persons(root: Path) -> dict[str, list[Path]]:
    """Person -> files, both in order. Raises DataError where there is no person."""
    folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    found = {folder.name: _files(folder) for folder in folders if not folder.name.startswith(".")}
    found = {name: files for name, files in found.items() if files}
    if not found:
        raise DataError(f"expected photos as {root}/<person>/<file>.jpg, found none; give --data the folder of a crawl")
    return found


def candidates(person: str, files: list[Path]) -> list[Candidate]:
    """The files of one person with their hashes and the crawler's records; a file that cannot be read has no hash."""
    records = _records(files[0].parent / "metadata.jsonl") if files else {}
    return [Candidate(person, path, _sha256(path), records.get(path.name)) for path in files]


def sample(people: dict[str, list[Path]], count: int) -> list[Path]:
    """At most `count` files, taken from everybody in turn, so that no one person's photos prevail."""
    rounds = range(max(map(len, people.values()), default=0))
    return [files[number] for number in rounds for files in people.values() if number < len(files)][:count]


def _files(folder: Path) -> list[Path]:
    return sorted(
        (path for path in folder.iterdir() if path.is_file() and path.suffix not in _NO_PHOTOS and path.name[0] != "."),
        key=lambda path: (len(path.stem), path.name),
    )


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _records(path: Path) -> dict[str, dict[str, Any]]:
    """File name -> the crawler's record; torn or foreign lines are passed over, their photos have none."""
    records: dict[str, dict[str, Any]] = {}
    for line in path.read_text("utf-8-sig", errors="replace").splitlines() if path.is_file() else []:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and isinstance(name := record.get("file_name"), str):
            records[name] = record
    return records
