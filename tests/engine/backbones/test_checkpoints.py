"""Checkpoints load completely or not at all; a union ControlNet is recognised by its tensors."""

from __future__ import annotations

import inspect
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderTiny, ControlNetModel, ControlNetUnionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPVisionModelWithProjection

from engine.backbones.checkpoints import load_components, load_controlnet, load_whole
from engine.backbones.options import Placement

PUBLISHED = {
    "act_fn": "silu", "addition_embed_type": "text_time", "addition_embed_type_num_heads": 64,
    "addition_time_embed_dim": 256, "attention_head_dim": [5, 10, 20], "block_out_channels": [320, 640, 1280],
    "class_embed_type": None, "conditioning_channels": 3, "conditioning_embedding_out_channels": [16, 32, 96, 256],
    "controlnet_conditioning_channel_order": "rgb", "cross_attention_dim": 2048,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"], "downsample_padding": 1,
    "encoder_hid_dim": None, "encoder_hid_dim_type": None, "flip_sin_to_cos": True, "freq_shift": 0,
    "global_pool_conditions": False, "in_channels": 4, "layers_per_block": 2, "mid_block_scale_factor": 1,
    "norm_eps": 1e-05, "norm_num_groups": 32, "num_attention_heads": None, "num_class_embeds": None,
    "only_cross_attention": False, "projection_class_embeddings_input_dim": 2816,
    "resnet_time_scale_shift": "default", "transformer_layers_per_block": [1, 2, 10], "upcast_attention": None,
    "use_linear_projection": True,
}  # fmt: skip
"""xinsir/controlnet-union-sdxl-1.0's config.json: beside these fields it says "_class_name": "ControlNetModel"."""
UNIONS_OWN = ("task_embedding", "transformer_layes", "spatial_ch_projs", "control_add_embedding")


def changed(model: Path, to: Path, add: str | None = None, drop: str | None = None) -> Placement:
    """A copy of a model's folder with a tensor more or less."""
    shutil.copytree(model, to)
    (file,) = to.glob("*.safetensors")
    state = load_file(file)
    if add is not None:
        state[add] = torch.zeros(2)
    if drop is not None:
        del state[drop]
    save_file(state, file, metadata={"format": "pt"})
    return Placement(str(to))


def test_a_union_controlnet_with_the_published_config_is_loaded_with_all_its_tensors(tiny_sdxl: Any) -> None:
    config = json.loads((tiny_sdxl.union / "config.json").read_text("utf-8"))
    assert config["_class_name"] == "ControlNetModel" and "num_control_type" not in config
    assert {name for name in config if not name.startswith("_")} == set(PUBLISHED)
    union = load_controlnet(Placement(str(tiny_sdxl.union)), dtype=torch.float32)
    assert isinstance(union, ControlNetUnionModel)
    stored = load_file(tiny_sdxl.union / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(value, stored[name]) for name, value in union.state_dict().items())


def test_a_plain_controlnet_stays_one(tiny_sdxl: Any) -> None:
    plain = load_controlnet(Placement(str(tiny_sdxl.controlnet)), dtype=torch.float32)
    assert type(plain) is ControlNetModel


def test_the_published_config_makes_a_union_of_the_true_layout() -> None:
    """On the meta device: what diffusers' defaults add to the published fields are the union's own tensors."""
    assert set(PUBLISHED) <= set(inspect.signature(ControlNetModel).parameters)
    with torch.device("meta"):
        union, plain = (kind.from_config(PUBLISHED) for kind in (ControlNetUnionModel, ControlNetModel))
    more = set(union.state_dict()) - set(plain.state_dict())
    assert len(more) == 19 and all(name.startswith(UNIONS_OWN) for name in more)
    assert tuple(union.task_embedding.shape) == (6, 320)


def test_tensors_without_a_place_and_places_without_a_tensor_are_refused(tiny_sdxl: Any, tmp_path: Path) -> None:
    decoder = changed(tiny_sdxl.preview, tmp_path / "more", add="decoder.surplus.weight")
    with pytest.raises(ValueError, match=r"no place for decoder\.surplus\.weight"):
        load_whole(AutoencoderTiny, decoder)
    encoder = changed(tiny_sdxl.image_encoder, tmp_path / "less", drop="visual_projection.weight")
    with pytest.raises(ValueError, match=r"lacks visual_projection\.weight"):
        load_whole(CLIPVisionModelWithProjection, encoder)


def test_a_plain_controlnet_refuses_the_tensors_of_a_union(tiny_sdxl: Any) -> None:
    with pytest.raises(ValueError, match="and 16 more"):
        load_whole(ControlNetModel, Placement(str(tiny_sdxl.union)))


def test_positions_that_older_versions_stored_are_no_fault(tiny_sdxl: Any, tmp_path: Path) -> None:
    name = "vision_model.embeddings.position_ids"
    encoder = changed(tiny_sdxl.image_encoder, tmp_path / "old", add=name)
    assert load_whole(CLIPVisionModelWithProjection, encoder).config.image_size == 32


def test_every_model_of_a_pipeline_is_looked_at(tiny_sdxl: Any, tmp_path: Path) -> None:
    names = ("unet", "vae", "text_encoder", "text_encoder_2")
    assert set(load_components(Placement(str(tiny_sdxl.pipeline)), names)) == set(names)
    shutil.copytree(tiny_sdxl.pipeline, tmp_path / "pipeline")
    for name in names:
        shutil.rmtree(tmp_path / "pipeline" / name)
        changed(tiny_sdxl.pipeline / name, tmp_path / "pipeline" / name, add="surplus")
        with pytest.raises(ValueError, match="no place for surplus"):
            load_components(Placement(str(tmp_path / "pipeline")), [name])
