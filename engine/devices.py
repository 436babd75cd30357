"""Checks that the operator's device exists, before anything is loaded onto it."""

from __future__ import annotations

from engine.errors import SetupError


def check_device(name: str) -> None:
    """Raises SetupError where torch does not know the device, or this machine has none. "auto" is always valid."""
    if name == "auto":
        return
    import torch

    try:
        torch.empty(1, device=torch.device(name)).cpu()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise SetupError(f"expected a device that is here, got {name!r} ({reason}): choose auto or cpu") from error
