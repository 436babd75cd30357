"""Shards: complete, resumable, equal for equal seeds, and described by a manifest."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from webdataset.autodecode import Decoder, imagehandler
from webdataset.tariterators import group_by_keys, tar_file_expander

from trainer.__main__ import main as trainer
from trainer.errors import DataError
from trainer.shards import PeopleShards, read_shards
from trainer.synthetic.__main__ import main
from trainer.synthetic.record import read_samples
from trainer.synthetic.shards import ShardPlan, check_plan, shard_path, write_shards

SIZE = ["--photos", "4", "--height", "48", "--width", "32", "--workers", "1"]
PLAN = ShardPlan(0, 2, 4, 48, 32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("people")
    main(["--identities", "2", *SIZE, "--out", str(out)])
    return out


@pytest.fixture(scope="module")
def people(folder: Path) -> PeopleShards:
    return read_shards(folder, depth=True)


def test_a_shard_is_read_with_a_row_for_every_photo(people: PeopleShards) -> None:
    assert people.images.shape == (8, 48, 32, 3) and people.images.dtype == np.uint8
    assert people.parts.shape == (8, 48, 32) and people.parts.dtype == np.uint8
    assert people.keypoints.shape == (8, 17, 3)
    assert people.identity.tolist() == [0] * 4 + [1] * 4
    assert people.face_box.shape == people.head_box.shape == people.body_box.shape == (8, 4)
    assert people.alpha is not None and people.alpha.dtype == np.uint8
    assert people.depth is not None and people.depth.dtype == np.float16


def test_what_is_read_is_what_was_rendered(people: PeopleShards) -> None:
    from trainer.synthetic.render import photos_of

    photo = photos_of(1, 4, 48, 32)[3]
    assert people.depth is not None
    assert np.array_equal(people.images[7], photo.image) and np.array_equal(people.parts[7], photo.parts)
    assert np.array_equal(people.depth[7], photo.depth)
    assert np.allclose(people.keypoints[7], photo.keypoints, atol=0.006)
    assert np.allclose(people.face_box[7], photo.face_box, atol=0.006, equal_nan=True)


def test_names_follow_from_indices_and_the_manifest(people: PeopleShards, folder: Path) -> None:
    records = [json.loads(files["json"]) for _, files in read_samples(shard_path(folder, PLAN), frozenset({"json"}))]
    for row, record in enumerate(records):
        assert people.manifest["backgrounds"][people.background[row]] == record["background"]
        assert people.manifest["poses"][people.pose[row]] == record["pose"]
        assert people.manifest["framings"][people.framing[row]] == record["framing"]


def test_every_fourth_photo_shows_other_clothes(people: PeopleShards) -> None:
    assert people.outfit.tolist() == [0, 0, 0, 1] * 2
    for first in (0, 4):
        usual, other = people.attributes[first], people.attributes[first + 3]
        assert people.attributes[first + 1] == usual
        assert usual["skin_rgb"] == other["skin_rgb"] and usual["hair_style"] == other["hair_style"]
        assert usual["top"] != other["top"]


def test_records_hold_captions_attributes_parameters_and_the_shot(folder: Path) -> None:
    key, files = next(read_samples(shard_path(folder, PLAN), frozenset({"json"})))
    record = json.loads(files["json"])
    assert key == "0000000-0000"
    assert set(record["captions"]) == {"en_full", "en_scene", "ru_full", "ru_scene"}
    assert len(record["attributes"]["top"]["rgb"]) == 3
    assert "phenotype" in record["parameters"] and "distance_m" in record["shot"]


def test_the_webdataset_library_reads_the_shards(folder: Path) -> None:
    path = shard_path(folder, PLAN)
    with path.open("rb") as stream:  # the library's own opener leaves the file to the garbage collector
        files = list(tar_file_expander([{"url": str(path), "stream": stream}]))
    decoder = Decoder([imagehandler("rgb8")])
    samples = [decoder(sample) for sample in group_by_keys(files)]
    assert [sample["__key__"] for sample in samples][:2] == ["0000000-0000", "0000000-0001"]
    first = samples[0]
    assert first["png"].shape == (48, 32, 3) and first["json"]["identity"] == 0
    assert first["depth.npz"]["depth"].shape == (48, 32)


def test_the_manifest_has_counts_names_and_checksums_of_shards(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    entry = manifest["shards"]["shard-0000000.tar"]
    content = shard_path(folder, PLAN).read_bytes()
    assert manifest["photos"] == 8 and entry["split"] == "train" and entry["bytes"] == len(content)
    assert entry["sha256"] == hashlib.sha256(content).hexdigest()
    assert len(manifest["hash"]) == 64 and "forest" in manifest["backgrounds"]
    assert manifest["throughput"]["photos"] == 8 and manifest["throughput"]["photos_a_second"] > 0


def test_a_run_leaves_a_contact_sheet(folder: Path) -> None:
    with Image.open(folder / "contact.png") as sheet:
        assert sheet.size == (4 * 32, 2 * 48)


def test_a_finished_shard_stays_and_a_lost_one_is_made_again_byte_for_byte(folder: Path) -> None:
    path = shard_path(folder, PLAN)
    before = path.read_bytes()
    stamp = path.stat().st_mtime_ns
    write_shards(folder, PLAN, workers=1)
    assert path.stat().st_mtime_ns == stamp
    path.unlink()
    write_shards(folder, PLAN, workers=1)
    assert path.read_bytes() == before
    assert not list(folder.glob(".*"))


DAMAGE = {
    "cut": lambda content: content[: len(content) // 2],
    "cut between two files": lambda content: content[: content.index(b"0000001-0000")],
    "empty": lambda content: b"",
    "flipped": lambda content: content[:5000] + bytes([content[5000] ^ 8]) + content[5001:],
    "no archive": lambda content: b"<html>" * 1000,
    "without its last block": lambda content: content[:-512],
    "longer": lambda content: content + b"\0" * 512,
    "a header flipped": lambda content: bytes([content[0] ^ 1]) + content[1:],
    "the last byte flipped": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "twice": lambda content: content + content,
    "without its first file": lambda content: content[1024:],
    "one byte": lambda content: content[:1],
    "zeros": lambda content: b"\0" * len(content),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_shard_is_refused_by_name_and_rendered_anew(
    folder: Path, damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = shard_path(folder, PLAN)
    whole = path.read_bytes()
    path.write_bytes(DAMAGE[damage](whole))
    with pytest.raises(DataError, match=path.name) as refusal:
        read_shards(folder)
    assert "\n" not in str(refusal.value)
    assert trainer(["parser", "--data", str(folder), "--out", str(tmp_path / "run"), "--steps", "1"]) == 2
    printed = capsys.readouterr().err
    assert path.name in printed and printed.count("\n") == 1
    write_shards(folder, PLAN, workers=1)
    assert path.read_bytes() == whole
    assert len(read_shards(folder).identity) == 8


@pytest.mark.parametrize("damage", ["cut", "cut between two files", "empty", "no archive"])
def test_a_damaged_shard_that_is_not_listed_is_named_too(folder: Path, damage: str, tmp_path: Path) -> None:
    """A run that was cut off leaves shards that its manifest does not list."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "shards": {}}), encoding="utf-8")
    path = shard_path(tmp_path, PLAN)
    path.write_bytes(DAMAGE[damage](shard_path(folder, PLAN).read_bytes()))
    with pytest.raises(DataError, match=path.name):
        read_shards(tmp_path)
    other = ShardPlan(100, 1, 4, 48, 32)
    with pytest.raises(DataError, match=path.name):
        write_shards(tmp_path, other, workers=1)
    write_shards(tmp_path, PLAN, workers=1)
    assert path.read_bytes() == shard_path(folder, PLAN).read_bytes()


def test_a_shard_is_listed_as_soon_as_it_is_written(tmp_path: Path) -> None:
    def stop(photos: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shards(tmp_path, PLAN, 1, stop)
    stamp = shard_path(tmp_path, PLAN).stat().st_mtime_ns
    write_shards(tmp_path, PLAN, 1)
    assert shard_path(tmp_path, PLAN).stat().st_mtime_ns == stamp, "it is not rendered a second time"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe"])
def test_a_damaged_manifest_is_an_error_of_one_line(folder: Path, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(DataError, match=r"manifest\.json") as refusal:
        write_shards(tmp_path, PLAN, workers=1)
    assert "\n" not in str(refusal.value)


def test_other_settings_are_refused_in_the_same_folder(folder: Path) -> None:
    with pytest.raises(DataError, match="another --out"):
        write_shards(folder, ShardPlan(0, 2, 3, 48, 32), workers=1)


def test_photos_of_another_generator_are_not_mixed_in(folder: Path, tmp_path: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "hash": "0" * 64}), encoding="utf-8")
    with pytest.raises(DataError, match="another --out"):
        write_shards(tmp_path, PLAN, workers=1)


def test_splits_share_no_identity(tmp_path: Path) -> None:
    main(["--splits", "validation=1", "test=1", "--photos", "1", *SIZE[2:], "--out", str(tmp_path)])
    seeds = [set(read_shards(tmp_path / name).identity.tolist()) for name in ("validation", "test")]
    assert seeds == [{1_000_000}, {2_000_000}]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--splits", "train=1", "train=2"], "at most once"),
        (["--splits", "holdout=1"], "NAME=COUNT"),
        (["--splits", "test=200000"], "identities of one split"),
        (["--splits", "train=1", "--identities", "2"], "either --identities"),
        (["--identities", "2", "--first-identity", "999999"], "render splits apart"),
        (["--identities", "2", "--first-identity", "1500000"], "identities of one split"),
    ],
)
def test_an_invalid_option_is_an_error_of_one_line(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().err
    assert ended.value.code == 2 and says in printed and printed.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_plan_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="at least one"):
        check_plan(ShardPlan(0, 0, 4, 48, 32))


def test_the_sheet_is_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    main(["--identities", "2", "--photos", "2", *SIZE[2:], "--sheet", str(path)])
    with Image.open(path) as sheet:
        assert sheet.size[0] >= 4 * 32 and sheet.size[1] == 2 * 48


def test_importing_the_package_loads_neither_torch_nor_warp() -> None:
    program = "import sys, trainer.synthetic; sys.exit(bool({'torch', 'warp', 'anny'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
