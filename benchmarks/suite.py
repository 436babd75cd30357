"""All figures of one shape: steps, options and whole requests.

Both contenders run in turns in one process; every figure is the median of the ratios of such pairs, with quartiles.
Steps are compared on random weights of the true shapes, whole requests on a backbone's own `draw`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress

from benchmarks.comparison import TimeRatio, Turns, overhead, ratio, speedup, take_turns
from benchmarks.options import option_ratios
from benchmarks.requests import BASELINE_GUIDANCE, BASELINE_STEPS, Requests, first_preview, nano_requests, one_by_one
from benchmarks.shapes import BATCH, FEW, MANY, SHAPES
from benchmarks.stable import stable_requests
from benchmarks.steps import StepBench

SAMPLED = (1, 3)
"""Steps of the requests that longer ones are extrapolated from."""


@dataclass(frozen=True)
class Plan:
    """request_pairs: of whole requests, 0 for none. weights: the nano folder whose requests are measured."""

    shape: str
    device: str
    pairs: int
    request_pairs: int
    weights: Path
    options: bool = False


def measure(plan: Plan, console: Console) -> dict[str, Any]:
    """All figures of one shape, as they go into the JSON file: ratios by key, and what they were measured on."""
    ratios: dict[str, TimeRatio] = {}
    sampling: dict[str, Any] = {}
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task(plan.shape, total=None)

        def record(key: str, compare: Callable[[], TimeRatio]) -> None:
            progress.update(bar, description=f"{plan.shape}: {key}")
            ratios[key] = compare()

        with torch.inference_mode():
            _steps(plan, record)
            if plan.options:
                progress.update(bar, description=f"{plan.shape}: options")
                ratios |= option_ratios(SHAPES[plan.shape], plan.device, plan.pairs)
        if plan.request_pairs and plan.shape in ("nano", "sd15"):
            progress.update(bar, description=f"{plan.shape}: requests")
            nano = plan.shape == "nano"
            requests = (
                nano_requests(plan.weights, plan.device) if nano else stable_requests(SHAPES["sd15"], plan.device)
            )
            extrapolated = not nano and not plan.device.startswith("cuda")
            sampling = _sampling(requests) | {"steps_measured": SAMPLED if extrapolated else None}
            if extrapolated:
                ratios |= _extrapolated(plan, requests)
            else:
                _requests(plan, requests, record)
    return {key: row.median for key, row in ratios.items()} | {
        "shape": plan.shape,
        "device": _device_name(plan.device),
        "dtype": "float16" if plan.device.startswith("cuda") else "float32",
        "torch": torch.__version__,
        "request": sampling,
        "memory_mib": {
            key: {"ours": row.memory_mib, "baseline": row.baseline_memory_mib} for key, row in ratios.items()
        },
        "spread": {key: asdict(row) for key, row in ratios.items()},
    }


Record = Callable[[str, Callable[[], TimeRatio]], None]


def _steps(plan: Plan, record: Record) -> None:
    bench = StepBench(SHAPES[plan.shape], plan.device)
    for tokens in (FEW, MANY):
        for prefix, side in (("", bench.ours(tokens)), ("diffusers_", bench.diffusers(tokens))):
            record(
                f"{prefix}step_overhead_{tokens}",
                lambda side=side: overhead(side, bench.plain(), plan.pairs, plan.device),  # type: ignore[misc]
            )
    if plan.shape == "nano" or plan.device.startswith("cuda"):  # a CPU needs minutes for eight of the others
        together, apart = bench.ours(FEW, BATCH), bench.one_by_one(FEW, BATCH)
        record("batch8_throughput", lambda: speedup(together, apart, plan.pairs, plan.device))


def _requests(plan: Plan, requests: Requests, record: Record) -> None:
    """At our defaults against the baseline's; both at the baseline's steps, guided where ours has guidance; both at our
    defaults; a request until its first preview against the whole request; eight users."""
    ours, baseline, pairs, device = requests.ours, requests.baseline, plan.request_pairs, plan.device
    declared = requests.backbone.capabilities
    default = declared.steps_default, declared.guidance_default
    usual = BASELINE_STEPS, BASELINE_GUIDANCE
    equal = BASELINE_STEPS, min(BASELINE_GUIDANCE, declared.guidance_range[1])
    record("request_speedup_default", lambda: speedup(requests.at_defaults(), baseline(*usual), pairs, device))
    record("request_speedup_equal", lambda: speedup(ours(*equal, 1), baseline(*equal), pairs, device))
    record("request_speedup_equal_default", lambda: speedup(requests.at_defaults(), baseline(*default), pairs, device))
    preview = first_preview(requests.backbone)
    record("first_preview_speedup", lambda: speedup(preview, requests.at_defaults(), pairs, device))
    together, apart = ours(*default, BATCH), one_by_one(requests, BATCH)
    record("batch8_request_throughput", lambda: speedup(together, apart, pairs, device))


def _extrapolated(plan: Plan, requests: Requests) -> dict[str, TimeRatio]:
    """Requests of 30 guided steps that take too long, from two shorter ones: time is linear in steps."""
    ours, baseline = requests.ours, requests.baseline
    contenders = {"default": requests.at_defaults()}
    for steps in SAMPLED:
        contenders |= {
            f"ours {steps}": ours(steps, BASELINE_GUIDANCE, 1),
            f"baseline {steps}": baseline(steps, BASELINE_GUIDANCE),
        }
    turns = take_turns(contenders, plan.request_pairs, plan.device, warm_up=False)
    few, more = SAMPLED

    def whole(name: str) -> Turns:
        pairs = zip(turns[f"{name} {few}"].seconds, turns[f"{name} {more}"].seconds, strict=True)
        seconds = [short + (BASELINE_STEPS - few) * (long - short) / (more - few) for short, long in pairs]
        return Turns(seconds, turns[f"{name} {more}"].memory_mib)

    default, guided, theirs = turns["default"], whole("ours"), whole("baseline")
    return {
        "request_speedup_default": ratio(theirs.seconds, default.seconds, default, theirs),
        "request_speedup_equal": ratio(theirs.seconds, guided.seconds, guided, theirs),
    }


def _sampling(requests: Requests) -> dict[str, Any]:
    declared = requests.backbone.capabilities
    return {
        "default": {"steps": declared.steps_default, "guidance": declared.guidance_default},
        "baseline": {"steps": BASELINE_STEPS, "guidance": BASELINE_GUIDANCE},
        "pixels": [declared.width, declared.height],
    }


def _device_name(device: str) -> str:
    if device.startswith("cuda"):
        return torch.cuda.get_device_name()
    return f"cpu, {torch.get_num_threads()} threads"
