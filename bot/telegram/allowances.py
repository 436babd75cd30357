"""The allowance of messages and presses per chat, as token buckets."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

CHATS_KEPT = 10_000
"""The number of chats with a bucket; the one unused for longest is dropped first, and starts again with a full
burst."""


class Admission(Enum):
    """The decision on an update."""

    TAKEN = auto()
    DROPPED_FIRST = auto()
    """The first update beyond the allowance since the bucket was last half full: its sender gets a notice."""
    DROPPED = auto()


@dataclass
class _Bucket:
    tokens: float
    filled_at: float
    has_notice: bool = False


class Allowances:
    """Allows `burst` updates at once and `per_s` in the long run. `clock` gives seconds."""

    def __init__(self, burst: int, per_s: float, clock: Callable[[], float]) -> None:
        self._burst = burst
        self._per_s = per_s
        self._clock = clock
        self._buckets: OrderedDict[int, _Bucket] = OrderedDict()

    def take(self, chat_id: int) -> Admission:
        """Takes one update from the chat's bucket."""
        bucket = self._filled(chat_id)
        if 2 * bucket.tokens >= self._burst:
            bucket.has_notice = False
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return Admission.TAKEN
        if bucket.has_notice:
            return Admission.DROPPED
        bucket.has_notice = True
        return Admission.DROPPED_FIRST

    def _filled(self, chat_id: int) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.setdefault(chat_id, _Bucket(self._burst, now))
        self._buckets.move_to_end(chat_id)
        while len(self._buckets) > CHATS_KEPT:
            self._buckets.popitem(last=False)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled_at) * self._per_s)
        bucket.filled_at = now
        return bucket
