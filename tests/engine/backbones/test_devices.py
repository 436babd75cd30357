"""ENGINE_DEVICE=auto, the default, becomes a device that torch knows."""

from __future__ import annotations

import pytest
import torch

from engine.backbones import choose_device


@pytest.mark.parametrize(("has_gpu", "device"), [(True, "cuda"), (False, "cpu")])
def test_auto_is_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch, has_gpu: bool, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    assert choose_device("auto") == device
    assert torch.device(choose_device("auto")).type == device


def test_a_named_device_stays() -> None:
    assert choose_device("cuda:1") == "cuda:1"
