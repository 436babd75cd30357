"""The examples run by the commands in their first lines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=given, capture_output=True, text=True, timeout=150, check=False
    )


def test_the_engine_draws_as_a_library_with_a_backbone_of_ones_own(tmp_path: Path, astronaut_jpeg: bytes) -> None:
    photo, out = tmp_path / "photo.jpg", tmp_path / "out.png"
    photo.write_bytes(astronaut_jpeg)
    environment = {"ENGINE_BACKBONE": "examples.own_backbone:load", "ENGINE_STATE": str(tmp_path / "state")}
    done = run("examples/engine_as_library.py", str(photo), str(out), **environment)

    assert done.returncode == 0, done.stderr[-1500:]
    with Image.open(out) as picture:
        assert picture.size == (512, 768)
