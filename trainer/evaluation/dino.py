"""DINO and DINOv2 (Caron et al., 2021; Oquab et al., 2024) as transformers saves them: one vector per picture.

Cosines compare two pictures of one person. Distances between sets of DINOv2's vectors agree with people's judgement
better than Inception's do (FD-DINO, Stein et al., 2023, who take ViT-L/14).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel

from engine.pixels import to_tensor
from trainer.errors import CheckpointError
from trainer.evaluation.published import BATCH, square_middle

SIDE_PX: Final = 224
"""The side in px of the square that both papers and Stein et al. use, independent of the file's training side."""
KINDS: Final = ("vit", "dinov2", "dinov2_with_registers")
MEAN: Final = (0.485, 0.456, 0.406)
STD: Final = (0.229, 0.224, 0.225)


class Dino:
    """Embeds pictures of any size."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        """Raises CheckpointError for a folder that holds no such model."""
        path = folder / "config.json"
        try:
            config = json.loads(path.read_text("utf-8"))
            if config.get("model_type") not in KINDS:
                raise ValueError(f"a model of type {config.get('model_type')}")
            model: Any = AutoModel.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, RuntimeError, AttributeError) as error:
            reason = str(error).partition("\n")[0]
            raise CheckpointError(f"expected DINO or DINOv2 in {folder}, got {reason}; download it again") from None
        self.model = model.requires_grad_(False).eval().to(device)
        self.device = device
        patch = int(self.model.config.patch_size)
        self.side = min(SIDE_PX // patch * patch, int(self.model.config.image_size))
        self.mean, self.std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))

    @torch.inference_mode()
    def pictures(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Pictures uint8 [H, W, 3] of any sizes -> the class token after the last norm [n, D]."""
        rows = []
        for first in range(0, len(images), BATCH):
            squares = np.stack([square_middle(image, self.side) for image in images[first : first + BATCH]])
            pixels = ((to_tensor(squares) + 1) / 2 - self.mean) / self.std
            rows.append(self.model(pixel_values=pixels.to(self.device)).last_hidden_state[:, 0].float().cpu())
        vectors: NDArray[np.float32] = torch.cat(rows).numpy()
        return vectors
