"""The folder that `python -m trainer precompute` writes: precompute.json, index.jsonl, shared.safetensors, photos/.

A photo's file has, in float16 unless stated otherwise (h x w latent cells, P patches of a crop, S = P + 1 states):
latents.mean, latents.std [C, h, w]; mask uint8 [h, w], the share of a cell that the person covers; text.full,
text.scene [M, D], M a multiple of 77; pooled.full, pooled.scene [D'] (SDXL); hidden.REGION [S, D], nearness.REGION [P];
embeds [E] of the whole person; face float32 [F] and body float32 [K], unit vectors, where there is an embedding; joints
float32 [17, 3], x and y in 0..1 of the picture, and confidence. shared.safetensors has text.empty, pooled.empty,
hidden.nothing, embeds.nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from trainer.adapter.base import Layout
from trainer.errors import DataError
from trainer.files import replacing

FORMAT: Final = 2
SETTINGS, INDEX, SHARED = "precompute.json", "index.jsonl", "shared.safetensors"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CacheSettings(_Record):
    """Properties that all photos of a cache share. base: `PublicBase.digest`; sources: hashes of the data by folder;
    face_network, body_network: names of the networks that embedded people, "" for embeddings from the data."""

    format: int
    layout: Layout
    base: str
    area_px: int
    step_px: int
    sources: dict[str, str]
    face_network: str = ""
    body_network: str = ""


class CachedPhoto(_Record):
    """A line of the index. size, original: width, height px; offset: x, y px (see `buckets.PhotoCrop`). face: whether a
    face was detected; embedding, body: the lengths of the face's and the body's embedding, 0 without one."""

    key: str
    person: str
    outfit: str | None
    split: str
    size: tuple[int, int]
    original: tuple[int, int]
    offset: tuple[int, int]
    face: bool
    embedding: int
    body: int = 0
    regions: list[str]
    captions: dict[str, str]

    @property
    def file(self) -> str:
        return f"photos/{self.split}/{self.key}.safetensors"


class AdapterCache:
    """An opened cache. Raises DataError for a folder that is no cache, or one of another format."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = read_settings(folder)
        self.photos = list(read_index(folder).values())
        if not self.photos:
            raise DataError(f"expected photos in {folder / INDEX}, found none: run python -m trainer precompute again")

    @cached_property
    def shared(self) -> dict[str, Tensor]:
        """The tensors of shared.safetensors in float32."""
        return {name: value.float() for name, value in _read(self.folder / SHARED, None).items()}

    def tensors(self, photo: CachedPhoto, names: Iterable[str]) -> dict[str, Tensor]:
        """The photo's tensors among `names` (default: all). Raises DataError for a file that cannot be read."""
        return _read(self.folder / photo.file, set(names))


def read_settings(folder: Path) -> CacheSettings:
    path = folder / SETTINGS
    try:
        settings = CacheSettings.model_validate_json(path.read_text("utf-8"))
    except (OSError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"expected a cache with {path}, got {reason}: "
            f"run python -m trainer precompute --data PHOTOS --base BASE --out {folder}"
        ) from error
    if settings.format != FORMAT:
        raise DataError(f"expected format {FORMAT} in {path}, got {settings.format}: precompute into another folder")
    return settings


def read_index(folder: Path) -> dict[str, CachedPhoto]:
    """Key -> photo; an incomplete last line, which a killed process leaves, is skipped."""
    path = folder / INDEX
    found: dict[str, CachedPhoto] = {}
    for line in path.read_text("utf-8").splitlines() if path.is_file() else []:
        try:
            photo = CachedPhoto.model_validate_json(line)
        except ValidationError:
            continue
        if (folder / photo.file).is_file():
            found[photo.key] = photo
    return found


def write_photo(folder: Path, photo: CachedPhoto, tensors: dict[str, Tensor]) -> None:
    """Writes the file, then its line of the index, so that all files in the index exist."""
    path = folder / photo.file
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft:
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, draft)
    with (folder / INDEX).open("a", encoding="utf-8") as lines:
        lines.write(photo.model_dump_json() + "\n")


def begin_cache(folder: Path, settings: CacheSettings, shared: dict[str, Tensor]) -> None:
    """Writes the settings and the shared tensors. Raises DataError where the folder has a cache with other settings."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / SETTINGS).exists():
        before = read_settings(folder)
        changed = [name for name in CacheSettings.model_fields if getattr(before, name) != getattr(settings, name)]
        if changed:
            raise DataError(
                f"expected a cache with the same {', '.join(changed)} in {folder}, found others: "
                "give the same options or another --out"
            )
    _end_last_line(folder / INDEX)
    with replacing(folder / SHARED) as draft:
        save_file({name: value.detach().cpu().contiguous() for name, value in shared.items()}, draft)
    with replacing(folder / SETTINGS) as draft:
        draft.write_text(json.dumps(settings.model_dump(), indent=1) + "\n", "utf-8")


def half(value: Tensor) -> Tensor:
    """The tensor on the CPU in float16."""
    return value.detach().to("cpu", torch.float16)


def _end_last_line(path: Path) -> None:
    """Ends an incomplete last line, so that the next one starts on a new line."""
    if path.is_file() and (content := path.read_bytes()) and not content.endswith(b"\n"):
        with path.open("ab") as stream:
            stream.write(b"\n")


def _read(path: Path, names: set[str] | None) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as stored:
            names_to_read: Any = stored.keys() if names is None else names & set(stored.keys())
            return {name: stored.get_tensor(name) for name in names_to_read}
    except (OSError, SafetensorError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"expected encoded photos in {path}, got {reason}: delete it and run python -m trainer precompute again"
        ) from error
