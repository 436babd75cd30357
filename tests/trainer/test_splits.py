"""Held-out people stay held out when other people are added."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainer.__main__ import main
from trainer.errors import DataError
from trainer.splits import SPLITS, read_splits, split_people

NAMES = [f"person {number}" for number in range(20)]


def test_people_are_held_out_by_their_names_alone() -> None:
    first = split_people(NAMES, validation=2, test=3, before={})
    kinds = sorted(first.values())
    assert (kinds.count("test"), kinds.count("validation"), kinds.count("train")) == (3, 2, 15)
    assert split_people([*reversed(NAMES)], 2, 3, {}) == first


def test_nobody_changes_sides_when_people_join_or_leave() -> None:
    first = split_people(NAMES, 2, 3, {})
    more = split_people([*NAMES, *(f"guest {number}" for number in range(30))], 4, 6, first)
    assert all(more[name] == first[name] for name in NAMES)
    assert list(more.values()).count("test") == 6 and list(more.values()).count("validation") == 4
    fewer = split_people(NAMES[:10], 0, 0, more)
    assert fewer == {name: more[name] for name in NAMES[:10]}


def test_who_was_learned_from_is_not_held_out_later() -> None:
    first = split_people(NAMES, 0, 3, {})
    with pytest.raises(DataError, match="expected 2 more people to hold out for test, got 0"):
        split_people(NAMES, 0, 5, first)
    with pytest.raises(DataError, match="all 20 held out"):
        split_people(NAMES, 10, 10, {})


def test_a_damaged_file_and_a_folder_without_photos_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / SPLITS).write_text(json.dumps({"ada": "learn"}), "utf-8")
    with pytest.raises(DataError, match="run python -m trainer split"):
        read_splits(tmp_path)
    assert main(["split", "--data", str(tmp_path / "none"), "--test-people", "1"]) == 2
    error = capsys.readouterr().err
    assert "trainer.curate" in error and error.count("\n") == 1
