"""Photos are encoded once: the cache has the outputs of the networks, and an interrupted run resumes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from engine.identity.regions import ImageRegion
from trainer.__main__ import main
from trainer.adapter.base import open_base
from trainer.adapter.cache import INDEX, AdapterCache, read_index
from trainer.adapter.encoders import PhotoEncoders
from trainer.adapter.precompute import PrecomputeRun, precompute
from trainer.adapter.sources import open_source
from trainer.curate.records import CuratedPhoto
from trainer.errors import DataError
from trainer.splits import split_folder


def test_every_photo_is_there_with_its_split_and_outfit(tiny: Any, cache: AdapterCache) -> None:
    splits = [photo.split for photo in cache.photos]
    assert splits.count("train") == 12 and splits.count("validation") == 4
    assert cache.settings.layout == tiny.base.layout
    assert all(photo.outfit and photo.outfit.startswith(photo.person) for photo in cache.photos)
    assert all(photo.captions["full"] != photo.captions["scene"] for photo in cache.photos)
    sides = {side for photo in cache.photos for side in photo.size}
    assert all(side % cache.settings.step_px == 0 for side in sides)


def test_the_cache_holds_what_the_networks_give(tiny: Any, cache: AdapterCache) -> None:
    encoders = PhotoEncoders(tiny.base, torch.device("cpu"))
    photo = cache.photos[0]
    source = next(p for p in open_source(tiny.shards[0]).read() if p.key == photo.key)
    found = cache.tensors(photo, ["text.full", "latents.mean", "latents.std", "mask", "hidden.whole", "joints"])
    states = encoders.captions([source.captions["full"]])
    assert torch.allclose(found["text.full"].float(), states.states[0], atol=1e-2)
    width, height = photo.size
    cells = (height // encoders.vae_factor, width // encoders.vae_factor)
    assert found["latents.mean"].shape[1:] == cells == found["mask"].shape
    whole = cache.tensors(photo, ["embeds", "pooled.scene"])
    assert ("pooled.scene" in whole) == (tiny.base.layout == "sdxl")
    assert 0 < found["mask"].float().mean() < 255
    visible = found["joints"][found["joints"][:, 2] > 0]
    assert ((visible[:, :2] >= 0) & (visible[:, :2] <= 1)).all()
    assert (found["latents.std"] > 0).all()


def test_the_text_of_nothing_is_what_the_base_is_shown_without_a_prompt(tiny: Any, cache: AdapterCache) -> None:
    empty = cache.shared["text.empty"]
    assert bool((empty == 0).all()) == (tiny.base.layout == "sdxl")  # force_zeros_for_empty_prompt


def test_the_picture_in_the_cache_is_the_photo(sd15: Any) -> None:
    """Decoding the random autoencoder shows nothing; the latents of the same crop must be the same."""
    cache, encoders = AdapterCache(sd15.cache), PhotoEncoders(sd15.base, torch.device("cpu"))
    photo = next(p for p in cache.photos if p.split == "train")
    source = next(p for p in open_source(sd15.shards[0]).read() if p.key == photo.key)
    view = source.open()
    scale = max(photo.size[0] / view.image.width, photo.size[1] / view.image.height)
    left, top = (offset / scale for offset in photo.offset)
    box = (left, top, min(left + photo.size[0] / scale, 64), min(top + photo.size[1] / scale, 96))
    resized = view.image.resize(photo.size, Image.Resampling.LANCZOS, box=box)
    again, mirrored = (encoders.latents(picture)[0] for picture in (resized, ImageOps.mirror(resized)))
    latents = cache.tensors(photo, ["latents.mean"])["latents.mean"].float()
    assert (again - latents).abs().mean() < 0.3 * (mirrored - latents).abs().mean()


def test_a_run_that_was_cut_off_encodes_only_what_is_missing(
    sd15: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "cache"
    shutil.copytree(sd15.cache, copy)
    lines = (copy / INDEX).read_text().splitlines(keepends=True)
    (copy / INDEX).write_text("".join(lines[:-2]) + lines[-2][:40])  # a kill in the middle of a line
    encoded: list[str] = []
    import trainer.adapter.precompute as module

    original = module._encode
    monkeypatch.setattr(
        module, "_encode", lambda out, photo, *rest: encoded.append(photo.key) or original(out, photo, *rest)
    )
    assert precompute(PrecomputeRun(sd15.shards, sd15.base, copy)) == 16
    assert encoded == [json.loads(line)["key"] for line in lines[-2:]]
    assert set(read_index(copy)) == set(read_index(sd15.cache))


def test_another_base_or_other_sizes_in_the_same_cache_are_refused(sd15: Any, sdxl: Any) -> None:
    with pytest.raises(DataError, match="same layout, base"):
        precompute(PrecomputeRun(sd15.shards, sdxl.base, sd15.cache))
    with pytest.raises(DataError, match="area_px"):
        precompute(PrecomputeRun(sd15.shards, sd15.base, sd15.cache, area_px=4096))


def curated(folder: Path) -> Path:
    """Two real people with two photos each, one of them without a body."""
    lines = []
    for person in ("ada", "eve"):
        for number in range(2):
            picture = np.full((120, 80, 3), 128, np.uint8)
            picture[20:110, 25:55] = (200, 40 * number, 0)
            parts = np.zeros((120, 80), np.uint8)
            parts[20:110, 25:55] = 3
            name, mask = f"{person}{number}.png", f"{person}{number}-parts.png"
            Image.fromarray(picture).save(folder / name)
            Image.fromarray(parts).save(folder / mask)
            body = (person, number) != ("eve", 1)
            embedding = np.zeros(512)
            embedding[number] = 1
            photo = CuratedPhoto(
                file_name=name,
                person=person,
                width=80,
                height=120,
                face_box=(32, 22, 48, 40),
                face_landmarks=None,
                face_embedding=embedding.tolist(),
                body_box=(25, 20, 55, 110) if body else None,
                keypoints=[[40.0, 30.0 + 5 * joint, 0.9] for joint in range(17)] if body else None,
                parts=mask if body else None,
                captions={"en": f"{person} in a coat", "en_scene": "a person outside"},
                captioner="none",
                sha256=name,
                source=name,
                provenance=None,
                outfit=f"{person}-0" if person == "ada" else None,
            )
            lines.append(photo.model_dump_json())
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def test_curated_photos_are_encoded_too(sd15: Any, tmp_path: Path) -> None:
    (tmp_path / "curated").mkdir()
    folder = curated(tmp_path / "curated")
    assert split_folder(folder, validation=0, test=1) == {"train": 1, "validation": 0, "test": 1}
    run = PrecomputeRun((folder,), sd15.base, tmp_path / "cache")
    assert precompute(run) == 4
    cache = AdapterCache(tmp_path / "cache")
    assert {photo.split for photo in cache.photos} == {"train", "test"}
    assert len({photo.person for photo in cache.photos if photo.split == "test"}) == 1
    assert all(photo.face and photo.embedding == 512 for photo in cache.photos)
    assert {photo.person: photo.outfit for photo in cache.photos} == {"ada": "ada-0", "eve": None}
    assert {photo.captions["scene"] for photo in cache.photos} == {"a person outside"}
    bodiless = next(p for p in cache.photos if set(p.regions) == {"whole", "head"})
    assert bodiless.person == "eve"
    assert sum(set(p.regions) == set(ImageRegion) for p in cache.photos) == 3


def test_the_command_line_encodes_and_goes_on(sd15: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--base", str(sd15.folders.pipeline), "--image-encoder", str(sd15.folders.image_encoder)]
    options += ["--out", str(tmp_path), "--data", *map(str, sd15.shards)]
    assert main(["precompute", *options, "--limit", "2"]) == 0
    assert len(read_index(tmp_path)) == 2 and "2 photos in" in capsys.readouterr().out
    assert main(["precompute", *options, "--limit", "3"]) == 0
    assert len(read_index(tmp_path)) == 3
    assert main(["precompute", *options, "--area", "4096"]) == 2
    assert "trainer: expected a cache with the same area_px in" in capsys.readouterr().err.splitlines()[-1]


def test_what_is_no_data_and_no_base_is_one_line(tmp_path: Path, sd15: Any) -> None:
    with pytest.raises(DataError, match=r"found neither: give another --data"):
        open_source(tmp_path)
    for name in ("sd15", str(tmp_path)):
        with pytest.raises(DataError, match="--base") as caught:
            open_base(name, sd15.folders.image_encoder)
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="run python -m trainer precompute"):
        AdapterCache(tmp_path)
