"""The weights that backbones read, as catalogue.toml lists them."""

from __future__ import annotations

import json
import tomllib
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.hub.packaged import Archive, load_packaged

CATALOGUE = Path(__file__).with_name("catalogue.toml")


class Weights(BaseModel):
    """One thing to have: a repository or the part of one that serves one purpose."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: Literal["hub", "insightface", "operator", "package"] = "hub"
    """insightface fetches its packs itself; the operator's own come from nowhere; package: see engine.hub.packaged."""
    repository: str = ""
    files: tuple[str, ...]
    """Patterns; each must match. Of a variant ".fp16", the file without it is read in other precisions."""
    purpose: str
    backbones: tuple[str, ...]
    needed: bool
    """Whether the backbone needs it to be served."""
    licence: str
    commercial_use: bool
    setting: str = ""
    """The field of engine.config.Config that names a folder, or another repository, in its place."""
    few_steps: str = ""
    """The value of `distilled` that wants it."""
    only_by_setting: bool = False
    """Whether it is used from the hub's cache only if the setting names its folder there."""
    parameters: int | None = Field(default=None, gt=0)
    bytes_per_parameter: int = 2

    @property
    def estimate(self) -> int | None:
        """Bytes that follow from the number of parameters."""
        return None if self.parameters is None else self.parameters * self.bytes_per_parameter

    def wanted(self, names: list[str]) -> list[str]:
        """The names that match this entry's patterns."""
        return [name for name in names if any(fnmatchcase(name, pattern) for pattern in self.files)]

    def lacking(self, folder: Path) -> list[str]:
        """The files that `folder` lacks: patterns without a file, and shards that an index names."""
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        missing = [pattern for pattern in self.files if not any(fnmatchcase(name, pattern) for name in names)]
        for index in (name for name in self.wanted(names) if name.endswith(".index.json")):
            shards = set(json.loads((folder / index).read_text("utf-8"))["weight_map"].values())
            index_folder = Path(index).parent
            missing += sorted(path for shard in shards if (path := (index_folder / shard).as_posix()) not in names)
        return missing


@cache
def load_catalogue() -> tuple[Weights, ...]:
    """Everything that catalogue.toml lists, in its order, then what packaged.toml lists, for every backbone."""
    listed = tuple(Weights(**entry) for entry in tomllib.loads(CATALOGUE.read_text("utf-8"))["weights"])
    backbones = tuple(sorted({name for weights in listed for name in weights.backbones}))
    return listed + tuple(_packaged(archive, backbones) for archive in load_packaged())


def _packaged(archive: Archive, backbones: tuple[str, ...]) -> Weights:
    return Weights(
        name=archive.name,
        source="package",
        files=archive.files,
        purpose=archive.purpose,
        backbones=backbones,
        needed=False,
        licence=archive.licence,
        commercial_use=archive.commercial_use,
    )
