"""Prompts, photos and pictures are checked behind one interface, and no photorealistic backbone goes unchecked."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image
from pydantic import ValidationError
from transformers import ViTConfig, ViTForImageClassification

from engine.config import Config
from engine.errors import SetupError
from engine.identity.faces import CascadeFinder, Face
from engine.safety.ages import ADULT, ESTIMATED_ADULT, PACK_FILE, HeadAges, PackAges, is_minors
from engine.safety.guard import Guard, _say_missing, open_guard
from engine.safety.wording import Concern

RED, BLUE = Image.new("RGB", (80, 80), "red"), Image.new("RGB", (80, 80), "blue")


class Reddish:
    """A classifier whose probability is the share of red; records the sizes of pictures."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def probability(self, image: Image.Image) -> float:
        self.sizes.append(image.size)
        return float(np.asarray(image.convert("RGB"))[..., 0].mean() / 255)


class NoFaces:
    name = "none"

    def find(self, image: Image.Image) -> list[Face]:
        return []


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub's cache without anything."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def vit_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Vision Transformer as transformers saves them, tiny and random."""
    folder = tmp_path_factory.mktemp("vit")
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        id2label={0: "nude", 1: "30-39", 2: "plain"},
    )
    ViTForImageClassification(config).save_pretrained(folder)
    preparation = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": 32}
    (folder / "preprocessor_config.json").write_text(json.dumps(preparation), "utf-8")
    return folder


@pytest.fixture(scope="module")
def pack_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack whose genderage network takes the brightness of a face for its age: white is a hundred."""
    root = tmp_path_factory.mktemp("insightface")
    (root / "models" / "small").mkdir(parents=True)
    make, floats = onnx.helper.make_node, onnx.TensorProto.FLOAT
    nodes = [
        make("Sub", ["data", "shift"], ["shifted"], name="Sub0"),
        make("Mul", ["shifted", "scale"], ["scaled"], name="Mul0"),
        make("GlobalAveragePool", ["scaled"], ["pooled"]),
        make("Flatten", ["pooled"], ["flat"]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "genderage",
        [onnx.helper.make_tensor_value_info("data", floats, [1, 3, 96, 96])],
        [onnx.helper.make_tensor_value_info("flat", floats, [1, 3])],
        [
            onnx.helper.make_tensor("shift", floats, [1], [0.0]),
            onnx.helper.make_tensor("scale", floats, [1], [1 / 255]),
        ],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(root / "models" / "small" / PACK_FILE))
    return root


def test_words_are_checked_without_any_classifier() -> None:
    guard = Guard(NoFaces())
    assert guard.check_prompt("a woman in a forest") is None
    assert guard.check_prompt("девочка в лесу") is Concern.MINOR
    assert guard.check_prompt("a nude") is Concern.NUDITY
    assert guard.check_photo(RED) is None and guard.check_picture(RED) is None


def test_photos_and_pictures_are_refused_from_the_threshold_on() -> None:
    guard = Guard(NoFaces(), nudity=Reddish(), nudity_threshold=1.0)
    for check in (guard.check_photo, guard.check_picture):
        assert check(RED) is Concern.NUDITY
        assert check(Image.new("RGB", (80, 80), (254, 0, 0))) is None


def test_a_photo_that_comes_again_is_not_looked_at_again() -> None:
    nudity = Reddish()
    guard = Guard(NoFaces(), nudity=nudity)
    assert [guard.check_photo(photo.copy()) for photo in (RED, BLUE, RED)] == [Concern.NUDITY, None, Concern.NUDITY]
    assert len(nudity.sizes) == 2


def test_ages_are_judged_by_heads_and_come_before_nudity(cascades: CascadeFinder, astronaut: Image.Image) -> None:
    age, nudity = Reddish(), Reddish()
    guard = Guard(cascades, nudity, HeadAges(age), nudity_threshold=0.01, age_threshold=0.01)
    assert guard.check_photo(astronaut) is Concern.MINOR
    assert all(max(size) < astronaut.width for size in age.sizes) and age.sizes
    assert nudity.sizes == []


def test_ages_of_drawn_figures_are_not_judged_but_those_of_photos_are(
    cascades: CascadeFinder, astronaut: Image.Image
) -> None:
    guard = Guard(cascades, ages=HeadAges(Reddish()), age_threshold=0.01, photorealistic=False)
    assert guard.check_picture(astronaut) is None
    assert guard.check_photo(astronaut) is Concern.MINOR


def test_drawn_pictures_are_refused_from_a_higher_probability_on() -> None:
    class Even(Reddish):
        def probability(self, image: Image.Image) -> float:
            return 0.8

    photos, drawn = (Guard(NoFaces(), nudity=Even(), photorealistic=value) for value in (True, False))
    assert photos.check_picture(RED) is Concern.NUDITY
    assert drawn.check_picture(RED) is None and drawn.check_photo(RED) is Concern.NUDITY


def test_where_there_is_no_face_no_age_is_guessed() -> None:
    age = Reddish()
    assert Guard(NoFaces(), ages=HeadAges(age)).check_photo(RED) is None
    assert age.sizes == []


@pytest.mark.parametrize(("given", "lacking"), [((), "safety"), (("age",), "safety"), (("safety",), "age")])
def test_a_backbone_with_photorealistic_pictures_needs_both_classifiers(
    slow_backbone: Any, vit_folder: Path, empty_cache: Path, given: tuple[str, ...], lacking: str
) -> None:
    photorealistic = dataclasses.replace(slow_backbone.capabilities, name="sdxl", photorealistic=True)
    config = Config(
        safety_model=str(vit_folder) if "safety" in given else None,
        age_model=str(vit_folder) if "age" in given else None,
        age_labels="30-39",
        face_root=empty_cache,
        state=empty_cache,
    )
    with pytest.raises(SetupError, match=f"{lacking} classifier beside sdxl.*doctor --backbone sdxl --downl") as raised:
        open_guard(config, photorealistic, NoFaces())
    assert "\n" not in str(raised.value)


def test_another_backbone_does_without_and_says_so(
    slow_backbone: Any, empty_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _say_missing.cache_clear()
    config = Config(face_root=empty_cache, state=empty_cache)
    with caplog.at_level(logging.WARNING):
        guard = open_guard(config, slow_backbone.capabilities, NoFaces())
        open_guard(config, slow_backbone.capabilities, NoFaces())
    assert guard.check_photo(RED) is None and guard.check_prompt("nude") is Concern.NUDITY
    assert [record.message.partition(": run ")[2] for record in caplog.records] == [
        "python -m engine doctor --download nudity",
        "python -m engine doctor --download age",
    ]


def test_a_classifier_that_is_named_must_be_there(slow_backbone: Any, empty_cache: Path) -> None:
    with pytest.raises(SetupError, match=r"ENGINE_AGE_MODEL: expected a folder.*got somebody/ages"):
        open_guard(Config(age_model="somebody/ages"), slow_backbone.capabilities, NoFaces())


def test_where_nothing_is_drawn_no_classifier_is_needed(empty_cache: Path) -> None:
    assert open_guard(Config(state=empty_cache), None, NoFaces()).check_photo(RED) is None


def test_folders_of_classifiers_that_are_named_are_used(
    slow_backbone: Any, vit_folder: Path, cascades: CascadeFinder, astronaut: Image.Image
) -> None:
    config = Config(
        safety_model=str(vit_folder),
        safety_labels=" NUDE, bad",
        safety_threshold=1e-6,
        age_model=str(vit_folder),
        age_labels="30-39",
        age_threshold=1e-6,
    )
    photorealistic = dataclasses.replace(slow_backbone.capabilities, photorealistic=True)
    guard = open_guard(config, photorealistic, cascades)
    assert guard.check_picture(RED) is Concern.NUDITY
    assert guard.check_photo(astronaut) is Concern.MINOR


def test_age_groups_that_are_named_are_refused_beside_those_of_minors(
    classifier_folder: Callable[[str, str], Path], cascades: CascadeFinder, astronaut: Image.Image, empty_cache: Path
) -> None:
    config = Config(age_model=str(classifier_folder("10-19", "30-39")), age_labels="20-29")
    assert open_guard(config, None, cascades).check_photo(astronaut) is Concern.MINOR


def test_insightfaces_pack_tells_ages_where_no_classifier_is(
    pack_root: Path, cascades: CascadeFinder, astronaut: Image.Image, empty_cache: Path
) -> None:
    ages = PackAges(pack_root / "models" / "small")
    box = (20.0, 20.0, 60.0, 60.0)
    young, grown = (Image.new("RGB", (80, 80), (grey, grey, grey)) for grey in (25, 128))
    assert (ages.years(young, box), ages.years(grown, box)) == (10, 50)
    assert (ages.minor_probability(young, Face(box)), ages.minor_probability(grown, Face(box))) == (1.0, 0.0)
    just_grown = Image.new("RGB", (80, 80), (51, 51, 51))
    assert ADULT < ages.years(just_grown, box) < ESTIMATED_ADULT
    assert ages.minor_probability(just_grown, Face(box)) == 1.0
    guard = open_guard(Config(face_root=pack_root, face_pack="small", state=empty_cache), None, cascades)
    assert guard.check_photo(astronaut) is None
    assert guard.check_photo(astronaut.point(lambda level: level * 0.3)) is Concern.MINOR


@pytest.mark.parametrize(
    ("label", "minor"), [("0-2", True), ("10-19", True), ("05", True), ("20-29", False), ("more than 70", False)]
)
def test_an_age_group_that_begins_below_eighteen_is_minors(label: str, minor: bool) -> None:
    assert is_minors(label) is minor
    assert not is_minors("adult") and ADULT == 18


@pytest.mark.parametrize("name", ["safety_threshold", "age_threshold"])
def test_a_threshold_that_would_let_everything_pass_is_no_setting(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Config(**{name: 1.0})  # type: ignore[arg-type]


def test_a_backbone_with_photorealistic_pictures_is_served_with_networks_out_of_packages(
    slow_backbone: Any,
    empty_cache: Path,
    fetched: Callable[[str], Path],
    astronaut: Image.Image,
    cascades: CascadeFinder,
) -> None:
    fetched("age")
    photorealistic = dataclasses.replace(slow_backbone.capabilities, name="sdxl", photorealistic=True)
    guard = open_guard(Config(face_root=empty_cache, state=fetched("nudity")), photorealistic, cascades)
    assert guard.check_photo(astronaut) is None
