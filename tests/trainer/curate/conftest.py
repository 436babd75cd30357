"""A crawled folder with a good photo and one of each bad kind, made of scikit-image's public-domain pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import skimage.data
from PIL import Image, ImageOps

from engine.identity.faces import CascadeFinder, InsightFaceFinder
from engine.identity.person_parser import ShippedParser

FACE_MODELS = Path(__file__).parents[4] / "shared" / "models" / "face"


@pytest.fixture(scope="session")
def astronaut() -> Image.Image:
    return Image.fromarray(skimage.data.astronaut())


@pytest.fixture(scope="session")
def cascades() -> CascadeFinder:
    return CascadeFinder()


@pytest.fixture(scope="session")
def parser() -> ShippedParser:
    return ShippedParser()


@pytest.fixture(scope="session")
def insightface(tmp_path_factory: pytest.TempPathFactory) -> InsightFaceFinder:
    if not FACE_MODELS.is_dir():
        pytest.skip("needs insightface's models in ../shared/models/face")
    pack = tmp_path_factory.mktemp("pack")
    for model in FACE_MODELS.glob("*.onnx"):
        shutil.copy(model, pack)
    return InsightFaceFinder(pack)


@pytest.fixture(scope="session")
def crawl(tmp_path_factory: pytest.TempPathFactory, astronaut: Image.Image) -> Path:
    """ada: two good photos and seven others; bob: one photo alone; eve: a photo that is ada's."""
    root = tmp_path_factory.mktemp("crawl")
    for person in ("ada", "bob", "eve"):
        (root / person).mkdir()
    closer = ImageOps.mirror(astronaut).crop((100, 0, 512, 330))
    turned = Image.Exif()
    turned[0x0112] = 8
    twins = Image.new("RGB", (1024, 512))
    twins.paste(astronaut, (0, 0))
    twins.paste(astronaut, (512, 0))
    ada = root / "ada"
    astronaut.save(ada / "ada1.jpg", quality=92)
    astronaut.resize((400, 400)).save(ada / "ada2.jpg")
    (ada / "ada3.jpg").write_bytes((ada / "ada1.jpg").read_bytes()[:9000])
    Image.fromarray(skimage.data.coffee()).save(ada / "ada4.jpg")
    twins.save(ada / "ada5.jpg")
    astronaut.resize((150, 150)).save(ada / "ada6.jpg")
    # stored turned a quarter right; its EXIF says so
    closer.rotate(-90, expand=True).save(ada / "ada7.jpg", quality=95, exif=turned)
    (ada / "ada8.jpg").write_text("<html>not found</html>")
    (ada / "ada9.jpg").write_bytes(b"")
    (ada / "metadata.jsonl").write_text(json.dumps({"file_name": "ada1.jpg", "page_url": "http://site/1"}) + "\n{torn")
    astronaut.crop((60, 0, 400, 300)).save(root / "bob" / "bob1.jpg")
    shutil.copy(ada / "ada1.jpg", root / "eve" / "eve1.jpg")
    return root
