"""A store is packed into one file and unpacked again, with predicted maps instead of rendered ones."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from engine.backbones.nano.network import PATCH_PX
from engine.body.atlas import shipped_atlas
from trainer.errors import DataError
from trainer.nano.batches import ARRAYS, Batches
from trainer.nano.bundle import MIB, Packing, pack_store, unpack_bundle
from trainer.nano.preparing import prepare_store
from trainer.nano.store import Store
from trainer.nano.wheels import use_wheels


def packing(out: Path, mib: float = 4) -> Packing:
    return Packing(out, int(mib * MIB), wheels=())


def test_photos_come_out_as_they_went_in(store: Store, untrained_mapper: Path, tmp_path: Path) -> None:
    facts = pack_store(
        Store(store.folders[0].parent, (*ARRAYS, "joints", "boxes", "build", "facts")), packing(tmp_path / "b.zip")
    )
    assert facts["photos"] == len(store) and facts["bytes"] < 400_000

    assert unpack_bundle(tmp_path / "b.zip", tmp_path / "store", untrained_mapper) == len(store)
    assert unpack_bundle(tmp_path / "b.zip", tmp_path / "store", untrained_mapper) == 0  # existing files stay
    assert prepare_store(tmp_path / "store", untrained_mapper, workers=1) == 1
    again = Store(tmp_path / "store", ARRAYS)

    assert np.array_equal(again.facts, store.facts)
    rows = np.arange(len(store))
    assert np.array_equal(again.rows("parts", rows), store.rows("parts", rows))
    assert np.array_equal(again.rows("attributes", rows), store.rows("attributes", rows))
    off = np.abs(again.rows("image", rows).astype(int) - store.rows("image", rows).astype(int))
    assert off.mean() < 6
    batches = Batches(again, shipped_atlas(), PATCH_PX)
    assert len(batches.of(batches.targets[:2], np.random.default_rng(0)).picture) == 2


def test_a_limit_without_room_for_a_shard_is_refused(store: Store, tmp_path: Path) -> None:
    source = Store(store.folders[0].parent, (*ARRAYS, "joints", "boxes", "build", "facts"))
    with pytest.raises(DataError, match="--limit-mib"):
        pack_store(source, packing(tmp_path / "b.zip", mib=0.01))
    assert not (tmp_path / "b.zip").exists()


def test_a_file_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(b"nothing")
    with pytest.raises(DataError, match="bundle"):
        unpack_bundle(tmp_path / "b.zip", tmp_path / "store")


def test_wheels_of_a_bundle_are_used_only_where_a_package_is_missing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Store(store.folders[0].parent, (*ARRAYS, "joints", "boxes", "build", "facts"))
    pack_store(source, packing(tmp_path / "b.zip"))
    for package in ("numpy", "notinstalledanywhere"):
        wheel = tmp_path / f"{package}-9.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"{package}/__init__.py", "ORIGIN = 'the bundle'\n")
        with zipfile.ZipFile(tmp_path / "b.zip", "a") as archive:
            archive.write(wheel, f"wheels/{wheel.name}")
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert use_wheels(tmp_path / "b.zip", tmp_path / "wheels") == ["notinstalledanywhere"]
    assert __import__("notinstalledanywhere").ORIGIN == "the bundle"
    assert not (tmp_path / "wheels" / "numpy").exists()
