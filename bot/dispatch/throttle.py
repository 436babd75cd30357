"""How often we may write: per chat, and in all."""

from __future__ import annotations

from collections.abc import Callable


class Throttle:
    """Progress at most every `interval_s` in a chat; nothing in a chat that told us to wait; `calls_per_s` over all."""

    def __init__(self, interval_s: float, calls_per_s: float, clock: Callable[[], float]) -> None:
        self._interval_s = interval_s
        self._rate = calls_per_s
        self._clock = clock
        self._allowance = calls_per_s
        self._filled_at = clock()
        self._next_edit: dict[int, float] = {}
        self._silent_until: dict[int, float] = {}

    def allows(self, chat_id: int, *, urgent: bool) -> bool:
        """Whether to write to the chat now. What is urgent waits only where Telegram told us to wait."""
        now = self._clock()
        if self._silent_until.get(chat_id, now) > now:
            return False
        return urgent or self._next_edit.get(chat_id, now) <= now

    def wrote(self, chat_id: int) -> None:
        self._next_edit[chat_id] = self._clock() + self._interval_s

    def told_to_wait(self, chat_id: int, retry_after_s: float) -> None:
        self._silent_until[chat_id] = self._clock() + retry_after_s

    def take(self) -> bool:
        """One call out of the allowance, which is never more than one second's."""
        now = self._clock()
        self._allowance = min(self._rate, self._allowance + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._allowance < 1 and self._allowance < self._rate:
            return False
        self._allowance -= 1
        return True

    def forget_past(self) -> None:
        """Drop what no longer holds anything back."""
        now = self._clock()
        for times in (self._next_edit, self._silent_until):
            for chat_id in [chat_id for chat_id, until in times.items() if until <= now]:
                del times[chat_id]
