"""The outcome of each picture and each person, and the counts of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of one picture."""

    KEPT = "kept"
    ALREADY = "already there"
    TOO_SMALL = "too small"
    TOO_LARGE = "too large"
    NOT_AN_IMAGE = "not an image"
    SAME_URL = "same address as another"
    SAME_BYTES = "same bytes as another"
    BROKEN_LINK = "broken link"
    NO_IMAGE = "no image on its page"
    OFF_SITE = "off site, not followed"
    FORBIDDEN = "forbidden by robots.txt"
    TIMED_OUT = "timed out"
    FAILED = "given up"


FINAL = frozenset(
    {
        Outcome.TOO_SMALL,
        Outcome.TOO_LARGE,
        Outcome.NOT_AN_IMAGE,
        Outcome.SAME_URL,
        Outcome.SAME_BYTES,
        Outcome.BROKEN_LINK,
    }
)
"""Refusals that are recorded, so that no later run requests the picture again. The others may succeed later."""

TROUBLE = frozenset({Outcome.TIMED_OUT, Outcome.FAILED, Outcome.NO_IMAGE})
"""Outcomes that leave a person incomplete: a later run tries those pictures again."""


class PersonOutcome(StrEnum):
    """The outcome of one person."""

    COMPLETE = "complete"
    COMPLETE_BEFORE = "complete before this run"
    INCOMPLETE = "incomplete, to be tried again"
    TOO_FEW = "too few pictures"
    FORBIDDEN = "forbidden by robots.txt"
    UNREACHABLE = "page not reachable"


TAKEN = frozenset({PersonOutcome.COMPLETE, PersonOutcome.COMPLETE_BEFORE, PersonOutcome.INCOMPLETE})
"""Persons that count towards --max-persons."""


@dataclass
class Tally:
    """The counts of one run. `pages_lost` are pages of lists or galleries that could not be read."""

    pictures: Counter[Outcome] = field(default_factory=Counter)
    persons: Counter[PersonOutcome] = field(default_factory=Counter)
    listed_persons: int = 0
    pages_lost: int = 0

    @property
    def taken_persons(self) -> int:
        return sum(self.persons[outcome] for outcome in TAKEN)

    def as_dict(self) -> dict[str, object]:
        """The counts for the run's line in crawls.jsonl."""
        return {
            "listed_persons": self.listed_persons,
            "pages_lost": self.pages_lost,
            "persons": {outcome.value: count for outcome, count in self.persons.items()},
            "pictures": {outcome.value: count for outcome, count in self.pictures.items()},
        }
