"""The methods by name, and reading and writing their folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from safetensors.torch import load_file, save_file

from engine.adapter.model import AdapterConfig
from trainer.errors import CheckpointError
from trainer.study.methods.base import StudyBase
from trainer.study.methods.bolid import BoLID, BoLIDOptions
from trainer.study.methods.critic import Critic
from trainer.study.methods.identity_features import Encoders
from trainer.study.methods.instantid import InstantID
from trainer.study.methods.ip_adapter import IPAdapter, IPAdapterPlus
from trainer.study.methods.method import Method
from trainer.study.methods.pulid import PuLID, PuLIDOptions

Build = Callable[[StudyBase, Critic | None, int], Method]
"""Base, critic (None for drawing only), number of steps -> the method with new weights."""


def _bolid(**options: Any) -> Build:
    return lambda base, critic, steps: BoLID(base, critic, BoLIDOptions(**options))


def _pulid(base: StudyBase, critic: Critic | None, steps: int) -> Method:
    """Half the steps diffusion alone, a quarter with the identity loss, a quarter with alignment too."""
    return PuLID(base, critic, PuLIDOptions(identity_from=steps // 2, alignment_from=3 * steps // 4))


METHODS: Final[dict[str, Build]] = {
    "text": lambda base, critic, steps: Method(base),
    "ip_adapter": lambda base, critic, steps: IPAdapter(base),
    "ip_adapter_plus": lambda base, critic, steps: IPAdapterPlus(base),
    "instantid": lambda base, critic, steps: InstantID(base),
    "pulid": _pulid,
    "bolid": _bolid(),
}
ABLATIONS: Final[dict[str, Build]] = {
    "bolid_without_gaussian": _bolid(gaussian=False),
    "bolid_few_tokens": _bolid(body_tokens=4, face_tokens=2),
    "bolid_single_view": _bolid(views=1),
    "bolid_plain_loss": _bolid(a=0.0, b=0.0),
}
"""Variants of BoLID, each trained without one part."""


def build(name: str, base: StudyBase, critic: Critic | None, steps: int) -> Method:
    """The method of this name. Raises CheckpointError for an unknown name."""
    methods = METHODS | ABLATIONS
    if name not in methods:
        raise CheckpointError(f"expected a method out of {', '.join(methods)}, got {name!r}")
    return methods[name](base, critic, steps)


def save_method(method: Method, folder: Path, metadata: dict[str, Any]) -> None:
    """Writes weights as safetensors, and their origin."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.contiguous() for name, value in method.state_dict().items()}
    if weights:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "metadata.json").write_text(json.dumps(metadata, indent=1, ensure_ascii=False) + "\n", "utf-8")


def load_method(folder: Path, name: str, base: StudyBase) -> Method:
    """A trained method, attached to `base`. Raises CheckpointError where it was not trained."""
    if not (folder / "metadata.json").exists():
        raise CheckpointError(f"expected a trained {name} in {folder}, found none: run python -m trainer study")
    method = build(name, base, None, 1)
    if (folder / "model.safetensors").exists():
        method.load_state_dict(load_file(folder / "model.safetensors"))
    return method.eval().requires_grad_(False)


def save_encoders(encoders: Encoders, folder: Path, metadata: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in encoders.state_dict().items()}, folder / "model.safetensors")
    text = json.dumps(metadata | {"config": encoders.config.to_dict()}, indent=1) + "\n"
    (folder / "metadata.json").write_text(text, "utf-8")


def load_encoders(folder: Path) -> Encoders:
    """The frozen encoders. Raises CheckpointError where there are none."""
    if not (folder / "metadata.json").exists():
        raise CheckpointError(f"expected the study's encoders in {folder}, found none: run python -m trainer study")
    config = json.loads((folder / "metadata.json").read_text("utf-8"))["config"]
    encoders = Encoders(AdapterConfig.from_dict(config))
    encoders.load_state_dict(load_file(folder / "model.safetensors"))
    return encoders.eval().requires_grad_(False)
