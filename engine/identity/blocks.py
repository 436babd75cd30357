"""Blocks of the person parser's networks, and their files: half-precision weights beside a JSON of facts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.errors import WeightsError

Network = TypeVar("Network", bound=nn.Module)
GROUPS = 8


class Residual(nn.Module):
    """Two convolutions over `channels`, added to their input."""

    def __init__(self, channels: int, activation: type[nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(channels, channels, activation=activation),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.GroupNorm(GROUPS, channels),
        )
        self.activation = activation()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.activation(x + self.body(x))
        return out


def convolution(inputs: int, outputs: int, stride: int = 1, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.GroupNorm(GROUPS, outputs),
        activation(),
    )


def save_weights(
    weights: Path, metadata: Path, network: nn.Module, config: dict[str, Any], facts: dict[str, Any]
) -> None:
    """Writes the two files; `config` rebuilds the network, `facts` are those of its training."""
    weights.parent.mkdir(parents=True, exist_ok=True)
    halves = {name: value.detach().half().contiguous() for name, value in network.state_dict().items()}
    save_file(halves, weights, metadata={"format": "pt"})
    metadata.write_text(json.dumps({"config": config, **facts}, indent=1, ensure_ascii=False) + "\n", "utf-8")


def load_weights(
    weights: Path, metadata: Path, build: Callable[[dict[str, Any]], Network], command: str
) -> tuple[Network, dict[str, Any]]:
    """The network that `build` makes of the config, in fp32 and evaluation mode, and its metadata. Raises WeightsError,
    which names the `command` that trains it, where the weights are absent or do not fit."""
    try:
        facts = json.loads(metadata.read_text("utf-8"))
        stated = facts["config"]
        network = build({**stated, "channels": tuple(stated["channels"])})
        network.load_state_dict({name: value.float() for name, value in load_file(weights).items()})
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"expected weights of the person parser in {weights.parent}, could not load {weights.name} ({reason}): "
            f"train them with {command}, or restore the folder"
        ) from error
    return network.eval().to(memory_format=torch.channels_last), facts  # type: ignore[call-overload]
