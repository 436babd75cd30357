"""A broker that stores the messages for the workers instead of sending them."""

from __future__ import annotations

from typing import Any

from bot.dispatch.broker import Broker
from engine.contract import GenerateBatch, GenerateRequest


class KeepingBroker(Broker):
    def __init__(self) -> None:
        self.requests: list[GenerateRequest] = []

    async def generate(self, batch: GenerateBatch) -> None:
        self.requests += batch.requests

    async def examine(self, request: Any) -> None:
        raise AssertionError("no photo waits")

    async def cancel(self, job_ids: Any) -> None:
        pass
