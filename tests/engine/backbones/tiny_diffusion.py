"""Tiny random checkpoints of the true layouts: pipelines, adapters, LoRAs, ControlNets and decoders, as folders."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    ControlNetModel,
    ControlNetUnionModel,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.models.embeddings import IPAdapterFaceIDPlusImageProjection, IPAdapterPlusImageProjection
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from engine.adapter.ip_adapter import export_plus, new_branches
from tests.tiny_tokenizer import train_tokenizer

WORDS = ["a portrait of a person in a forest", "on a beach by the sea", "photo, painting, blurry"]
SEEN, HIDDEN, RANK = 32, 64, 2


@dataclass(frozen=True)
class TinyFolder:
    """The folders of one family."""

    pipeline: Path
    body: Path
    face: Path
    image_encoder: Path
    lora: Path
    controlnet: Path
    union: Path
    preview: Path


def build(root: Path, xl: bool) -> TinyFolder:
    """Writes a family's files below `root`; the same ones every time."""
    torch.manual_seed(3)
    pipeline = _sdxl() if xl else _sd15()
    folder = TinyFolder(
        root / "pipeline", root / "body.safetensors", root / "face.bin", root / "image_encoder",
        root / "lora.safetensors", root / "controlnet", root / "union", root / "preview",
    )  # fmt: skip
    pipeline.save_pretrained(folder.pipeline)
    unet = pipeline.unet
    write_plus(unet, folder.body, queries=4)
    torch.save(_face_id_plus(unet), folder.face)
    vision = CLIPVisionConfig(
        hidden_size=SEEN, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8,
        projection_dim=SEEN,
    )  # fmt: skip
    CLIPVisionModelWithProjection(vision).save_pretrained(folder.image_encoder)
    save_file(_kohya_lora(unet) if xl else _diffusers_lora(unet), folder.lora)
    _write_controlnet(ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 8)), folder.controlnet)
    if xl:
        shared = ("down_block_types", "block_out_channels", "layers_per_block", "cross_attention_dim")
        shared += ("attention_head_dim", "norm_num_groups", "use_linear_projection", "transformer_layers_per_block")
        shared += ("addition_embed_type", "addition_time_embed_dim", "projection_class_embeddings_input_dim")
        union = ControlNetUnionModel(
            **{name: unet.config[name] for name in shared}, conditioning_embedding_out_channels=(8, 8),
            num_trans_channel=16, num_trans_head=8, num_proj_channel=16,
        )  # fmt: skip
        _write_controlnet(union, folder.union)
        _publish(folder.union / "config.json")
    AutoencoderTiny(
        encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8), num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    ).save_pretrained(folder.preview)  # fmt: skip
    return folder


def write_plus(unet: Any, path: Path, queries: int) -> None:
    """An adapter in the Plus layout, its K and V unlike the text's."""
    width = unet.config.cross_attention_dim
    resampler = IPAdapterPlusImageProjection(SEEN, width, HIDDEN, depth=4, dim_head=64, heads=1, num_queries=queries)
    branches = new_branches(unet, {"body": resampler})
    for parameter in branches.projections.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    export_plus(branches, "body", unet, path)


def _write_controlnet(controlnet: Any, path: Path) -> None:
    """Writes a ControlNet with random outputs: new ones are zero and would have no effect."""
    for name, parameter in controlnet.named_parameters():
        if "controlnet" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    controlnet.save_pretrained(path)


def _publish(config: Path) -> None:
    """The fields that xinsir's config.json has: a plain ControlNet's, by that class's name, none of the union's own."""
    fields = json.loads(config.read_text("utf-8"))
    plain = inspect.signature(ControlNetModel).parameters
    plain_fields = {name: value for name, value in fields.items() if name in plain}
    plain_fields |= {"_class_name": "ControlNetModel", "_diffusers_version": "0.20.0.dev0", "upcast_attention": None}
    config.write_text(json.dumps(plain_fields, indent=2), "utf-8")


def _unet(**changes: Any) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        **{
            "sample_size": 8,
            "block_out_channels": (16, 32),
            "layers_per_block": 1,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            "cross_attention_dim": 32,
            "attention_head_dim": 4,
            "norm_num_groups": 8,
            **changes,
        }
    )


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 16), down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2, norm_num_groups=4, sample_size=16,
    )  # fmt: skip


def _text(tokenizer: Any) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4,
        projection_dim=32, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip


def _tokenizer() -> Any:
    tokenizer = train_tokenizer(WORDS * 5)
    tokenizer.model_max_length = 77
    return tokenizer


def _scheduler() -> EulerDiscreteScheduler:
    return EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading"
    )


def _sd15() -> StableDiffusionPipeline:
    tokenizer = _tokenizer()
    return StableDiffusionPipeline(
        vae=_vae(), text_encoder=CLIPTextModel(_text(tokenizer)), tokenizer=tokenizer, unet=_unet(),
        scheduler=_scheduler(), safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def _sdxl() -> StableDiffusionXLPipeline:
    tokenizer = _tokenizer()
    unet = _unet(
        cross_attention_dim=64, use_linear_projection=True, transformer_layers_per_block=(1, 2),
        addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 32,
    )  # fmt: skip
    return StableDiffusionXLPipeline(
        vae=_vae(), text_encoder=CLIPTextModel(_text(tokenizer)),
        text_encoder_2=CLIPTextModelWithProjection(_text(tokenizer)), tokenizer=tokenizer, tokenizer_2=tokenizer,
        unet=unet, scheduler=_scheduler(), add_watermarker=False,
    )  # fmt: skip


def _attention_layers(unet: Any) -> dict[str, Any]:
    """Module name -> attention module, in the order of its processors."""
    modules = dict(unet.named_modules())
    return {(name := key.removesuffix(".processor")): modules[name] for key in unet.attn_processors}


def _diffusers_lora(unet: Any) -> dict[str, torch.Tensor]:
    state = {}
    for name, layer in _attention_layers(unet).items():
        for part in ("to_q", "to_v"):
            weight = getattr(layer, part).weight
            state[f"unet.{name}.{part}.lora_A.weight"] = torch.randn(RANK, weight.shape[1]) * 0.2
            state[f"unet.{name}.{part}.lora_B.weight"] = torch.randn(weight.shape[0], RANK) * 0.2
    return state


def _kohya_lora(unet: Any) -> dict[str, torch.Tensor]:
    """A LoRA with the names of tensors of SDXL-Lightning's file."""
    state = {}
    for name, layer in _attention_layers(unet).items():
        weight, flat = layer.to_q.weight, f"lora_unet_{name.replace('.', '_')}_to_q"
        state[f"{flat}.lora_down.weight"] = torch.randn(RANK, weight.shape[1]) * 0.2
        state[f"{flat}.lora_up.weight"] = torch.randn(weight.shape[0], RANK) * 0.2
        state[f"{flat}.alpha"] = torch.tensor(float(RANK))
    return state


def _face_id_plus(unet: Any) -> dict[str, dict[str, torch.Tensor]]:
    """FaceID-Plus's own names: a resampler over the picture, an MLP over the embedding, K and V, and a LoRA."""
    width = unet.config.cross_attention_dim
    projection = IPAdapterFaceIDPlusImageProjection(
        embed_dims=width, output_dims=width, hidden_dims=SEEN, id_embeddings_dim=512, dim_head=64, heads=1
    )
    ours, image_proj = projection.state_dict(), {}
    for name in ("proj_in", "proj_out", "norm_out"):
        for kind in ("weight", "bias"):
            image_proj[f"perceiver_resampler.{name}.{kind}"] = ours[f"{name}.{kind}"]
    for kind in ("weight", "bias"):
        image_proj[f"norm.{kind}"] = ours[f"norm.{kind}"]
        image_proj[f"proj.0.{kind}"] = ours[f"proj.net.0.proj.{kind}"]
        image_proj[f"proj.2.{kind}"] = ours[f"proj.net.2.{kind}"]
    for number in range(len(projection.layers)):
        theirs, layer = f"perceiver_resampler.layers.{number}", f"layers.{number}"
        for kind in ("weight", "bias"):
            image_proj[f"{theirs}.0.norm1.{kind}"] = ours[f"{layer}.ln0.{kind}"]
            image_proj[f"{theirs}.0.norm2.{kind}"] = ours[f"{layer}.ln1.{kind}"]
            image_proj[f"{theirs}.1.0.{kind}"] = ours[f"{layer}.ff.0.{kind}"]
        image_proj[f"{theirs}.0.to_q.weight"] = ours[f"{layer}.attn.to_q.weight"]
        image_proj[f"{theirs}.0.to_kv.weight"] = torch.cat(
            [ours[f"{layer}.attn.to_k.weight"], ours[f"{layer}.attn.to_v.weight"]]
        )
        image_proj[f"{theirs}.0.to_out.weight"] = ours[f"{layer}.attn.to_out.0.weight"]
        image_proj[f"{theirs}.1.1.weight"] = ours[f"{layer}.ff.1.net.0.proj.weight"]
        image_proj[f"{theirs}.1.3.weight"] = ours[f"{layer}.ff.1.net.2.weight"]
    ip_adapter = {}
    for number, layer in enumerate(_attention_layers(unet).values()):
        for part in ("to_q", "to_k", "to_v", "to_out"):
            weight = (layer.to_out[0] if part == "to_out" else getattr(layer, part)).weight
            ip_adapter[f"{number}.{part}_lora.down.weight"] = torch.randn(RANK, weight.shape[1]) * 0.2
            ip_adapter[f"{number}.{part}_lora.up.weight"] = torch.randn(weight.shape[0], RANK) * 0.2
        if layer.is_cross_attention:
            ip_adapter[f"{number}.to_k_ip.weight"] = torch.randn_like(layer.to_k.weight) * 0.3
            ip_adapter[f"{number}.to_v_ip.weight"] = torch.randn_like(layer.to_v.weight) * 0.3
    return {"image_proj": image_proj, "ip_adapter": ip_adapter}
