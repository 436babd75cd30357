"""A LoRA that is not fused into the weights of a UNet, with a strength for each picture of a batch.

FaceID files have one. It was trained together with the face tokens and makes a picture without them worse; and a batch
mixes people with and without a face.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from peft.tuners.lora import LoraLayer


class SwitchableLora:
    """The adapters that peft has put on `unet`. Off until `switch`; the UNet is then bit-equal to one without them.

    strength: the factor for rows that are switched on; files are trained at 1."""

    def __init__(self, unet: Any, strength: float) -> None:
        self._unet = unet
        layers = [module for module in unet.modules() if isinstance(module, LoraLayer)]
        self._layers = [(layer, {name: float(scale) for name, scale in layer.scaling.items()}) for layer in layers]
        self._strength = strength
        self.switch((), unet.device)

    def switch(self, rows: Sequence[bool], device: torch.device | str) -> None:
        """Sets the rows of the UNet's batch that the LoRA acts on; without any, nothing is computed for it.

        device: the device that the UNet will run on; it may be on another one now."""
        on = any(rows)
        strengths = torch.tensor([self._strength * row for row in rows], device=device)
        strengths = strengths.to(self._unet.dtype)[:, None, None]
        for layer, trained in self._layers:
            layer.enable_adapters(on)
            for name, scale in trained.items():
                layer.scaling[name] = scale * strengths if on else scale
