"""How fast, side by side with the peer: `python -m engine bench --shape nano --json out.json --plot out.png`.

Random weights of the true shapes. What is compared runs in turns, one after the other, in one process, so that whatever
else the machine does hits both alike; every figure is the median of the ratios of such pairs, with its quartiles. The
peer is the IP-Adapter attention of diffusers on the same UNet, with as many image tokens.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import IPAdapterAttnProcessor2_0
from rich.console import Console
from rich.progress import Progress
from torch import Tensor, nn

from engine.adapter.attention import BranchCondition
from engine.adapter.model import Adapter, AdapterConfig, cross_attention_layers

FEW, MANY = 20, 1280
BATCH = 8


@dataclass(frozen=True)
class Shape:
    """A UNet2DConditionModel configuration (nano's without its class embedding) and how many text tokens it reads.

    added: whether it also wants a pooled text and sizes, as SDXL's does.
    """

    unet: dict[str, Any]
    text_tokens: int
    added: bool = False


SHAPES = {
    "nano": Shape(
        {
            "sample_size": (24, 16),
            "in_channels": 16,
            "out_channels": 16,
            "block_out_channels": (64, 128, 192),
            "layers_per_block": 2,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            "cross_attention_dim": 192,
            "attention_head_dim": 4,
            "norm_num_groups": 16,
        },
        text_tokens=48,
    ),
    "sd15": Shape({"sample_size": 64, "cross_attention_dim": 768}, text_tokens=77),
    "sdxl": Shape(
        {
            "sample_size": 128,
            "cross_attention_dim": 2048,
            "block_out_channels": (320, 640, 1280),
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            "transformer_layers_per_block": (1, 2, 10),
            "attention_head_dim": (5, 10, 20),
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        },
        text_tokens=77,
        added=True,
    ),
}


@dataclass(frozen=True)
class Ratio:
    """Median and quartiles of the ratios of `pairs` pairs, and the medians of both sides in seconds."""

    median: float
    low: float
    high: float
    seconds: float
    peer_seconds: float
    pairs: int


@dataclass(frozen=True)
class Side:
    """One contestant: `dress` prepares the UNet, untimed; `run` is timed."""

    dress: Callable[[], None]
    run: Callable[[], object]


def compare(ours: Side, peer: Side, pairs: int, device: str) -> Ratio:
    """ours / peer in time, in alternating order after a warm-up of both."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(-1, pairs):
        for mine in (number % 2 == 0, number % 2 == 1):
            side = ours if mine else peer
            side.dress()
            seconds = _seconds(side.run, device)
            if number >= 0:
                times[mine].append(seconds)
    ratios = [a / b for a, b in zip(times[True], times[False], strict=True)]
    low, median, high = statistics.quantiles(ratios, n=4) if pairs > 1 else ratios * 3
    return Ratio(median, low, high, statistics.median(times[True]), statistics.median(times[False]), pairs)


def _seconds(action: Callable[[], object], device: str) -> float:
    _wait(device)
    start = time.perf_counter()
    action()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


class Bench:
    """One UNet of a shape with random weights; each contestant dresses it as it needs."""

    def __init__(self, shape: Shape, device: str) -> None:
        torch.manual_seed(0)
        self.shape, self.device = shape, device
        self.dtype = torch.float16 if device.startswith("cuda") else torch.float32
        with torch.device(device):
            self.unet = UNet2DConditionModel(**shape.unet).to(self.dtype).eval().requires_grad_(False)
        self.token_dim: int = self.unet.config.cross_attention_dim
        self._stock = dict(self.unet.attn_processors)
        config = AdapterConfig(token_dim=self.token_dim, depth=1, heads=8)
        with torch.device(device):
            self._adapter = Adapter(config, cross_attention_layers(self.unet)).to(self.dtype).eval()
        self._adapter.requires_grad_(False)

    def plain(self, rows: int = 1) -> Side:
        """The UNet as diffusers makes it, without any image."""
        return Side(self._undress, self._step(rows))

    def ours(self, tokens: int, rows: int = 1) -> Side:
        """With `tokens` image tokens a picture on the body branch, K and V cached as in a request."""
        scale = torch.ones(rows, device=self.device, dtype=self.dtype)
        condition = {"body": BranchCondition(scale, self._random(rows, tokens, self.token_dim))}
        identity = {"identity": self._adapter.cache(condition)}

        def dress() -> None:
            self._undress()
            self._adapter.attach(self.unet)

        return Side(dress, self._step(rows, cross_attention_kwargs=identity))

    def diffusers(self, tokens: int) -> Side:
        """With diffusers' IP-Adapter processors. The tokens are ready: only the attention is compared."""
        processors = dict(self._stock)
        for name, (inner, _) in cross_attention_layers(self.unet).items():
            with torch.device(self.device):
                processors[name] = IPAdapterAttnProcessor2_0(inner, self.token_dim, (tokens,)).to(self.dtype)

        def dress() -> None:
            self._undress()
            self.unet.set_attn_processor(dict(processors))
            self.unet.encoder_hid_proj = _Ready()
            self.unet.config.encoder_hid_dim_type = "ip_image_proj"

        embeds = [self._random(1, 1, tokens, self.token_dim)]
        return Side(dress, self._step(1, added={"image_embeds": embeds}))

    def one_by_one(self, tokens: int, rows: int) -> Side:
        """`rows` pictures, each in a step of its own."""
        single = self.ours(tokens)
        return Side(single.dress, lambda: [single.run() for _ in range(rows)])

    def _undress(self) -> None:
        self.unet.set_attn_processor(dict(self._stock))
        self.unet.encoder_hid_proj = None
        self.unet.config.encoder_hid_dim_type = None

    def _step(self, rows: int, added: dict[str, Any] | None = None, **extra: Any) -> Callable[[], Tensor]:
        side = self.unet.config.sample_size
        height, width = (side, side) if isinstance(side, int) else side
        latents = self._random(rows, self.unet.config.in_channels, height, width)
        text = self._random(rows, self.shape.text_tokens, self.token_dim)
        conditions = dict(added or {})
        if self.shape.added:
            conditions |= {"text_embeds": self._random(rows, 1280), "time_ids": self._random(rows, 6)}
        timestep = torch.tensor(500, device=self.device)

        @torch.inference_mode()
        def run() -> Tensor:
            output: Tensor = self.unet(
                latents, timestep, text, added_cond_kwargs=conditions, return_dict=False, **extra
            )[0]
            return output

        return run

    def _random(self, *size: int) -> Tensor:
        return torch.randn(*size, device=self.device, dtype=self.dtype)


class _Ready(nn.Module):
    """Stands where diffusers projects image embeddings at every step: here they are tokens already."""

    def forward(self, embeds: list[Tensor]) -> list[Tensor]:
        """Each [B, 1, N, D] -> [B, N, D]."""
        return [embed.flatten(0, 1) for embed in embeds]


def run(shape: str, device: str, pairs: int, console: Console) -> dict[str, Any]:
    """All figures of one shape, as they go into the JSON file: ratios by key, and what they were measured on."""
    with torch.inference_mode():
        bench = Bench(SHAPES[shape], device)
        contests = {
            "step_overhead_20": (bench.ours(FEW), bench.plain()),
            "diffusers_step_overhead_20": (bench.diffusers(FEW), bench.plain()),
            "step_overhead_1280": (bench.ours(MANY), bench.plain()),
            "diffusers_step_overhead_1280": (bench.diffusers(MANY), bench.plain()),
            "batch8_time": (bench.ours(FEW, BATCH), bench.one_by_one(FEW, BATCH)),
        }
        ratios = {}
        with Progress(console=console, transient=True) as progress:
            bar = progress.add_task(shape, total=len(contests))
            for key, (ours, peer) in contests.items():
                progress.update(bar, description=key)
                ratios[key] = compare(ours, peer, pairs, device)
                progress.advance(bar)
    figures: dict[str, Any] = {key: ratio.median for key, ratio in ratios.items() if key != "batch8_time"}
    figures["batch8_throughput"] = 1 / ratios["batch8_time"].median
    return figures | {
        "shape": shape,
        "device": torch.cuda.get_device_name()
        if device.startswith("cuda")
        else f"cpu, {torch.get_num_threads()} threads",
        "dtype": str(bench.dtype).removeprefix("torch."),
        "torch": torch.__version__,
        "peak_memory_mib": _peak_memory_mib(device),
        "spread": {key: asdict(ratio) for key, ratio in ratios.items()},
    }


def _peak_memory_mib(device: str) -> float:
    """Of the GPU's allocator, or of the whole process on a CPU."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def plot(figures: dict[str, Any], path: Path) -> None:
    """Bars of the ratios with their quartiles, ours beside the peer's."""
    from matplotlib.figure import Figure

    rows = {key: spread for key, spread in figures["spread"].items() if "overhead" in key}
    drawing = Figure(figsize=(8, 3.2), layout="constrained")
    axes = drawing.subplots()
    medians = [row["median"] for row in rows.values()]
    errors = [
        [row["median"] - row["low"] for row in rows.values()],
        [row["high"] - row["median"] for row in rows.values()],
    ]
    colours = ["tab:orange" if key.startswith("diffusers") else "tab:blue" for key in rows]
    axes.barh(list(rows), medians, xerr=errors, color=colours)
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.invert_yaxis()
    axes.set_xlim(left=0.9)
    axes.set_xlabel("time of a denoising step over the plain UNet's")
    axes.set_title(f"{figures['shape']}, {figures['device']}, {figures['dtype']}")
    drawing.savefig(path, dpi=120)
