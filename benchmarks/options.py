"""The effect of each option for loading a model: the time of a step with the option over the time without it."""

from __future__ import annotations

import torch

from benchmarks.comparison import TimeRatio, overhead
from benchmarks.shapes import FEW, Shape
from benchmarks.steps import StepBench


def option_ratios(shape: Shape, device: str, pairs: int) -> dict[str, TimeRatio]:
    """Option -> ratio; below 1 the step is faster with the option. Half precision is measured on a GPU alone, because a
    CPU emulates it."""
    ratios = {}
    for name in ("channels_last", "compile", *(["half"] if device.startswith("cuda") else [])):
        half = name == "half"
        plain, changed = StepBench(shape, device, torch.float32 if half else None), StepBench(shape, device)
        if name == "channels_last":
            changed.unet.to(memory_format=torch.channels_last)
        if name == "compile":
            changed.unet.compile()
        ratios[f"option_{name}"] = overhead(changed.ours(FEW), plain.ours(FEW), pairs, device)
    return ratios
