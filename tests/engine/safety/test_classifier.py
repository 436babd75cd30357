"""Classifiers of both checkpoint layouts, tiny and with random weights, agree with reference computations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional
from transformers import ViTConfig, ViTForImageClassification

from engine.errors import WeightsError
from engine.safety.ages import is_minors
from engine.safety.classifier import SQUARES_MAX, Preparation, load_classifier

SIDE_PX, PATCH_PX, WIDTH, HEADS, BLOCKS = 32, 16, 128, 2, 2


@pytest.fixture(scope="module")
def timm_weights() -> dict[str, Tensor]:
    """The keys and shapes of timm's Vision Transformers."""
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, WIDTH),
        "pos_embed": (1, 1 + (SIDE_PX // PATCH_PX) ** 2, WIDTH),
        "patch_embed.proj.weight": (WIDTH, 3, PATCH_PX, PATCH_PX),
        "patch_embed.proj.bias": (WIDTH,),
        "norm.weight": (WIDTH,),
        "norm.bias": (WIDTH,),
        "head.weight": (2, WIDTH),
        "head.bias": (2,),
    }
    for number in range(BLOCKS):
        sizes = {"norm1": (WIDTH,), "attn.qkv": (3 * WIDTH, WIDTH), "attn.proj": (WIDTH, WIDTH), "norm2": (WIDTH,)}
        sizes |= {"mlp.fc1": (2 * WIDTH, WIDTH), "mlp.fc2": (WIDTH, 2 * WIDTH)}
        for name, size in sizes.items():
            shapes[f"blocks.{number}.{name}.weight"] = size
            shapes[f"blocks.{number}.{name}.bias"] = size[:1]
    generator = torch.Generator().manual_seed(0)
    return {name: 0.2 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def timm_folder(tmp_path_factory: pytest.TempPathFactory, timm_weights: dict[str, Tensor]) -> Path:
    folder = tmp_path_factory.mktemp("timm")
    config = {
        "architecture": "vit_tiny_patch16_384",
        "num_classes": 2,
        "num_features": WIDTH,
        "global_pool": "token",
        "label_names": ["NSFW", "SFW"],
        "pretrained_cfg": {
            "input_size": [3, SIDE_PX, SIDE_PX],
            "interpolation": "bicubic",
            "crop_pct": 1.0,
            "mean": [0.5, 0.4, 0.3],
            "std": [0.5, 0.25, 0.2],
            "num_classes": 1000,
        },
    }
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    save_file(timm_weights, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def age_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("age")
    torch.manual_seed(1)
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=SIDE_PX,
        patch_size=PATCH_PX,
        initializer_range=1.0,
        id2label=dict(enumerate(["0-2", "3-9", "10-19", "20-29", "30-39"])),
    )
    ViTForImageClassification(config).save_pretrained(folder)
    preparation = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 2, "size": SIDE_PX}
    (folder / "preprocessor_config.json").write_text(json.dumps(preparation), "utf-8")
    return folder


def _noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def _timm_forward(weights: dict[str, Tensor], pixels: Tensor) -> Tensor:
    """A reference implementation of timm's Vision Transformer; pixels [N, 3, H, W] -> logits [N, 2]."""

    def normal(x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(x, (WIDTH,), weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-6)

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    x = functional.conv2d(pixels, weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"], stride=PATCH_PX)
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([weights["cls_token"].expand(len(x), -1, -1), x], 1) + weights["pos_embed"]
    for number in range(BLOCKS):
        block = f"blocks.{number}"
        count, tokens, _ = x.shape
        joint = linear(normal(x, f"{block}.norm1"), f"{block}.attn.qkv")
        query, key, value = joint.reshape(count, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        attention = (query @ key.transpose(-2, -1) / (WIDTH // HEADS) ** 0.5).softmax(-1) @ value
        x = x + linear(attention.transpose(1, 2).reshape(count, tokens, WIDTH), f"{block}.attn.proj")
        hidden = linear(normal(x, f"{block}.norm2"), f"{block}.mlp.fc1")
        x = x + linear(0.5 * hidden * (1 + torch.erf(hidden / 2**0.5)), f"{block}.mlp.fc2")
    return linear(normal(x, "norm")[:, 0], "head")


def test_a_timm_checkpoint_agrees_with_a_reference_implementation(
    timm_folder: Path, timm_weights: dict[str, Tensor]
) -> None:
    classifier = load_classifier(timm_folder, "NSFW".__eq__, "ENGINE_SAFETY_MODEL")
    found = []
    for seed in range(4):
        image = _noise(SIDE_PX, SIDE_PX, seed)
        pixels = torch.from_numpy(np.asarray(image, np.float32) / 255)
        pixels = ((pixels - torch.tensor([0.5, 0.4, 0.3])) / torch.tensor([0.5, 0.25, 0.2])).permute(2, 0, 1)[None]
        expected = _timm_forward(timm_weights, pixels).softmax(-1)[0, 0]
        found.append(classifier.probability(image))
        assert found[-1] == pytest.approx(float(expected), abs=1e-5)
    assert max(found) - min(found) > 1e-3


def test_a_transformers_checkpoint_adds_up_the_labels_that_are_looked_for(age_folder: Path) -> None:
    image = _noise(SIDE_PX, SIDE_PX)
    young, grown = (
        load_classifier(age_folder, fits, "ENGINE_AGE_MODEL").probability(image)
        for fits in (is_minors, lambda label: not is_minors(label))
    )
    assert young + grown == pytest.approx(1.0, abs=1e-5)
    assert 0.01 < young < 0.99


def test_a_long_picture_is_as_bad_as_its_worst_square(timm_folder: Path) -> None:
    classifier = load_classifier(timm_folder, "NSFW".__eq__, "ENGINE_SAFETY_MODEL")
    squares = [_noise(SIDE_PX, SIDE_PX, seed) for seed in range(3)]
    tall = Image.new("RGB", (SIDE_PX, 3 * SIDE_PX))
    for number, square in enumerate(squares):
        tall.paste(square, (0, number * SIDE_PX))
    assert classifier.probability(tall) == pytest.approx(max(map(classifier.probability, squares)), abs=1e-5)


@pytest.mark.parametrize("size", [(640, 640), (10, 400), (33, 32), (1, 1)])
def test_squares_cover_the_picture_and_are_few(size: tuple[int, int]) -> None:
    prepare = Preparation(SIDE_PX, (0.5,) * 3, (0.5,) * 3, Image.Resampling.BICUBIC)
    squares = prepare(_noise(*size))
    assert squares.shape[1:] == (3, SIDE_PX, SIDE_PX)
    assert 1 <= len(squares) <= SQUARES_MAX
    assert (len(squares) == 1) == (size[0] == size[1])


@pytest.mark.parametrize("fits", [lambda _: False, lambda _: True], ids=["none", "all"])
def test_a_folder_without_the_labels_names_those_it_has(timm_folder: Path, fits: Callable[[str], bool]) -> None:
    with pytest.raises(WeightsError, match=r"ENGINE_SAFETY_MODEL: .*'NSFW', 'SFW'.*ENGINE_SAFETY_LABELS"):
        load_classifier(timm_folder, fits, "ENGINE_SAFETY_MODEL")


def test_a_folder_of_another_layout_is_refused_in_one_line(tmp_path: Path, timm_folder: Path) -> None:
    for content in (None, "{", '{"architecture": "vit", "pretrained_cfg": {}}', '{"model_type": "vit"}'):
        if content is not None:
            (tmp_path / "config.json").write_text(content)
        with pytest.raises(WeightsError, match="ENGINE_AGE_MODEL: expected a ViT classifier in") as raised:
            load_classifier(tmp_path, is_minors, "ENGINE_AGE_MODEL")
        assert "\n" not in str(raised.value)
