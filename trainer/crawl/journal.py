"""JSON lines that survive a kill: a line is on the disk before the call returns, an incomplete last one is removed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from trainer.crawl.errors import CrawlError

Line = TypeVar("Line", bound=BaseModel)


def append(path: Path, line: BaseModel) -> None:
    """Appends one line and waits until it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(line.model_dump_json().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, model: type[Line]) -> Iterator[Line]:
    """The lines of a file, none where it is absent. Removes an incomplete last line. Raises CrawlError for a complete
    line that does not fit the model.
    """
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
    for number, line in enumerate(content[:whole].splitlines(), start=1):
        try:
            yield model.model_validate_json(line)
        except ValidationError as error:
            reason = error.errors(include_url=False)[0]["msg"]
            raise CrawlError(
                f"expected a record of this crawler in {path}:{number}, got: {reason}; repair or delete that line"
            ) from error


def write_through(path: Path, content: bytes) -> None:
    """Writes a file and waits until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_whole(path: Path, content: bytes) -> None:
    """Replaces a file atomically: it is unchanged or complete, whenever the process is killed."""
    part = path.with_name(path.name + ".part")
    write_through(part, content)
    part.replace(path)
