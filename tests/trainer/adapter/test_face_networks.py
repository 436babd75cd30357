"""A setting chooses the network that recognises faces; dlib's gives the embeddings of the bot, and gradients pass
through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from engine.config import load_config
from engine.hub.packaged import named, remedy
from engine.identity.faces import Face
from engine.identity.observation import Observation
from engine.pixels import to_tensor
from engine.vision.centerface import CenterFace
from engine.vision.face_descriptor import SIZE, FaceDescriptor
from trainer.adapter.cache import AdapterCache
from trainer.adapter.face_networks import open_face_network
from trainer.adapter.identity_losses import unlikeness
from trainer.adapter.precompute import PrecomputeRun, precompute
from trainer.adapter.recipe import read_recipe
from trainer.adapter.recognition import (
    ChipPlaces,
    Recognition,
    embedding_at,
    embedding_dim,
    open_dlib_recognition,
    open_face_recognition,
)
from trainer.errors import DataError


class NoFinder:
    """A finder that never finds any."""

    name = "none"

    def find(self, image: Image.Image) -> list[Face]:
        return []


@pytest.fixture(scope="module")
def state() -> Path:
    """The folder ENGINE_STATE with dlib's and CenterFace's weights; skips where it has none."""
    folder = load_config().state
    for name in ("same_person", "centerface"):
        if named(name).lacking(folder):
            pytest.skip(f"needs the weights {name} in {folder}: {remedy(named(name))}")
    return folder


@pytest.fixture(scope="module")
def dlib(state: Path) -> Recognition:
    return open_dlib_recognition(state, CenterFace(state))


def test_dlib_embeds_a_face_as_the_bot_does(dlib: Recognition, state: Path) -> None:
    astronaut = Image.fromarray(skimage.data.astronaut())
    ours = embedding_at(dlib, astronaut, dlib.places.find(astronaut))
    theirs = FaceDescriptor(state).describe(astronaut, CenterFace(state).find(astronaut)[0])
    assert ours is not None and theirs is not None and embedding_dim(dlib) == SIZE
    assert float(ours @ (theirs / np.linalg.norm(theirs))) > 0.99
    assert dlib.name.startswith("dlib-")


def test_a_loss_by_dlib_is_small_for_the_same_face_and_moves_the_picture(dlib: Recognition) -> None:
    astronaut = Image.fromarray(skimage.data.astronaut())
    embedding = embedding_at(dlib, astronaut, dlib.places.find(astronaut))
    assert embedding is not None
    pixels = to_tensor(np.array(astronaut)[None])
    drawn = (pixels + 0.05 * torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0))).requires_grad_(True)
    loss = unlikeness(dlib, drawn, torch.from_numpy(embedding)[None])
    assert 0 < float(loss.detach()) < 0.05
    loss.backward()
    assert drawn.grad is not None and float(drawn.grad.abs().sum()) > 0


def test_dlib_reads_no_face_that_is_small_or_has_no_landmarks() -> None:
    places = ChipPlaces(NoFinder())
    landmarks = np.array([(36, 50), (50, 52), (43, 60), (38, 67), (48, 68)], np.float32)
    assert places.place(Observation(90, 120, (20, 20, 70, 90), landmarks)) is not None
    assert places.place(Observation(90, 120, (20, 20, 50, 50), landmarks)) is None
    assert places.place(Observation(90, 120, (20, 20, 70, 90))) is None
    assert places.find(Image.new("RGB", (90, 120))) is None


def test_a_network_that_is_absent_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.identity.faces.DEFAULT_ROOT", tmp_path)
    with pytest.raises(DataError, match=r"doctor --download centerface"):
        open_face_network("dlib", state=tmp_path)
    with pytest.raises(DataError, match="expected the insightface pack"):
        open_face_network("arcface", tmp_path, state=tmp_path)
    recipe = read_recipe(None, {"method": "bolid", "identity": {"face_network": "dlib"}})
    assert recipe.identity is not None and recipe.identity.face_network == "dlib"
    with pytest.raises(DataError, match="face_network"):
        read_recipe(None, {"identity": {"face_network": "facenet"}})


def test_a_chosen_network_embeds_all_faces_of_a_cache(sd15: Any, tmp_path: Path, write_recognition: Any) -> None:
    write_recognition(tmp_path / "pack" / "faces.onnx", dim=128)
    faces = open_face_recognition(tmp_path / "pack", NoFinder())
    cache = tmp_path / "cache"
    precompute(PrecomputeRun(sd15.shards, sd15.base, cache, limit=3, faces=faces))
    found = AdapterCache(cache)
    assert found.settings.face_network == faces.name
    assert {photo.embedding for photo in found.photos if photo.face} == {128}


def test_dlibs_distances_are_in_units_of_its_threshold(dlib: Recognition, state: Path) -> None:
    astronaut = Image.fromarray(skimage.data.astronaut())
    found = embedding_at(dlib, astronaut, dlib.places.find(astronaut), unit=False)
    theirs = FaceDescriptor(state).describe(astronaut, CenterFace(state).find(astronaut)[0])
    assert found is not None and theirs is not None
    assert np.linalg.norm(found - theirs) < 0.3 < 1 < np.linalg.norm(theirs)
