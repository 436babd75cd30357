"""manifest.json of a folder of shards: the settings of rendering, and the checksum of each shard."""

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

from trainer.errors import DataError
from trainer.files import replacing
from trainer.synthetic.identity import split_of

NAME = "manifest.json"


def read_manifest(folder: Path) -> dict[str, Any]:
    """DIR/manifest.json. DataError when it is absent or no JSON object that lists shards."""
    path = folder / NAME
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(
            f"expected a manifest {path}, got {error}: run python -m trainer.synthetic --out {folder}"
        ) from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("shards"), dict):
        raise DataError(f"expected a JSON object that lists shards in {path}, got another: render the folder again")
    return manifest


def write_manifest(folder: Path, content: dict[str, Any]) -> None:
    """Writes the manifest atomically."""
    path = folder / NAME
    with replacing(path) as draft:
        draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def shard_entry(path: Path) -> dict[str, Any]:
    """The manifest's entry of a shard: photos, stylised copies, split, bytes, sha256. DataError for a damaged one."""
    first = int(path.stem.split("-")[1])
    return {**shard_counts(path), "split": split_of(first), "bytes": path.stat().st_size, "sha256": checksum(path)}


def shard_counts(path: Path) -> dict[str, int]:
    """The number of photos and stylised copies of a shard. DataError for a damaged one."""
    try:
        with tarfile.open(path, "r:") as archive:
            names = archive.getnames()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise damaged(path, str(error)) from error
    _check_end(path)
    return {
        "photos": sum(name.endswith(".json") for name in names),
        "styled": sum(name.endswith(".styled.png") for name in names),
    }


def _check_end(path: Path) -> None:
    """Raises DataError unless the archive has its end marker: tarfile silently reads a truncated one."""
    end = 2 * tarfile.BLOCKSIZE
    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - end, 0))
        if stream.read() != bytes(end):
            raise damaged(path, "a file without its end")


def checksum(path: Path) -> str:
    """SHA-256 in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_vouched(path: Path, manifest: dict[str, Any]) -> bool:
    """Whether the shard is present with the checksum of the manifest."""
    entry = manifest["shards"].get(path.name)
    if entry is None or not path.is_file() or path.stat().st_size != entry["bytes"]:
        return False
    return bool(checksum(path) == entry["sha256"])


def check_shard(path: Path, manifest: dict[str, Any]) -> None:
    """Raises DataError for a shard that differs from the manifest, and for an unlisted one that is truncated."""
    if path.name not in manifest["shards"]:
        shard_counts(path)
    elif not is_vouched(path, manifest):
        raise damaged(path, "other bytes than its manifest lists")


def damaged(path: Path, reason: str) -> DataError:
    """The error about a shard that cannot be used, in one line."""
    return DataError(
        f"expected the shard {path} whole, got {reason}: run python -m trainer.synthetic again to render it"
    )
