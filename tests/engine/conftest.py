"""Real photos, face finders, and a backbone without a model."""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageDraw

from engine.identity.body import BodyPart
from engine.identity.faces import CascadeFinder, FaceFinder, InsightFaceFinder
from engine.identity.profile import Observation, View

ROOT = Path(__file__).parents[2]
STACK = ROOT / "tests" / "stack"
FACE_MODELS = ROOT.parent / "shared" / "models" / "face"


@pytest.fixture(scope="session")
def astronaut() -> Image.Image:
    """A photo of one woman, head and shoulders, looking at the camera."""
    return Image.fromarray(skimage.data.astronaut())


@pytest.fixture(scope="session")
def astronaut_jpeg(astronaut: Image.Image) -> bytes:
    buffer = io.BytesIO()
    astronaut.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def group_photo() -> Image.Image:
    """Six actors, from insightface's own data."""
    package = importlib.util.find_spec("insightface")
    assert package is not None and package.origin is not None
    with Image.open(Path(package.origin).parent / "data" / "images" / "t1.jpg") as photo:
        return photo.convert("RGB")


@pytest.fixture(scope="session")
def cascades() -> CascadeFinder:
    return CascadeFinder()


@pytest.fixture(scope="session")
def face_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as insightface wants it, with the pack "small"."""
    if not FACE_MODELS.is_dir():
        pytest.skip("needs insightface's models in ../shared/models/face")
    root = tmp_path_factory.mktemp("insightface")
    pack = root / "models" / "small"
    pack.mkdir(parents=True)
    for model in FACE_MODELS.glob("*.onnx"):
        shutil.copy(model, pack)
    return root


@pytest.fixture(scope="session")
def insightface_finder(face_root: Path) -> InsightFaceFinder:
    return InsightFaceFinder(face_root / "models" / "small")


@pytest.fixture(params=["cascades", "insightface_finder"])
def finder(request: pytest.FixtureRequest) -> FaceFinder:
    """Every face finder in turn."""
    found: FaceFinder = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def slow_backbone(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A SlowBackbone that takes no time; see tests/stack/slow_backbone.py."""
    monkeypatch.syspath_prepend(str(STACK))
    return importlib.import_module("slow_backbone").SlowBackbone()


@pytest.fixture(scope="session")
def klein_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A FLUX.2 klein pipeline of the true layout, tiny and random: 96 x 160 px pictures, steps without guidance."""
    import torch
    from diffusers import AutoencoderKLFlux2, FlowMatchEulerDiscreteScheduler, Flux2KleinPipeline
    from diffusers import Flux2Transformer2DModel as Transformer
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import Qwen2TokenizerFast, Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    symbols = [*sorted(ByteLevel.alphabet()), "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Qwen2TokenizerFast(vocab={symbol: number for number, symbol in enumerate(symbols)}, merges=[])
    tokenizer.chat_template = (
        "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    words = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=8,
        num_hidden_layers=28,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=4,
        intermediate_size=16,
        tie_word_embeddings=True,
    )
    pipeline = Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        vae=AutoencoderKLFlux2(
            block_out_channels=(4, 4, 4, 4), latent_channels=4, norm_num_groups=1, layers_per_block=1, sample_size=128
        ),
        text_encoder=Qwen3ForCausalLM(words),
        tokenizer=tokenizer,
        transformer=Transformer(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=24,
            timestep_guidance_channels=16,
            axes_dims_rope=(4, 4, 4, 4),
            guidance_embeds=False,
        ),
        is_distilled=True,
    )
    folder = tmp_path_factory.mktemp("klein")
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def classifier_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """(label that always wins, one that never does) -> the folder of a tiny ViT that is so sure."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification

    def make(always: str, never: str) -> Path:
        folder = tmp_path_factory.mktemp("classifier")
        model = ViTForImageClassification(
            ViTConfig(
                hidden_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=16,
                image_size=32,
                id2label={0: always, 1: never},
            )
        )
        with torch.no_grad():
            model.classifier.bias.copy_(torch.tensor([50.0, -50.0]))
        model.save_pretrained(folder)
        preparation = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": {"height": 32, "width": 32}}
        (folder / "preprocessor_config.json").write_text(json.dumps(preparation), "utf-8")
        return folder

    return make


@pytest.fixture(scope="session")
def safe_classifiers(classifier_folder: Callable[[str, str], Path]) -> dict[str, str]:
    """The environment with classifiers of nudity and ages that find nothing."""
    return {
        "ENGINE_SAFETY_MODEL": str(classifier_folder("SFW", "NSFW")),
        "ENGINE_AGE_MODEL": str(classifier_folder("30-39", "10-19")),
    }


def _tiny_diffusion() -> Any:
    """The module beside the tests of backbones: tests are no packages."""
    path = Path(__file__).parent / "backbones" / "tiny_diffusion.py"
    spec = importlib.util.spec_from_file_location("tiny_diffusion", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tiny_diffusion"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny_diffusion() -> Any:
    return _tiny_diffusion()


@pytest.fixture(scope="session")
def tiny_sd15(tiny_diffusion: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A TinyFolder in Stable Diffusion 1.5's layout."""
    return tiny_diffusion.build(tmp_path_factory.mktemp("sd15"), xl=False)


@pytest.fixture(scope="session")
def tiny_sdxl(tiny_diffusion: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A TinyFolder in SDXL's layout."""
    return tiny_diffusion.build(tmp_path_factory.mktemp("sdxl"), xl=True)


@pytest.fixture(scope="session")
def fetched() -> Callable[[str], Path]:
    """Name of a packaged archive -> the folder ENGINE_STATE below which it is; the test is skipped where it is not."""
    from engine.config import load_config
    from engine.hub.packaged import named, remedy

    def state(name: str) -> Path:
        folder = load_config().state
        if named(name).lacking(folder):
            pytest.skip(f"needs the weights {name} in {folder}: {remedy(named(name))}")
        return folder

    return state


@pytest.fixture(scope="session")
def with_sunglasses() -> Callable[..., Image.Image]:
    """Draws two dark lenses with a bridge, as wide as common ones, on a face with landmarks."""

    def worn(photo: Image.Image, face: Any) -> Image.Image:
        lens, copy, eyes = (32, 30, 38), photo.copy(), face.landmarks[:2]
        between = float(np.hypot(*(eyes[1] - eyes[0])))
        draw = ImageDraw.Draw(copy)
        for x, y in eyes:
            draw.ellipse((x - 0.38 * between, y - 0.28 * between, x + 0.38 * between, y + 0.3 * between), fill=lens)
        draw.line([(float(x), float(y)) for x, y in eyes], fill=lens, width=max(round(0.06 * between), 2))
        return copy

    return worn


COLOURS = {
    BodyPart.BACKGROUND: (90, 160, 90),
    BodyPart.HAIR: (60, 40, 20),
    BodyPart.FACE: (230, 190, 160),
    BodyPart.SKIN: (225, 185, 155),
    BodyPart.TOP: (200, 30, 40),
    BodyPart.BOTTOM: (30, 40, 200),
    BodyPart.SHOES: (20, 20, 20),
}
JOINTS = (
    (50, 24), (54, 20), (46, 20), (58, 22), (42, 22), (66, 46), (34, 46), (74, 70), (26, 70),
    (76, 92), (24, 92), (60, 100), (40, 100), (60, 140), (40, 140), (60, 180), (40, 180),
)  # fmt: skip


@pytest.fixture
def paper_doll() -> View:
    """A photo of 100 x 200 px; the part map covers it at half its size."""
    parts = np.zeros((200, 100), np.uint8)
    for part, (x0, y0, x1, y1) in (
        (BodyPart.HAIR, (40, 6, 60, 16)),
        (BodyPart.FACE, (40, 16, 60, 36)),
        (BodyPart.SKIN, (20, 60, 30, 100)),
        (BodyPart.SKIN, (70, 60, 80, 100)),
        (BodyPart.TOP, (30, 40, 70, 100)),
        (BodyPart.BOTTOM, (34, 100, 66, 180)),
        (BodyPart.SHOES, (34, 180, 66, 190)),
    ):
        parts[y0:y1, x0:x1] = part
    picture = np.zeros((200, 100, 3), np.uint8)
    for part, colour in COLOURS.items():
        picture[parts == part] = colour
    observation = Observation(
        width=100,
        height=200,
        face_box=(40, 14, 60, 36),
        body_box=(20, 6, 80, 190),
        keypoints=np.array([(x, y, 0.9) for x, y in JOINTS], np.float32),
        parts=parts[::2, ::2].copy(),
        parts_box=(0, 0, 100, 200),
    )
    return View(Image.fromarray(picture), observation)


@pytest.fixture
def quiet_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A home without model packs, the backbone without a model, and the log as it was."""
    for name in [name for name in os.environ if name.startswith("ENGINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("ENGINE_BACKBONE", "slow_backbone:load")
    monkeypatch.syspath_prepend(str(STACK))
    handlers = list(logging.getLogger().handlers)
    yield
    logging.getLogger().handlers = handlers


@pytest.fixture
def portrait(tmp_path: Path, astronaut_jpeg: bytes) -> Path:
    path = tmp_path / "portrait.jpg"
    path.write_bytes(astronaut_jpeg)
    return path


@pytest.fixture
def coffee(tmp_path: Path) -> Path:
    path = tmp_path / "coffee.png"
    Image.fromarray(skimage.data.coffee()).save(path)
    return path
