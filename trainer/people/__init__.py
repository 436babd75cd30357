"""Synthetic people: identities, several photos of each, and the ground truth to learn and judge by.

Importing this package loads neither torch nor Warp; `trainer.people.render` does.
"""

from trainer.people.backgrounds import BACKGROUNDS
from trainer.people.captions import scene_prompt
from trainer.people.identity import SPLITS, Identity, sample_identity, split_of
from trainer.people.shot import FRAMINGS, POSES
from trainer.people.styles import STYLES

__all__ = [
    "BACKGROUNDS",
    "FRAMINGS",
    "POSES",
    "SPLITS",
    "STYLES",
    "Identity",
    "sample_identity",
    "scene_prompt",
    "split_of",
]
