"""The folder to be curated: its persons, their files, and the sources that the crawler recorded."""

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
"""The longest side of photos in px; larger photos are reduced to it."""
_NO_PHOTOS: Final = frozenset({".jsonl", ".json", ".part", ".log", ".txt"})
"""The extensions of files that a crawl stores beside its photos; files with any other extension are opened as
photos."""


@dataclass(frozen=True)
class Candidate:
    """A file that may be a photo of a person. clean: the box that is used, x0, y0, x1, y1 in px; None for the whole
    photo."""

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
        """The key under which the findings about its pixels are cached."""
        return self.sha256 if self.clean is None else "-".join([self.sha256, *map(str, self.clean)])

    def open(self) -> Image.Image:
        """The upright RGB photo, longest side at most SIDE_MAX_PX. Raises BadReference for a file that is no complete
        photo."""
        try:
            photo = read_photo(self.path.read_bytes(), SIDE_MAX_PX)
            return photo if self.clean is None else photo.crop(self.clean)
        except OSError as error:
            raise BadReference(f"expected a file that can be read, got {error.strerror}: mend or delete it") from error


def persons(root: Path) -> dict[str, list[Path]]:
    """Person -> files, both sorted. Raises DataError for a folder without persons."""
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
    """At most `count` files, taken from each person in turn, so that no person's photos predominate."""
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
    """File name -> the crawler's record. Incomplete or foreign lines are skipped."""
    records: dict[str, dict[str, Any]] = {}
    for line in path.read_text("utf-8-sig", errors="replace").splitlines() if path.is_file() else []:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and isinstance(name := record.get("file_name"), str):
            records[name] = record
    return records
