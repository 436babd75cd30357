"""The surface of garments with NVIDIA Warp: where their borders run, and their patterns, seams and straps.

Points c are canonical: x, y, z and the along-the-arm coordinate of `body`.
"""

# Warp functions are Python source that Warp compiles: its types are values, which mypy cannot follow.
# A local that changes in a loop must be written float(0.0): Warp takes bare literals for constants.
# mypy: ignore-errors
# ruff: noqa: UP018, SIM102

import warp as wp

from trainer.synthetic.surface import Look, smooth


@wp.func
def in_top(c: wp.vec4, look: Look) -> bool:
    ax = wp.abs(c[0])
    if c[2] < look.top_hem or c[3] > look.sleeve:
        return False
    line = 0.748 + 0.42 * (c[1] + 0.03)
    if c[1] < 0.0:
        round_cut = look.neck_depth * wp.max(0.0, 1.0 - (ax / 0.085) * (ax / 0.085))
        v_cut = 1.9 * look.neck_depth * wp.max(0.0, 1.0 - ax / 0.075)
        line = line - (round_cut * (1.0 - look.neck_v) + v_cut * look.neck_v)
    if c[2] > line:
        return False
    if look.armhole > 0.0:
        border = 0.125 + 0.075 * smooth(0.67, 0.55, c[2])
        if c[2] > 0.55 and ax > border:
            return False
    return True


@wp.func
def in_jacket(c: wp.vec4, look: Look) -> bool:
    if look.has_jacket == 0 or c[2] < look.jacket_hem or c[3] > 1.93:
        return False
    opening = look.jacket_open + 0.05 * smooth(0.45, 0.72, c[2])
    if c[1] < 0.0 and wp.abs(c[0]) < opening and c[3] < -0.5:
        return False
    return c[2] < 0.765 + 0.35 * (c[1] + 0.03)


@wp.func
def in_trousers(c: wp.vec4, look: Look) -> bool:
    return look.has_trousers == 1 and c[2] < look.waist and c[2] > look.leg_hem and c[3] < -0.7


@wp.func
def in_motif(u: float, v: float, motif: int) -> bool:
    """Whether a point of the unit square lies on the printed shape: circle, star, heart, triangle."""
    r = wp.sqrt(u * u + v * v)
    if motif == 0:
        return r < 0.9
    if motif == 1:
        turn = wp.atan2(u, v) / 1.2566371 + 0.5
        angle = wp.abs(turn - wp.floor(turn) - 0.5) * 1.2566371
        return r * (wp.sin(angle) * 0.681 + wp.cos(angle) * 0.2351) < 0.2351 * 1.05
    if motif == 2:
        w = v * 1.05 + 0.1
        q = u * u + w * w - 0.75
        return q * q * q - u * u * w * w * w < 0.0
    return v > -0.75 and wp.abs(u) < (0.95 - v) * 0.58


@wp.func
def patterned(c: wp.vec4, first: wp.vec3, second: wp.vec3, pattern: int, stripe: float, motif: int) -> wp.vec3:
    """Pattern numbers are those of `wardrobe.PATTERNS`."""
    along = c[2]
    across = c[0] + 0.7 * c[1]
    if c[3] > 0.05:
        along = 0.62 - c[3] * 0.2
        across = c[1] + c[2]
    if pattern == 1:
        phase = along / stripe
        if phase - wp.floor(phase) > 0.55:
            return second
    if pattern == 2:
        rows = along / stripe
        columns = across / stripe
        crossing = float(0.0)
        if rows - wp.floor(rows) > 0.5:
            crossing = crossing + 0.5
        if columns - wp.floor(columns) > 0.5:
            crossing = crossing + 0.5
        return first * (1.0 - crossing) + second * crossing
    if pattern == 3 and c[1] < -0.02 and c[3] < -0.4:
        if in_motif(c[0] / 0.075, (c[2] - 0.52) / 0.075, motif):
            return second
    if pattern == 4:
        if along < 0.43:
            return second
    return first


@wp.func
def on_strap(c: wp.vec4, look: Look) -> bool:
    """Straps of bags, painted on what is worn: 1 across the chest, 2 over both shoulders."""
    if look.strap == 1 and c[2] > 0.0 and c[3] < 0.1:
        return wp.abs(0.931 * (c[0] + 0.09) + 0.365 * (c[2] - 0.76)) < 0.017
    if look.strap == 2 and c[2] > 0.42 and c[3] < 0.1:
        return wp.abs(wp.abs(c[0]) - 0.105 - 0.45 * (0.76 - c[2]) * (0.76 - c[2])) < 0.021
    return False


@wp.func
def tailored(c: wp.vec4, colour: wp.vec3, look: Look) -> wp.vec3:
    """The details of a top's cut, added to its colour: 1 shirt with placket and buttons, 2 hoodie with pocket and
    cords."""
    ax = wp.abs(c[0])
    front = c[1] < 0.0 and c[3] < -0.4
    if look.detail == 1 and front:
        phase = c[2] / 0.085
        gap = (phase - wp.floor(phase) - 0.5) * 0.085
        if ax * ax + gap * gap < 0.000055:
            return wp.vec3(0.9, 0.9, 0.88) - 0.55 * colour
        if wp.abs(ax - 0.016) < 0.0016:
            return colour * 0.72
    if look.detail == 2:
        if front and c[2] > 0.17 and c[2] < 0.335:
            half = 0.085 + 0.028 * smooth(0.32, 0.22, c[2])
            rim = wp.abs(ax - half) < 0.0035 and c[2] < 0.33
            if rim or (ax < half and c[2] > 0.328):
                return colour * 0.62
        if front and c[2] > 0.57 and c[2] < 0.71 and wp.abs(ax - 0.024 - 0.05 * wp.max(0.0, c[2] - 0.68)) < 0.0032:
            return wp.vec3(0.92, 0.92, 0.9) - 0.45 * wp.vec3(colour[0], colour[0], colour[0])
        if c[3] > look.sleeve - 0.10 or c[2] < look.top_hem + 0.035:
            return colour * 0.8
    return colour


@wp.func
def cloth(c: wp.vec4, colour: wp.vec3) -> wp.vec3:
    state = wp.rand_init(7)
    folds = wp.noise(state, wp.vec3(c[0] * 16.0, c[1] * 16.0, c[2] * 9.0))
    return colour * (1.0 + 0.16 * folds)
