"""The limbs of a sampled pose: frames of the trunk and directions of the limbs, without any body."""

from typing import Final

import numpy as np

from trainer.synthetic.stance import STANCES, Direction, Doubles, PoseDraw

LIMBS: Final = ("upper_arm", "forearm", "thigh", "shin", "toes")
ARMS: Final = LIMBS[:2]


def root_frame(draw: PoseDraw) -> Doubles:
    """Rotation [3, 3] of the pelvis, rest to world."""
    turned = axis_rotation((0.0, 0.0, 1.0), draw.yaw_deg)
    if not STANCES[draw.name].lying:
        return turned
    side = 1.0 if draw.lying_to_left else -1.0
    rolled = axis_rotation((0.0, 0.0, 1.0), -side * 90 + draw.yaw_deg * 0.5)
    return rolled @ axis_rotation((1.0, 0.0, 0.0), -90.0) @ axis_rotation((0.0, 0.0, 1.0), side * 18)


def trunk_frame(draw: PoseDraw, root: Doubles) -> Doubles:
    """Rotation [3, 3] of the trunk above the pelvis."""
    twisted = root @ axis_rotation((0.0, 0.0, 1.0), draw.twist_deg)
    bent = twisted @ axis_rotation((0.0, 1.0, 0.0), draw.bend_deg)
    return bent @ axis_rotation((1.0, 0.0, 0.0), STANCES[draw.name].lean_deg + draw.lean_deg)


def limb_directions(draw: PoseDraw, root: Doubles, trunk: Doubles) -> dict[tuple[str, str], Doubles]:
    """(side L or R, limb) -> unit vector in the world; arms follow the trunk, legs the pelvis."""
    stance = STANCES[draw.name]
    sides = {"L": stance.left, "R": stance.right or stance.left}
    if draw.mirrored:
        sides = {"L": sides["R"], "R": sides["L"]}
    found = {}
    for row, (side, limbs) in enumerate(sides.items()):
        mirror = np.array([1.0 if side == "L" else -1.0, 1.0, 1.0])
        for column, name in enumerate(LIMBS):
            wish = np.array(getattr(limbs, name)) + draw.wobble[row, column]
            found[side, name] = (trunk if name in ARMS else root) @ (mirror * wish / np.linalg.norm(wish))
    return found


def axis_rotation(axis: Direction, degrees: float) -> Doubles:
    """Rotation matrix [3, 3] about a unit axis, counter-clockwise."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=float)
    angle = np.deg2rad(degrees)
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross))
