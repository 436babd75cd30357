"""Whole runs on tiny bases, through the command line: learning, resuming, sheets, and files that others load."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from PIL import Image
from safetensors.torch import load_file

from engine.adapter.ip_adapter import AdapterFile, load_branches
from engine.adapter.region_tokens import reading_of
from engine.backbones import load_backbone
from engine.backbones.base import GenerationInput
from engine.backbones.options import NONE, Options
from engine.contract import Clothes, Settings
from engine.identity.profile import IdentityProfile
from trainer.__main__ import main
from trainer.adapter.batches import PairedPhotos, TrainingRow
from trainer.adapter.cache import AdapterCache
from trainer.adapter.learner import AdapterLearner, predict
from trainer.adapter.methods import conditions, plan_of
from trainer.adapter.recipe import Pairing, Recipe, read_recipe
from trainer.adapter.run import AdapterRun, train_adapter
from trainer.adapter.sources import open_source
from trainer.errors import CheckpointError, DataError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SMALL: dict[str, Any] = {
    "steps": 4, "batch": 2, "learning_rate": 1e-2, "warmup_steps": 0, "ema_decay": 0.0, "face_tokens": 4,
    "body_tokens": 2, "precision": "no", "base_precision": "fp32", "sheet_every": 0, "save_every": 2,
}  # fmt: skip


def run_of(tiny: Any, out: Path, method: str = "bolid", **changes: Any) -> AdapterRun:
    return AdapterRun(tiny.base, tiny.cache, out, Recipe.model_validate({**SMALL, "method": method, **changes}))


@pytest.fixture(scope="module")
def trained(sd15: Any, sdxl: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """(layout, method) -> the run's folder."""
    runs = {}
    for tiny in (sd15, sdxl):
        for method in ("ip_adapter", "ip_adapter_plus", "bolid"):
            out = tmp_path_factory.mktemp(f"{tiny.base.layout}-{method}")
            train_adapter(run_of(tiny, out, method))
            runs[tiny.base.layout, method] = out
    return runs


class Unplugged(Exception):
    pass


def test_a_run_that_was_cut_off_ends_with_the_same_bits(
    sd15: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"accumulation": 2, "precision": "bf16", "base_precision": "bf16", "gradient_checkpointing": True}
    train_adapter(run_of(sd15, tmp_path / "whole", **changes))
    forward, calls = AdapterLearner.forward, 0

    def until_the_third_step(self: AdapterLearner, *batch: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise Unplugged
        return forward(self, *batch)

    monkeypatch.setattr(AdapterLearner, "forward", until_the_third_step)
    with pytest.raises(Unplugged):
        train_adapter(run_of(sd15, tmp_path / "cut", **changes))
    monkeypatch.setattr(AdapterLearner, "forward", forward)
    train_adapter(run_of(sd15, tmp_path / "cut", **changes))
    for name in ("face", "body"):
        first, second = (load_file(tmp_path / way / "weights" / f"{name}.safetensors") for way in ("whole", "cut"))
        assert all(torch.equal(first[key], second[key]) for key in first)
    states = [torch.load(tmp_path / way / "state.pt", weights_only=True) for way in ("whole", "cut")]
    assert all(torch.equal(states[0]["learner"][key], states[1]["learner"][key]) for key in states[0]["learner"])


def test_other_settings_and_another_base_in_the_same_folder_are_refused(
    sd15: Any, sdxl: Any, trained: dict[tuple[str, str], Path]
) -> None:
    with pytest.raises(CheckpointError, match="expected a run of"):
        train_adapter(run_of(sd15, trained["sd15", "bolid"], person_weight=0.0))
    other = AdapterRun(sdxl.base, sd15.cache, trained["sd15", "bolid"], Recipe.model_validate(SMALL))
    with pytest.raises(DataError, match="another base's"):
        train_adapter(other)


@pytest.mark.parametrize("layout", ["sd15", "sdxl"])
@pytest.mark.parametrize("method", ["ip_adapter", "ip_adapter_plus"])
def test_stock_diffusers_loads_the_file_and_predicts_the_same(
    layout: str, method: str, trained: dict[tuple[str, str], Path], request: pytest.FixtureRequest
) -> None:
    tiny = request.getfixturevalue(layout)
    name = {"ip_adapter": "ip-adapter", "ip_adapter_plus": "ip-adapter-plus"}[method] + ".safetensors"
    path = trained[layout, method] / "weights" / name
    stock = pipeline_of(tiny)
    stock.load_ip_adapter(str(path.parent), subfolder="", weight_name=name, image_encoder_folder=None)
    batch = one_pair(tiny, method)
    learner = resumed(tiny, trained[layout, method], method)
    noisy, time = torch.randn(batch.mean.shape, generator=torch.Generator().manual_seed(2)), torch.tensor([300])
    states = batch.references.hidden[:, 0] if method == "ip_adapter_plus" else batch.references.embeds
    added = {"image_embeds": [states[:, None]]}
    if batch.pooled is not None:
        added |= {"text_embeds": batch.pooled, "time_ids": batch.time_ids}  # type: ignore[dict-item]
    with torch.no_grad():
        ours = predict(learner.base.unet, noisy, time, batch, conditions(learner.branches, batch.references))
        bare = predict(learner.base.unet, noisy, time, batch, {})
        theirs = stock.unet(noisy, time, batch.text, added_cond_kwargs=added, return_dict=False)[0]
    assert (ours - theirs).abs().max() < 1e-4
    assert (ours - bare).abs().max() > 1e-2


@pytest.mark.parametrize("layout", ["sd15", "sdxl"])
def test_the_engine_reads_the_files_as_the_trainer_did(
    layout: str, trained: dict[tuple[str, str], Path], request: pytest.FixtureRequest
) -> None:
    tiny = request.getfixturevalue(layout)
    weights = trained[layout, "bolid"] / "weights"
    files = {name: AdapterFile(str(weights), "", f"{name}.safetensors") for name in ("face", "body")}
    served = pipeline_of(tiny)
    branches = load_branches(served, files, layout)
    assert branches.readings == {name: reading_of(weights / f"{name}.safetensors") for name in files}
    batch, learner = one_pair(tiny, "bolid"), resumed(tiny, trained[layout, "bolid"], "bolid")
    noisy, time = torch.randn(batch.mean.shape, generator=torch.Generator().manual_seed(2)), torch.tensor([300])
    with torch.no_grad():
        trainers = predict(learner.base.unet, noisy, time, batch, conditions(learner.branches, batch.references))
        engines = predict(served.unet, noisy, time, batch, branches.cache(conditions(branches, batch.references)))
    assert (trainers - engines).abs().max() < 1e-4


@pytest.mark.parametrize("layout", ["sd15", "sdxl"])
def test_the_engines_backbone_draws_with_both_files_by_its_settings(
    layout: str, trained: dict[tuple[str, str], Path], request: pytest.FixtureRequest
) -> None:
    tiny = request.getfixturevalue(layout)
    weights = trained[layout, "bolid"] / "weights"
    options = Options(
        distilled=NONE, controlnet=NONE, preview=NONE, image_encoder=str(tiny.folders.image_encoder),
        body_adapter=str(weights / "body.safetensors"), face_adapter=str(weights / "face.safetensors"),
    )  # fmt: skip
    backbone = load_backbone(layout, "cpu", tiny.folders.pipeline, options)
    assert backbone.capabilities.commercial_use
    photos = [photo.open() for photo in open_source(tiny.shards[0]).read()]
    with_face = [view for view in photos if view.observation.face_box is not None]
    one, other = IdentityProfile((with_face[0],)), IdentityProfile((with_face[-1], photos[5]))

    def drawn(who: IdentityProfile, **settings: Any) -> np.ndarray[Any, Any]:
        settings_of_request = Settings(steps=2, guidance=3.0, **settings)
        picture: Image.Image = backbone.draw([GenerationInput(who, "a person on a beach", "", 3, settings_of_request)])[
            0
        ]
        return np.asarray(picture, int)

    usual = drawn(one)
    assert np.array_equal(usual, drawn(one))
    for changed in (
        drawn(other), drawn(one, face_scale=0.0), drawn(one, body_scale=0.0), drawn(one, clothes=Clothes.CHANGE),
    ):  # fmt: skip
        assert np.abs(usual - changed).max() > 0
    both = backbone.draw(
        [GenerationInput(who, "a person on a beach", "", 3, Settings(steps=2, guidance=3.0)) for who in (one, other)]
    )
    assert np.abs(np.asarray(both[0], int) - usual).max() <= 1


def test_the_command_line_trains_from_a_recipe_and_says_what_it_wrote(
    sd15: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("method: ip_adapter\nsteps: 9\nbatch: 2\nprecision: 'no'\nbase_precision: fp32\nsheet_people: 1\n"
                      "sheet_steps: 2\n", "utf-8")  # fmt: skip
    out = tmp_path / "run"
    options = ["--base", str(sd15.folders.pipeline), "--image-encoder", str(sd15.folders.image_encoder)]
    options += ["--data", str(sd15.cache), "--out", str(out), "--config", str(recipe)]
    options += ["--method", "ip_adapter_plus", "--steps", "2", "--sheet-every", "2"]
    assert main(["adapter", *options]) == 0
    assert str(out / "weights" / "ip-adapter-plus.safetensors") in capsys.readouterr().out
    assert json.loads((out / "log.jsonl").read_text())["step"] == 2
    sheet = np.asarray(Image.open(out / "validation" / "000002.png"))
    size = next(p.size for p in AdapterCache(sd15.cache).photos if p.split == "validation")
    assert sheet.shape[1] >= 3 * size[0] and sheet.std() > 0
    described = json.loads((out / "adapter.json").read_text())
    assert described["recipe"]["method"] == "ip_adapter_plus" and described["layout"] == "sd15"
    assert main(["export", "--run", str(out), "--out", str(tmp_path / "again")]) == 0
    first, second = (load_file(f / "ip-adapter-plus.safetensors") for f in (out / "weights", tmp_path / "again"))
    assert all(torch.equal(first[key], second[key]) for key in first) and set(first) == set(second)


def test_a_run_begins_with_a_public_file(sd15: Any, tmp_path: Path) -> None:
    changes = {"body_tokens": 4, "start_from": {"body": str(sd15.folders.body)}, "steps": 1, "learning_rate": 1e-9}
    train_adapter(run_of(sd15, tmp_path, "bolid", **changes))
    public, ours = load_file(sd15.folders.body), load_file(tmp_path / "weights" / "body.safetensors")
    assert torch.allclose(ours["image_proj.latents"], public["image_proj.latents"].repeat(1, 5, 1), atol=1e-5)
    rest = [key for key in public if key != "image_proj.latents"]
    assert all(torch.allclose(ours[key], public[key], atol=1e-5) for key in rest)
    wrong = run_of(sd15, tmp_path / "wrong", "bolid", start_from={"body": str(sd15.folders.lora)})
    with pytest.raises(DataError, match="to begin body with") as caught:
        train_adapter(wrong)
    assert "\n" not in str(caught.value)


def test_mistakes_are_one_line_and_exit_code_2(sd15: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["--base", str(sd15.folders.pipeline), "--image-encoder", str(sd15.folders.image_encoder)]
    rest = ["--data", str(sd15.cache), "--out", str(tmp_path / "run")]
    for arguments, expected in (
        ([*base, "--data", str(tmp_path), "--out", str(tmp_path / "run")], "python -m trainer precompute"),
        (["--base", "nano", *rest], "run python -m trainer nano"),
        ([*base, *rest, "--method", "lora"], "expected a --method out of"),
        ([*base, *rest, "--steps", "0"], "recipe: steps"),
        ([*base, *rest, "--config", str(tmp_path / "none.yaml")], "expected a recipe at"),
    ):
        assert main(["adapter", *arguments]) == 2
        error = capsys.readouterr().err
        assert expected in error and error.count("\n") == 1


def test_a_recipe_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("stepps: 3\n", "utf-8")
    with pytest.raises(DataError, match="recipe: stepps"):
        read_recipe(path, {})
    with pytest.raises(DataError, match="base_precision"):
        read_recipe(None, {"precision": "no"})


@pytest.mark.parametrize("path", sorted((ROOT / "trainer" / "configs" / "adapter").glob("*.yaml")))
def test_the_recipes_that_are_shipped_can_be_read(path: Path) -> None:
    assert plan_of(read_recipe(path, {})).branches


LAUNCHERS = {
    "accelerate": ["accelerate.commands.accelerate_cli", "launch", "--cpu", "--num_processes", "1",
                   "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"],
    "torchrun": ["torch.distributed.run", "--standalone", "--nproc_per_node", "2"],
}  # fmt: skip


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_launchers_start_one_process_or_several(sd15: Any, tmp_path: Path, launcher: str) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(SMALL | {"method": "bolid", "accumulation": 2}), "utf-8")
    command = [sys.executable, "-m", *LAUNCHERS[launcher], "-m", "trainer", "adapter", "--config", str(recipe)]
    command += ["--base", str(sd15.folders.pipeline), "--image-encoder", str(sd15.folders.image_encoder)]
    command += ["--data", str(sd15.cache), "--out", str(tmp_path / "run")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    processes = {"accelerate": 1, "torchrun": 2}[launcher]
    assert len(list((tmp_path / "run").glob("random-*.pt"))) == processes
    assert (tmp_path / "run" / "weights" / "body.safetensors").is_file()
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == 1


def test_photos_may_not_vanish_from_under_a_run(sd15: Any, tmp_path: Path) -> None:
    copy = tmp_path / "cache"
    shutil.copytree(sd15.cache, copy)
    cache = AdapterCache(copy)
    (copy / cache.photos[0].file).write_bytes(b"cut")
    with pytest.raises(DataError, match="run python -m trainer precompute again"):
        cache.tensors(cache.photos[0], ["mask"])


def pipeline_of(tiny: Any) -> Any:
    if tiny.base.layout == "sdxl":
        return StableDiffusionXLPipeline.from_pretrained(tiny.base.folder)
    return StableDiffusionPipeline.from_pretrained(tiny.base.folder, safety_checker=None, requires_safety_checker=False)


def one_pair(tiny: Any, method: str) -> Any:
    """A batch of one person's photo for another of theirs."""
    cache = AdapterCache(tiny.cache)
    photos = PairedPhotos(cache, "train", Pairing(), plan_of(Recipe(method=method)).regions)
    target, reference = next(iter(photos.people.values()))[:2]
    return photos.encoded([TrainingRow(target, (reference,), "full")], [[set()]]).to(torch.device("cpu"))


def resumed(tiny: Any, out: Path, method: str) -> AdapterLearner:
    """The learner of a finished run with its averaged weights."""
    from trainer.adapter.learner import FrozenBase
    from trainer.adapter.methods import build_branches
    from trainer.adapter.run import encoder_sizes

    recipe = Recipe.model_validate({**SMALL, "method": method})
    unet = tiny.base.unet()
    branches = build_branches(plan_of(recipe), unet, **encoder_sizes(tiny.base))
    learner = AdapterLearner(FrozenBase(unet, tiny.base.scheduler().alphas_cumprod, "epsilon", 0.18), branches, recipe)
    learner.load_state_dict(torch.load(out / "state.pt", weights_only=True)["average"])
    return learner
