"""The bone transforms that bring a rest body into a drawn pose."""

from typing import Final

import numpy as np

from trainer.people.body import RestBody, template
from trainer.people.stance import STANCES, Direction, Doubles, PoseDraw, Stance

BONES: Final = {
    "upper_arm": ("upperarm01", "lowerarm01"),
    "forearm": ("lowerarm01", "wrist"),
    "thigh": ("upperleg01", "lowerleg01"),
    "shin": ("lowerleg01", "foot"),
}


def bone_transforms(body: RestBody, draws: list[PoseDraw]) -> Doubles:
    """Rest-to-posed transforms, [S, B, 3, 4] for S draws; the person turns by yaw about the vertical."""
    shared = template()
    result = np.zeros((len(draws), len(shared.bones), 3, 4))
    for index, draw in enumerate(draws):
        turns = _turns(body, draw)
        result[index] = _chain(body, shared.parents, shared.bones, turns)
    return result


def _turns(body: RestBody, draw: PoseDraw) -> dict[str, Doubles]:
    """World rotations, relative to rest, of the bones that a stance sets."""
    stance = STANCES[draw.name]
    sides = {"L": stance.left, "R": stance.right or stance.left}
    if draw.mirrored:
        sides = {"L": sides["R"], "R": sides["L"]}
    root = _root(draw, stance)
    turns = {"root": root}
    lean = root @ axis_rotation((1.0, 0.0, 0.0), stance.lean_deg)
    turns |= {"spine04": lean}
    head = lean @ axis_rotation((0.0, 0.0, 1.0), draw.head_yaw_deg)
    head = head @ axis_rotation((1.0, 0.0, 0.0), draw.head_pitch_deg - stance.lean_deg * 0.8)
    turns |= {"neck02": lean + 0.5 * (head - lean), "head": head}
    turns["neck02"] = _orthonormal(turns["neck02"])
    for row, (side, limbs) in enumerate(sides.items()):
        mirror = np.array([1.0 if side == "L" else -1.0, 1.0, 1.0])
        for column, name in enumerate(("upper_arm", "forearm", "thigh", "shin", "toes")):
            frame = lean if name in ("upper_arm", "forearm") else root
            wish = np.array(getattr(limbs, name)) + draw.wobble[row, column]
            _aim(body, turns, side, name, frame @ (mirror * wish / np.linalg.norm(wish)))
    return turns


def _aim(body: RestBody, turns: dict[str, Doubles], side: str, name: str, wish: Doubles) -> None:
    joint = {bone: body.joints[i].astype(float) for i, bone in enumerate(template().bones)}
    if name == "toes":
        parent = turns[f"lowerleg01.{side}"]
        rest = np.array([0.0, -1.0, 0.0])
        turns[f"foot.{side}"] = _arc(parent @ rest, wish) @ parent
        return
    start, end = BONES[name]
    rest = joint[f"{end}.{side}"] - joint[f"{start}.{side}"]
    before = {"forearm": "upperarm01", "shin": "lowerleg01"}.get(name)
    if name == "shin":
        before = "upperleg01"
    parent = turns[f"{before}.{side}"] if before else turns["root"]
    if name == "upper_arm":
        parent = turns["spine04"]
        raised = _arc(parent @ rest, wish)
        turns[f"clavicle.{side}"] = _orthonormal(0.82 * np.eye(3) + 0.18 * raised) @ parent
        parent = turns[f"clavicle.{side}"]
    turns[f"{start}.{side}"] = _arc(parent @ rest, wish) @ parent


def _root(draw: PoseDraw, stance: Stance) -> Doubles:
    turned = axis_rotation((0.0, 0.0, 1.0), draw.yaw_deg)
    if not stance.lying:
        return turned
    side = 1.0 if draw.lying_to_left else -1.0
    rolled = axis_rotation((0.0, 0.0, 1.0), -side * 90 + draw.yaw_deg * 0.5)
    return rolled @ axis_rotation((1.0, 0.0, 0.0), -90.0) @ axis_rotation((0.0, 0.0, 1.0), side * 18)


def _chain(
    body: RestBody,
    parents: tuple[int, ...],
    bones: tuple[str, ...],
    turns: dict[str, Doubles],
) -> Doubles:
    rotations = np.zeros((len(bones), 3, 3))
    heads = np.zeros((len(bones), 3))
    rest = body.joints.astype(float)
    for index, (bone, parent) in enumerate(zip(bones, parents, strict=True)):
        if parent < 0:
            rotations[index] = turns[bone]
            heads[index] = rest[index]
            continue
        rotations[index] = turns.get(bone, rotations[parent])
        heads[index] = heads[parent] + rotations[parent] @ (rest[index] - rest[parent])
    shifts = heads - np.einsum("bij,bj->bi", rotations, rest)
    return np.concatenate([rotations, shifts[:, :, None]], axis=2)


def axis_rotation(axis: Direction, degrees: float) -> Doubles:
    """Rotation matrix [3, 3] about a unit axis, counter-clockwise."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=float)
    angle = np.deg2rad(degrees)
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross))


def _arc(start: Doubles, end: Doubles) -> Doubles:
    """The shortest rotation that brings one direction onto another."""
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis = np.cross(a, b)
    sine, cosine = float(np.linalg.norm(axis)), float(a @ b)
    if sine < 1e-8:
        return np.eye(3)
    unit = axis / sine
    return axis_rotation(
        (float(unit[0]), float(unit[1]), float(unit[2])),
        float(np.rad2deg(np.arctan2(sine, cosine))),
    )


def _orthonormal(matrix: Doubles) -> Doubles:
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right)
