"""A shot: pose, camera, light and background, sampled from identity seed and photo number."""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from trainer.synthetic.backgrounds import BACKGROUNDS
from trainer.synthetic.collision import is_possible
from trainer.synthetic.stance import STANCES, PoseDraw

Framing = Literal["full", "waist", "portrait"]

POSES: Final[tuple[str, ...]] = tuple(STANCES)
FRAMINGS: Final[tuple[Framing, ...]] = ("full", "waist", "portrait")
POSE_CHANCES: Final[dict[Framing, dict[str, float]]] = {
    "full": {
        "standing": 0.15,
        "waving": 0.08,
        "arms_raised": 0.07,
        "arms_spread": 0.07,
        "hands_on_hips": 0.08,
        "arms_crossed": 0.07,
        "walking": 0.11,
        "running": 0.08,
        "dancing": 0.09,
        "sitting": 0.09,
        "kneeling": 0.06,
        "crouching": 0.04,
        "lying": 0.05,
    },
    "waist": {
        "standing": 0.4,
        "waving": 0.16,
        "arms_raised": 0.12,
        "hands_on_hips": 0.16,
        "arms_crossed": 0.16,
    },
    "portrait": {"standing": 1.0},
}


POSE_ATTEMPTS: Final = 24
CLOSER: Final = 0.88
TRUNK_DEG: Final = np.array([6.0, 6.0, 12.0])
"""Ranges of a trunk's lean, bend and twist."""
LEG_LIFT: Final = 0.3
"""Legs move sideways and forwards; up and down only this share of it, or feet would leave the floor."""
OUTFIT_CHANGE: Final = 4
"""The interval, in photos, at which one is taken in other clothes."""


@dataclass(frozen=True)
class Light:
    """`direction` points towards the light, camera frame (x right, y away, z up); `warmth` in -1..1."""

    direction: tuple[float, float, float]
    warmth: float
    strength: float


@dataclass(frozen=True)
class Shot:
    """One photo to take. `fill` is the share of the frame the subject takes; `shift` moves it, in shares
    of the frame; `outfit` is the number of the clothes worn; `eye_m` is the camera's height above the middle of
    the subject."""

    identity_seed: int
    photo: int
    outfit: int
    pose: PoseDraw
    framing: Framing
    background: str
    background_seed: int
    light: Light
    distance_m: float
    eye_m: float
    fill: float
    shift: tuple[float, float]


def sample_shot(identity_seed: int, photo_index: int) -> Shot:
    """The shot of this number. The photos of a person differ in pose, camera, light and background."""
    random = np.random.default_rng([77, identity_seed, photo_index])
    framing = FRAMINGS[int(random.choice(3, p=(0.60, 0.25, 0.15)))]
    poses = POSE_CHANCES[framing]
    pose = list(poses)[int(random.choice(len(poses), p=_shares(poses)))]
    first = int(np.random.default_rng([78, identity_seed]).integers(len(BACKGROUNDS)))
    step = int(random.integers(1, 3))
    background = BACKGROUNDS[(first + photo_index * 3 + (step - 1)) % len(BACKGROUNDS)]
    distance = {"full": 4.2, "waist": 2.6, "portrait": 1.7}[framing]
    low, high = {"full": (-0.25, 0.80), "waist": (-0.15, 0.50), "portrait": (-0.12, 0.22)}[framing]
    return Shot(
        identity_seed=identity_seed,
        photo=photo_index,
        outfit=int(photo_index % OUTFIT_CHANGE == OUTFIT_CHANGE - 1),
        pose=sample_pose(random, pose, framing),
        framing=framing,
        background=background,
        background_seed=int(random.integers(2**31)),
        light=_light(random),
        distance_m=distance * float(random.uniform(0.8, 1.4)),
        eye_m=float(random.uniform(1.3, 1.8)) if pose == "lying" else float(random.uniform(low, high)),
        fill=float(random.uniform(0.76, 0.93)),
        shift=(float(random.uniform(-1, 1)), float(random.uniform(-1, 1))),
    )


def _shares(chances: dict[str, float]) -> npt.NDArray[np.float64]:
    values = np.array(list(chances.values()))
    return np.asarray(values / values.sum())


def sample_pose(random: np.random.Generator, name: str, framing: Framing) -> PoseDraw:
    """A draw of a stance that does not pass through itself; each rejected one is redrawn closer to the stance."""
    turned = random.random() < 0.12
    yaw = random.uniform(50, 88) * random.choice((-1, 1)) if turned else random.normal(0, 24)
    if framing == "portrait":
        yaw *= 0.8
    draw = PoseDraw(
        name=name,
        wobble=np.zeros((2, 5, 3)),
        mirrored=bool(random.random() < 0.5),
        yaw_deg=float(np.clip(yaw, -90, 90)),
        head_yaw_deg=float(np.clip(random.normal(0, 14), -35, 35)),
        head_pitch_deg=float(np.clip(random.normal(0, 6), -14, 14)),
        lying_to_left=bool(random.random() < 0.5),
    )
    for attempt in range(POSE_ATTEMPTS):
        moved = _moved(random, draw, CLOSER**attempt)
        if is_possible(moved):
            return moved
    return draw


def _moved(random: np.random.Generator, draw: PoseDraw, reach: float) -> PoseDraw:
    """The draw with joints drawn from the stance's ranges, all scaled by `reach`."""
    stance = STANCES[draw.name]
    ranges = np.array([*stance.arm_ranges, *stance.leg_ranges]) * reach
    wobble = random.uniform(-1, 1, (2, 5, 3)) * ranges[:, None]
    wobble[:, 2:4, 2] *= LEG_LIFT
    if stance.lying:
        wobble[..., 1] = -np.abs(wobble[..., 1])
    trunk = random.uniform(-1, 1, 3) * TRUNK_DEG * reach * (0.3 if stance.lying else 1.0)
    lean, bend, twist = (float(angle) for angle in trunk)
    return replace(draw, wobble=wobble, lean_deg=lean, bend_deg=bend, twist_deg=twist)


def _light(random: np.random.Generator) -> Light:
    azimuth, elevation = np.deg2rad(random.normal(0, 42)), np.deg2rad(random.uniform(18, 66))
    return Light(
        direction=(
            float(np.sin(azimuth) * np.cos(elevation)),
            float(-np.cos(azimuth) * np.cos(elevation)),
            float(np.sin(elevation)),
        ),
        warmth=float(np.clip(random.normal(0, 0.45), -1, 1)),
        strength=float(random.uniform(0.75, 1.2)),
    )
