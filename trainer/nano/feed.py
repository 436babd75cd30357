"""Supplies training steps with batches, made by the calling thread or, for a GPU, ahead of time by processes.

A row takes some 4 ms of one core; a GPU learns from thousands of rows per second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from trainer.nano.batches import Batch, Batches, join_batches

CHUNK: Final = 32
"""Rows that a process makes at once: small enough to begin early, large enough for few messages."""


class Feed:
    """Called with a number of rows and a random source, gives a batch (`trainer.loop.Draw`). With processes the
    random source is read once, so a resumed run draws other rows than one that was not interrupted."""

    def __init__(self, batches: Batches, workers: int = 0) -> None:
        """With workers a batch has a multiple of CHUNK rows."""
        self._batches, self._workers = batches, workers
        self._chunks: Iterator[Batch] | None = None

    def __call__(self, count: int, rng: np.random.Generator) -> Batch:
        if not self._workers:
            return self._batches.of(self._batches.sample_targets(count, rng), rng)
        assert count % CHUNK == 0, f"expected a multiple of {CHUNK} rows, got {count}"
        if self._chunks is None:
            stream = _Stream(self._batches, int(rng.integers(2**31)))
            options: dict[str, Any] = {"num_workers": self._workers, "prefetch_factor": 8, "persistent_workers": True}
            self._chunks = iter(DataLoader(stream, batch_size=None, multiprocessing_context="fork", **options))
        return join_batches([next(self._chunks) for _ in range(count // CHUNK)])


class _Stream(IterableDataset[Batch]):
    """Chunks of rows without end."""

    def __init__(self, batches: Batches, seed: int) -> None:
        self._batches, self._seed = batches, seed

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        rng = np.random.default_rng([self._seed, 0 if worker is None else worker.id])
        while True:
            yield self._batches.of(self._batches.sample_targets(CHUNK, rng), rng)
