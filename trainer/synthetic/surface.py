"""The inputs of the surface program for an identity, as a Warp struct, and the step that all of it shares."""

# Warp functions are Python source that Warp compiles: its types are values, which mypy cannot follow.
# A local that changes in a loop must be written float(0.0): Warp takes bare literals for constants.
# mypy: ignore-errors

import warp as wp


@wp.struct
class Look:
    """Everything the surface program needs to know about an identity. Heights are canonical metres."""

    skin: wp.vec3
    lips: wp.vec3
    iris: wp.vec3
    hair: wp.vec3
    top: wp.vec3
    top_second: wp.vec3
    jacket: wp.vec3
    bottom: wp.vec3
    bottom_second: wp.vec3
    shoes: wp.vec3
    hat: wp.vec3
    seat: wp.vec3
    sole: wp.vec3
    bag: wp.vec3
    brows: wp.vec3
    sole_top: float
    laces: int
    strap: int
    detail: int
    motif: int
    coat_hem: float
    stubble: float
    top_hem: float
    sleeve: float
    neck_depth: float
    neck_v: float
    armhole: float
    top_pattern: int
    bottom_pattern: int
    stripe: float
    waist: float
    leg_hem: float
    has_trousers: int
    is_dress: int
    shoe_top: float
    has_jacket: int
    jacket_open: float
    jacket_hem: float
    hair_front: float
    hair_side: float
    hair_back: float
    hair_turn_start: float
    hair_turn_end: float
    hair_texture: float
    hat_line: float
    hair_top: float
    ribbed: int
    beard: int
    brow: float


@wp.func
def smooth(low: float, high: float, value: float) -> float:
    t = wp.clamp((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
