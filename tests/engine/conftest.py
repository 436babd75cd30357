"""Real photos, face finders, and a backbone without a model."""

from __future__ import annotations

import importlib
import importlib.util
import io
import shutil
from pathlib import Path
from typing import Any

import pytest
import skimage.data
from PIL import Image

from engine.identity.faces import CascadeFinder, FaceFinder, InsightFaceFinder

ROOT = Path(__file__).parents[2]
STACK = ROOT / "tests" / "stack"
FACE_MODELS = ROOT.parent / "shared" / "models" / "face"


@pytest.fixture(scope="session")
def astronaut() -> Image.Image:
    """One woman, head and shoulders, looking at the camera."""
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
    """Each way of finding faces in turn."""
    found: FaceFinder = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def slow_backbone(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A SlowBackbone that takes no time; see tests/stack/slow_backbone.py."""
    monkeypatch.syspath_prepend(str(STACK))
    return importlib.import_module("slow_backbone").SlowBackbone()
