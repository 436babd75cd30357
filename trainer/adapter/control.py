"""IdentityNet (InstantID; Wang et al., 2024): a ControlNet on the target's points that reads a person in place of text.

It is initialised from the base. Points are drawn as OpenPose's skeletons: those of the head for instantid, all 17 for
instantid_body.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import torch
from diffusers import ControlNetModel
from numpy.typing import NDArray
from torch import Tensor

from engine.adapter.attention import BranchCondition
from engine.identity.skeleton import HEAD_JOINTS
from engine.pose import draw_skeleton

Points = Literal["head", "body"]
HINT_CHANNELS: Final = (16, 32, 96, 256)
"""The channels of the layers that reduce a skeleton to the latents' size, as in the public ControlNets."""


def identity_net(unet: Any, vae_factor: int) -> Any:
    """A ControlNet initialised from the UNet, in full precision, with zero-initialised outputs."""
    steps = vae_factor.bit_length()
    return ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=HINT_CHANNELS[:steps]).float()


def skeleton_of(joints: NDArray[np.float32], size: tuple[int, int], points: Points) -> Tensor:
    """joints [17, 3]: x and y in 0..1 of a picture of `size` (width, height) px, and confidence -> float16 [3, H, W] in
    0..1."""
    drawn = joints.copy()
    if points == "head":
        drawn[[joint for joint in range(len(drawn)) if joint not in HEAD_JOINTS], 2] = 0
    picture = np.array(draw_skeleton(drawn, *size), np.uint8)
    return torch.from_numpy(picture).permute(2, 0, 1).half() / 255


def residuals(
    control: Any,
    noisy: Tensor,
    timestep: Tensor,
    skeleton: Tensor,
    added: dict[str, Any] | None,
    person: BranchCondition,
) -> dict[str, Any]:
    """Arguments for the UNet: the residuals of IdentityNet, zero where the person is withheld.

    Masked tokens are set to zero, because a ControlNet's attention takes no mask for them."""
    assert person.tokens is not None
    tokens = person.tokens if person.mask is None else person.tokens * person.mask[..., None]
    down, middle = control(
        noisy, timestep, encoder_hidden_states=tokens, controlnet_cond=skeleton, added_cond_kwargs=added,
        return_dict=False,
    )  # fmt: skip
    scale = person.scale[:, None, None, None]
    return {
        "down_block_additional_residuals": [scale * residual for residual in down],
        "mid_block_additional_residual": scale * middle,
    }
