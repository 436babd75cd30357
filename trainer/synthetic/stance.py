"""Named poses: where limbs point, and how a draw of them varies.

Directions are unit-free vectors in the person's own frame: x to the left, y backwards, z up. Each is written
for the left side; the right side is its mirror unless given.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Direction = tuple[float, float, float]

DOWN: Final[Direction] = (0.05, 0.0, -1.0)
FORWARD: Final[Direction] = (0.0, -1.0, 0.0)


@dataclass(frozen=True)
class Side:
    """Directions of one side's limbs; `toes` is where the foot points."""

    upper_arm: Direction = (0.20, 0.04, -1.0)
    forearm: Direction = (0.12, -0.22, -1.0)
    thigh: Direction = DOWN
    shin: Direction = (0.03, 0.04, -1.0)
    toes: Direction = (0.15, -1.0, 0.0)


@dataclass(frozen=True)
class Stance:
    """A whole pose. `right` None mirrors `left`; lean is degrees forward; `lying` puts it on its back.

    A draw moves each direction by up to `arm_ranges` (upper arm, forearm) and `leg_ranges` (thigh, shin, toes);
    limbs that are meant to touch may overlap by `contact_m`.
    """

    left: Side = Side()
    right: Side | None = None
    lean_deg: float = 0.0
    lying: bool = False
    seat: bool = False
    arm_ranges: tuple[float, float] = (0.22, 0.32)
    leg_ranges: tuple[float, float, float] = (0.09, 0.06, 0.14)
    contact_m: float = 0.02


STANCES: Final[dict[str, Stance]] = {
    "standing": Stance(),
    "waving": Stance(
        Side(upper_arm=(1.0, -0.1, 0.25), forearm=(0.25, -0.15, 1.0)),
        Side(upper_arm=(0.22, 0.05, -1.0), forearm=(0.12, -0.25, -1.0)),
    ),
    "arms_raised": Stance(Side(upper_arm=(0.75, 0.0, 0.9), forearm=(0.35, -0.1, 1.0))),
    "arms_spread": Stance(Side(upper_arm=(1.0, 0.0, 0.02), forearm=(1.0, -0.15, 0.05))),
    "hands_on_hips": Stance(
        Side(upper_arm=(0.75, 0.25, -0.8), forearm=(-0.75, -0.45, -0.55)),
        arm_ranges=(0.08, 0.06),
        contact_m=0.06,
    ),
    "arms_crossed": Stance(
        Side(upper_arm=(0.22, -0.30, -1.0), forearm=(-0.95, -0.55, 0.12)),
        Side(upper_arm=(0.22, -0.22, -1.0), forearm=(-0.95, -0.42, 0.24)),
        arm_ranges=(0.06, 0.05),
        contact_m=0.06,
    ),
    "walking": Stance(
        Side(
            upper_arm=(0.20, 0.45, -1.0),
            forearm=(0.08, 0.05, -1.0),
            thigh=(0.03, -0.45, -1.0),
            shin=(0.02, -0.12, -1.0),
            toes=(0.1, -1.0, 0.15),
        ),
        Side(
            upper_arm=(0.20, -0.45, -1.0),
            forearm=(0.06, -0.85, -0.8),
            thigh=(0.03, 0.28, -1.0),
            shin=(0.02, 0.75, -1.0),
            toes=(0.1, -1.0, -0.7),
        ),
        lean_deg=3.0,
    ),
    "sitting": Stance(
        Side(
            upper_arm=(0.22, -0.22, -1.0),
            forearm=(-0.10, -0.9, -0.35),
            thigh=(0.18, -1.0, -0.04),
            shin=(0.05, 0.02, -1.0),
        ),
        seat=True,
    ),
    "kneeling": Stance(
        Side(
            upper_arm=(0.22, 0.0, -1.0),
            forearm=(0.0, -0.5, -0.9),
            thigh=(0.16, -0.18, -1.0),
            shin=(0.05, 1.0, -0.12),
            toes=(0.05, 0.5, -1.0),
        ),
        Side(
            upper_arm=(0.22, -0.25, -1.0),
            forearm=(-0.05, -0.9, -0.3),
            thigh=(0.14, -1.0, -0.12),
            shin=(0.03, 0.05, -1.0),
        ),
    ),
    "crouching": Stance(
        Side(
            upper_arm=(0.25, -0.75, -0.75),
            forearm=(-0.35, -0.85, -0.2),
            thigh=(0.42, -1.0, 0.25),
            shin=(0.0, 0.35, -1.0),
            toes=(0.3, -1.0, 0.0),
        ),
        lean_deg=24.0,
        arm_ranges=(0.12, 0.16),
        contact_m=0.06,
    ),
    "lying": Stance(
        Side(upper_arm=(0.45, 0.05, -1.0), forearm=(0.25, -0.25, -1.0), thigh=(0.1, 0.0, -1.0)),
        lying=True,
        arm_ranges=(0.4, 0.4),
        leg_ranges=(0.14, 0.08, 0.2),
    ),
    "running": Stance(
        Side(
            upper_arm=(0.22, 0.75, -0.75),
            forearm=(0.05, -0.55, -0.75),
            thigh=(0.03, -0.85, -0.65),
            shin=(0.02, 0.35, -1.0),
            toes=(0.05, -1.0, 0.25),
        ),
        Side(
            upper_arm=(0.22, -0.55, -0.85),
            forearm=(-0.15, -0.85, 0.55),
            thigh=(0.03, 0.40, -1.0),
            shin=(0.02, 1.0, -0.45),
            toes=(0.05, -0.35, -1.0),
        ),
        lean_deg=11.0,
        leg_ranges=(0.16, 0.16, 0.10),
    ),
    "dancing": Stance(
        Side(
            upper_arm=(0.75, -0.15, 0.65),
            forearm=(-0.25, -0.20, 1.0),
            thigh=(0.32, -0.30, -1.0),
            shin=(-0.05, 0.35, -1.0),
            toes=(0.35, -0.9, -0.35),
        ),
        Side(
            upper_arm=(0.95, -0.15, -0.35),
            forearm=(0.65, -0.45, 0.50),
            thigh=(0.16, 0.02, -1.0),
            shin=(0.0, 0.10, -1.0),
        ),
        arm_ranges=(0.40, 0.50),
        leg_ranges=(0.14, 0.10, 0.14),
    ),
}


@dataclass(frozen=True)
class PoseDraw:
    """A stance with its draw. `wobble` [2, 5, 3] moves each direction; `mirrored` swaps the sides; lean, bend and
    twist move the trunk forwards, sideways and about its axis, beyond the stance."""

    name: str
    wobble: Doubles
    mirrored: bool
    yaw_deg: float
    head_yaw_deg: float
    head_pitch_deg: float
    lying_to_left: bool
    lean_deg: float = 0.0
    bend_deg: float = 0.0
    twist_deg: float = 0.0
