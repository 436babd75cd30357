"""The surface of heads with NVIDIA Warp: skin, eyes, lids, brows, lips, beard and hair, in canonical coordinates."""

# Warp functions are Python source that Warp compiles: its types are values, which mypy cannot follow.
# A local that changes in a loop must be written float(0.0): Warp takes bare literals for constants.
# mypy: ignore-errors

import warp as wp

from trainer.synthetic.parts import Part
from trainer.synthetic.surface import Look, smooth


@wp.func
def is_hair(c: wp.vec4, look: Look) -> bool:
    x = c[0]
    y = c[1] + 0.05
    azimuth = wp.abs(wp.atan2(x, -y))
    edge = look.hair_front + (look.hair_side - look.hair_front) * smooth(
        look.hair_turn_start, look.hair_turn_end, azimuth
    )
    edge = edge + (look.hair_back - look.hair_side) * smooth(1.75, 2.3, azimuth)
    edge = edge + 0.004 * wp.sin(azimuth * 37.0 + x * 90.0) + 0.0025 * wp.sin(azimuth * 83.0)
    return c[2] > edge


@wp.func
def beard_cover(ax: float, z: float) -> float:
    """1 where a beard grows, 0 elsewhere on the face."""
    border = 0.852 - 0.55 * wp.max(0.0, 0.045 - ax) + 2.2 * wp.max(0.0, ax - 0.045)
    moustache = ax < 0.030 and z > 0.838 and z < 0.850 - 0.2 * ax
    chin = z < border and z < 0.835 + 1.6 * wp.max(0.0, ax - 0.022)
    if chin or moustache or (ax > 0.05 and z < 0.89):
        return 1.0
    return 0.0


@wp.func
def eyeball(c: wp.vec4, look: Look) -> wp.vec3:
    """Sclera, iris, pupil and the light in it."""
    x = wp.abs(c[0]) - 0.0313
    z = c[2] - 0.9030
    r = wp.sqrt(x * x + z * z)
    colour = wp.vec3(0.93, 0.92, 0.90) - wp.vec3(0.08, 0.24, 0.22) * smooth(-0.008, -0.0125, x)
    if r < 0.0062:
        colour = look.iris * (0.75 + 0.80 * smooth(0.0026, 0.0052, r)) + wp.vec3(0.03, 0.03, 0.03)
        if r > 0.0053:
            colour = look.iris * 0.45
    if r < 0.0027:
        colour = wp.vec3(0.01, 0.01, 0.01)
    colour = colour * (0.60 + 0.40 * smooth(0.0045, 0.0015, z))
    gx = c[0] - wp.sign(c[0]) * 0.0313 - 0.0020
    gz = z - 0.0018
    if gx * gx + gz * gz < 0.0000017:
        colour = wp.vec3(1.6, 1.6, 1.6)
    return colour


@wp.func
def lid_paint(x: float, z: float, skin: wp.vec3) -> wp.vec4:
    """Lashes, the rims that touch the eyeball and the fold above, with w = 1 where they are."""
    lx = (x - 0.0315) / 0.0172
    if wp.abs(lx) > 1.1:
        return wp.vec4(0.0, 0.0, 0.0, 0.0)
    bow = wp.max(0.0, 1.0 - lx * lx)
    middle = 0.9010 + 0.0010 * lx
    upper = middle + 0.0079 * wp.sqrt(bow) * (0.55 + 0.45 * bow)
    lower = middle - 0.0045 * bow
    if z > lower and z < upper:
        if z > middle - 0.0010:
            return wp.vec4(skin[0] * 0.12, skin[1] * 0.10, skin[2] * 0.10, 1.0)
        return wp.vec4(skin[0] * 0.86, skin[1] * 0.72, skin[2] * 0.70, 1.0)
    if wp.abs(z - upper - 0.0050) < 0.0008 and wp.abs(lx) < 0.95:
        return wp.vec4(skin[0] * 0.66, skin[1] * 0.60, skin[2] * 0.58, 1.0)
    if z <= lower and z > lower - 0.0008 and wp.abs(lx) < 0.95:
        return wp.vec4(skin[0] * 0.50, skin[1] * 0.42, skin[2] * 0.40, 1.0)
    return wp.vec4(0.0, 0.0, 0.0, 0.0)


@wp.func
def face_paint(c: wp.vec4, look: Look) -> wp.vec4:
    """Colour of the head's skin in xyz, part in w."""
    ax = wp.abs(c[0])
    z = c[2]
    state = wp.rand_init(5)
    mottle = wp.noise(state, wp.vec3(c[0] * 55.0, c[1] * 55.0, c[2] * 55.0))
    colour = look.skin * (1.0 + 0.05 * mottle)
    part = float(Part.SKIN)
    if c[1] < -0.085 and z > 0.78 and z < 0.99:
        blush = wp.exp(-((ax - 0.043) * (ax - 0.043) + (z - 0.868) * (z - 0.868)) / 0.0004)
        tip = wp.exp(-(ax * ax + (z - 0.866) * (z - 0.866)) / 0.00012)
        warm = 0.07 * blush + 0.05 * tip
        colour = wp.cw_mul(colour, wp.vec3(1.0, 1.0 - warm, 1.0 - warm))
        socket = wp.exp(-((ax - 0.030) * (ax - 0.030) / 0.00030 + (z - 0.905) * (z - 0.905) / 0.00010))
        flank = wp.exp(-((ax - 0.0145) * (ax - 0.0145) / 0.00002 + (z - 0.885) * (z - 0.885) / 0.0006))
        fold = wp.exp(-((ax - 0.020) * (ax - 0.020) / 0.00002 + (z - 0.857) * (z - 0.857) / 0.00008))
        under = wp.exp(-(ax * ax / 0.00035 + (z - 0.8125) * (z - 0.8125) / 0.000012))
        colour = colour * (1.0 - 0.20 * socket - 0.10 * flank - 0.12 * fold - 0.14 * under)
        cover = beard_cover(ax, z)
        if cover > 0.5 and look.beard == 1:
            hairs = wp.noise(state, wp.vec3(c[0] * 260.0, c[1] * 260.0, c[2] * 120.0))
            beard = look.hair * (1.0 + 0.3 * hairs)
            return wp.vec4(beard[0], beard[1], beard[2], float(Part.HAIR))
        colour = colour * (1.0 - 0.45 * look.stubble * cover) + look.hair * (0.30 * look.stubble * cover)
    if c[1] < -0.10 and z > 0.78 and z < 0.99:
        ex = ax / 0.0265
        if ex < 1.0:
            bow = 1.0 - ex * ex
            upper = 0.8315 + 0.0105 * bow - 0.002 * wp.exp(-ax * ax / 0.00001)
            lower = 0.8315 - 0.0125 * bow
            if z < upper and z > lower:
                part = float(Part.FACE)
                colour = look.lips * (0.88 + 0.06 * mottle)
                if z < 0.8315:
                    colour = look.lips * (
                        1.0 + 0.22 * wp.exp(-(z - 0.8255) * (z - 0.8255) / 0.000008 - ax * ax / 0.00015)
                    )
                if wp.abs(z - 0.8315) < 0.0017:
                    colour = look.lips * 0.38
        bx = (ax - 0.034) / 0.021
        if wp.abs(bx) < 1.0:
            arch = 0.9195 + 0.0045 * (1.0 - bx * bx) + 0.001 * bx
            half = 0.0030 * look.brow * (1.0 - 0.45 * wp.max(bx, 0.0)) * smooth(1.0, 0.75, wp.abs(bx))
            inside = smooth(half * 1.25, half * 0.55, wp.abs(z - arch))
            if inside > 0.0:
                hairs = wp.noise(state, wp.vec3((c[0] + 0.6 * z) * 620.0, z * 160.0, 0.0))
                cover = wp.clamp(inside * (0.95 + 0.35 * hairs), 0.0, 1.0)
                colour = colour * (1.0 - cover) + look.brows * cover
                if cover > 0.5:
                    part = float(Part.FACE)
        eye = lid_paint(ax, z, look.skin)
        if eye[3] > 0.5:
            colour = wp.vec3(eye[0], eye[1], eye[2])
            part = float(Part.FACE)
        if wp.length(wp.vec2((ax - 0.0085) * 0.8, z - 0.8578)) < 0.0030 and c[1] > -0.185:
            colour = look.skin * 0.32
    return wp.vec4(colour[0], colour[1], colour[2], part)


@wp.func
def hair_colour(c: wp.vec4, look: Look) -> wp.vec3:
    azimuth = wp.atan2(c[0], -(c[1] + 0.05))
    state = wp.rand_init(11)
    strand = wp.noise(state, wp.vec3(azimuth * 22.0, c[2] * 7.0, 0.0))
    if look.hair_texture > 0.5:
        strand = wp.noise(state, wp.vec3(c[0] * 90.0, c[1] * 90.0, c[2] * 90.0))
    return look.hair * (1.0 + 0.32 * strand) + wp.vec3(0.02, 0.02, 0.02) * strand
