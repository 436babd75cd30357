"""The bone transforms that bring a rest body into a drawn pose."""

from typing import Final

import numpy as np

from trainer.synthetic.body import RestBody, template
from trainer.synthetic.posture import axis_rotation, limb_directions, root_frame, trunk_frame
from trainer.synthetic.stance import STANCES, Doubles, PoseDraw

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
    root = root_frame(draw)
    trunk = trunk_frame(draw, root)
    head = trunk @ axis_rotation((0.0, 0.0, 1.0), draw.head_yaw_deg)
    head = head @ axis_rotation((1.0, 0.0, 0.0), draw.head_pitch_deg - STANCES[draw.name].lean_deg * 0.8)
    neck = _orthonormal(trunk + 0.5 * (head - trunk))
    turns = {"root": root, "spine04": trunk, "neck02": neck, "head": head}
    for (side, name), wish in limb_directions(draw, root, trunk).items():
        _aim(body, turns, side, name, wish)
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
