"""Does a drawn pose pass through itself? Capsules around trunk, head and limbs of a body of average proportions.

The check needs no mesh: bones are aimed by direction, so the joints of a stick body follow from the draw alone.
"""

from itertools import combinations
from typing import Final

import numpy as np

from trainer.synthetic.posture import limb_directions, trunk_frame
from trainer.synthetic.stance import STANCES, Doubles, PoseDraw

LENGTHS_M: Final = {"upper_arm": 0.27, "forearm": 0.25, "hand": 0.10, "thigh": 0.42, "shin": 0.40, "toes": 0.18}
RADII_M: Final = {
    "chest": 0.115,
    "pelvis": 0.10,
    "head": 0.09,
    "upper_arm": 0.040,
    "forearm": 0.034,
    "hand": 0.028,
    "thigh": 0.060,
    "shin": 0.042,
    "toes": 0.035,
}
HIP_M: Final = (0.09, 0.0, 0.0)
SHOULDER_M: Final = (0.17, 0.02, 0.46)
TOUCHING: Final = frozenset(
    {
        frozenset({"chest", "pelvis"}),
        frozenset({"chest", "head"}),
        frozenset({"chest", "upper_arm"}),
        frozenset({"chest", "thigh"}),
        frozenset({"pelvis", "thigh"}),
    }
)
"""Pairs that meet in every pose; so do neighbours along a limb."""
NEIGHBOURS: Final = frozenset(
    frozenset(pair) for pair in (("upper_arm", "forearm"), ("forearm", "hand"), ("thigh", "shin"), ("shin", "toes"))
)
STRAIGHT_SINE: Final = 0.09
"""The most that a knee or a hanging elbow may bend the wrong way, as a sine."""

Capsules = dict[tuple[str, str], tuple[Doubles, Doubles]]


def is_possible(draw: PoseDraw) -> bool:
    """True when no limb passes through another part and no knee or elbow bends the wrong way."""
    return not overlaps(draw) and _bends_rightly(draw)


def overlaps(draw: PoseDraw) -> list[tuple[str, str]]:
    """Names of the parts that pass through each other, beyond the stance's contact."""
    capsules = _capsules(draw)
    found = []
    for (one_side, one), (other_side, other) in combinations(capsules, 2):
        pair = frozenset({one, other})
        if pair in TOUCHING or (one_side == other_side and pair in NEIGHBOURS):
            continue
        gap = segment_distance(*capsules[one_side, one], *capsules[other_side, other])
        if gap < RADII_M[one] + RADII_M[other] - STANCES[draw.name].contact_m:
            found.append((f"{one_side} {one}".strip(), f"{other_side} {other}".strip()))
    return found


def segment_distance(a: Doubles, b: Doubles, c: Doubles, d: Doubles) -> float:
    """The distance between segments ab and cd, points [3]."""
    along, across, between = b - a, d - c, a - c
    aa, bb, ab = float(along @ along), float(across @ across), float(along @ across)
    ad, bd = float(along @ between), float(across @ between)
    spread = aa * bb - ab * ab
    s = min(max((ab * bd - bb * ad) / spread, 0.0), 1.0) if spread > 1e-12 else 0.0
    t = (ab * s + bd) / bb
    if not 0.0 <= t <= 1.0:
        t = min(max(t, 0.0), 1.0)
        s = min(max((ab * t - ad) / aa, 0.0), 1.0)
    return float(np.linalg.norm(between + s * along - t * across))


def _capsules(draw: PoseDraw) -> Capsules:
    """(side, part) -> the segment that the capsule surrounds, in the pelvis's own frame, metres."""
    trunk = trunk_frame(draw, np.eye(3))
    capsules: Capsules = {
        ("", "chest"): (trunk @ np.array([0.0, 0.0, 0.12]), trunk @ np.array([0.0, 0.0, 0.40])),
        ("", "pelvis"): (np.array([-0.05, 0.0, 0.0]), np.array([0.05, 0.0, 0.0])),
        ("", "head"): (trunk @ np.array([0.0, -0.02, 0.64]), trunk @ np.array([0.0, -0.02, 0.74])),
    }
    directions = limb_directions(draw, np.eye(3), trunk)
    for side, sign in (("L", 1.0), ("R", -1.0)):
        start = trunk @ (np.array(SHOULDER_M) * (sign, 1.0, 1.0))
        for name, aim in (("upper_arm", "upper_arm"), ("forearm", "forearm"), ("hand", "forearm")):
            end = start + LENGTHS_M[name] * directions[side, aim]
            capsules[side, name], start = (start, end), end
        start = np.array(HIP_M) * (sign, 1.0, 1.0)
        for name in ("thigh", "shin", "toes"):
            end = start + LENGTHS_M[name] * directions[side, name]
            capsules[side, name], start = (start, end), end
    return capsules


def _bends_rightly(draw: PoseDraw) -> bool:
    directions = limb_directions(draw, np.eye(3), np.eye(3))
    for side in ("L", "R"):
        thigh, shin = directions[side, "thigh"], directions[side, "shin"]
        if thigh[2] * shin[1] - thigh[1] * shin[2] > STRAIGHT_SINE:
            return False
        upper, fore = directions[side, "upper_arm"], directions[side, "forearm"]
        hanging = upper[2] < -0.8
        if hanging and upper[1] * fore[2] - upper[2] * fore[1] > STRAIGHT_SINE:
            return False
    return True
