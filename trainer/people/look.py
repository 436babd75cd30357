"""An identity as the numbers that the surface program reads."""

from typing import Any, Final

import warp as wp

from trainer.people.figure import skirt_hem
from trainer.people.headwear import hairline
from trainer.people.identity import Identity
from trainer.people.palette import Rgb
from trainer.people.raycast import Look

PATTERNS: Final = {"plain": 0, "striped": 1, "two-tone": 2}
SLEEVES: Final = {
    "t-shirt": 0.48,
    "long-sleeved shirt": 1.94,
    "tank top": 0.02,
    "jacket": 0.5,
    "dress": 0.3,
}
"""How far sleeves reach: 0 shoulder, 1 elbow, 2 wrist."""
HAT_LINES: Final = {"cap": 0.955, "beanie": 0.945, "hat": 0.965}
NOWHERE: Final = 9.0


def look_of(identity: Identity) -> Any:
    """The Look of an identity."""
    look = Look()
    look.skin, look.lips, look.iris = (
        _vector(identity.skin),
        _vector(identity.lips),
        _vector(identity.iris),
    )
    _set_hair(look, identity)
    _set_top(look, identity)
    _set_bottom(look, identity)
    look.shoes = _vector(identity.shoes.rgb)
    look.shoe_top = -0.715 if identity.shoes.kind == "shoes" else -0.60
    look.seat = wp.vec3(0.55, 0.43, 0.32)
    return look


def _vector(colour: Rgb) -> Any:
    return wp.vec3(*colour)


def _set_hair(look: Any, identity: Identity) -> None:
    line = hairline(identity.hair)
    look.hair = _vector(identity.hair.rgb)
    look.hair_front, look.hair_side, look.hair_back = line.front, line.side, line.back
    look.hair_turn_start, look.hair_turn_end = line.turn
    look.hair_texture = 1.0 if identity.hair.style == "curly" else 0.0
    look.beard = int(identity.beard)
    look.brow = identity.brow_thickness
    look.hat_line = NOWHERE
    if identity.hat is not None:
        look.hat = _vector(identity.hat.rgb)
        look.hat_line = HAT_LINES[identity.hat.kind]


def _set_top(look: Any, identity: Identity) -> None:
    top = identity.top
    jacket = top.kind == "jacket"
    shirt = top.second_rgb if jacket and top.second_rgb else top.rgb
    look.top = _vector(shirt)
    look.top_second = _vector(top.second_rgb or top.rgb)
    look.jacket = _vector(top.rgb)
    look.top_pattern = 0 if jacket else PATTERNS[top.pattern]
    look.stripe = 0.058
    look.top_hem = 0.16 + 0.03 * identity.sleeve_jitter
    look.sleeve = SLEEVES[top.kind]
    if top.kind in ("t-shirt", "dress"):
        look.sleeve += 0.12 * identity.sleeve_jitter
    look.neck_depth = {"round": 0.030, "v": 0.050, "high": 0.0}[identity.neckline]
    look.neck_v = float(identity.neckline == "v")
    look.armhole = float(top.kind == "tank top")
    if top.kind == "tank top":
        look.neck_depth = 0.055
    look.is_dress = int(top.kind == "dress")
    if look.is_dress:
        look.top_hem = 0.0
    look.has_jacket = int(jacket)
    look.jacket_open = 0.035 + 0.02 * identity.sleeve_jitter
    look.jacket_hem = 0.09


def _set_bottom(look: Any, identity: Identity) -> None:
    bottom = identity.bottom
    look.waist = 0.27
    look.leg_hem = skirt_hem(identity)
    if bottom is None or bottom.kind == "skirt":
        look.has_trousers = 0
    else:
        look.has_trousers = 1
        look.leg_hem = -0.755 if bottom.kind == "trousers" else -0.20 + 0.06 * identity.sleeve_jitter
    if bottom is not None:
        look.bottom = _vector(bottom.rgb)
        look.bottom_second = _vector(bottom.second_rgb or bottom.rgb)
