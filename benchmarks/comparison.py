"""Comparisons of running times: contenders alternate, so that other load on the machine slows all of them equally."""

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
class Contender:
    """One contender: `prepare` sets up the model and is not timed, `run` is."""

    prepare: Callable[[], None]
    run: Callable[[], object]


@dataclass(frozen=True)
class Turns:
    """Measurements of one contender: seconds of each round, and the peak growth of memory (of the process, or of the
    GPU's allocator) in its first run."""

    seconds: list[float]
    memory_mib: float


@dataclass(frozen=True)
class TimeRatio:
    """Median and quartiles of the ratios of `pairs` pairs; median seconds and memory of both contenders."""

    median: float
    low: float
    high: float
    seconds: float
    baseline_seconds: float
    pairs: int
    memory_mib: float
    baseline_memory_mib: float


def take_turns(contenders: Mapping[str, Contender], rounds: int, device: str, warm_up: bool = True) -> dict[str, Turns]:
    """Runs every contender once per round, in alternating order; the warm-up round is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    memory: dict[str, float] = {}
    for number in range(-1 if warm_up else 0, rounds):
        for name in contenders if number % 2 == 0 else reversed(list(contenders)):
            contenders[name].prepare()
            with PeakMemory(device, watch=name not in memory) as peak:
                taken = _seconds(contenders[name].run, device)
            memory.setdefault(name, peak.growth_mib)
            if number >= 0:
                seconds[name].append(taken)
    return {name: Turns(seconds[name], memory[name]) for name in contenders}


def ratio(upper: Sequence[float], lower: Sequence[float], ours: Turns, baseline: Turns) -> TimeRatio:
    """upper / lower, pair by pair; `ours` and `baseline` give seconds and memory."""
    ratios = [a / b for a, b in zip(upper, lower, strict=True)]
    low, median, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return TimeRatio(
        median,
        low,
        high,
        statistics.median(ours.seconds),
        statistics.median(baseline.seconds),
        len(ratios),
        ours.memory_mib,
        baseline.memory_mib,
    )


def overhead(ours: Contender, baseline: Contender, pairs: int, device: str) -> TimeRatio:
    """ours / baseline in time."""
    turns = take_turns({"ours": ours, "baseline": baseline}, pairs, device)
    return ratio(turns["ours"].seconds, turns["baseline"].seconds, turns["ours"], turns["baseline"])


def speedup(ours: Contender, baseline: Contender, pairs: int, device: str) -> TimeRatio:
    """baseline / ours in time: how many times faster ours is."""
    turns = take_turns({"ours": ours, "baseline": baseline}, pairs, device)
    return ratio(turns["baseline"].seconds, turns["ours"].seconds, turns["ours"], turns["baseline"])


class PeakMemory:
    """The peak growth of memory since entry. On a CPU: of the resident set, sampled every SAMPLE_EVERY_S."""

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
    """Returns freed memory to the system: pages that glibc keeps would hide the growth of the next contender."""
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
