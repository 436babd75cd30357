"""Loading options of sd15 and sdxl change the reported options and nothing else."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from PIL import Image

from benchmarks.shapes import SHAPES
from engine.adapter.ip_adapter import _take_over
from engine.backbones import load_backbone
from engine.backbones.base import GenerationInput
from engine.backbones.diffusion import DiffusionBackbone
from engine.backbones.options import NONE, Options
from engine.contract import Settings
from engine.errors import SetupError
from engine.identity.profile import IdentityProfile, Observation, View


def person(box: tuple[float, float, float, float] | None = (50.0, 20.0, 90.0, 60.0)) -> IdentityProfile:
    rng = np.random.default_rng(0)
    embedding = rng.normal(size=512).astype(np.float32)
    photo = Image.fromarray(rng.integers(0, 255, (200, 150, 3), dtype=np.uint8))
    observation = Observation(150, 200, face_box=box, face_embedding=embedding / np.linalg.norm(embedding))
    return IdentityProfile((View(photo, observation),))


def drawing(negative: str = "", **settings: Any) -> GenerationInput:
    return GenerationInput(person(), "a portrait in a forest", negative, 1, Settings(**settings))


def load(name: str, tiny: Any, device: str = "cpu", **changes: Any) -> DiffusionBackbone:
    """A backbone with the body's adapter alone and without few steps, unless stated otherwise."""
    without = {"distilled": NONE, "face_adapter": NONE, "controlnet": NONE, "preview": NONE}
    paths = {"body_adapter": str(tiny.body), "image_encoder": str(tiny.image_encoder)}
    loaded = load_backbone(name, device, tiny.pipeline, Options(**{**without, **paths, **changes}))
    assert isinstance(loaded, DiffusionBackbone)
    return loaded


def test_a_compiled_unet_has_no_graph_break_and_draws_the_same(tiny_sd15: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = load("sd15", tiny_sd15).draw([drawing(steps=2)])[0]
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager", fullgraph=True))
    assert load("sd15", tiny_sd15, compile=True).draw([drawing(steps=2)])[0] == plain


def test_offloaded_models_draw_the_same_and_the_cpu_is_spared_nothing(tiny_sd15: Any) -> None:
    """accelerate's hooks run on any device but the one called "cpu"."""
    plain = load("sd15", tiny_sd15).draw([drawing(steps=2)])[0]
    assert load("sd15", tiny_sd15, "cpu:0", offload=True).draw([drawing(steps=2)])[0] == plain
    with pytest.raises(SetupError, match="ENGINE_OFFLOAD"):
        load("sd15", tiny_sd15, offload=True)


def test_steps_and_guidance_stay_within_the_range(tiny_sd15: Any) -> None:
    few = load("sd15", tiny_sd15, distilled="lcm", lora=str(tiny_sd15.lora))
    (most, strongest) = few.capabilities.steps_range[1], few.capabilities.guidance_range[1]
    steps: list[int] = []
    beyond = few.draw([drawing(steps=most + 20, guidance=strongest + 5)], lambda step: steps.append(step.total))[0]
    assert steps == [most] * most
    assert beyond == few.draw([drawing(steps=most, guidance=strongest)])[0]


def test_a_plain_face_adapter_reads_the_head_of_whoever_shows_one(tiny_sd15: Any) -> None:
    backbone = load("sd15", tiny_sd15, face_adapter=str(tiny_sd15.body))
    assert backbone.capabilities.commercial_use
    settings = Settings(steps=2, body_scale=0.0)
    faced = backbone.draw([GenerationInput(person(), "a beach", "", 1, settings)])[0]
    faceless = backbone.draw([GenerationInput(person(box=None), "a beach", "", 1, settings)])[0]
    no_face = settings.model_copy(update={"face_scale": 0.0})
    without_identity = backbone.draw([GenerationInput(person(), "a beach", "", 1, no_face)])[0]
    assert faced != faceless == without_identity


@pytest.mark.parametrize("negative", ["", "blurry"])
def test_sdxl_with_body_and_face_guided_is_that_of_stock_diffusers(tiny_sdxl: Any, negative: str) -> None:
    """FaceID's LoRA, the projection's picture, the zeros of the negative half and of an empty negative prompt."""
    stock_scales = {"face_scale": 1.0, "body_scale": 1.0, "face_lora": 1.0}
    ours = load("sdxl", tiny_sdxl, face_adapter=str(tiny_sdxl.face), **stock_scales)
    one = drawing(negative, steps=3, guidance=4.0, body_scale=0.8, face_scale=0.6)
    (view,) = one.identity.views
    stock = StableDiffusionXLPipeline.from_pretrained(tiny_sdxl.pipeline, add_watermarker=False)
    stock.scheduler = EulerDiscreteScheduler.from_config(stock.scheduler.config)
    stock.set_progress_bar_config(disable=True)
    files = (tiny_sdxl.body, tiny_sdxl.face)
    stock.load_ip_adapter(
        [str(file.parent) for file in files], subfolder=["", ""], weight_name=[file.name for file in files],
        image_encoder_folder=None,
    )  # fmt: skip
    stock.set_ip_adapter_scale([0.8, 0.6])
    assert ours._branches is not None
    nothing, body, face = (
        ours._branches.images.hidden_of_nothing(),
        *(
            ours._branches.images.hidden([crop])[0]
            for branch in ("body", "face")
            if (crop := ours._branches.crop(branch, view, one.settings.clothes)) is not None
        ),
    )
    body, face = (torch.cat([nothing, hidden[None]])[:, None] for hidden in (body, face))
    projection = stock.unet.encoder_hid_proj.image_projection_layers[1]
    projection.clip_embeds, projection.shortcut = face, True
    embedding = torch.from_numpy(view.observation.face_embedding)[None, None]
    theirs = stock(
        one.prompt, negative_prompt=negative or None, num_inference_steps=3, guidance_scale=4.0,
        ip_adapter_image_embeds=[body, torch.cat([torch.zeros_like(embedding), embedding])],
        width=ours.capabilities.width, height=ours.capabilities.height, output_type="np",
        generator=[torch.Generator().manual_seed(one.seed)],
    ).images[0]  # fmt: skip
    assert np.abs(np.asarray(ours.draw([one])[0]) / 255 - theirs).max() < 1e-3 + 0.5 / 255


@pytest.mark.parametrize("name", ["sd15", "sdxl"])
def test_the_loader_takes_plus_and_face_id_plus_in_their_published_shapes(name: str) -> None:
    """On the meta device: the key names and shapes of h94's files into the UNet's true layout."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(**SHAPES[name].unet)
        plus, face = _plus_file(unet, {"sd15": 768, "sdxl": 1280}[name]), _face_id_file(unet)
        unet._load_ip_adapter_weights([plus, face], low_cpu_mem_usage=False)
        branches = _take_over(unet, {"body": 0, "face": 1})
    assert branches.reads_embeddings("face") and branches.image_projections["face"].shortcut
    tokens = branches.image_projections["body"].latents.shape[1], branches.image_projections["face"].num_tokens
    assert tokens == (16, 4)


def _meta(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


def _keys_values(unet: Any) -> dict[str, torch.Tensor]:
    state = {}
    for number, layer in enumerate(unet.attn_processors):
        attention = unet.get_submodule(layer.removesuffix(".processor"))
        if attention.is_cross_attention:
            for part in ("to_k_ip", "to_v_ip"):
                state[f"{number}.{part}.weight"] = _meta(attention.to_k.out_features, unet.config.cross_attention_dim)
    return state


def _resampler(dim: int, out: int, prefix: str = "") -> dict[str, torch.Tensor]:
    """Four blocks over ViT-H's states."""
    state = {
        "proj_in.weight": _meta(dim, 1280), "proj_in.bias": _meta(dim),
        "proj_out.weight": _meta(out, dim), "proj_out.bias": _meta(out),
        "norm_out.weight": _meta(out), "norm_out.bias": _meta(out),
    }  # fmt: skip
    for block in range(4):
        for norm in ("0.norm1", "0.norm2", "1.0"):
            state |= {f"layers.{block}.{norm}.{kind}": _meta(dim) for kind in ("weight", "bias")}
        state |= {
            f"layers.{block}.0.to_q.weight": _meta(dim, dim),
            f"layers.{block}.0.to_kv.weight": _meta(2 * dim, dim),
            f"layers.{block}.0.to_out.weight": _meta(dim, dim),
            f"layers.{block}.1.1.weight": _meta(4 * dim, dim),
            f"layers.{block}.1.3.weight": _meta(dim, 4 * dim),
        }
    return {prefix + name: value for name, value in state.items()}


def _plus_file(unet: Any, dim: int) -> dict[str, Any]:
    projection = {"latents": _meta(1, 16, dim)} | _resampler(dim, unet.config.cross_attention_dim)
    return {"image_proj": projection, "ip_adapter": _keys_values(unet)}


def _face_id_file(unet: Any) -> dict[str, Any]:
    dim = unet.config.cross_attention_dim
    projection = {
        "proj.0.weight": _meta(1024, 512), "proj.0.bias": _meta(1024),
        "proj.2.weight": _meta(4 * dim, 1024), "proj.2.bias": _meta(4 * dim),
        "norm.weight": _meta(dim), "norm.bias": _meta(dim),
    }  # fmt: skip
    return {
        "image_proj": projection | _resampler(dim, dim, "perceiver_resampler."),
        "ip_adapter": _keys_values(unet),
    }
