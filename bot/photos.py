"""Converts a file from a chat to the photo to store (upright, sRGB, of bounded size, without metadata), or gives the
reason for the refusal.

The file is decoded by `engine.photo_reader` in a child process: a hostile file costs that process its time and memory,
never the bot's, and the event loop never waits for a decoder.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import structlog

from engine.contract import PHOTO_FORMATS, REFERENCE_MAX_SIDE_PX

FILE_MAX_BYTES = 20 * 1024 * 1024
"""The largest file that a bot can fetch from Telegram."""
SIDE_MIN_PX = 96
ASPECT_MAX = 5.0
DECODE_MAX_S = 60.0
"""The limit in wall-clock seconds, for a child that hangs. The usual limit is CPU_MAX_S of processor time, which does
not depend on other load."""
CPU_MAX_S = 8
MEMORY_MAX_BYTES = 1 << 30
"""The largest photos that are accepted take about 600 MiB."""
_ROOT = Path(__file__).parents[1]
_LIMIT_SIGNALS = frozenset({-signal.SIGXCPU, -signal.SIGKILL})
_SETTINGS = json.dumps(
    {
        "reader": {
            "formats": PHOTO_FORMATS,
            "side_max_px": REFERENCE_MAX_SIDE_PX,
            "side_min_px": SIDE_MIN_PX,
            "aspect_max": ASPECT_MAX,
            "stills_only": True,
        },
        "memory_max_bytes": MEMORY_MAX_BYTES,
        "cpu_max_s": CPU_MAX_S,
    }
)
_log = structlog.get_logger(__name__)


class Refusal(StrEnum):
    """Reasons to refuse a photo before a worker examines it. Each has a text, as each verdict of the engine has."""

    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"
    FILE_TOO_BIG = "file_too_big"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_COSTLY = "too_costly"
    TOO_SMALL = "too_small"
    TOO_LONG = "too_long"
    ANIMATED = "animated"
    NOT_FETCHED = "not_fetched"
    KNOWN = "known"
    TOO_MANY = "too_many"


class PhotoRefused(Exception):
    """The file cannot become a reference; `reason` says why."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(f"expected a still photo of ordinary size, got one that is {reason}: send another photo")
        self.reason = reason


@dataclass(frozen=True)
class NormalPhoto:
    """A photo as it is stored: JPEG, RGB, upright, longest side <= REFERENCE_MAX_SIDE_PX, no metadata."""

    jpeg: bytes
    width: int
    height: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.jpeg).hexdigest()


async def normalise(data: bytes, *, settings: str = _SETTINGS, decode_max_s: float = DECODE_MAX_S) -> NormalPhoto:
    """The normalised photo, decoded in a child process with the settings `engine.photo_reader.ReaderSettings`; a
    cancellation ends the child. Raises PhotoRefused."""
    if len(data) > FILE_MAX_BYTES:
        raise PhotoRefused(Refusal.FILE_TOO_BIG)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "engine.photo_reader", settings,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=_environment(), cwd="/",
    )  # fmt: skip
    try:
        async with asyncio.timeout(decode_max_s):
            output, errors = await child.communicate(data)
    except TimeoutError:
        raise PhotoRefused(Refusal.TOO_COSTLY) from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        _log.warning("a photo ended its decoder", exit_code=child.returncode, last=_last_line(errors), size=len(data))
        raise PhotoRefused(Refusal.TOO_COSTLY if child.returncode in _LIMIT_SIGNALS else Refusal.UNREADABLE)
    head, _, jpeg = output.partition(b"\n")
    facts = json.loads(head)
    if "refused" in facts:
        raise PhotoRefused(Refusal(facts["refused"]))
    return NormalPhoto(jpeg, facts["width"], facts["height"])


def _environment() -> dict[str, str]:
    """The child's environment, without the bot's secrets. It has few memory arenas, because each counts as address
    space."""
    passed = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    return {**passed, "PYTHONPATH": str(_ROOT), "MALLOC_ARENA_MAX": "2"}


def _last_line(errors: bytes) -> str:
    lines = errors.decode(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else ""
