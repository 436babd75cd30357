"""The errors of the trainer.

TrainerError
├── DataError       shards or a manifest are absent or not what they should be
├── CheckpointError a run folder cannot be resumed or exported
└── CrawlError      trainer.crawl.errors: options, selectors, folder or start page do not allow a crawl
"""

from __future__ import annotations


class TrainerError(Exception):
    """The root: every message states what was expected, what came and what to do."""


class DataError(TrainerError):
    """Shards or a manifest are absent or not what they should be."""


class CheckpointError(TrainerError):
    """A run folder cannot be resumed or exported."""
