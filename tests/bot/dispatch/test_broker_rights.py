"""The rights that docs/operations.md gives to bot and workers at the broker are enough for both, and no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from bot.dispatch.broker import Broker
from bot.local.embedded import EmbeddedValkey
from bot.monitoring.state import read_messages
from engine.contract import Examination, ExamineRequest, Verdict
from engine.worker.messaging import CancellationListener, ReplyPublisher

DOCUMENT = Path(__file__).parents[3] / "docs" / "operations.md"
RIGHTS = re.findall(r"^    user (bot|worker) on >\S+ (.*)$", DOCUMENT.read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A broker of our own, with the users of the document."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("rights"))
    server.start()
    with redis.Redis.from_url(server.url) as client:
        for name, rules in RIGHTS:
            client.execute_command("ACL", "SETUSER", name, "on", f">{name}-password", *rules.split())
    yield server
    server.stop()


def address(server: EmbeddedValkey, name: str) -> str:
    return re.sub(r"//:[^@]*@", f"//{name}:{name}-password@", server.url)


async def test_the_rights_are_enough_for_tasks_replies_and_cancellations(
    server: EmbeddedValkey, eventually: Callable[..., Any]
) -> None:
    assert [name for name, _ in RIGHTS] == ["bot", "worker"]
    listener = CancellationListener(address(server, "worker"))
    listener.start()
    assert listener.listening.wait(60)
    broker = Broker(address(server, "bot"))
    try:
        await broker.examine(ExamineRequest(reference_id="r", image=b"i"))
        await broker.cancel(["job"])
        await eventually(lambda: listener.is_cancelled("job"))
        assert read_messages(address(server, "bot")) == {"bolid.work": 1, "bolid.replies": 0}
        publisher = ReplyPublisher(address(server, "worker"))
        assert publisher.publish(Examination(reference_id="r", verdict=Verdict.ACCEPTED))
        publisher.close()
        assert read_messages(address(server, "bot")) == {"bolid.work": 1, "bolid.replies": 1}
    finally:
        await broker.close()
        listener.stop()


@pytest.mark.parametrize("command", [("FLUSHALL",), ("CONFIG", "GET", "*"), ("SET", "other", "1"), ("KEYS", "*")])
def test_a_worker_may_not_touch_anything_else(server: EmbeddedValkey, command: tuple[str, ...]) -> None:
    with (
        redis.Redis.from_url(address(server, "worker")) as client,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        client.execute_command(*command)
