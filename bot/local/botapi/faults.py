"""Faults on demand: what a bot must survive, brought about for its next calls."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FaultKind = Literal["flood", "server_error", "bad_gateway", "drop", "drop_after", "latency"]
UNTARGETED = frozenset({"getupdates"})


class Fault(BaseModel):
    """The next `times` calls of `method` fail this way; "*" is any method but getUpdates.

    flood: 429 with `retry_after` seconds. server_error: 500. bad_gateway: 502 with HTML. drop: the connection breaks
    before the call is done; drop_after: it is done, but the answer is lost. latency: `delay_s` late, otherwise fine.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FaultKind
    method: str = "*"
    times: int = Field(default=1, ge=1)
    retry_after: int = Field(default=1, ge=1)
    delay_s: float = Field(default=0.0, ge=0.0, le=600.0)


class FaultPlan:
    """Faults yet to happen, oldest first."""

    def __init__(self) -> None:
        self._planned: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        self._planned.append((fault, fault.times))

    def clear(self) -> None:
        self._planned.clear()

    def take(self, method: str) -> Fault | None:
        """The fault that this call meets, used up once."""
        name = method.lower()
        for index, (fault, left) in enumerate(self._planned):
            if fault.method.lower() == name or (fault.method == "*" and name not in UNTARGETED):
                self._planned[index : index + 1] = [(fault, left - 1)] if left > 1 else []
                return fault
        return None
