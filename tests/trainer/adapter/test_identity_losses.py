"""Losses on drawn pictures: the branch is the distilled sampler, gradients reach the adapter alone, losses fall."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    EulerDiscreteScheduler,
    LCMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
)
from PIL import Image
from safetensors.torch import load_file, save_file

from engine.adapter.ip_adapter import AdapterFile, load_branches
from engine.errors import WeightsError
from engine.identity.faces import Face
from engine.identity.observation import Observation
from trainer.adapter.batches import AdapterBatch, PairedPhotos
from trainer.adapter.cache import AdapterCache
from trainer.adapter.export import export_branches
from trainer.adapter.few_steps import DistilledLora, FewStepBranch, few_steps_of
from trainer.adapter.identity_losses import DrawnPictures, decoder_of, unlikeness
from trainer.adapter.learner import AdapterLearner, FrozenBase, predict
from trainer.adapter.methods import build_branches, conditions, plan_of
from trainer.adapter.precompute import PrecomputeRun, precompute
from trainer.adapter.recipe import Pairing, Recipe
from trainer.adapter.recognition import CropPlace, Recognition, open_body_recognition, open_face_recognition
from trainer.adapter.run import AdapterRun, encoder_sizes, train_adapter
from trainer.errors import CheckpointError, DataError

SMALL: dict[str, Any] = {
    "steps": 4, "batch": 2, "face_tokens": 4, "body_tokens": 2, "precision": "no", "base_precision": "fp32",
    "sheet_every": 0, "ema_decay": 0.0, "learning_rate": 1e-2, "warmup_steps": 0, "save_every": 2,
}  # fmt: skip


class Everywhere:
    """CropPlaces of a network that takes the whole picture for the person."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def find(self, picture: Image.Image) -> CropPlace | None:
        matrix = np.array([[picture.width / self.size[1], 0, 0], [0, picture.height / self.size[0], 0]])
        return CropPlace(matrix, np.ones(self.size, np.float32))

    def place(self, observation: Observation) -> CropPlace | None:
        raise AssertionError("only drawn pictures are read here")


class OneFace:
    """A finder that sees a face in the middle of every picture."""

    name = "insightface"

    def __init__(self, dim: int = 512) -> None:
        self.dim = dim

    def find(self, image: Image.Image) -> list[Face]:
        width, height = image.size
        rng = np.random.default_rng(int(np.asarray(image, np.int64).sum()))
        embedding = rng.normal(0, 1, self.dim).astype(np.float32)
        box = (0.3 * width, 0.2 * height, 0.7 * width, 0.6 * height)
        return [Face(box, embedding=embedding / np.linalg.norm(embedding))]


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory, write_recognition: Any) -> Path:
    """insightface's root with a pack of one recognition network."""
    root = tmp_path_factory.mktemp("insightface")
    write_recognition(root / "models" / "buffalo_l" / "faces.onnx")
    return root


@pytest.fixture(scope="module")
def faces_cache(sd15: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """sd15's cache with embeddings of faces."""
    out = tmp_path_factory.mktemp("faces-cache")
    precompute(PrecomputeRun(sd15.shards, sd15.base, out), OneFace())
    return out


def settings_of(tiny: Any, **changes: Any) -> dict[str, Any]:
    return {"lora": str(tiny.folders.lora), "steps": 2, "identity_from": 0.0, "alignment_from": 0.0, **changes}


def learner_of(tiny: Any, method: str, recognition: dict[Any, Recognition], **changes: Any) -> AdapterLearner:
    identity = settings_of(tiny, **changes.pop("identity", {}))
    recipe = Recipe.model_validate({**SMALL, "method": method, "identity": identity, **changes})
    torch.manual_seed(0)
    unet, scheduler = tiny.base.unet(), tiny.base.scheduler()
    branches = build_branches(plan_of(recipe), unet, **encoder_sizes(tiny.base))
    assert recipe.identity is not None
    lora = DistilledLora(tiny.base.layout, unet, tiny.folders.lora)
    branch = FewStepBranch(unet, lora, few_steps_of(tiny.base.layout, ""), scheduler.config, recipe.identity.steps)
    drawn = DrawnPictures(recipe.identity, branch, decoder_of(tiny.base.vae(), 0.18, tiny=False), recognition)
    base = FrozenBase(unet, scheduler.alphas_cumprod, "epsilon", 0.18)
    return AdapterLearner(base, branches, recipe, drawn=drawn)


def recognition_of(tmp_path: Path, write_recognition: Any) -> dict[Any, Recognition]:
    """Both recognition networks, which take the whole picture for the person."""
    write_recognition(tmp_path / "faces.onnx")
    face, body = open_face_recognition(tmp_path, OneFace()), open_body_recognition("shipped")
    return {
        "face": replace(face, places=Everywhere(face.size)),
        "body": replace(body, places=Everywhere(body.size)),
    }


def a_batch(cache: Path, method: str, rows: int = 2) -> AdapterBatch:
    plan, pairing = plan_of(Recipe(method=method)), Pairing(text=0, person=0, both=0, region=0, head_only=0)
    photos = PairedPhotos(AdapterCache(cache), "train", pairing, plan.regions, plan.points, ("face", "body"))
    return photos.batch(rows, np.random.default_rng(0)).to(torch.device("cpu"))


def noise() -> torch.Generator:
    return torch.Generator().manual_seed(5)


@pytest.mark.parametrize(("steps", "layout"), [(4, "sdxl"), (1, "sd15")])
def test_the_branch_draws_as_the_stock_pipeline_of_the_distillation_does(
    steps: int, layout: str, request: pytest.FixtureRequest
) -> None:
    """SDXL-Lightning over four steps. LCM adds noise between steps, so that one step is compared."""
    tiny = request.getfixturevalue(layout)
    kind: Any = StableDiffusionXLPipeline if layout == "sdxl" else StableDiffusionPipeline
    extra = {} if layout == "sdxl" else {"safety_checker": None, "requires_safety_checker": False}
    stock = kind.from_pretrained(tiny.base.folder, **extra)
    config = tiny.base.scheduler().config
    stock.scheduler = (
        EulerDiscreteScheduler.from_config(config, timestep_spacing="trailing")
        if layout == "sdxl"
        else LCMScheduler.from_config(config)
    )
    stock.load_lora_weights(str(tiny.folders.lora.parent), weight_name=tiny.folders.lora.name)
    stock.set_progress_bar_config(disable=True)
    batch = a_batch(tiny.cache, "bolid", 1)
    latents = torch.randn(batch.mean.shape, generator=noise())
    height, width = (2 * side for side in latents.shape[2:])
    words = {"prompt_embeds": batch.text}
    if layout == "sdxl":
        words |= {"pooled_prompt_embeds": batch.pooled, "negative_prompt_embeds": batch.text}
        words |= {"negative_pooled_prompt_embeds": batch.pooled}
    expected = stock(
        **words, latents=latents.clone(), height=height, width=width, num_inference_steps=steps, guidance_scale=0.0,
        output_type="latent", **({"original_size": (height, width)} if layout == "sdxl" else {}),
    ).images  # fmt: skip
    unet = tiny.base.unet()
    lora = DistilledLora(layout, unet, tiny.folders.lora)  # type: ignore[arg-type]
    branch = FewStepBranch(unet, lora, few_steps_of(layout, ""), config, steps)  # type: ignore[arg-type]
    if layout == "sdxl":
        size = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32)
        batch = replace(batch, time_ids=size)
    with torch.no_grad():
        added = None if batch.pooled is None else {"text_embeds": batch.pooled, "time_ids": batch.time_ids}

        def plain(noisy: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = unet(noisy, timestep, batch.text, added_cond_kwargs=added).sample
            return found

        assert torch.allclose(branch.draw(latents, plain).latents, expected, atol=2e-4)
        without_loss = FewStepBranch(tiny.base.unet(), lora, few_steps_of(layout, ""), config, steps)  # type: ignore[arg-type]
        unet = without_loss.unet
        assert not torch.allclose(without_loss.draw(latents, plain).latents, expected, atol=1e-2)


def test_the_base_is_unchanged_outside_the_branch(tiny: Any) -> None:
    unet, untouched = tiny.base.unet(), tiny.base.unet()
    lora = DistilledLora(tiny.base.layout, unet, tiny.folders.lora)
    batch = a_batch(tiny.cache, "bolid")
    time = torch.tensor([300, 700])
    with torch.no_grad():
        noisy = torch.randn(batch.mean.shape, generator=noise())
        added = None if batch.pooled is None else {"text_embeds": batch.pooled, "time_ids": batch.time_ids}
        expected = untouched(noisy, time, batch.text, added_cond_kwargs=added).sample
        assert torch.equal(unet(noisy, time, batch.text, added_cond_kwargs=added).sample, expected)
        with lora.acting():
            assert not torch.allclose(unet(noisy, time, batch.text, added_cond_kwargs=added).sample, expected)
        assert torch.equal(unet(noisy, time, batch.text, added_cond_kwargs=added).sample, expected)
    assert not any(parameter.requires_grad for parameter in unet.parameters())


@pytest.mark.parametrize("method", ["pulid", "pulid_body", "bolid"])
def test_gradients_reach_the_adapter_and_nothing_else(
    sd15: Any, faces_cache: Path, tmp_path: Path, write_recognition: Any, method: str
) -> None:
    both = recognition_of(tmp_path, write_recognition)
    judged = {name: both[name] for name in plan_of(Recipe(method=method)).judged}
    learner, batch = learner_of(sd15, method, judged, identity={"rows": 2}), a_batch(faces_cache, method)
    losses = learner(batch, noise())
    assert set(losses) == {"loss", "diffusion", "person", *judged, "semantic", "layout", "identity"}
    assert all(float(losses[name].detach()) > 0 for name in losses)
    settings = learner.recipe.identity
    assert settings is not None
    weighted = sum(getattr(settings, name) * float(losses[name].detach()) for name in [*judged, "semantic", "layout"])
    assert float(losses["identity"].detach()) == pytest.approx(weighted, rel=1e-4)
    for name in [*judged, "semantic", "layout"]:
        learner.zero_grad()
        losses[name].backward(retain_graph=True)
        silent = [n for n, p in learner.named_parameters() if p.grad is None or not p.grad.abs().sum()]
        assert [n for n in silent if "mid_block" not in n and "up_blocks" not in n] == []
    frozen = [*learner.base.unet.parameters(), *(p for one in judged.values() for p in one.network.parameters())]
    assert all(parameter.grad is None for parameter in frozen)


def test_checkpointing_changes_memory_and_no_gradient(
    sd15: Any, faces_cache: Path, tmp_path: Path, write_recognition: Any
) -> None:
    """Blocks are computed again while the LoRA is off; those of the branch must be computed with it."""
    batch, gradients = a_batch(faces_cache, "bolid"), []
    for checkpointing in (False, True):
        recognition = recognition_of(tmp_path, write_recognition)
        learner = learner_of(sd15, "bolid", recognition, gradient_checkpointing=checkpointing)
        assert learner.base.unet.is_gradient_checkpointing is checkpointing
        learner(batch, noise())["loss"].backward()
        gradients.append([p.grad for p in learner.parameters()])
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(*gradients, strict=True) if a is not None)


@pytest.mark.parametrize(("method", "name"), [("pulid", "face"), ("pulid_body", "body")])
def test_the_losses_fall_on_a_few_pictures(
    sd15: Any, faces_cache: Path, tmp_path: Path, write_recognition: Any, method: str, name: str
) -> None:
    both = recognition_of(tmp_path, write_recognition)
    learner = learner_of(sd15, method, {name: both[name]}, identity={"rows": 2, "semantic": 0.0, "layout": 0.0})  # type: ignore[dict-item]
    batch = a_batch(faces_cache, method)
    optimizer = torch.optim.Adam(learner.parameters(), lr=1e-2)
    calls = []
    for _ in range(12):
        optimizer.zero_grad()
        losses = learner(batch, noise())
        losses["identity"].backward()
        optimizer.step()
        calls.append(float(losses[name].detach()))
    assert min(calls[-3:]) < 0.95 * calls[0]


def test_alignment_is_nothing_where_the_person_changes_nothing(
    sd15: Any, faces_cache: Path, tmp_path: Path, write_recognition: Any
) -> None:
    face = {"face": recognition_of(tmp_path, write_recognition)["face"]}
    learner = learner_of(sd15, "pulid", face)  # type: ignore[arg-type]
    for name, parameter in learner.branches.named_parameters():
        if "to_v" in name:
            torch.nn.init.zeros_(parameter)
    losses = learner(a_batch(faces_cache, "pulid"), noise())
    assert float(losses["semantic"].detach()) == float(losses["layout"].detach()) == 0
    assert float(losses["face"].detach()) > 0


def test_stages_begin_at_their_share_of_the_run(
    sd15: Any, faces_cache: Path, tmp_path: Path, write_recognition: Any
) -> None:
    face = {"face": recognition_of(tmp_path, write_recognition)["face"]}
    stages = {"identity_from": 0.5, "alignment_from": 0.75}
    learner = learner_of(sd15, "pulid", face, identity=stages)  # type: ignore[arg-type]
    batch = a_batch(faces_cache, "pulid")
    found = [learner(batch, noise()) for _ in range(4)]
    assert [float(losses["face"].detach()) > 0 for losses in found] == [False, False, True, True]
    assert [float(losses["layout"].detach()) > 0 for losses in found] == [False, False, False, True]


def test_people_that_are_withheld_or_not_found_are_not_judged(
    sd15: Any, faces_cache: Path, tmp_path: Path, write_recognition: Any
) -> None:
    face = recognition_of(tmp_path, write_recognition)["face"]
    learner, batch = learner_of(sd15, "pulid", {"face": face}), a_batch(faces_cache, "pulid")
    assert batch.wanted_face is not None
    without_face = replace(batch, wanted_face=torch.zeros_like(batch.wanted_face))
    assert float(learner(without_face, noise())["identity"]) == 0
    second = replace(batch, wanted_face=batch.wanted_face * torch.tensor([[0.0], [1.0]]))
    assert learner.drawn is not None and learner.drawn.rows_of(second) == [1]
    assert torch.equal(batch.of([1]).mean, batch.mean[1:])
    pictures = torch.zeros(1, 3, 32, 32, requires_grad=True)

    class Blind(Everywhere):
        def find(self, picture: Image.Image) -> CropPlace | None:
            return None

    assert float(unlikeness(replace(face, places=Blind(face.size)), pictures, batch.wanted_face[:1])) == 0


def test_rows_of_a_batch_keep_their_own_references(sd15: Any, faces_cache: Path) -> None:
    pairing = Pairing(text=0, person=0, both=0, region=0, head_only=0, references=3)
    photos = PairedPhotos(AdapterCache(faces_cache), "train", pairing, plan_of(Recipe()).regions, None, ("face",))
    batch = photos.batch(3, np.random.default_rng(2)).to(torch.device("cpu"))
    counts = batch.references.counts
    assert len(set(counts)) > 1
    part = batch.of([2, 0])
    assert part.references.counts == [counts[2], counts[0]]
    expected = [*range(counts[0] + counts[1], sum(counts)), *range(counts[0])]
    assert torch.equal(part.references.hidden, batch.references.hidden[expected])


def run_of(tiny: Any, cache: Path, out: Path, pack: Path, method: str, **changes: Any) -> AdapterRun:
    identity = settings_of(tiny, face_root=str(pack), identity_from=0.25, alignment_from=0.5)
    recipe = Recipe.model_validate({**SMALL, "method": method, "identity": identity, **changes})
    return AdapterRun(tiny.base, cache, out, recipe)


@pytest.fixture
def seeing_finder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces insightface's detector, which no test has, and the person parser, which sees nobody in noise."""
    monkeypatch.setattr("trainer.adapter.face_networks.open_finder", lambda root, pack, state=None: OneFace())
    monkeypatch.setattr("trainer.adapter.recognition.BodyPlaces.find", lambda self, p: Everywhere(self._size).find(p))


def test_a_run_with_identity_losses_resumes_bit_for_bit(
    sd15: Any, faces_cache: Path, pack: Path, tmp_path: Path, seeing_finder: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {"gradient_checkpointing": True, "precision": "bf16", "base_precision": "bf16"}
    train_adapter(run_of(sd15, faces_cache, tmp_path / "whole", pack, "bolid", **changes))
    forward, calls = AdapterLearner.forward, 0

    class Unplugged(Exception):
        pass

    def until_the_third_step(self: AdapterLearner, *batch: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise Unplugged
        return forward(self, *batch)

    cut = run_of(sd15, faces_cache, tmp_path / "cut", pack, "bolid", **changes)
    monkeypatch.setattr(AdapterLearner, "forward", until_the_third_step)
    with pytest.raises(Unplugged):
        train_adapter(cut)
    monkeypatch.setattr(AdapterLearner, "forward", forward)
    train_adapter(cut)
    states = [torch.load(tmp_path / way / "state.pt", weights_only=True)["learner"] for way in ("whole", "cut")]
    assert int(states[0]["calls"]) == 4
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    other = run_of(
        sd15, faces_cache, tmp_path / "cut", pack, "bolid", identity=settings_of(sd15, face=0.5, face_root=str(pack))
    )
    with pytest.raises(CheckpointError, match="expected a run of"):
        train_adapter(other)


def test_pulids_file_is_a_face_id_adapter_for_diffusers_and_the_engine(
    sd15: Any, faces_cache: Path, pack: Path, tmp_path: Path, seeing_finder: None
) -> None:
    run = run_of(sd15, faces_cache, tmp_path, pack, "pulid")
    (path,) = train_adapter(run)
    assert path.name == "face.safetensors"
    pipeline = StableDiffusionPipeline.from_pretrained(
        sd15.base.folder, safety_checker=None, requires_safety_checker=False
    )
    loaded = load_branches(pipeline, {"face": AdapterFile(str(path.parent), "", path.name)}, "sd15")
    assert loaded.reads_embeddings("face")
    unet = sd15.base.unet()
    branches = build_branches(plan_of(run.recipe), unet, **encoder_sizes(sd15.base))
    learner = AdapterLearner(
        FrozenBase(unet, sd15.base.scheduler().alphas_cumprod, "epsilon", 0.18), branches, run.recipe
    )
    learner.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True)["average"])
    batch = a_batch(faces_cache, "pulid")
    noisy, time = torch.randn(batch.mean.shape), torch.tensor([100, 700])
    with torch.no_grad():
        identity = conditions(branches, batch.references)
        expected = predict(unet, noisy, time, batch, identity)
        theirs = conditions(loaded, batch.references)
        assert torch.allclose(predict(pipeline.unet, noisy, time, batch, theirs), expected, atol=1e-5)
        assert not torch.allclose(predict(unet, noisy, time, batch, {}), expected, atol=1e-4)


def test_pulid_body_exports_a_body_branch(
    sd15: Any, faces_cache: Path, pack: Path, tmp_path: Path, seeing_finder: None
) -> None:
    """A tiny autoencoder decodes the drawn pictures."""
    identity = settings_of(sd15, decoder=str(sd15.folders.preview))
    (path,) = train_adapter(run_of(sd15, faces_cache, tmp_path, pack, "pulid_body", identity=identity))
    assert path.name == "body.safetensors" and len(load_file(path)) > 10
    log = (tmp_path / "log.jsonl").read_text("utf-8")
    assert '"body"' in log and '"layout"' in log


def test_mistakes_are_one_line(sd15: Any, faces_cache: Path, pack: Path, tmp_path: Path, seeing_finder: None) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"unet.nowhere.lora_A.weight": torch.zeros(2, 2)}, other)
    for method, identity, expected in (
        ("pulid", None, "expected the section identity"),
        ("pulid", {"lora": str(tmp_path / "none.safetensors")}, "expected a LoRA at"),
        ("pulid", {"lora": str(other)}, "expected a LoRA of sd15"),
        ("pulid", {"few_steps": "lightning"}, "identity.few_steps to be lcm for sd15"),
        ("pulid", {"face": 0.0}, "expected a weight above 0"),
        ("pulid", {"decoder": str(tmp_path)}, "expected a tiny autoencoder in"),
        ("pulid_body", {"body_network": str(tmp_path / "none.onnx")}, "none.onnx"),
        ("pulid", {"face_root": str(tmp_path)}, "give another pack"),
    ):
        section = None if identity is None else settings_of(sd15, **{"face_root": str(pack), **identity})
        run = run_of(sd15, faces_cache, tmp_path / "run", pack, method, identity=section)
        with pytest.raises(DataError, match=expected) as caught:
            train_adapter(run)
        assert "\n" not in str(caught.value)


def test_a_cache_of_another_network_is_refused(
    sd15: Any, pack: Path, tmp_path: Path, write_recognition: Any, seeing_finder: None
) -> None:
    body = write_recognition(tmp_path / "body.onnx", size=(64, 32), dim=16)
    cache = tmp_path / "cache"
    precompute(PrecomputeRun(sd15.shards, sd15.base, cache, body_network=str(body)))
    with pytest.raises(DataError, match="expected the network body-"):
        train_adapter(run_of(sd15, cache, tmp_path / "run", pack, "pulid_body"))
    identity = settings_of(sd15, body_network=str(body))
    assert train_adapter(run_of(sd15, cache, tmp_path / "run", pack, "pulid_body", identity=identity))
    with pytest.raises(DataError, match="expected embeddings of faces"):
        train_adapter(run_of(sd15, cache, tmp_path / "faces", pack, "pulid"))


def test_embeddings_of_any_length_are_learned_from(sd15: Any, pack: Path, tmp_path: Path, seeing_finder: None) -> None:
    """dlib's embeddings have 128 numbers. The engine computes ArcFace's, so it refuses an adapter trained on dlib's."""
    cache = tmp_path / "cache"
    precompute(PrecomputeRun(sd15.shards, sd15.base, cache), OneFace(128))
    recipe = Recipe.model_validate({**SMALL, "method": "instantid", "steps": 1})
    assert train_adapter(AdapterRun(sd15.base, cache, tmp_path / "run", recipe))
    with pytest.raises(DataError, match=r"have 128 numbers as in .*, got arcface-.* with 512"):
        train_adapter(run_of(sd15, cache, tmp_path / "pulid", pack, "pulid"))
    unet = sd15.base.unet()
    branches = build_branches(plan_of(Recipe(method="pulid")), unet, **encoder_sizes(sd15.base), face_dim=128)
    (path,) = export_branches(branches, "pulid", unet, tmp_path / "weights")
    pipeline = StableDiffusionPipeline.from_pretrained(
        sd15.base.folder, safety_checker=None, requires_safety_checker=False
    )
    with pytest.raises(WeightsError, match="reads face embeddings of 128 numbers"):
        load_branches(pipeline, {"face": AdapterFile(str(path.parent), "", path.name)}, "sd15")
