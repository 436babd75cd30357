"""Skeletons of rendered people by pose and framing. A request without a pose gets one that fits its prompt."""

from __future__ import annotations

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from numpy.typing import NDArray
from torch import Tensor

from engine.backbones.nano.attributes import POSES, SLOTS, Attributes

FRAMINGS = SLOTS["framing"]
UNSAID = ("standing", "full")
"""A prompt that names no pose and no framing gets a standing figure in full length."""
NOT_STANDING_CLOSE = "full"
"""A pose of the legs needs the legs in the picture."""
CLOSE_POSES = ("standing", "waving", "arms_raised", "hands_on_hips", "arms_crossed")


class PoseExamples(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """joints [poses, framings, examples, 17, 3]: x and y in 0..1, in the frame 0/1; count [poses, framings]: how many
    examples there are."""

    joints: Tensor
    count: Tensor

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, examples: int = 24) -> None:
        super().__init__()
        self.register_buffer("joints", torch.zeros(len(POSES), len(FRAMINGS), examples, 17, 3))
        self.register_buffer("count", torch.zeros(len(POSES), len(FRAMINGS)))

    def suggest(self, attributes: Attributes, seed: int) -> NDArray[np.float32]:
        """A skeleton [17, 3] for what words say; equal words and seeds give equal skeletons."""
        pose, framing = attributes.get("pose", UNSAID[0]), attributes.get("framing", UNSAID[1])
        if pose not in CLOSE_POSES:
            framing = NOT_STANDING_CLOSE
        if framing == "portrait":
            pose = "standing"
        place = POSES.index(pose), FRAMINGS.index(framing)
        if self.count[place] == 0:
            place = POSES.index(UNSAID[0]), FRAMINGS.index(UNSAID[1])
        number = int(np.random.default_rng([17, seed]).integers(max(1, int(self.count[place]))))
        return np.asarray(self.joints[(*place, number)].float().cpu().numpy(), np.float32)
