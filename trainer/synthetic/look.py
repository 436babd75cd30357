"""Converts an identity to the numbers that the surface kernels read."""

from typing import Any, Final

import warp as wp

from trainer.synthetic.headwear import hairline
from trainer.synthetic.identity import Identity
from trainer.synthetic.palette import Rgb
from trainer.synthetic.skirts import coat_hem, skirt_hem
from trainer.synthetic.surface import Look
from trainer.synthetic.wardrobe import MOTIFS, OVER, PATTERNS

SLEEVES: Final = {
    "t-shirt": 0.48,
    "long-sleeved shirt": 1.94,
    "shirt": 1.92,
    "hoodie": 1.95,
    "tank top": 0.02,
    "jacket": 0.5,
    "coat": 0.5,
    "dress": 0.3,
}
"""The ends of sleeves: 0 shoulder, 1 elbow, 2 wrist."""
HAT_LINES: Final = {"cap": 0.955, "beanie": 0.938, "hat": 0.965, "sun hat": 0.962}
HAIR_UNDER_HATS: Final = {"cap": 0.008, "beanie": -0.004, "hat": -0.016, "sun hat": -0.016}
"""The end of the hair below a hat, measured from the hat's line."""
NOWHERE: Final = 9.0
DETAILS: Final = {"shirt": 1, "hoodie": 2}
BAG_STRAPS: Final = {"shoulder bag": 1, "backpack": 2}
SHOE_TOPS: Final = {"shoes": -0.715, "sneakers": -0.70, "boots": -0.52}
"""Canonical height where shoes end."""


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
    _set_shoes(look, identity)
    _set_bottom(look, identity)
    if identity.bag is not None:
        look.bag = _vector(identity.bag.rgb)
        look.strap = BAG_STRAPS[identity.bag.kind]
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
    look.stubble = identity.stubble
    look.brows = _vector(identity.brows)
    look.brow = identity.brow_thickness
    look.hat_line = look.hair_top = NOWHERE
    if identity.hat is not None:
        look.hat = _vector(identity.hat.rgb)
        look.hat_line = HAT_LINES[identity.hat.kind]
        look.ribbed = int(identity.hat.kind == "beanie")
        look.hair_top = look.hat_line + HAIR_UNDER_HATS[identity.hat.kind]


def _set_top(look: Any, identity: Identity) -> None:
    top = identity.top
    over = top.kind in OVER
    shirt = top.second_rgb if over and top.second_rgb else top.rgb
    look.top = _vector(shirt)
    look.top_second = _vector(top.second_rgb or top.rgb)
    look.jacket = _vector(top.rgb)
    look.top_pattern = 0 if over else PATTERNS.index(top.pattern)
    look.stripe = 0.058
    look.top_hem = 0.16 + 0.03 * identity.top.cut
    look.sleeve = SLEEVES[top.kind]
    if top.kind in ("t-shirt", "dress"):
        look.sleeve += 0.12 * identity.top.cut
    look.neck_depth = {"round": 0.030, "v": 0.050, "high": 0.0}[identity.outfit.neckline]
    look.neck_v = float(identity.outfit.neckline == "v")
    look.armhole = float(top.kind == "tank top")
    if top.kind == "tank top":
        look.neck_depth = 0.055
    if top.kind in ("shirt", "hoodie"):
        look.neck_depth, look.neck_v = (0.026, 1.0) if top.kind == "shirt" else (0.012, 0.0)
    look.detail = DETAILS.get(top.kind, 0)
    look.motif = 0 if top.motif is None else MOTIFS.index(top.motif)
    look.is_dress = int(top.kind == "dress")
    if look.is_dress:
        look.top_hem = 0.0
    look.has_jacket = int(over)
    look.jacket_open = 0.035 + 0.02 * identity.top.cut
    look.jacket_hem = 0.26 if top.kind == "coat" else 0.09
    look.coat_hem = coat_hem(identity)


def _set_bottom(look: Any, identity: Identity) -> None:
    bottom = identity.bottom
    look.waist = 0.27
    look.leg_hem = skirt_hem(identity)
    if bottom is None or bottom.kind == "skirt":
        look.has_trousers = 0
    else:
        look.has_trousers = 1
        look.leg_hem = -0.755 if bottom.kind == "trousers" else -0.20 + 0.06 * bottom.cut
        if identity.shoes.kind == "boots":
            look.leg_hem = max(look.leg_hem, look.shoe_top - 0.01)
    if bottom is not None:
        look.bottom = _vector(bottom.rgb)
        look.bottom_second = _vector(bottom.second_rgb or bottom.rgb)
        look.bottom_pattern = PATTERNS.index(bottom.pattern)


def _set_shoes(look: Any, identity: Identity) -> None:
    shoes = identity.shoes
    look.shoes = _vector(shoes.rgb)
    look.shoe_top = SHOE_TOPS[shoes.kind]
    look.sole = wp.vec3(0.88, 0.88, 0.87) if shoes.kind == "sneakers" else _vector(shoes.rgb) * 0.35
    look.sole_top = -0.785 if shoes.kind == "sneakers" else -0.797
    look.laces = int(shoes.kind == "sneakers")
