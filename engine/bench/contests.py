"""Fair comparisons: contestants take turns, so that whatever else the machine does hits all alike."""

from __future__ import annotations

import ctypes
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil
import torch

SAMPLE_EVERY_S = 0.005
MIB = 2**20


@dataclass(frozen=True)
class Side:
    """One contestant: `dress` prepares the model, untimed; `run` is timed."""

    dress: Callable[[], None]
    run: Callable[[], object]


@dataclass(frozen=True)
class Turns:
    """What `take_turns` measured of one contestant: seconds of each round, and by how much its first run raised the
    memory in use (of the process, or of the GPU's allocator) at its highest."""

    seconds: list[float]
    memory_mib: float


@dataclass(frozen=True)
class Ratio:
    """Median and quartiles of the ratios of `pairs` pairs, the medians of both sides in seconds, and their memory."""

    median: float
    low: float
    high: float
    seconds: float
    peer_seconds: float
    pairs: int
    memory_mib: float
    peer_memory_mib: float


def take_turns(sides: Mapping[str, Side], rounds: int, device: str, warm_up: bool = True) -> dict[str, Turns]:
    """Every side once a round, in alternating order; a warm-up round of all is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    memory: dict[str, float] = {}
    for number in range(-1 if warm_up else 0, rounds):
        for name in sides if number % 2 == 0 else reversed(list(sides)):
            sides[name].dress()
            with PeakMemory(device, watch=name not in memory) as peak:
                taken = _seconds(sides[name].run, device)
            memory.setdefault(name, peak.growth_mib)
            if number >= 0:
                seconds[name].append(taken)
    return {name: Turns(seconds[name], memory[name]) for name in sides}


def ratio(upper: Sequence[float], lower: Sequence[float], ours: Turns, peer: Turns) -> Ratio:
    """upper / lower, pair by pair; `ours` and `peer` are what is told beside it."""
    ratios = [a / b for a, b in zip(upper, lower, strict=True)]
    low, median, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return Ratio(
        median,
        low,
        high,
        statistics.median(ours.seconds),
        statistics.median(peer.seconds),
        len(ratios),
        ours.memory_mib,
        peer.memory_mib,
    )


def overhead(ours: Side, peer: Side, pairs: int, device: str) -> Ratio:
    """ours / peer in time."""
    turns = take_turns({"ours": ours, "peer": peer}, pairs, device)
    return ratio(turns["ours"].seconds, turns["peer"].seconds, turns["ours"], turns["peer"])


def speedup(ours: Side, peer: Side, pairs: int, device: str) -> Ratio:
    """peer / ours in time: how many times faster ours is."""
    turns = take_turns({"ours": ours, "peer": peer}, pairs, device)
    return ratio(turns["peer"].seconds, turns["ours"].seconds, turns["ours"], turns["peer"])


class PeakMemory:
    """By how much the memory in use rose above where it stood on entry. On a CPU: the resident set, sampled."""

    def __init__(self, device: str, watch: bool = True) -> None:
        self.growth_mib = 0.0
        self._cuda, self._watch = device.startswith("cuda"), watch
        self._done = threading.Event()
        self._process = psutil.Process()

    def __enter__(self) -> PeakMemory:
        if self._watch and self._cuda:
            torch.cuda.reset_peak_memory_stats()
            self._start = torch.cuda.memory_allocated()
        elif self._watch:
            _give_back_freed()
            self._start = self._highest = self._process.memory_info().rss
            self._thread = threading.Thread(target=self._sample, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._watch:
            return
        if self._cuda:
            self._highest = torch.cuda.max_memory_allocated()
        else:
            self._done.set()
            self._thread.join()
        self.growth_mib = (self._highest - self._start) / MIB

    def _sample(self) -> None:
        while not self._done.is_set():
            self._highest = max(self._highest, self._process.memory_info().rss)
            self._done.wait(SAMPLE_EVERY_S)


def _give_back_freed() -> None:
    """Pages that glibc keeps after a free would hide the growth of the next contestant."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _seconds(action: Callable[[], object], device: str) -> float:
    _wait(device)
    start = time.perf_counter()
    action()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
