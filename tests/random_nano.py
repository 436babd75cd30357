"""nano's architecture with random weights, small enough for a test."""

from __future__ import annotations

from typing import Final

import torch

from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano.background import BackgroundDenoiser
from engine.backbones.nano.layout import LayoutPredictor
from engine.backbones.nano.network import LATENT_CHANNELS, PATCH_PX, NetworkSize, build_network
from engine.backbones.nano.pipeline import NanoPipeline
from engine.backbones.nano.pose_examples import PoseExamples
from engine.body.atlas import shipped_atlas
from engine.body.mapper import BodyMapper

HEIGHT, WIDTH = 64, 48
TINY: Final = NetworkSize((16, 32, 32), (1, 1, 1), 64, 1)


def random_nano() -> NanoPipeline:
    """Its pictures are WIDTH x HEIGHT px of noise."""
    torch.manual_seed(0)
    vae = NanoAutoencoder(LATENT_CHANNELS, patch_px=PATCH_PX)
    vae.fit(torch.rand(8, 3, HEIGHT, WIDTH) * 2 - 1)
    network = build_network(vae, shipped_atlas(), HEIGHT, WIDTH, TINY)
    torch.nn.init.normal_(network.unet.conv_out.weight, std=0.1)
    poses = PoseExamples(2)
    poses.joints += 0.5
    poses.count[0, 0] = 2
    # its likeliest parts survive a folder of float16 weights
    layout, mapper = LayoutPredictor((8, 16, 16), 32), BodyMapper(HEIGHT // 2, WIDTH // 2, (8, 16, 16))
    background = BackgroundDenoiser(HEIGHT // 4, WIDTH // 4, components=8, width=16, depth=1)
    background.fit(torch.rand(16, 3, HEIGHT // 4, WIDTH // 4) * 2 - 1)
    for part in (layout, background, mapper):
        part.half().float().eval()
    parts = network.unet, vae, network.words, network.references, network.palette
    return NanoPipeline(*parts, layout, background, mapper, poses)
