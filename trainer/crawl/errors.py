"""The errors of a crawl, beyond single pictures, which are counted and not raised.

TrainerError
└── CrawlError      the options, the selectors, the folder or the start page do not allow a crawl
"""

from __future__ import annotations

from pydantic import ValidationError

from trainer.errors import TrainerError


class CrawlError(TrainerError):
    """The options, the selectors, the folder or the start page do not allow a crawl."""


def one_line(error: ValidationError, source: str) -> CrawlError:
    """The first error of pydantic as one line with its source and the remedy."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the whole"
    got = "" if first["type"] == "missing" else f", got {str(first['input'])[:80]!r}"
    return CrawlError(f"{source}: {place}: {first['msg'].removeprefix('Value error, ')}{got}; correct it and run again")
