"""Logs of a worker: one line per record on stderr, with the ids of the jobs and photos in hand."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

FORMAT = "%(asctime)s %(levelname)s %(name)s:%(requests)s %(message)s"
_in_hand: ContextVar[str] = ContextVar("requests", default="")


@contextmanager
def request_ids(ids: Collection[str]) -> Iterator[None]:
    """In this context, log records of this thread have the given ids, which the bot's log has too."""
    token = _in_hand.set(f" [{' '.join(sorted(ids))}]")
    try:
        yield
    finally:
        _in_hand.reset(token)


class AddRequestIds(logging.Filter):
    """Adds `requests` to each record: the ids in brackets, or an empty text between tasks."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.requests = _in_hand.get()
        return True


def configure_logs(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(AddRequestIds())
    handler.setFormatter(logging.Formatter(FORMAT))
    logging.basicConfig(level=level, handlers=[handler])
