"""The split of real people: splits.json in a curated folder.

A person's split never changes: new people are added, and no training person is measured.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from trainer.curate.dataset import read_curated
from trainer.errors import DataError
from trainer.files import replacing

SPLITS: Final = "splits.json"
KINDS: Final = ("train", "validation", "test")


def split_folder(folder: Path, validation: int, test: int) -> dict[str, int]:
    """Writes splits.json of a curated folder with the given numbers of held-out people; the number of people by split.
    Raises DataError where there are too few."""
    people = [photo.person for photo in read_curated(folder)]
    splits = split_people(people, validation, test, read_splits(folder))
    with replacing(folder / SPLITS) as draft:
        draft.write_text(json.dumps(splits, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
    counts = Counter(splits[person] for person in set(people))
    return {kind: counts[kind] for kind in KINDS}


def split_people(people: Sequence[str], validation: int, test: int, before: dict[str, str]) -> dict[str, str]:
    """Person -> split: unchanged for those of `before`; of the others, chosen by a hash of their names, the missing
    number is held out. Raises DataError where too few people are left, or none for training."""
    splits = {name: kind for name, kind in before.items() if name in people}
    fresh = sorted(set(people) - set(splits), key=lambda name: hashlib.sha256(name.encode()).digest())
    for kind, count in (("test", test), ("validation", validation)):
        missing = max(count - sum(assigned == kind for assigned in splits.values()), 0)
        if missing > len(fresh):
            raise DataError(
                f"expected {missing} more people to hold out for {kind}, got {len(fresh)} who are of no split yet: "
                f"hold out fewer, curate more people, or delete {SPLITS} and train anew"
            )
        splits |= dict.fromkeys(fresh[:missing], kind)
        fresh = fresh[missing:]
    splits |= dict.fromkeys(fresh, "train")
    if splits and "train" not in splits.values():
        raise DataError(f"expected people to learn from, got all {len(splits)} held out: hold out fewer")
    return splits


def read_splits(folder: Path) -> dict[str, str]:
    """Person -> split; empty without the file. Raises DataError for a damaged file."""
    path = folder / SPLITS
    if not path.is_file():
        return {}
    try:
        splits = json.loads(path.read_text("utf-8"))
        if not isinstance(splits, dict) or not set(splits.values()) <= set(KINDS):
            raise ValueError(f"splits other than {', '.join(KINDS)}")
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"expected people and their splits in {path}, got {error}: run python -m trainer split"
        ) from error
    return splits
