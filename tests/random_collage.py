"""The compositor's architecture with random weights."""

from __future__ import annotations

from typing import Final

from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engine.adapter.attention import BRANCHES
from engine.adapter.guide import Guide
from engine.adapter.model import Adapter, AdapterConfig, cross_attention_layers
from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.collage_model import NanoModel
from tests.tiny_tokenizer import TEXT_TOKENS

TOKEN_DIM: Final = 192
POOLED_DIM: Final = (1 + len(BRANCHES)) * TOKEN_DIM


def random_collage(
    tokenizer: CLIPTokenizer,
    vae: NanoAutoencoder,
    width: int,
    height: int,
) -> NanoModel:
    """A model without priors: it makes up poses and places itself."""
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TOKEN_DIM,
            intermediate_size=4 * TOKEN_DIM,
            projection_dim=TOKEN_DIM,
            num_hidden_layers=3,
            num_attention_heads=6,
            max_position_embeddings=TEXT_TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    patch, latent = int(vae.config.patch_px), int(vae.config.latent_channels)
    guide = Guide(latent, patch)
    unet = UNet2DConditionModel(
        sample_size=(height // patch, width // patch),
        in_channels=latent + guide.channels,
        out_channels=latent,
        block_out_channels=(128, 192),
        layers_per_block=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=TOKEN_DIM,
        class_embed_type="simple_projection",
        projection_class_embeddings_input_dim=POOLED_DIM,
        attention_head_dim=4,
        norm_num_groups=16,
    )
    for parameter in unet.conv_out.parameters():
        nn.init.zeros_(parameter)  # untrained, it draws the draft
    adapter = Adapter(AdapterConfig(), cross_attention_layers(unet))
    adapter.attach(unet)
    scheduler = DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
    )
    sampling = {"sampling": {"steps": 4, "eta": 0.0, "way": 1.0}}
    return NanoModel(
        unet,
        vae,
        text_encoder,
        tokenizer,
        scheduler,
        adapter,
        guide,
        sampling,
    )
