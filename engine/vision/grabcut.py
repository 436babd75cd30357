"""The boundary of a person's mask moved to edges of colour: GrabCut, as OpenCV implements it.

Rother, Kolmogorov and Blake, GrabCut: Interactive Foreground Extraction Using Iterated Graph Cuts, 2004. Where person
and background have the same colours it cuts anywhere, so its result counts only for a share (WEIGHT) of the mask.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.identity.faces import load_opencv
from engine.vision.square import RGB

SIDE_PX: Final = 192
"""The longer side of the picture that is cut; a larger one takes longer and gives the same outline."""
SURE: Final = (0.1, 0.9)
"""Probabilities below and above which a pixel's side is fixed."""
SEEDS_MIN: Final = 20
"""The number of fixed pixels on each side that the colour models need."""
WEIGHT: Final = 0.25
"""The share of the cut in the result: with 0.4 and more, parts that resemble the background are lost."""


def along_colours(picture: RGB, mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [H, W] in 0 to 1: `mask` of the same kind, mixed with a cut along the colours of `picture`; unchanged
    where too few of its pixels are sure."""
    cv2 = load_opencv()
    height, width = mask.shape
    scale = min(SIDE_PX / max(height, width), 1.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    likely = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    sides = np.where(likely > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    sides[likely < SURE[0]], sides[likely > SURE[1]] = cv2.GC_BGD, cv2.GC_FGD
    if min((sides == cv2.GC_BGD).sum(), (sides == cv2.GC_FGD).sum()) < SEEDS_MIN:
        return mask
    cv2.setRNGSeed(0)  # the colour models begin with random clusters
    cv2.grabCut(small, sides, None, np.zeros((1, 65)), np.zeros((1, 65)), 1, cv2.GC_INIT_WITH_MASK)
    cut = np.isin(sides, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    cut = cv2.resize(cut, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray((1 - WEIGHT) * mask + WEIGHT * cut, np.float32)
