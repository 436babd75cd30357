"""A file that is no network is refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.errors import WeightsError
from engine.vision.litert import Network, sigmoid


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "joints.tflite"
    path.write_bytes(b"not a network" * 100)
    with pytest.raises(WeightsError, match=r"joints\.tflite") as raised:
        Network(path)
    assert "\n" not in str(raised.value)


def test_sigmoid_bears_any_logit() -> None:
    assert sigmoid(np.array([-1e9, 0, 1e9], np.float32)).tolist() == pytest.approx([0, 0.5, 1])
