"""Exports a training run as the folder that is served: averaged weights, autoencoder, body mapper, pose examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano.attributes import POSES, SLOTS
from engine.backbones.nano.background import BackgroundDenoiser
from engine.backbones.nano.layout import LayoutPredictor
from engine.backbones.nano.network import SIZES, build_network
from engine.backbones.nano.pipeline import DEFAULT_STEPS, NanoPipeline, save_nano
from engine.backbones.nano.pose_examples import PoseExamples
from engine.body.atlas import load_atlas
from engine.body.mapper import SHIPPED_MAPPER, load_mapper
from engine.networks import load_network
from trainer.errors import CheckpointError
from trainer.nano.learner import NanoLearner
from trainer.nano.store import NUMBERS, Store
from trainer.version import commit

EXAMPLES: Final = 24
FRONTAL_MIN: Final = 0.55
"""Shoulder width in the picture per trunk height of an example: most people want to be seen from the front."""


def export_nano(run: Path, out: Path, layout: Path, background: Path, mapper: Path = SHIPPED_MAPPER) -> dict[str, Any]:
    """Writes the pipeline of the run in `run`, the LayoutPredictor in `layout` and the BackgroundDenoiser in
    `background` to `out`; returns its metadata. Raises CheckpointError where the run has no state."""
    path = run / "state.pt"
    if not path.exists():
        raise CheckpointError(f"expected state.pt of a training run in {run}, found none: run python -m trainer nano")
    state = torch.load(path, weights_only=True, map_location="cpu")
    vae: NanoAutoencoder = NanoAutoencoder.from_pretrained(run / "vae", low_cpu_mem_usage=False).eval()
    size = json.loads(state["run"])["compare"].split()[0]
    network = build_network(vae, load_atlas(), size=SIZES[size])
    for weights in (state["learner"], state["average"]):  # the average has only what learned
        NanoLearner(network).load_state_dict(weights, strict=False)
    pipeline = NanoPipeline(
        network.unet,
        vae,
        network.words,
        network.references,
        network.palette,
        load_network(LayoutPredictor, layout),
        load_network(BackgroundDenoiser, background),
        load_mapper(mapper),
        pose_examples(Store(run / "store", ("joints",))),
    )
    metadata = {
        "steps": DEFAULT_STEPS,
        "commit": commit(),
        "trained": {"steps": state["step"], "hours": state["spent_s"] / 3600},
    }
    save_nano(pipeline, out, metadata)
    return metadata


def pose_examples(store: Store, seed: int = 0) -> PoseExamples:
    """EXAMPLES skeletons per pose and framing, as far as there are, of people seen from the front."""
    examples: PoseExamples = PoseExamples(EXAMPLES)
    rng = np.random.default_rng([seed, 43])
    facts = store.facts[:, [NUMBERS.index("pose"), NUMBERS.index("framing")]]
    for pose in range(len(POSES)):
        for framing in range(len(SLOTS["framing"])):
            rows = rng.permutation(np.flatnonzero((facts == (pose, framing)).all(1)))
            frontal = [row for row in rows if _is_frontal(store.row("joints", int(row)))][:EXAMPLES]
            for number, row in enumerate(frontal):
                examples.joints[pose, framing, number] = torch.from_numpy(store.row("joints", int(row))[:, :3].copy())
            examples.count[pose, framing] = len(frontal)
    return examples


def _is_frontal(joints: np.ndarray[Any, np.dtype[np.float32]]) -> bool:
    """The left shoulder is well to the right of the right one in the picture; x is in widths, y in heights."""
    shoulders, hips = joints[[5, 6]], joints[[11, 12]]
    trunk = np.abs(hips[:, 1].mean() - shoulders[:, 1].mean())
    return bool((shoulders[0, 0] - shoulders[1, 0]) * 2 / 3 > FRONTAL_MIN * trunk) or bool(trunk < 0.1)
