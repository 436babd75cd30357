"""The interface to the model hub: the files of a repository, those of them in the cache, and downloads."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from engine.errors import SetupError

Advance = Callable[[int], None]
"""Called with the number of bytes that arrived; negative where the server made the download start over."""


class Hub(Protocol):
    """Repositories of weights, and the cache from which `from_pretrained` reads them."""

    @property
    def cache(self) -> Path: ...

    def listing(self, repository: str) -> dict[str, int]:
        """File -> size in bytes. Raises SetupError where the hub does not answer."""
        ...

    def folder(self, repository: str) -> Path | None:
        """The cache's folder for the repository."""
        ...

    def fetch(self, repository: str, file: str, advance: Advance) -> None:
        """Downloads the file into the cache. Raises SetupError with the remedy."""
        ...


class HuggingFaceHub:
    """The hub that huggingface_hub uses (HF_ENDPOINT, HF_TOKEN and HF_HOME are its settings).

    An interrupted download is resumed up to five times; complete files are not downloaded again."""

    def __init__(self, endpoint: str | None = None, cache: Path | None = None) -> None:
        from huggingface_hub import constants

        self._endpoint = endpoint or os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
        self._cache = cache or Path(constants.HF_HUB_CACHE)

    @property
    def cache(self) -> Path:
        return self._cache

    def listing(self, repository: str) -> dict[str, int]:
        from huggingface_hub import HfApi

        try:
            info = HfApi(endpoint=self._endpoint).model_info(repository, files_metadata=True, timeout=10)
        except Exception as error:  # the HTTP client's errors share no base with the library's
            raise self._explained(repository, error) from error
        return {file.rfilename: int(file.size or 0) for file in info.siblings or []}

    def folder(self, repository: str) -> Path | None:
        from huggingface_hub.file_download import repo_folder_name

        home = self._cache / repo_folder_name(repo_id=repository, repo_type="model")
        reference = home / "refs" / "main"
        if not reference.is_file():
            return None
        snapshot = home / "snapshots" / reference.read_text("utf-8").strip()
        return snapshot if snapshot.is_dir() else None

    def fetch(self, repository: str, file: str, advance: Advance) -> None:
        from huggingface_hub import hf_hub_download

        try:
            hf_hub_download(repository, file, endpoint=self._endpoint, cache_dir=self._cache, tqdm_class=_bar(advance))
        except Exception as error:  # the HTTP client's errors share no base with the library's
            raise self._explained(f"{repository}/{file}", error) from error

    def _explained(self, what: str, error: Exception) -> SetupError:
        """The error in one line: the expectation, the error, the remedy."""
        from huggingface_hub import errors

        reason = (str(error).strip() or type(error).__name__).partition("\n")[0]
        if isinstance(error, errors.GatedRepoError):
            remedy = "accept the licence on the repository's page and set HF_TOKEN"
        elif isinstance(error, errors.RepositoryNotFoundError | errors.RemoteEntryNotFoundError):
            remedy = "see whether HF_ENDPOINT and HF_TOKEN are right, or put the files into a folder yourself"
        elif isinstance(error, errors.OfflineModeIsEnabled):
            remedy = "unset HF_HUB_OFFLINE"
        else:
            remedy = "try again: what has arrived whole is kept; behind a mirror set HF_ENDPOINT"
        return SetupError(f"expected {what} from {self._endpoint}, got {reason}: {remedy}")


def local_folder(name: str) -> Path | None:
    """A folder of that path, or the cache's folder for the repository of that name; None if neither exists."""
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    folder = HuggingFaceHub().folder(name)
    return folder if folder is not None and (folder / "config.json").exists() else None


def _bar(advance: Advance) -> type[Any]:
    """A progress-bar class for huggingface_hub that only calls `advance`."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **{**named, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            advance(int(n or 0))
            return None

    return Bar
