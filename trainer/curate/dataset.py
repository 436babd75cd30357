"""The curated data set: photos/, parts/ and metadata.jsonl, as training reads it.

The layout is also Hugging Face's "imagefolder": datasets.load_dataset("imagefolder", data_dir=...) opens it as it is.
"""

from __future__ import annotations

import os
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from PIL import Image
from pydantic import ValidationError

from engine.identity.body import parts_on_photo
from engine.identity.observation import Observation
from trainer.curate.folder import SIDE_MAX_PX, Candidate
from trainer.curate.records import CuratedPhoto
from trainer.errors import DataError
from trainer.files import replacing

METADATA: Final = "metadata.jsonl"
JPEG_QUALITY: Final = 95
_ORIENTATION: Final = 0x0112


def read_curated(folder: Path) -> list[CuratedPhoto]:
    """The photos of a curated folder, ordered by person. Raises DataError where it is absent, damaged or incomplete."""
    path = folder / METADATA
    if not path.is_file():
        raise DataError(f"expected {path}, found none: run python -m trainer.curate --data CRAWL --out {folder}")
    photos = []
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), start=1):
        try:
            photos.append(CuratedPhoto.model_validate_json(line))
        except ValidationError as error:
            reason = error.errors(include_url=False)[0]["msg"]
            raise DataError(f"expected a curated photo in {path}:{number}, got: {reason}; curate anew") from error
        for name in (photos[-1].file_name, photos[-1].parts):
            if name is not None and not (folder / name).is_file():
                raise DataError(f"expected {folder / name}, which {path} names, found none; curate anew")
    return photos


def add_photo(folder: Path, candidate: Candidate) -> str:
    """Copies the photo into the data set, unchanged if its pixels need no rotation; returns its path relative to
    `folder`."""
    name = Path("photos") / candidate.person / candidate.path.name
    if candidate.clean is None and _is_plain(candidate.path):
        _place(candidate.path, folder / name)
        return name.as_posix()
    name = name.with_name(f"{candidate.path.stem}-{'upright' if candidate.clean is None else 'cropped'}.jpg")
    with _replacing(folder / name) as draft:
        candidate.open().save(draft, "JPEG", quality=JPEG_QUALITY)
    return name.as_posix()


def add_parts(folder: Path, candidate: Candidate, observation: Observation) -> str | None:
    """Writes the part map in the photo's size; returns its path, or None where no person was found."""
    parts = parts_on_photo(observation)
    if parts is None:
        return None
    # the whole name, since two files of one person may differ in the suffix alone
    name = Path("parts") / candidate.person / f"{candidate.path.name}.png"
    with _replacing(folder / name) as draft:
        Image.fromarray(parts).save(draft, "PNG")
    return name.as_posix()


def close(folder: Path, photos: list[CuratedPhoto]) -> None:
    """Writes metadata.jsonl atomically, and deletes files of an earlier run that this run did not write."""
    path = folder / METADATA
    before = _named(path)
    with _replacing(path) as draft:
        draft.write_text("".join(photo.model_dump_json() + "\n" for photo in photos), "utf-8")
    for name in before - _named(path):
        (folder / name).unlink(missing_ok=True)


def _named(path: Path) -> set[str]:
    """The files that a metadata.jsonl names; damaged lines are skipped."""
    names: set[str] = set()
    for line in path.read_text("utf-8-sig").splitlines() if path.is_file() else []:
        try:
            photo = CuratedPhoto.model_validate_json(line)
        except ValidationError:
            continue
        names |= {photo.file_name} | ({photo.parts} if photo.parts else set())
    return names


def _is_plain(path: Path) -> bool:
    """Whether a reader that ignores EXIF and transparency gets the same pixels as curation did."""
    with Image.open(path) as photo:
        upright = photo.getexif().get(_ORIENTATION, 1) == 1
        return (
            photo.format in ("JPEG", "MPO", "PNG")
            and photo.mode == "RGB"
            and not photo.has_transparency_data
            and upright
            and max(photo.size) <= SIDE_MAX_PX
        )


def _place(source: Path, target: Path) -> None:
    """Hard-links the file where the file system can, else copies it."""
    with _replacing(target) as draft:
        try:
            os.link(source, draft)
        except OSError:
            shutil.copyfile(source, draft)


def _replacing(path: Path) -> AbstractContextManager[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return replacing(path)
