"""The folder of a crawl: its records and pictures, stored so that a kill at any moment loses no record and duplicates
no picture."""

from __future__ import annotations

import fcntl
import hashlib
import re
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlsplit

from w3lib.url import canonicalize_url

from trainer.crawl import journal
from trainer.crawl.errors import CrawlError
from trainer.crawl.options import CrawlOptions
from trainer.crawl.outcome import Outcome
from trainer.crawl.records import CrawlRun, Kept, Listing, PersonState, RefusedPicture


class PhotoArchive:
    """Locks `root` within `with PhotoArchive(...)`, so that two runs never write to one folder. Entering raises
    CrawlError where another run has the lock or a record is damaged.
    """

    def __init__(self, root: Path, min_side_px: int) -> None:
        self.root = root
        self.states: dict[str, PersonState] = {}
        """The progress of each person, by the address of their page."""
        self.kept: Counter[str] = Counter()
        self._owners: dict[str, str] = {}  # address -> person that it was recorded for
        self._files: dict[str, str] = {}  # sha256 -> "person/file" that is kept
        self._numbers: Counter[str] = Counter()
        self._min_side_px = min_side_px
        self._open = ExitStack()

    def __enter__(self) -> PhotoArchive:
        with ExitStack() as opening:
            self._lock(opening)
            states = journal.read(self.root / "persons.jsonl", PersonState)
            self.states = {state.url: state for state in states}
            for folder in sorted(path for path in self.root.iterdir() if path.is_dir()):
                self._load(folder)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _lock(self, opening: ExitStack) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # The system releases the lock whenever the process ends.
            lock = opening.enter_context((self.root / ".lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CrawlError(
                f"expected {self.root} for this run alone, got another run at work in it; wait or choose another --out"
            ) from error
        except OSError as error:
            raise CrawlError(
                f"expected a folder to write to at {self.root}, got: {error.strerror}; choose another --out"
            ) from error

    def _load(self, folder: Path) -> None:
        for record in journal.read(folder / "metadata.jsonl", Kept):
            self._finish(folder / record.file_name, record.sha256)
            self._note_kept(folder.name, record)
        for refused in journal.read(folder / "refused.jsonl", RefusedPicture):
            if not _large_enough_now(refused, self._min_side_px):
                self._note_addresses(folder.name, refused.page_url, refused.image_url)
        for stray in folder.glob("*.part"):
            stray.unlink()

    def _finish(self, path: Path, sha256: str) -> None:
        """Renames a picture whose record was written just before a kill."""
        part = path.with_name(path.name + ".part")
        if not path.exists() and part.exists() and _sha256(part.read_bytes()) == sha256:
            part.replace(path)

    def _note_kept(self, person: str, record: Kept) -> None:
        self.kept[person] += 1
        self._files[record.sha256] = f"{person}/{record.file_name}"
        number = Path(record.file_name).stem.removeprefix(person)
        self._numbers[person] = max(self._numbers[person], int(number) if number.isdecimal() else 0)
        self._note_addresses(person, record.page_url, record.image_url)

    def _note_addresses(self, person: str, *addresses: str | None) -> None:
        for address in addresses:
            if address is not None:
                self._owners.setdefault(canonicalize_url(address), person)

    def owner(self, address: str) -> str | None:
        """The person for whom this address is recorded already."""
        return self._owners.get(canonicalize_url(address))

    def file_with(self, sha256: str) -> str | None:
        """The kept file ("person/file") with the same bytes."""
        return self._files.get(sha256)

    def name_of(self, url: str) -> str:
        """A folder name for a person: the last word of the page's address, lengthened where another person has it."""
        if state := self.states.get(url):
            return state.name
        words = [word for word in unquote(urlsplit(url).path).split("/") if word]
        # No dots: a name must not lead out of the root, and Path.stem must not cut it.
        name = re.sub(r"[^\w-]+", "_", Path(words[-1]).stem if words else "").strip("_")[:80] or "person"
        taken = {state.name for state in self.states.values()}
        return name if name not in taken else f"{name}-{_sha256(url.encode())[:8]}"

    def next_file_name(self, person: str, extension: str) -> str:
        """The name `<person>N<extension>` with the first number that no record and no file has."""
        number = self._numbers[person] + 1
        while any((self.root / person).glob(f"{person}{number}.*")):
            number += 1
        return f"{person}{number}{extension}"

    def keep(self, person: str, content: bytes, record: Kept) -> None:
        """Stores a picture and its record: bytes first, then the record, then the name, so that the next run repairs
        the result of a kill between two of them."""
        path = self.root / person / record.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        journal.write_through(part, content)
        journal.append(path.parent / "metadata.jsonl", record)
        part.replace(path)
        self._note_kept(person, record)

    def refuse(self, person: str, refused: RefusedPicture) -> None:
        """Records a dropped picture, so that no run requests it again."""
        journal.append(self.root / person / "refused.jsonl", refused)
        self._note_addresses(person, refused.page_url, refused.image_url)

    def set_state(self, state: PersonState) -> None:
        """Records the progress of a person."""
        if self.states.get(state.url) != state:
            journal.append(self.root / "persons.jsonl", state)
            self.states[state.url] = state

    def is_complete(self, url: str, options: CrawlOptions) -> bool:
        """Whether a person is complete for these options."""
        state = self.states.get(url)
        if state is None:
            return False
        if options.max_images is not None and self.kept[state.name] >= options.max_images:
            return True
        return state.exhausted and options.min_side_px >= state.min_side_px

    def has_too_few(self, url: str, min_images: int) -> bool:
        """Whether an earlier run has seen that a person has fewer pictures than that."""
        state = self.states.get(url)
        return state is not None and state.listed_all and state.listed < min_images

    def listing(self, start_url: str) -> list[str] | None:
        """The persons that an earlier run listed from the same start page."""
        path = self.root / "persons.json"
        if not path.exists():
            return None
        try:
            listing = Listing.model_validate_json(path.read_bytes())
        except ValueError as error:
            raise CrawlError(f"expected a list of persons in {path}, got a damaged file; delete it") from error
        return listing.urls if listing.start_url == start_url else None

    def set_listing(self, listing: Listing) -> None:
        journal.write_whole(self.root / "persons.json", listing.model_dump_json(indent=1).encode())

    def add_run(self, run: CrawlRun) -> None:
        journal.append(self.root / "crawls.jsonl", run)


def _large_enough_now(refused: RefusedPicture, min_side_px: int) -> bool:
    """Whether a picture was dropped for a minimum that has been lowered since."""
    if refused.reason is not Outcome.TOO_SMALL or refused.width_px is None or refused.height_px is None:
        return False
    return min(refused.width_px, refused.height_px) >= min_side_px


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
