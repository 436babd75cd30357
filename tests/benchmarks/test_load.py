"""The checks of a load run find violations; the proxy cuts connections; the command refuses an invalid size."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.load.checks import JobRow, help_latencies, judge, spread
from benchmarks.load.crowd import Ask, is_end
from benchmarks.load.proxy import FreezingProxy

ANN = 1
JOB = "a" * 32
AGAIN, CANCEL = f"job:again:{JOB}", f"job:cancel:{JOB}"
ASKS = [Ask(ANN, 5, 0.0)]


def message(message_id: int, *, reply_to: int | None = 5, text: str = "", photo: bool = False, button: str = "") -> Any:
    """A message of the bot."""
    return {
        "id": message_id,
        "from_bot": True,
        "deleted": False,
        "text": text,
        "photo": {"url": "x"} if photo else None,
        "reply_to": reply_to,
        "buttons": [[{"data": button}]] if button else [],
        "sent_at": float(message_id),
    }


def job(state: str = "delivered", *, closed: bool = True, failure: str | None = None, request: int = 5) -> JobRow:
    return JobRow(JOB, ANN, request, state, failure, closed)


PICTURE = message(7, photo=True, button=AGAIN)
FAILURE = message(7, text="It failed", button=AGAIN)
REFUSAL = message(7, text="Three pictures are in progress")


@pytest.mark.parametrize(
    ("jobs", "messages"),
    [
        ([job()], [PICTURE]),
        ([job("failed", failure="worker_lost")], [FAILURE]),
        ([], [REFUSAL]),
    ],
    ids=["delivered", "failed", "refused"],
)
def test_one_end_per_prompt_keeps_the_invariant(jobs: list[JobRow], messages: list[Any]) -> None:
    assert judge(ASKS, jobs, {ANN: messages}).broken == []


@pytest.mark.parametrize(
    ("jobs", "messages"),
    [
        ([job()], [PICTURE, message(8, photo=True, button=AGAIN)]),
        ([job()], []),
        ([job()], [PICTURE, FAILURE]),
        ([job(), JobRow("b" * 32, ANN, 5, "delivered", None, True)], [PICTURE]),
        ([job("queued", closed=False)], [message(7, text="in the queue", button=CANCEL)]),
        ([job("failed", failure="internal")], []),
        ([job("failed", failure="internal")], [PICTURE]),
        ([job()], [message(7, photo=True, button=f"job:again:{'b' * 32}")]),
        ([], []),
        ([], [PICTURE]),
        ([job(), job(request=99)], [PICTURE]),
    ],
    ids=[
        "two pictures", "delivered without a picture", "picture and failure", "two jobs", "still queued",
        "a silent failure", "failed with a picture", "the picture of another job", "no answer", "a picture, no job",
        "a job that nobody asked for",
    ],
)  # fmt: skip
def test_what_breaks_the_invariant_is_found(jobs: list[JobRow], messages: list[Any]) -> None:
    assert judge(ASKS, jobs, {ANN: messages}).broken


def test_a_doubled_announcement_is_counted_and_is_no_end() -> None:
    announcement = message(6, text="🖼 ready")
    assert not is_end(announcement) and not is_end(message(6, text="waiting", button=CANCEL))
    verdicts = judge(ASKS, [job()], {ANN: [announcement, PICTURE]})
    assert (verdicts.broken, verdicts.doubled_texts) == ([], 1)


def test_each_help_is_matched_with_an_answer_of_its_own() -> None:
    def request(message_id: int) -> Any:
        return {**message(message_id, reply_to=None, text="/help"), "from_bot": False}

    chat = [
        request(1),
        request(2),
        message(4, reply_to=None, text="/photos"),
        message(7, reply_to=None, text="/photos"),
        request(9),
    ]
    waits, unanswered = help_latencies([(ANN, 1), (ANN, 2), (ANN, 9)], {ANN: chat})
    assert (waits, unanswered) == ([3.0, 5.0], 1)


def test_a_spread_names_the_median_and_the_tail() -> None:
    assert spread([float(number) for number in range(101)]) == {"p50": 50.0, "p99": 99.0, "max": 100.0}


@pytest.fixture
def echo() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        yield server


def test_a_cut_breaks_connections_and_refuses_new_ones_until_it_is_mended(echo: socket.socket) -> None:
    proxy = FreezingProxy(echo.getsockname()[1])
    try:
        with socket.create_connection(("127.0.0.1", proxy.port), 30) as client:
            client.sendall(b"x")
            server, _ = echo.accept()
            assert server.recv(1) == b"x"
            proxy.cut()
            assert _is_broken(client)
            server.close()
        with socket.create_connection(("127.0.0.1", proxy.port), 30) as client:
            assert _is_broken(client)
        proxy.mend()
        with socket.create_connection(("127.0.0.1", proxy.port), 30) as client:
            client.sendall(b"y")
            server, _ = echo.accept()
            with server:
                assert server.recv(1) == b"y"
    finally:
        proxy.stop()


def _is_broken(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("arguments", [["--users", "2"], ["--pictures", "0"], ["--json", "/nowhere/at/all.json"]])
def test_a_wrong_size_or_place_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", *arguments]) == 2
    assert capsys.readouterr().err.startswith("benchmarks load: ")
