"""Two small local sites, one with the layout of theplace and one with another layout; each records its requests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

LAST_MODIFIED = "Mon, 02 Jan 2023 10:00:00 GMT"


def _picture(number: int, side: int = 64, kind: str = "JPEG") -> bytes:
    content = BytesIO()
    # Neighbouring shades can become the same JPEG.
    Image.new("RGB", (side, side + 16), (number * 7 % 256, number, 90)).save(content, kind)
    return content.getvalue()


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """Makes the bytes of a picture, different ones for every number below 256."""
    return _picture


@dataclass
class SiteRequest:
    """One request as the site saw it; `at` in seconds."""

    path: str
    at: float
    agent: str
    host: str


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    kind: str = "image/jpeg"
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    """The delay of a slow page, in seconds."""
    failures: int = 0
    """The number of answers 503 before the page."""


class LocalSite:
    """Serves `replies` by path (with its query) on 127.0.0.1 and records every request in `requests`."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.requests: list[SiteRequest] = []
        self.open_requests = 0
        self.most_open_requests = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def page(self, path: str, html: str) -> None:
        body = f"<html><head><meta charset='utf-8'></head><body>{html}</body></html>".encode()
        self.replies[path] = Reply(body=body, kind="text/html; charset=utf-8")

    def paths(self, since: int = 0) -> Counter[str]:
        """The number of requests for each path, from the request numbered `since` on."""
        return Counter(request.path for request in self.requests[since:])

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(site) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site._note(self)
                try:
                    self._answer(site.replies.get(self.path, Reply(404, b"no such page", "text/html")))
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the crawler went away, as it does after a timeout or a kill
                finally:
                    with site._lock:
                        site.open_requests -= 1

            def _answer(self, reply: Reply) -> None:
                site._closing.wait(reply.wait_s)
                if reply.failures:
                    reply.failures -= 1
                    reply = Reply(503, b"busy", "text/html")
                self.send_response(reply.status)
                self.send_header("Content-Type", reply.kind)
                self.send_header("Content-Length", str(len(reply.body)))
                self.send_header("Last-Modified", LAST_MODIFIED)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _note(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.open_requests += 1
            self.most_open_requests = max(self.most_open_requests, self.open_requests)
            agent, host = handler.headers["User-Agent"], handler.headers["Host"]
            self.requests.append(SiteRequest(handler.path, time.monotonic(), agent, host))


@pytest.fixture(scope="module")
def site() -> Iterator[LocalSite]:
    local = LocalSite()
    yield local
    local.close()


Crawl = Callable[..., subprocess.CompletedProcess[str]]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "trainer.crawl", *arguments]


@pytest.fixture(scope="session")
def crawl() -> Crawl:
    """Runs the real command in a process of its own, to its end or until `kill_when` says so (by SIGKILL)."""

    def run(*arguments: str, kill_when: Callable[[], bool] | None = None) -> subprocess.CompletedProcess[str]:
        process = subprocess.Popen(
            command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "200"},
            cwd=Path(__file__).parents[3],
        )
        if kill_when is not None:
            while process.poll() is None and not kill_when():
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return run
