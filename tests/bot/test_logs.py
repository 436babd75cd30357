"""Logs are structured, and hold no secret."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
import structlog

from bot import logs
from bot.dispatch.reply_consumer import _handle_with_ids
from engine.contract import Examination, Reply, Started, Verdict

TOKEN = "123456:a-very-secret-token"


@pytest.mark.parametrize("as_json", [True, False])
def test_no_secret_gets_into_the_logs_by_any_way(
    restored_logs: None, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    logs.configure("info", as_json=as_json, secrets=[TOKEN, ""])
    log = structlog.get_logger("ours")
    log.info(f"the token is {TOKEN}", url=f"https://x/bot{TOKEN}/getMe", several=[TOKEN], error=ValueError(TOKEN))
    logging.getLogger("library").warning("failed: %s", f"https://x/bot{TOKEN}/getMe")
    try:
        raise ConnectionError(f"cannot reach https://x/bot{TOKEN}")
    except ConnectionError:
        log.exception("it failed")
    written = capsys.readouterr().err
    assert "it failed" in written and "cannot reach" in written and "library" in written
    assert TOKEN not in written and logs.HIDDEN in written


def test_json_logs_are_one_object_a_line(restored_logs: None, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", as_json=True, secrets=[])
    structlog.get_logger("ours").info("delivered", job="1", count=2, flag=True, nothing=None)
    logging.getLogger("kombu").info("chatter")
    [line] = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert {key: event[key] for key in ("event", "job", "count", "flag", "nothing", "level", "logger")} == {
        "event": "delivered", "job": "1", "count": 2, "flag": True, "nothing": None, "level": "info", "logger": "ours",
    }  # fmt: skip


async def test_all_records_about_a_reply_carry_their_ids(
    restored_logs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through the parts that bind them, into what is written."""
    logs.configure("info", as_json=True, secrets=())

    async def handle(reply: Reply) -> None:
        structlog.get_logger("deep.inside").info("stored")

    await asyncio.create_task(_handle_with_ids(handle, Started(job_id="j1", attempt=1, worker_id="w1")))
    await asyncio.create_task(_handle_with_ids(handle, Examination(reference_id="r1", verdict=Verdict.ACCEPTED)))
    structlog.get_logger("elsewhere").info("idle")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line.get("job"), line.get("photo"), line.get("worker")) for line in lines] == [
        ("j1", None, "w1"),
        (None, "r1", None),
        (None, None, None),
    ]
