"""Memory of the parts of a stack while it runs: proportional set sizes (PSS), in MiB, children included."""

from __future__ import annotations

import threading
from collections import defaultdict
from statistics import median

import psutil

from bot.local.supervisor import Stack

PARTS = ("bot", "worker", "Postgres", "Valkey", "chat")
INTERVAL_S = 2.0


class MemorySampler(threading.Thread):
    """Samples until `stop`. Samples are stored per process, so that `growth` compares within one process."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self._stack = stack
        self._stopping = threading.Event()
        self.samples: dict[tuple[str, int], list[float]] = defaultdict(list)
        """(part, pid) -> MiB."""

    def run(self) -> None:
        while not self._stopping.wait(INTERVAL_S):
            for name in PARTS:
                pid = self._stack.part(name).pid  # type: ignore[attr-defined]
                try:
                    process = psutil.Process(pid)
                    family = [process, *process.children(recursive=True)]
                    mib = sum(each.memory_full_info().pss for each in family) / 2**20
                except (psutil.Error, TypeError, ValueError):
                    continue
                self.samples[name, pid].append(mib)

    def stop(self) -> None:
        self._stopping.set()
        self.join(10)

    def growth(self) -> dict[str, dict[str, float]]:
        """Per part, of its longest-lived process: median MiB of the second and of the last third of its samples, the
        peak in MiB, and its seconds."""
        found = {}
        for name in PARTS:
            lives = [values for (part, _), values in self.samples.items() if part == name and len(values) >= 6]
            if lives:
                life = max(lives, key=len)
                third = len(life) // 3
                early, late = median(life[third : 2 * third]), median(life[-third:])
                found[name] = {"early": early, "late": late, "peak": max(life), "seconds": len(life) * INTERVAL_S}
        return found


def cpu_seconds(stack: Stack) -> dict[str, float]:
    """CPU seconds that each part has used so far, including its children, also those that have ended."""
    used = {}
    for name in PARTS:
        try:
            process = psutil.Process(stack.part(name).pid)  # type: ignore[attr-defined]
            times = [process.cpu_times(), *(child.cpu_times() for child in process.children(recursive=True))]
        except (psutil.Error, TypeError):
            continue
        used[name] = sum(t.user + t.system for t in times) + times[0].children_user + times[0].children_system
    return used
