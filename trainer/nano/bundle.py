"""Packs photos of a store into one file, for a machine with a GPU that has neither internet nor the renderer.

The file has each photo as WebP with its part map, joints and attributes. It has no body maps: on the other machine,
BodyMapper predicts them from the joints, also in place of the renderer's exact ones. Python packages that the other
machine lacks are included as wheels.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from engine.body.atlas import load_atlas
from engine.body.mapper import SHIPPED_MAPPER, load_mapper
from trainer.errors import DataError
from trainer.nano.preparing import mapped
from trainer.nano.store import Store, write_array
from trainer.nano.wheels import WHEELS, fetch_wheels, opened

ARRAYS: Final = ("joints", "boxes", "attributes", "build", "facts")
PICTURES: Final = {"image": "RGB", "parts": "L", "place": "RGB"}
"""The pictures by name, with their modes of Pillow."""
MIB: Final = 1 << 20


@dataclass(frozen=True)
class Packing:
    """The options of a bundle. limit_bytes: the largest size of the file; quality: WebP's, 0..100; wheels: packages,
    for CPython `python` on Linux x86-64."""

    out: Path
    limit_bytes: int = 60 * MIB
    quality: int = 78
    wheels: tuple[str, ...] = WHEELS
    python: str = "3.12"


def pack_store(store: Store, packing: Packing) -> dict[str, Any]:
    """Writes as many whole shards of a store as fit; returns the numbers of photos and bytes. The store must have
    PICTURES and ARRAYS. Raises DataError where not a single shard fits."""
    packing.out.parent.mkdir(parents=True, exist_ok=True)
    draft, photos = packing.out.with_suffix(".part"), 0
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
        for name, content in fetch_wheels(packing.wheels, packing.python).items():
            archive.writestr(f"wheels/{name}", content)
        room = packing.limit_bytes - sum(entry.compress_size + 160 for entry in archive.infolist())
        for folder, rows in track(list(store.shards()), description="packing"):
            files = _shard_files(store, rows, packing.quality)
            room -= sum(len(content) + 320 for content in files.values())
            if room < 0:
                break
            for name, content in files.items():
                archive.writestr(f"{folder.name}/{name}", content)
            photos += len(rows)
        archive.writestr("bundle.json", json.dumps({"photos": photos, "quality": packing.quality}))
    if not photos:
        raise DataError(f"expected room for one shard in {packing.limit_bytes / MIB:.0f} MiB: raise --limit-mib")
    draft.replace(packing.out)
    return {"photos": photos, "bytes": packing.out.stat().st_size}


def unpack_bundle(path: Path, store: Path, mapper: Path = SHIPPED_MAPPER) -> int:
    """Writes the bundle's shards as folders of a store, with maps by BodyMapper; complete folders are left unchanged.
    Returns the number of photos. Raises DataError for a file that is no bundle of photos."""
    atlas, network, photos = load_atlas(), load_mapper(mapper), 0
    with zipfile.ZipFile(opened(path)) as archive:
        names = archive.namelist()
        shards = sorted({name.split("/")[0] for name in names if name.startswith("shard-")})
        if not shards:
            raise DataError(f"expected photos in {path}, found none: make it with python -m trainer pack")
        for shard in track(shards, description="unpacking"):
            folder = store / shard
            if (folder / "facts.npy").exists():
                continue
            folder.mkdir(parents=True, exist_ok=True)
            with np.load(io.BytesIO(archive.read(f"{shard}/arrays.npz"))) as archived:
                arrays = {name: _wide(archived[name]) for name in ARRAYS}
            count = len(arrays["facts"])
            for kind, mode in PICTURES.items():
                pictures = [_decode(archive.read(f"{shard}/{kind}/{row:04d}.webp"), mode) for row in range(count)]
                write_array(folder / f"{kind}.npy", np.stack(pictures))
            surface, normal = mapped(arrays["joints"][..., :3], arrays["build"], network, atlas)
            write_array(folder / "surface.npy", surface)
            write_array(folder / "normal.npy", normal)
            for name, values in arrays.items():  # facts come last: a folder that has them is complete
                write_array(folder / f"{name}.npy", values)
            photos += count
    return photos


def _shard_files(store: Store, rows: NDArray[np.int64], quality: int) -> dict[str, bytes]:
    arrays, files = io.BytesIO(), {}
    narrow: dict[str, Any] = {name: _narrow(store.rows(name, rows)) for name in ARRAYS}
    np.savez_compressed(arrays, **narrow)
    files["arrays.npz"] = arrays.getvalue()
    for number, row in enumerate(rows):
        files[f"image/{number:04d}.webp"] = _webp(store.row("image", int(row)), quality=quality, method=5)
        files[f"place/{number:04d}.webp"] = _webp(store.row("place", int(row)), quality=quality, method=5)
        files[f"parts/{number:04d}.webp"] = _webp(store.row("parts", int(row)), lossless=True, method=4)
    return files


def _webp(picture: NDArray[np.uint8], **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "WEBP", **options)
    return stream.getvalue()


def _decode(content: bytes, mode: str) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert(mode), np.uint8)


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.float16) if values.dtype == np.float32 else values


def _wide(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.float32) if values.dtype == np.float16 else values
