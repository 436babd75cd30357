"""crawl, curate, split, precompute, adapter, measure, serve: docs/training.md from its start, on rendered people."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.backbones import load_backbone
from engine.backbones.base import GenerationInput
from engine.backbones.options import NONE, Options
from engine.contract import Settings
from engine.identity.faces import Face
from engine.identity.person_parser import ShippedParser
from engine.identity.profile import IdentityProfile
from trainer.__main__ import main
from trainer.adapter.cache import AdapterCache
from trainer.adapter.sources import SourcePhoto, open_source
from trainer.curate.captioner import TemplateCaptioner
from trainer.curate.dataset import read_curated
from trainer.curate.looking import Experts
from trainer.curate.options import CurateOptions
from trainer.curate.pipeline import curate
from trainer.splits import read_splits
from trainer.synthetic.shards import ShardPlan, write_shards

ROOT = Path(__file__).parents[3]
SITES = ROOT / "tests" / "trainer" / "crawl" / "conftest.py"
PEOPLE, PHOTOS = 4, 4
CONFIG = """
person_links: "ul.people a.person"
picture_links: "figure a.full::attr(data-full)"
"""
RECIPE = """
method: bolid
steps: 2
batch: 2
face_tokens: 4
body_tokens: 2
precision: 'no'
base_precision: fp32
sheet_every: 2
sheet_people: 1
sheet_steps: 2
"""


class RenderedFaces:
    """A finder that knows the faces of rendered photos by their pixels: no detector is included that sees them."""

    name = "rendered"

    def __init__(self) -> None:
        self.faces: dict[str, list[Face]] = {}

    def add(self, content: bytes, photo: SourcePhoto) -> None:
        box, person = photo.open().observation.face_box, int(photo.person.rpartition("-")[2])
        with Image.open(BytesIO(content)) as image:
            found = [] if box is None else [Face(box, embedding=np.eye(512, dtype=np.float32)[person])]
            self.faces[_key(image.convert("RGB"))] = found

    def find(self, image: Image.Image) -> list[Face]:
        return self.faces[_key(image)]


def _key(image: Image.Image) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


@pytest.fixture(scope="module")
def site() -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("sites_of_trainer", SITES)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    local = module.LocalSite()
    yield local
    local.close()


def publish(site: Any, shards: Path) -> RenderedFaces:
    """A gallery page a person."""
    finder, people = RenderedFaces(), dict[str, list[str]]()
    site.page("/people", "")
    reply = type(site.replies["/people"])
    for number, photo in enumerate(open_source(shards).read()):
        content = BytesIO()
        photo.open().image.save(content, "JPEG", quality=95)
        finder.add(content.getvalue(), photo)
        site.replies[f"/full/{number}"] = reply(body=content.getvalue())
        people.setdefault(photo.person, []).append(f"<figure><a class='full' data-full='/full/{number}'></a></figure>")
    links = "".join(f"<a class='person' href='/p/{person}'>P</a>" for person in people)
    site.page("/people", f"<ul class='people'>{links}</ul>")
    for person, figures in people.items():
        site.page(f"/p/{person}", "".join(figures))
    return finder


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_from_a_gallery_to_a_picture(
    sd15: Any, site: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shards(tmp_path / "rendered", ShardPlan(0, PEOPLE, PHOTOS, 144, 96), workers=1)
    finder = publish(site, tmp_path / "rendered")
    (tmp_path / "gallery.yaml").write_text(CONFIG, "utf-8")

    crawl = [sys.executable, "-m", "trainer.crawl", "gallery", "--start-url", f"{site.url}/people"]
    crawl += ["--config", str(tmp_path / "gallery.yaml"), "--out", str(tmp_path / "gallery")]
    crawl += ["--contact", "https://example.org/us", "--delay", "0", "--min-side", "32"]
    done = subprocess.run(crawl, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]

    curated = tmp_path / "curated"
    options = CurateOptions(data=tmp_path / "gallery", out=curated, min_side_px=64, duplicate_bits=0)
    curate(options, Experts(finder, ShippedParser(), captioner=TemplateCaptioner()))
    photos = read_curated(curated)
    assert len({photo.person for photo in photos}) == PEOPLE and len(photos) >= 2 * PEOPLE
    assert any(photo.outfit is not None for photo in photos)
    assert all(photo.captions["en_scene"] in photo.captions["en"] for photo in photos)

    assert main(["split", "--data", str(curated), "--test-people", "2", "--validation-people", "1"]) == 0
    assert "1 people for train, 1 people for validation, 2 people for test" in capsys.readouterr().out
    base = ["--base", str(sd15.folders.pipeline), "--image-encoder", str(sd15.folders.image_encoder)]
    cache, run = tmp_path / "cache", tmp_path / "run"
    assert main(["precompute", *base, "--data", str(curated), "--out", str(cache)]) == 0
    encoded = AdapterCache(cache).photos
    assert {photo.person: photo.split for photo in encoded} == read_splits(curated)
    assert all(photo.body and photo.embedding == 512 for photo in encoded if photo.face and len(photo.regions) > 2)

    (tmp_path / "recipe.yaml").write_text(RECIPE, "utf-8")
    adapter = ["adapter", *base, "--data", str(cache), "--config", str(tmp_path / "recipe.yaml"), "--out", str(run)]
    assert main(adapter) == 0
    assert json.loads((run / "log.jsonl").read_text("utf-8").splitlines()[-1])["step"] == 2
    assert (run / "validation" / "000002.png").is_file()

    settings = {"DISTILLED": NONE, "CONTROLNET": NONE, "PREVIEW": NONE, "IMAGE_PROMPT_ADAPTER": NONE}
    settings |= {"IMAGE_ENCODER": str(sd15.folders.image_encoder), "STATE": str(tmp_path / "state")}
    for name, value in settings.items():
        monkeypatch.setenv(f"ENGINE_{name}", value)
    measure = ["measure", "--backbone", "sd15", "--weights", str(sd15.folders.pipeline), "--run", str(run)]
    measure += ["--data", str(curated), "--out", str(tmp_path / "measure"), "--pictures", "1"]
    assert main(measure) == 0
    measured = json.loads((tmp_path / "measure" / "measures.json").read_text("utf-8"))
    assert measured["people"] == 2 and {"eq1", "eq1_person"} <= set(measured["models"]["run"]["figures"])
    assert len(list((tmp_path / "measure").rglob("*.png"))) == 2

    weights = run / "weights"
    options_of_engine = Options(
        distilled=NONE, controlnet=NONE, preview=NONE, image_encoder=str(sd15.folders.image_encoder),
        body_adapter=str(weights / "body.safetensors"), face_adapter=str(weights / "face.safetensors"),
    )  # fmt: skip
    backbone = load_backbone("sd15", "cpu", sd15.folders.pipeline, options_of_engine)
    who = IdentityProfile((next(iter(open_source(curated).read())).open(),))
    drawing = GenerationInput(who, "a person on a beach", "", 3, Settings(steps=2, guidance=3.0))
    picture: Any = backbone.draw([drawing])[0]
    assert np.asarray(picture).std() > 0
