"""Runs of the trainer and public adapters open as backbones; IdentityNet reads tokens of the face, no words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from PIL import Image

from engine.adapter.ip_adapter_file import AdapterFile, read_adapter
from engine.backbones.base import GenerationInput
from engine.backbones.options import NONE, Options
from engine.contract import PosePreset, Settings
from engine.errors import BadReference
from engine.identity.faces import Face
from engine.identity.profile import IdentityProfile, Observation, View
from engine.pose import preset
from trainer.adapter.control import identity_net
from trainer.adapter.export import RUN_FILE, export_branches
from trainer.adapter.methods import build_branches, plan_of
from trainer.adapter.recipe import Recipe
from trainer.adapter.recognition import FacePlaces, Recognition
from trainer.errors import DataError
from trainer.measure.models import UNLOADABLE, open_model, served_run
from trainer.measure.pictures import KeyedDrawing, PictureFolder
from trainer.measure.plan import ModelPlan
from trainer.measure.stock import COLOURS, StockBackbone, draw_face_points, moved

LANDMARKS = np.array([(60, 40), (80, 40), (70, 50), (62, 58), (78, 58)], np.float32)


class NoFinder:
    """A finder that never finds any."""

    name = "none"

    def find(self, image: Image.Image) -> list[Face]:
        return []


STEPS = Settings(steps=2, guidance=3.0)


def a_drawing(seed: int = 0, **changes: Any) -> GenerationInput:
    rng = np.random.default_rng(seed)
    embedding = rng.normal(size=512).astype(np.float32)
    observation = Observation(
        150, 200, body_box=(30.0, 10.0, 120.0, 200.0), face_box=(50.0, 20.0, 90.0, 60.0), face_landmarks=LANDMARKS,
        face_embedding=embedding / np.linalg.norm(embedding),
    )  # fmt: skip
    who = IdentityProfile((View(Image.fromarray(rng.integers(0, 255, (200, 150, 3), np.uint8)), observation),))
    usual = {"identity": who, "prompt": "on a beach", "negative_prompt": "", "seed": 3, "settings": STEPS}
    return GenerationInput(**usual | changes)


@pytest.fixture(scope="module")
def run_of(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Method -> a run's folder with its files, random weights."""

    def run(method: str) -> Path:
        folder = tmp_path_factory.mktemp(method)
        recipe = Recipe(method=method, face_tokens=4, body_tokens=2)
        unet = UNet2DConditionModel.from_pretrained(tiny.pipeline, subfolder="unet")
        torch.manual_seed(1)
        branches = build_branches(plan_of(recipe), unet, hidden_dim=32, embed_dim=32)
        for parameter in branches.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        control = None if plan_of(recipe).points is None else identity_net(unet, vae_factor=2)
        for name, parameter in [] if control is None else control.named_parameters():
            if name.startswith("controlnet_"):
                torch.nn.init.normal_(parameter, std=0.1)
        export_branches(branches, method, unet, folder / "weights", control)
        (folder / RUN_FILE).write_text(json.dumps({"recipe": {"method": method}}), "utf-8")
        return folder

    return run


def opened(tiny: Any, run: Path) -> Any:
    options = Options(distilled=NONE, preview=NONE, controlnet=NONE, image_encoder=str(tiny.image_encoder))
    return open_model(ModelPlan(name="x", backbone="sd15", weights=tiny.pipeline, run=run, options=options), "cpu")


def pixels(backbone: Any, drawing: GenerationInput) -> Any:
    return np.asarray(backbone.draw([drawing])[0], np.int16)


def test_instantid_draws_the_face_and_its_points(tiny: Any, run_of: Callable[[str], Path]) -> None:
    backbone = opened(tiny, run_of("instantid")).backbone
    assert isinstance(backbone, StockBackbone) and backbone.capabilities.name == "instantid"
    read: list[Any] = []
    backbone._pipeline.controlnet.register_forward_pre_hook(
        lambda module, given, named: read.append(named["encoder_hidden_states"]), with_kwargs=True
    )
    first = pixels(backbone, a_drawing())
    assert all(states.shape[1] == 4 for states in read)  # tokens of the face, and no words
    assert not torch.allclose(read[0][0], read[0][1])  # the half without guidance reads no face
    assert np.array_equal(first, pixels(backbone, a_drawing()))
    assert not np.array_equal(first, pixels(backbone, a_drawing(seed=1)))
    assert not np.array_equal(first, pixels(backbone, a_drawing(prompt="in a forest")))
    unseen = a_drawing().identity.views[0]
    faceless = IdentityProfile((View(unseen.image, Observation(150, 200)),))
    with pytest.raises(BadReference, match="embedding of 512"):
        backbone.draw([a_drawing(identity=faceless)])


def test_the_layout_of_ip_adapter_reads_the_picture(tiny: Any, run_of: Callable[[str], Path]) -> None:
    backbone = opened(tiny, run_of("ip_adapter")).backbone
    first = pixels(backbone, a_drawing())
    assert not np.array_equal(first, pixels(backbone, a_drawing(seed=1)))
    silent = STEPS.model_copy(update={"body_scale": 0.0})
    same = [pixels(backbone, a_drawing(seed=seed, settings=silent)) for seed in (0, 1)]
    assert np.array_equal(*same)


def test_public_files_open_by_name(
    tiny: Any, run_of: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """InstantID's file is a .bin of two sections; it reads embeddings of a pack of its own, not of length 1."""
    weights = run_of("instantid") / "weights"
    torch.save(read_adapter(AdapterFile(str(weights), "", "ip-adapter.safetensors")), tmp_path / "ip-adapter.bin")
    options = Options(
        face_adapter=str(tmp_path / "ip-adapter.bin"), controlnet=str(weights / "controlnet"),
        image_encoder=str(tiny.image_encoder),
    )  # fmt: skip
    plan = ModelPlan(name="InstantID", backbone="instantid", weights=tiny.pipeline, options=options)
    with pytest.raises(DataError, match="expected the insightface pack 'antelopev2'"):
        open_model(plan, "cpu", tmp_path)
    drawings: list[Any] = []
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 512))
    network.forward = lambda crops, weights: 20 * torch.ones(1, 512)  # type: ignore[method-assign]
    faces = Recognition("antelopev2", (8, 8), network, FacePlaces((8, 8), NoFinder()))
    monkeypatch.setattr("trainer.measure.models.open_face_network", lambda *given: drawings.append(given) or faces)
    backbone = open_model(plan, "cpu", tmp_path).backbone
    assert drawings == [("arcface", tmp_path, "antelopev2")]
    assert pixels(backbone, a_drawing()).std() > 0
    assert backbone._embeds(a_drawing().identity.views).tolist() == [[[[20.0] * 512]]]
    with pytest.raises(DataError, match="download it"):
        absent = Options(face_adapter="no/such/file.bin", image_encoder=str(tiny.image_encoder))
        open_model(plan.model_copy(update={"options": absent}), "cpu")


def test_runs_are_served_by_their_files(tiny: Any, run_of: Callable[[str], Path]) -> None:
    for method, face, body, note in (
        ("bolid", "face.safetensors", "body.safetensors", False),
        ("pulid_body", NONE, "body.safetensors", False),
        ("instantid_body", NONE, "body.safetensors", True),
    ):
        plan, _, meaning = served_run(ModelPlan(name="x", backbone="sd15", run=run_of(method)))
        assert Path(str(plan.options.face_adapter)).name == face
        assert Path(str(plan.options.body_adapter)).name == body
        assert bool(meaning) is note
    model = opened(tiny, run_of("bolid"))
    assert pixels(model.backbone, a_drawing()).std() > 0
    assert model.digest != opened(tiny, run_of("pulid_body")).digest


def test_what_cannot_be_loaded_says_why() -> None:
    for name, reason in UNLOADABLE.items():
        with pytest.raises(DataError) as caught:
            open_model(ModelPlan(name=name, backbone=name))
        assert str(caught.value) == reason


def test_photos_that_a_model_refuses_are_left_out(
    tiny: Any, run_of: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = opened(tiny, run_of("instantid"))
    faceless = IdentityProfile((View(a_drawing().identity.views[0].image, Observation(150, 200)),))
    two_drawings = [KeyedDrawing("a", a_drawing()), KeyedDrawing("b", a_drawing(identity=faceless))]
    first, second = PictureFolder(model, tmp_path).draw(two_drawings)
    assert first is not None and second is None
    monkeypatch.setattr(model.backbone, "draw", lambda drawings: pytest.fail("drawn twice"))
    pictures = PictureFolder(model, tmp_path)
    again = pictures.draw(two_drawings)
    assert np.array_equal(again[0], first) and again[1] is None  # type: ignore[arg-type]
    assert list(pictures.refusals) == ["b"] and "embedding" in pictures.refusals["b"]


def test_the_points_of_a_face_follow_the_pose() -> None:
    pose = preset(PosePreset.STANDING)
    size = (200, 300)
    found = moved(LANDMARKS, pose, size)
    assert found is not None
    eyes_and_nose = pose[[2, 1, 0], :2] * size
    assert np.abs(found[:3] - eyes_and_nose).max() < 12
    assert found[3:, 1].min() > found[:2, 1].max()  # the mouth below the eyes
    back = pose.copy()
    back[:3, 2] = 0
    assert moved(LANDMARKS, back, size) is None and draw_face_points(None, size).getbbox() is None
    drawn = draw_face_points(LANDMARKS, size)
    assert [drawn.getpixel((int(x), int(y))) for x, y in LANDMARKS] == list(COLOURS)
