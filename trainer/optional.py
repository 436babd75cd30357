"""Packages that training uses where they are installed, and one line with the remedy where they are not."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from trainer.errors import DataError

BETA_2: Final = 0.99


def optimizer_of(
    name: str,
    parameters: Sequence[nn.Parameter],
    learning_rate: float,
    weight_decay: float,
    momentum: float,
) -> torch.optim.Optimizer:
    """The optimizer: adamw, or adamw8bit, whose two moments take a byte each (Dettmers et al., 2021). Raises DataError
    without bitsandbytes."""
    settings: dict[str, Any] = {"lr": learning_rate, "weight_decay": weight_decay, "betas": (momentum, BETA_2)}
    if name == "adamw8bit":
        bitsandbytes = _optional("bitsandbytes", "--optimizer adamw8bit", "choose --optimizer adamw")
        eight_bit: torch.optim.Optimizer = bitsandbytes.optim.AdamW8bit(parameters, **settings)
        return eight_bit
    return torch.optim.AdamW(parameters, fused=True, **settings)


def open_wandb(project: str, out: Path, config: dict[str, Any]) -> Any:
    """A wandb run of that project, named after its folder; an interrupted run resumes. Raises DataError without
    wandb."""
    wandb = _optional("wandb", "--wandb", "leave it out: TensorBoard events are written anyway")
    name = f"{out.resolve().parent.name}-{out.resolve().name}"
    return wandb.init(project=project, name=name, id=name, resume="allow", dir=str(out), config=config)


def _optional(package: str, option: str, otherwise: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"expected {package} for {option}, got: {reason}; run `pip install {package}`, or {otherwise}"
        ) from error
