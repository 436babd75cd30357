"""One command from people to weights, from shards and from a bundle alone."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.backbones.base import GenerationInput
from engine.backbones.collage import NanoBackbone
from engine.backbones.collage_model import load_model
from engine.contract import Settings
from engine.identity.observation import Observation
from engine.identity.profile import IdentityProfile, View
from trainer.__main__ import main
from trainer.collage.bundle import Packing, pack, read_bundle
from trainer.collage.run import PRESETS, NanoRun, read_preset, run
from trainer.collage.training_set import TrainingSet, read_training_set
from trainer.errors import DataError
from trainer.synthetic.shards import ShardPlan, write_shards

ROOT = Path(__file__).parents[3]
BLIND = """
import runpy, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("anny", "warp"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
sys.argv = ["trainer", *sys.argv[1:]]
runpy.run_module("trainer", run_name="__main__")
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    write_shards(folder, ShardPlan(0, 3, 4, 96, 64), workers=1)
    return folder


@pytest.fixture(scope="module")
def bundle(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundle") / "people.zip"
    pack(read_training_set(small), Packing(out, wheels=()))
    return out


def test_a_bundle_tells_what_the_shards_told(small: Path, bundle: Path) -> None:
    told, carried = read_training_set(small), read_bundle([bundle])
    order = [next(row for row in range(len(told.images)) if told.words[row] == words) for words in carried.words]
    assert sorted(order) == list(range(len(told.images)))
    assert (carried.parts == told.parts[order]).all(), "masks are exact"
    assert np.abs(carried.images.astype(float) - told.images[order]).mean() < 8, "photos nearly so"
    assert (carried.identity == told.identity[order]).all() and (carried.asked == told.asked[order]).all()
    assert np.allclose(carried.poses, told.poses[order], atol=1e-3)
    assert np.allclose(carried.body_box, told.body_box[order], atol=0.2, equal_nan=True)
    assert (np.diff(carried.styled.astype(int)) >= 0).all()


def test_a_bundle_keeps_to_its_limit_with_whole_people(small: Path, bundle: Path, tmp_path: Path) -> None:
    limit = int(0.8 * bundle.stat().st_size)
    facts = pack(read_training_set(small), Packing(tmp_path / "half.zip", limit, wheels=()))
    assert 0 < facts["people"] < 3 and facts["bytes"] == (tmp_path / "half.zip").stat().st_size <= limit
    carried = read_bundle([tmp_path / "half.zip"])
    assert all(len(own) == 4 for own in carried.siblings().values())
    assert len(read_bundle([tmp_path / "half.zip", bundle]).images) == facts["photos"] + 12 + carried_styles(bundle)
    with pytest.raises(DataError, match="--limit-mib"):
        pack(read_training_set(small), Packing(tmp_path / "none.zip", 100, wheels=()))
    assert not (tmp_path / "none.zip").exists()


def carried_styles(bundle: Path) -> int:
    return int(read_bundle([bundle]).styled.sum())


def test_from_a_bundle_alone_to_weights_that_draw_in_four_steps(bundle: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        BLIND,
        "collage",
        "--preset",
        "tiny",
        "--bundle",
        str(bundle),
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "is finished" in done.stdout
    backbone = NanoBackbone(load_model(tmp_path / "finish" / "nano"))
    view = View(Image.new("RGB", (64, 96), "grey"), Observation(width=64, height=96))
    person = IdentityProfile((view,))
    first, again, other = (
        backbone.draw([GenerationInput(person, prompt, "", 3, Settings())])[0]
        for prompt in ("a person lying on a beach", "a person lying on a beach", "портрет человека")
    )
    assert first.size == (64, 96) and backbone.capabilities.steps_default == 4
    assert first.tobytes() == again.tobytes() != other.tobytes()


def test_what_is_finished_is_not_done_again(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["collage", "--preset", "tiny", "--data", str(small), "--out", str(tmp_path)]
    assert main([*asked, "--minutes", "0"]) == 0
    assert "run the same command again" in capsys.readouterr().out
    assert not (tmp_path / "denoiser" / "done.json").exists()
    assert main(asked) == 0
    unet = sorted((tmp_path / "finish" / "nano" / "unet").glob("*.safetensors"))
    assert len(unet) > 1 and all(part.stat().st_size < 20_000_000 for part in unet)
    weights = unet[0]
    before = weights.stat().st_mtime_ns
    assert main(asked) == 0
    assert weights.stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign"])
def test_a_damaged_bundle_is_one_line(bundle: Path, tmp_path: Path, damage: str) -> None:
    content = bundle.read_bytes()
    middle = len(content) // 2
    changed = {
        "cut": content[:middle],
        "flipped": content[:middle] + bytes([content[middle] ^ 8]) + content[middle + 1 :],
        "foreign": b"<html>" * 100,
    }
    path = tmp_path / "bundle.zip"
    path.write_bytes(changed[damage])
    with pytest.raises(DataError, match=r"bundle\.zip") as refusal:
        read_bundle([path])
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("encoding", "said"), [("utf-8-sig", "preset"), ("utf-16", "nano preset in")])
def test_a_preset_of_another_editor_is_read_or_refused_in_one_line(tmp_path: Path, encoding: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((PRESETS / "cpu.yaml").read_text("utf-8"), encoding)
    if encoding == "utf-8-sig":
        assert read_preset(str(path)) == read_preset("cpu")
        return
    with pytest.raises(DataError, match=said):
        read_preset(str(path))


def test_photos_of_another_size_and_unknown_presets_are_refused(
    people: TrainingSet, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataError, match="expected photos of 160 x 240 px, got 64 x 96"):
        run(NanoRun(read_preset("cpu"), tmp_path, bundles=(bundle,)))
    assert main(["collage", "--preset", "huge", "--out", str(tmp_path)]) == 2
    assert "cpu, gpu, tiny" in capsys.readouterr().err
    (tmp_path / "people.zip").write_bytes(b"no bundle")
    assert main(["collage", "--bundle", str(tmp_path / "people.zip"), "--out", str(tmp_path)]) == 2
    assert "trainer pack" in capsys.readouterr().err


def test_shipped_presets_are_read() -> None:
    for name in ("cpu", "gpu", "tiny"):
        preset = read_preset(name)
        assert preset.width % 16 == preset.height % 16 == 0
    assert (read_preset("gpu").width, read_preset("gpu").height) == (256, 384)


def test_wheels_of_a_bundle_are_used_only_where_a_package_is_missing(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer.collage.wheels import use_wheels

    carried = tmp_path / "with.zip"
    carried.write_bytes(bundle.read_bytes())
    for package in ("numpy", "notinstalledanywhere"):
        wheel = tmp_path / f"{package}-9.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"{package}/__init__.py", "SAID = 'from the bundle'\n")
        with zipfile.ZipFile(carried, "a") as archive:
            archive.write(wheel, f"wheels/{wheel.name}")
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert use_wheels(carried, tmp_path / "wheels") == ["notinstalledanywhere"]
    module = __import__("notinstalledanywhere")
    assert module.SAID == "from the bundle"
    assert not (tmp_path / "wheels" / "numpy").exists()
