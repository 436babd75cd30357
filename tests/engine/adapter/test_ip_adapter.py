"""IP-Adapters become branches: public files and ours, in the layout that stock diffusers reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks.shapes import SHAPES
from engine.adapter.ip_adapter import ReferencePhotos, load_branches, new_branches
from engine.adapter.ip_adapter_file import AdapterFile
from engine.errors import WeightsError


def pipeline_of(tiny: Any) -> Any:
    return StableDiffusionPipeline.from_pretrained(tiny.pipeline, safety_checker=None, requires_safety_checker=False)


def file(path: Path) -> AdapterFile:
    return AdapterFile(str(path.parent), "", path.name)


def predict(unet: Any, **extra: Any) -> Tensor:
    noise = torch.Generator().manual_seed(0)
    sample, text = torch.randn(2, 4, 8, 8, generator=noise), torch.randn(2, 7, 32, generator=noise)
    with torch.no_grad():
        predicted: Tensor = unet(sample, 500, text, return_dict=False, **extra)[0]
    return predicted


def test_the_base_is_bit_equal_after_loading_and_after_taking_off(tiny_sd15: Any) -> None:
    pipeline = pipeline_of(tiny_sd15)
    before = predict(pipeline.unet)
    stock = dict(pipeline.unet.attn_processors)
    branches = load_branches(pipeline, {"body": file(tiny_sd15.body)}, "sd15")
    assert torch.equal(predict(pipeline.unet, cross_attention_kwargs={"identity": {}}), before)
    branches.detach(pipeline.unet, stock)
    assert torch.equal(predict(pipeline.unet), before)
    assert pipeline.unet.encoder_hid_proj is None


def test_a_lora_in_a_face_file_acts_on_the_rows_it_is_switched_on_for(tiny_sd15: Any) -> None:
    pipeline = pipeline_of(tiny_sd15)
    before = predict(pipeline.unet)
    branches = load_branches(pipeline, {"body": file(tiny_sd15.body), "face": file(tiny_sd15.face)}, "sd15")
    assert branches.reads_embeddings("face") and not branches.reads_embeddings("body")
    no_identity = {"cross_attention_kwargs": {"identity": {}}}
    assert torch.equal(predict(pipeline.unet, **no_identity), before)
    assert branches.lora is not None
    branches.lora.switch([True, False], "cpu")
    first, second = predict(pipeline.unet, **no_identity)
    assert not torch.allclose(first, before[0], atol=1e-3)
    assert torch.allclose(second, before[1], atol=1e-6)
    branches.lora.switch([False, False], "cpu")
    assert torch.equal(predict(pipeline.unet, **no_identity), before)


def test_a_lora_without_strength_is_left_out(tiny_sd15: Any) -> None:
    pipeline = pipeline_of(tiny_sd15)
    branches = load_branches(pipeline, {"face": file(tiny_sd15.face)}, "sd15", lora_strength=0.0)
    assert branches.lora is None
    assert not any("lora" in name for name, _ in pipeline.unet.named_parameters())


@pytest.mark.parametrize("change", ["no place", "lacks", "blocks"])
def test_an_adapter_whose_tensors_do_not_all_fit_is_refused(tiny_sd15: Any, tmp_path: Path, change: str) -> None:
    state = load_file(tiny_sd15.body)
    if change == "no place":
        state["ip_adapter.99.to_k_ip.weight"] = torch.zeros(2, 2)
    elif change == "lacks":
        del state[next(name for name in state if name.startswith("ip_adapter"))]
    else:
        state |= {
            name.replace("layers.3", "layers.4"): value.clone() for name, value in state.items() if "layers.3" in name
        }
    save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=change):
        load_branches(pipeline_of(tiny_sd15), {"body": file(tmp_path / "other.safetensors")}, "sd15")


@pytest.mark.parametrize("queries", [4, 16, 320])
def test_our_export_gives_stock_diffusers_the_same_step(
    tiny_diffusion: Any, tiny_sd15: Any, tmp_path: Path, queries: int
) -> None:
    path, hidden = tmp_path / "ours.safetensors", torch.randn(2, 17, tiny_diffusion.SEEN)
    tiny_diffusion.write_plus(pipeline_of(tiny_sd15).unet, path, queries)
    stock, ours = pipeline_of(tiny_sd15), pipeline_of(tiny_sd15)
    stock.load_ip_adapter(str(tmp_path), subfolder="", weight_name=path.name, image_encoder_folder=None)
    stock.set_ip_adapter_scale(0.7)
    theirs = predict(stock.unet, added_cond_kwargs={"image_embeds": [hidden[:, None]]})
    branches = load_branches(ours, {"body": file(path)}, "sd15")
    condition = {"body": branches.condition("body", ReferencePhotos(hidden, [1, 1]), [0.7, 0.7])}
    assert condition["body"].tokens is not None and condition["body"].tokens.shape[1] == queries
    for identity in (condition, branches.cache(condition)):
        assert (predict(ours.unet, cross_attention_kwargs={"identity": identity}) - theirs).abs().max() < 1e-4


def test_people_with_different_numbers_of_photos_share_a_batch(tiny_diffusion: Any, tiny_sd15: Any) -> None:
    pipeline = pipeline_of(tiny_sd15)
    branches = load_branches(pipeline, {"body": file(tiny_sd15.body)}, "sd15")
    hidden = torch.randn(3, 17, tiny_diffusion.SEEN)
    mixed = branches.condition("body", ReferencePhotos(hidden, [3, 0]), [1.0, 1.0])
    alone = branches.condition("body", ReferencePhotos(hidden, [3]), [1.0])
    both = predict(pipeline.unet, cross_attention_kwargs={"identity": {"body": mixed}})
    first = both[:1]
    noise = torch.Generator().manual_seed(0)
    sample, text = torch.randn(2, 4, 8, 8, generator=noise), torch.randn(2, 7, 32, generator=noise)
    with torch.no_grad():
        kwargs = {"identity": {"body": alone}}
        single = pipeline.unet(sample[:1], 500, text[:1], cross_attention_kwargs=kwargs, return_dict=False)[0]
    assert torch.allclose(first, single, atol=1e-5)
    assert torch.allclose(both[1], predict(pipeline.unet, cross_attention_kwargs={"identity": {}})[1], atol=1e-5)


def test_foreign_and_absent_files_are_one_line_with_the_remedy(tiny_sd15: Any, tmp_path: Path) -> None:
    for path in (tmp_path / "absent.safetensors", tiny_sd15.preview / "diffusion_pytorch_model.safetensors"):
        with pytest.raises(WeightsError, match="doctor --backbone sd15 --download"):
            load_branches(pipeline_of(tiny_sd15), {"body": file(path)}, "sd15")


FULL = {
    "sd15": (16, {768}, {320, 640, 1280}, 768),
    "sdxl": (70, {2048}, {640, 1280}, 1280),
}
"""Cross-attention layers, widths of tokens and of layers, the resampler's width, as the public files have them."""


@pytest.mark.parametrize("name", FULL)
def test_the_true_sizes_have_the_keys_and_shapes_of_the_public_files(name: str, tmp_path: Path) -> None:
    """On the meta device: nothing is allocated."""
    layers, token_dims, widths, hidden_dim = FULL[name]
    with torch.device("meta"):
        unet = UNet2DConditionModel(**SHAPES[name].unet)
        token_dim = unet.config.cross_attention_dim
        resampler = IPAdapterPlusImageProjection(
            1280, token_dim, hidden_dim, depth=4, dim_head=64, heads={768: 12, 1280: 20}[hidden_dim], num_queries=16
        )
        branches = new_branches(unet, {"body": resampler})
    assert len(branches.layer_names) == layers
    shapes = {tuple(branches.layer(layer).to_k["body"].weight.shape) for layer in branches.layer_names}
    assert {shape[1] for shape in shapes} == token_dims
    assert {shape[0] for shape in shapes} == widths
    numbers = [n for n, layer in enumerate(unet.attn_processors) if layer in branches.layer_names]
    assert numbers == list(range(1, 2 * layers, 2))  # the public files count attention layers, text's are the odd ones


def test_the_exported_keys_are_those_of_the_public_layout(tiny_sd15: Any) -> None:
    with safe_open(tiny_sd15.body, framework="pt") as stored:
        keys = set(stored.keys())
    assert {"image_proj.latents", "image_proj.proj_in.weight", "image_proj.norm_out.bias"} <= keys
    assert {
        "image_proj.layers.3.0.to_kv.weight",
        "image_proj.layers.3.1.3.weight",
        "ip_adapter.1.to_k_ip.weight",
    } <= keys
    assert all(key.startswith(("image_proj.", "ip_adapter.")) for key in keys)


def test_sdxl_takes_a_face_too(tiny_sdxl: Any) -> None:
    pipeline = StableDiffusionXLPipeline.from_pretrained(tiny_sdxl.pipeline)
    branches = load_branches(pipeline, {"face": file(tiny_sdxl.face)}, "sdxl")
    photos = ReferencePhotos(torch.randn(2, 17, 32), [2], torch.nn.functional.normalize(torch.randn(2, 512)))
    condition = branches.condition("face", photos, [1.0])
    assert condition.tokens is not None and condition.tokens.shape == (1, 8, 64)
    projection = branches.image_projections["face"]
    assert projection.shortcut and projection.clip_embeds is None
