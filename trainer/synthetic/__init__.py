"""Synthetic people: identities, several photos of each, and the ground truth to learn and judge by.

Importing this package loads neither torch nor Warp; `trainer.synthetic.render` does.
"""

from trainer.synthetic.backgrounds import BACKGROUNDS
from trainer.synthetic.captions import scene_prompt
from trainer.synthetic.identity import SPLITS, Identity, sample_identity, split_of
from trainer.synthetic.shot import FRAMINGS, POSES
from trainer.synthetic.styles import STYLES

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
