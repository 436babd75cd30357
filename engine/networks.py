"""Small networks of our own in folders: float16 weights, configuration, and facts about the training."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers.models.modeling_utils import ModelMixin

Network = TypeVar("Network", bound=ModelMixin)


def save_network(network: ModelMixin, folder: Path, facts: dict[str, Any]) -> None:
    """Writes float16 weights with the configuration, and `facts` to metadata.json."""
    deepcopy(network).half().save_pretrained(folder)
    (folder / "metadata.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


def load_network(kind: type[Network], folder: Path) -> Network:
    """A network of the class `kind` from a folder of `save_network`, in float32 on the CPU, ready to predict."""
    network: Network = kind.from_pretrained(folder, torch_dtype=torch.float32, low_cpu_mem_usage=False)
    network.eval().requires_grad_(False)
    return network
