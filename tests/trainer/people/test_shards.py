"""Shards: complete, resumable, and described by a manifest."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.people.__main__ import main
from trainer.people.shards import ShardPlan, shard_path, write_shards

ARGUMENTS = [
    "--identities",
    "2",
    "--photos",
    "2",
    "--height",
    "48",
    "--width",
    "32",
    "--workers",
    "1",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("people")
    main([*ARGUMENTS, "--out", str(out)])
    return out


def test_a_shard_holds_a_row_for_every_photo(folder: Path) -> None:
    with np.load(folder / "shard-0000000.npz") as arrays:
        assert arrays["images"].shape == (4, 48, 32, 3) and arrays["images"].dtype == np.uint8
        assert arrays["parts"].shape == (4, 48, 32)
        assert arrays["keypoints"].shape == (4, 17, 3)
        assert arrays["identity"].tolist() == [0, 0, 1, 1] and arrays["photo"].tolist() == [
            0,
            1,
            0,
            1,
        ]
        assert arrays["head_box"].shape == arrays["body_box"].shape == (4, 4)
        assert len(arrays["styled_images"]) == len(arrays["styled_index"]) == len(arrays["styled_name"])


def test_every_photo_has_its_line_of_captions(folder: Path) -> None:
    text = (folder / "shard-0000000.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["identity"], line["photo"]) for line in lines] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert set(lines[0]["captions"]) == {"en_full", "en_scene", "ru_full", "ru_scene"}
    assert len(lines[0]["attributes"]["top"]["rgb"]) == 3


def test_the_manifest_counts_and_names(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["photos"] == 4 and manifest["shards"]["shard-0000000.npz"]["split"] == "train"
    assert len(manifest["hash"]) == 64 and "forest" in manifest["backgrounds"]


def test_a_finished_shard_is_not_rendered_again_and_a_lost_one_is(folder: Path) -> None:
    plan = ShardPlan(0, 2, 2, 48, 32)
    path = shard_path(folder, plan)
    before = path.read_bytes()
    stamp = path.stat().st_mtime_ns
    write_shards(folder, plan, workers=1)
    assert path.stat().st_mtime_ns == stamp
    path.unlink()
    write_shards(folder, plan, workers=1)
    with np.load(path) as arrays:
        assert len(arrays["images"]) == 4
    assert len(path.read_bytes()) == len(before)
    assert not list(folder.glob("*.tmp"))


def test_other_settings_are_refused_in_the_same_folder(folder: Path) -> None:
    with pytest.raises(ValueError, match="another --out"):
        write_shards(folder, ShardPlan(0, 2, 3, 48, 32), workers=1)


def test_the_sheet_is_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    main([*ARGUMENTS, "--sheet", str(path)])
    with Image.open(path) as sheet:
        assert sheet.size[0] >= 4 * 32 and sheet.size[1] == 2 * 48


def test_importing_the_package_loads_neither_torch_nor_warp() -> None:
    program = "import sys, trainer.people; sys.exit(bool({'torch', 'warp', 'anny'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
