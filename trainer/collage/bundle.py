"""One file with all that training needs, for a machine that has a GPU and no internet: `python -m trainer pack`.

Photos travel as WebP, words and joints as they are, and what Python packages that machine lacks as plain wheels: it
needs this repository, the bundle, torch and transformers, neither anny nor Warp nor diffusers.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from trainer.collage.training_set import TrainingSet
from trainer.collage.wheels import opened
from trainer.errors import DataError

MIB: Final = 1 << 20
ARRAYS: Final = ("poses", "inside", "head_box", "body_box", "identity", "outfit", "woman", "asked", "place", "styled")
FOLDERS: Final = ("photos", "places", "parts")
WHEELS: Final = ("diffusers", "pydantic", "pydantic-core", "annotated-types", "typing-inspection")
"""What engine and trainer import beyond what comes with torch and transformers."""


@dataclass(frozen=True)
class Packing:
    """limit_bytes: of the file; quality: WebP's, 0..100; wheels: packages, for CPython `python` on Linux x86-64."""

    out: Path
    limit_bytes: int = 60 * MIB
    quality: int = 78
    wheels: tuple[str, ...] = WHEELS
    python: str = "3.12"


def pack(people: TrainingSet, packing: Packing) -> dict[str, Any]:
    """Writes as many whole people as fit, the first ones, and returns how many photos and bytes that is.

    Raises DataError where not even one person fits, or a wheel cannot be had."""
    packing.out.parent.mkdir(parents=True, exist_ok=True)
    draft = packing.out.with_suffix(".part")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
        for name, content in wheels_of(packing).items():
            archive.writestr(f"wheels/{name}", content)
        kept = _write_photos(archive, people, packing)
        if not len(kept):
            raise DataError(
                f"expected room for one person in {packing.limit_bytes} bytes, found none: raise --limit-mib"
            )
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {name: _narrow(getattr(people, name)[kept]) for name in ARRAYS}
        np.savez_compressed(buffer, **arrays)
        archive.writestr("arrays.npz", buffer.getvalue())
        words = json.dumps([people.words[row] for row in kept], ensure_ascii=False)
        archive.writestr("words.json", words, zipfile.ZIP_LZMA)
        names = {"asked_names": people.asked_names, "place_names": people.place_names}
        facts = names | {"manifest": people.manifest, "quality": packing.quality}
        archive.writestr("bundle.json", json.dumps(facts))
    draft.replace(packing.out)
    return {"photos": len(kept), "people": len(np.unique(people.identity[kept])), "bytes": packing.out.stat().st_size}


def read_bundle(paths: Sequence[Path]) -> TrainingSet:
    """The photos of all the bundles, one after another. Raises DataError for a file that is no bundle or of other
    classes or another size than the first."""
    sets = [_whole(path) for path in paths]
    if len({(people.asked_names, people.images.shape[1:]) for people in sets}) != 1:
        raise DataError("expected bundles of photos of one size and kind, got several: pack them from one generator")
    first = sets[0]
    joined = {f.name: np.concatenate([getattr(s, f.name) for s in sets]) for f in fields(first) if f.name in _STACKED}
    words = [row for people in sets for row in people.words]
    order = np.argsort(joined["styled"], kind="stable")
    ordered: dict[str, Any] = {name: values[order] for name, values in joined.items()}
    return replace(first, **ordered, words=[words[row] for row in order])


_STACKED: Final = ("images", "places", "parts", *ARRAYS)


def wheels_of(packing: Packing) -> dict[str, bytes]:
    """The wheels of `packing.wheels` by file name. Raises DataError where one cannot be had."""
    if not packing.wheels:
        return {}
    platforms = [option for tag in ("2_28", "2_17") for option in ("--platform", f"manylinux_{tag}_x86_64")]
    target = ["--python-version", packing.python, "--implementation", "cp", *platforms]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *target]
    pinned = [_pinned(name) for name in packing.wheels]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([*command, "--dest", folder, *pinned], capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise DataError(f"expected wheels of {', '.join(packing.wheels)}, got {said}: give --wheels those you need")
        return {path.name: path.read_bytes() for path in sorted(Path(folder).glob("*.whl"))}


def _pinned(package: str) -> str:
    """In the version that is installed here."""
    from importlib.metadata import version

    return f"{package}=={version(package)}"


def _write_photos(archive: zipfile.ZipFile, people: TrainingSet, packing: Packing) -> NDArray[np.int64]:
    """Person by person until the limit; returns the rows written."""
    kept: list[int] = []
    room = packing.limit_bytes - sum(entry.compress_size + 160 for entry in archive.infolist())
    rows_of = {int(identity): np.nonzero(people.identity == identity)[0] for identity in np.unique(people.identity)}
    for rows in track(rows_of.values(), description="packing"):
        pictures = [_encoded(people, int(row), packing.quality) for row in rows]
        said = json.dumps([people.words[row] for row in rows], ensure_ascii=False).encode()
        room -= sum(len(content) + 320 for pair in pictures for content in pair) + len(said) // 4
        if room < 0:
            break
        for row, files in zip(rows, pictures, strict=True):
            for folder, content in zip(FOLDERS, files, strict=True):
                archive.writestr(f"{folder}/{len(kept):06d}.webp", content)
            kept.append(int(row))
    return np.array(kept, np.int64)


def _encoded(people: TrainingSet, row: int, quality: int) -> tuple[bytes, ...]:
    """In the order of FOLDERS."""
    files = tuple(io.BytesIO() for _ in FOLDERS)
    Image.fromarray(people.images[row]).save(files[0], "WEBP", quality=quality, method=5)
    Image.fromarray(people.places[row]).save(files[1], "WEBP", quality=quality, method=5)
    Image.fromarray(people.parts[row]).save(files[2], "WEBP", lossless=True, method=4)
    return tuple(file.getvalue() for file in files)


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.float16) if values.dtype == np.float32 else values


def _whole(path: Path) -> TrainingSet:
    """Raises DataError for a bundle that is cut or changed: a zip file checks each of its parts."""
    try:
        return _read(path)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError) as error:
        raise DataError(f"expected a whole bundle in {path}, got {error}: copy or pack it anew") from error


def _read(path: Path) -> TrainingSet:
    with zipfile.ZipFile(opened(path)) as archive:
        facts = json.loads(archive.read("bundle.json"))
        words = json.loads(archive.read("words.json"))
        with np.load(io.BytesIO(archive.read("arrays.npz"))) as kept:
            if lacking := set(ARRAYS) - set(kept.files):
                raise DataError(f"expected {', '.join(sorted(lacking))} in {path}, found none: pack it anew")
            arrays = {name: kept[name] for name in ARRAYS}
        count = range(len(words))
        images = [_decoded(archive.read(f"photos/{n:06d}.webp"), "RGB") for n in track(count, description="unpacking")]
        places = [_decoded(archive.read(f"places/{n:06d}.webp"), "RGB") for n in count]
        parts = [_decoded(archive.read(f"parts/{n:06d}.webp"), "L") for n in count]
    wide = {name: v.astype(np.float32) if v.dtype == np.float16 else v for name, v in arrays.items()}
    return TrainingSet(
        images=np.stack(images),
        places=np.stack(places),
        parts=np.stack(parts),
        asked_names=tuple(facts["asked_names"]),
        place_names=tuple(facts["place_names"]),
        words=words,
        manifest=facts["manifest"],
        **wide,
    )


def _decoded(content: bytes, mode: str) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert(mode), np.uint8)
