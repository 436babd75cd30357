"""Files of an earlier run that are incomplete, empty or changed: an error of one line for a state; a result is made
again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from trainer.errors import CheckpointError
from trainer.files import load_array, load_arrays, load_state, replacing


def test_a_file_is_as_before_or_whole(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    path.write_text("old", "utf-8")
    with pytest.raises(ZeroDivisionError), replacing(path) as draft:
        draft.write_text("ne", "utf-8")
        raise ZeroDivisionError
    assert path.read_text("utf-8") == "old" and list(tmp_path.iterdir()) == [path]
    with replacing(path) as draft:
        assert draft.suffix == path.suffix
        draft.write_text("new", "utf-8")
        assert path.read_text("utf-8") == "old"
    assert path.read_text("utf-8") == "new" and list(tmp_path.iterdir()) == [path]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "foreign": lambda content: b"<html>" * 100,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_state_is_one_line_that_names_it(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "state.pt"
    torch.save({"step": 3, "weights": torch.zeros(1000)}, path)
    assert load_state(path)["step"] == 3
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(CheckpointError, match=r"state\.pt") as refusal:
        load_state(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("damage", [*DAMAGE, "flipped"])
def test_damaged_results_count_as_absent(tmp_path: Path, damage: str) -> None:
    many, one = tmp_path / "many.npz", tmp_path / "one.npy"
    assert load_arrays(many) is None and load_array(one) is None
    np.savez(many, a=np.arange(1000))
    np.save(one, np.arange(1000))
    whole = load_arrays(many)
    assert whole is not None and whole["a"].sum() == 499500
    for path in (many, one):
        content = path.read_bytes()
        flipped = content[:500] + bytes([content[500] ^ 1]) + content[501:]
        path.write_bytes(flipped if damage == "flipped" else DAMAGE[damage](content))
    assert load_arrays(many) is None
    if damage != "flipped":  # a lone array has no checksum
        assert load_array(one) is None
