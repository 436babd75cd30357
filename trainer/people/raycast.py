"""Ray casting with NVIDIA Warp: what each pixel of a dressed figure looks like.

Layers above the skin are cut by `surface`, which says, for a point in canonical coordinates, which colour and part
is there or that the ray passes. The kernels run on a CPU and on CUDA alike.
One file because Warp compiles a module as one unit and the surfaces call each other.
"""

# Warp kernels are Python source that Warp compiles: its types are values, which mypy cannot follow.
# A local that changes in a loop must be written float(0.0): Warp takes bare literals for constants.
# mypy: ignore-errors
# ruff: noqa: UP018, RUF046, SIM102

import warp as wp

wp.config.quiet = True
wp.set_module_options({"enable_backward": False, "max_unroll": 0, "fast_math": True})


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


@wp.struct
class Scene:
    """Camera looking along +y from `eye` with a shifted lens; directions point towards the light."""

    eye: wp.vec3
    focal_px: float
    centre_x: float
    centre_y: float
    light: wp.vec3
    light_colour: wp.vec3
    sky: wp.vec3
    ground: wp.vec3
    rim: wp.vec3
    floor: float
    casts_shadow: int


@wp.func
def smooth(low: float, high: float, value: float) -> float:
    t = wp.clamp((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


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
    """What the cut of a top adds to its colour: 1 shirt with placket and buttons, 2 hoodie with pocket and cords."""
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
    part = 1.0
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
            return wp.vec4(beard[0], beard[1], beard[2], 2.0)
        colour = colour * (1.0 - 0.45 * look.stubble * cover) + look.hair * (0.30 * look.stubble * cover)
    if c[1] < -0.10 and z > 0.78 and z < 0.99:
        ex = ax / 0.0265
        if ex < 1.0:
            bow = 1.0 - ex * ex
            upper = 0.8315 + 0.0105 * bow - 0.002 * wp.exp(-ax * ax / 0.00001)
            lower = 0.8315 - 0.0125 * bow
            if z < upper and z > lower:
                part = 6.0
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
                    part = 6.0
        eye = lid_paint(ax, z, look.skin)
        if eye[3] > 0.5:
            colour = wp.vec3(eye[0], eye[1], eye[2])
            part = 6.0
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


@wp.func
def surface(layer: int, c: wp.vec4, look: Look) -> wp.vec4:
    """Colour in xyz and part in w of an opaque point."""
    colour = wp.vec3(0.0, 0.0, 0.0)
    part = float(1.0)
    if look.strap > 0 and (layer == 2 or layer == 5 or layer == 0 or layer == 6 or layer == 13):
        if c[2] < 0.775 and on_strap(c, look):
            return wp.vec4(look.bag[0] * 0.85, look.bag[1] * 0.85, look.bag[2] * 0.85, 7.0)
    if layer == 1:
        colour = eyeball(c, look)
        part = 6.0
    elif layer == 7 or layer == 8:
        colour = hair_colour(c, look)
        part = 2.0
    elif layer == 9:
        colour = cloth(c, look.hat)
        if look.ribbed == 1:
            turn = wp.atan2(c[0], -c[1] - 0.05)
            colour = colour * (0.88 + 0.12 * wp.sin(turn * 60.0))
            if c[2] < look.hat_line + 0.034 and c[2] > look.hat_line + 0.030:
                colour = colour * 0.7
        elif c[2] < look.hat_line + 0.004:
            colour = colour * 0.8
        part = 7.0
    elif layer == 10:
        colour = wp.vec3(0.05, 0.05, 0.06)
        part = 7.0
    elif layer == 11:
        colour = look.seat
        part = 0.0
    elif layer == 12:
        colour = cloth(c, patterned(c, look.top, look.top_second, look.top_pattern, look.stripe, look.motif)) * 0.9
        if look.has_jacket == 1:
            colour = cloth(c, look.jacket) * 0.9
        part = 3.0
    elif layer == 14:
        colour = cloth(c, look.bag)
        seam = wp.abs(c[2] - 0.06) < 0.003 or wp.abs(c[2] - 0.55) < 0.004
        if seam:
            colour = colour * 0.6
        part = 7.0
    elif layer == 5 or layer == 13:
        colour = cloth(c, look.jacket)
        edge = look.jacket_open + 0.05 * smooth(0.45, 0.72, c[2])
        if layer == 5 and c[1] < 0.0 and wp.abs(c[0]) < edge + 0.007 and c[3] < -0.5:
            colour = colour * 0.7
        part = 3.0
    elif layer == 6:
        if look.is_dress == 1:
            colour = cloth(c, patterned(c, look.top, look.top_second, look.top_pattern, look.stripe, look.motif))
            part = 3.0
        else:
            colour = cloth(
                c, patterned(c, look.bottom, look.bottom_second, look.bottom_pattern, look.stripe, look.motif)
            )
            part = 4.0
    elif layer == 4 or (layer == 0 and c[2] < look.shoe_top and c[3] < -0.7):
        colour = look.shoes
        if look.laces == 1 and c[1] < -0.05 and c[2] > -0.765 and wp.abs(c[2] * 55.0 - wp.floor(c[2] * 55.0)) < 0.4:
            colour = look.sole
        if c[2] < look.sole_top:
            colour = look.sole
        part = 5.0
    elif in_top(c, look) and layer != 3:
        colour = cloth(c, patterned(c, look.top, look.top_second, look.top_pattern, look.stripe, look.motif))
        colour = tailored(c, colour, look)
        if c[3] > look.sleeve - 0.04 or c[2] < look.top_hem + 0.008:
            colour = colour * 0.82
        part = 3.0
    elif in_trousers(c, look):
        colour = cloth(c, patterned(c, look.bottom, look.bottom_second, look.bottom_pattern, look.stripe, look.motif))
        if c[2] > look.waist - 0.022 or c[2] < look.leg_hem + 0.010:
            colour = colour * 0.8
        part = 4.0
    else:
        if c[2] > 0.775 and is_hair(wp.vec4(c[0], c[1], c[2] - 0.004, c[3]), look) and c[3] < -0.5 and c[2] > 0.83:
            ear = wp.abs(c[0]) > 0.078 and c[2] < 0.91
            if not ear:
                colour = hair_colour(c, look) * 0.85
                return wp.vec4(colour[0], colour[1], colour[2], 2.0)
        return face_paint(c, look)
    return wp.vec4(colour[0], colour[1], colour[2], part)


@wp.func
def hit_canonical(
    faces: wp.array(dtype=int), canonical: wp.array(dtype=wp.vec4), face: int, u: float, v: float
) -> wp.vec4:
    return (
        canonical[faces[face * 3]] * u
        + canonical[faces[face * 3 + 1]] * v
        + canonical[faces[face * 3 + 2]] * (1.0 - u - v)
    )


@wp.func
def opaque(layer: int, c: wp.vec4, look: Look) -> bool:
    """Whether a ray stops here: the borders of garments and hair."""
    if layer == 2:
        return in_top(c, look)
    if layer == 3:
        return in_trousers(c, look)
    if layer == 4:
        low = look.shoe_top < -0.7 and c[1] < -0.02 and c[2] > -0.745
        return c[2] < look.shoe_top and not low
    if layer == 5:
        return in_jacket(c, look)
    if layer == 6:
        if look.is_dress == 1:
            return True
        return c[2] < look.waist and not in_top(c, look) and not in_jacket(c, look)
    if layer == 13:
        return c[1] > 0.0 or wp.abs(c[0]) > look.jacket_open + 0.05 * smooth(0.2, -0.3, c[2])
    if layer == 7:
        return is_hair(c, look) and c[2] < look.hair_top
    if layer == 8:
        return c[2] < look.hair_top
    return True


@wp.func
def blocked(
    mesh: wp.uint64,
    faces: wp.array(dtype=int),
    layers: wp.array(dtype=int),
    canonical: wp.array(dtype=wp.vec4),
    look: Look,
    start: wp.vec3,
    direction: wp.vec3,
    reach: float,
) -> float:
    """1 if something that a ray cannot pass lies within reach."""
    origin = start
    left = float(reach)
    for _step in range(5):
        query = wp.mesh_query_ray(mesh, origin, direction, left)
        if not query.result:
            return 0.0
        c = hit_canonical(faces, canonical, query.face, query.u, query.v)
        if opaque(layers[query.face], c, look):
            return 1.0
        origin = origin + direction * (query.t + 0.0004)
        left = left - query.t - 0.0004
        if left <= 0.0:
            return 0.0
    return 0.0


@wp.func
def shaded(found: wp.vec4, normal: wp.vec3, direction: wp.vec3, scene: Scene, facing: float, lit: float) -> wp.vec3:
    """Colour under sky, key light and edge glow; hair also shines."""
    albedo = wp.vec3(found[0], found[1], found[2])
    up = 0.5 + 0.5 * normal[2]
    ambient = scene.sky * up + scene.ground * (1.0 - up)
    edge = wp.pow(1.0 - wp.abs(wp.dot(normal, direction)), 3.0)
    light = ambient + scene.light_colour * (facing * lit) + scene.rim * edge
    rgb = wp.cw_mul(albedo, light)
    if found[3] > 1.5 and found[3] < 2.5:
        half_way = wp.normalize(scene.light - direction)
        shine = 0.16 * lit * wp.pow(wp.max(0.0, wp.dot(normal, half_way)), 24.0)
        rgb = rgb + scene.light_colour * shine
    return rgb


@wp.kernel
def cast_image(
    mesh: wp.uint64,
    faces: wp.array(dtype=int),
    layers: wp.array(dtype=int),
    canonical: wp.array(dtype=wp.vec4),
    normals: wp.array(dtype=wp.vec3),
    look: Look,
    scene: Scene,
    width: int,
    seed: int,
    colours: wp.array(dtype=wp.vec4),
    votes: wp.array(dtype=int),
    shadows: wp.array(dtype=float),
    depths: wp.array(dtype=float),
):
    """One thread a pixel, four rays each. colours: rgb times opacity, and opacity; votes: a count of rays for
    each part, four bits a part; shadows: how dark the floor is; depths: metres along the camera's axis to the
    nearest point of the person, infinite where there is none."""
    pixel = wp.tid()
    row = pixel / width
    column = pixel - row * width
    random = wp.rand_init(seed, pixel)
    total = wp.vec4(0.0, 0.0, 0.0, 0.0)
    counted = int(0)
    lit = float(-1.0)
    missed = int(0)
    nearest = float(wp.inf)
    for sample in range(4):
        px = float(column) + (float(sample % 2) + 0.25 + 0.5 * wp.randf(random)) * 0.5
        py = float(row) + (float(sample / 2) + 0.25 + 0.5 * wp.randf(random)) * 0.5
        direction = wp.normalize(
            wp.vec3((px - scene.centre_x) / scene.focal_px, 1.0, -(py - scene.centre_y) / scene.focal_px)
        )
        origin = scene.eye
        done = bool(False)
        if sample == 2:
            lit = float(-1.0)
        for _step in range(10):
            if not done:
                query = wp.mesh_query_ray(mesh, origin, direction, 60.0)
                if not query.result:
                    break
                c = hit_canonical(faces, canonical, query.face, query.u, query.v)
                point = origin + direction * query.t
                if not opaque(layers[query.face], c, look):
                    origin = point + direction * 0.0004
                else:
                    done = True
                    found = surface(layers[query.face], c, look)
                    normal = wp.normalize(
                        normals[faces[query.face * 3]] * query.u
                        + normals[faces[query.face * 3 + 1]] * query.v
                        + normals[faces[query.face * 3 + 2]] * (1.0 - query.u - query.v)
                    )
                    if wp.dot(normal, direction) > 0.0:
                        normal = -normal
                    facing = wp.max(0.0, wp.dot(normal, scene.light))
                    if lit < 0.0 and facing > 0.0:
                        start = point + normal * 0.03
                        lit = 1.0 - 0.7 * blocked(mesh, faces, layers, canonical, look, start, scene.light, 2.0)
                    rgb = shaded(found, normal, direction, scene, facing, wp.abs(lit))
                    total = total + wp.vec4(wp.min(rgb[0], 1.0), wp.min(rgb[1], 1.0), wp.min(rgb[2], 1.0), 1.0)
                    counted = counted + (1 << (4 * int(found[3])))
                    if int(found[3]) != 0:
                        nearest = wp.min(nearest, point[1] - scene.eye[1])
        if not done:
            missed = missed + 1
            counted = counted + 1
    shadow = float(0.0)
    if missed > 0 and scene.casts_shadow == 1:
        direction = wp.normalize(
            wp.vec3(
                (float(column) + 0.5 - scene.centre_x) / scene.focal_px,
                1.0,
                -(float(row) + 0.5 - scene.centre_y) / scene.focal_px,
            )
        )
        if direction[2] < -0.01:
            distance = (scene.floor - scene.eye[2]) / direction[2]
            point = scene.eye + direction * distance
            spot = wp.vec3(point[0], point[1], scene.floor + 0.003)
            if wp.length(wp.vec2(spot[0], spot[1])) < 2.5:
                shadow = 0.5 * blocked(mesh, faces, layers, canonical, look, spot, scene.light, 3.0)
                above = wp.normalize(wp.vec3(wp.randf(random) * 1.6 - 0.8, wp.randf(random) * 1.6 - 0.8, 1.0))
                shadow = shadow + 0.3 * blocked(mesh, faces, layers, canonical, look, spot, above, 0.5)
    colours[pixel] = total * 0.25
    votes[pixel] = counted
    shadows[pixel] = shadow
    depths[pixel] = nearest


@wp.kernel
def cast_points(
    mesh: wp.uint64,
    faces: wp.array(dtype=int),
    layers: wp.array(dtype=int),
    canonical: wp.array(dtype=wp.vec4),
    look: Look,
    eye: wp.vec3,
    points: wp.array(dtype=wp.vec3),
    tolerances: wp.array(dtype=float),
    visible: wp.array(dtype=int),
):
    """1 where nothing stands between the camera and a point, but for the tolerance before it (metres)."""
    i = wp.tid()
    gap = points[i] - eye
    distance = wp.length(gap)
    reach = distance - tolerances[i]
    stop = blocked(mesh, faces, layers, canonical, look, eye, gap / distance, reach)
    visible[i] = 1
    if stop > 0.5:
        visible[i] = 0


@wp.kernel
def mark_opaque(
    layers: wp.array(dtype=int),
    canonical: wp.array(dtype=wp.vec4),
    look: Look,
    marks: wp.array(dtype=int),
):
    """marks 1 at vertices of `layers` where rays stop."""
    i = wp.tid()
    marks[i] = 0
    if opaque(layers[i], canonical[i], look):
        marks[i] = 1
