"""Faults for the bot's next calls, which a bot must handle."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FaultKind = Literal["flood", "server_error", "bad_gateway", "gateway_timeout", "drop", "drop_after", "latency"]
UNTARGETED = frozenset({"getupdates"})


class Fault(BaseModel):
    """The next `times` calls of `method` fail this way; "*" is any method but getUpdates.

    flood: 429 with `retry_after` seconds; with `lasts_s`, every such call for so long after the first, however many
    they are, and retry_after is the time left. server_error: 500. bad_gateway: 502 with HTML.
    gateway_timeout: 504 with JSON, and the call is done. drop: the connection
    breaks before the call is done; drop_after: it is done, but the answer is lost. latency: `delay_s` late, otherwise
    fine.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FaultKind
    method: str = "*"
    times: int = Field(default=1, ge=1)
    retry_after: int = Field(default=1, ge=1)
    lasts_s: float = Field(default=0.0, ge=0.0, le=600.0)
    delay_s: float = Field(default=0.0, ge=0.0, le=600.0)


class FaultPlan:
    """Faults yet to happen, oldest first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._planned: list[tuple[Fault, int]] = []
        self._until: dict[int, float] = {}
        """Id of a flood that has begun -> the time when it ends."""

    def add(self, fault: Fault) -> None:
        self._planned.append((fault, fault.times))

    def clear(self) -> None:
        self._planned.clear()
        self._until.clear()

    def take(self, method: str) -> Fault | None:
        """The fault that this call meets, used up once."""
        name = method.lower()
        self._end_floods()
        for index, (fault, left) in enumerate(self._planned):
            if fault.method.lower() == name or (fault.method == "*" and name not in UNTARGETED):
                if fault.lasts_s:
                    until = self._until.setdefault(id(fault), self._clock() + fault.lasts_s)
                    return fault.model_copy(update={"retry_after": max(1, math.ceil(until - self._clock()))})
                self._planned[index : index + 1] = [(fault, left - 1)] if left > 1 else []
                return fault
        return None

    def _end_floods(self) -> None:
        over = {key for key, until in self._until.items() if until <= self._clock()}
        self._planned = [(fault, left) for fault, left in self._planned if id(fault) not in over]
        for key in over:
            del self._until[key]
