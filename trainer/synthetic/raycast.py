"""Ray casting with NVIDIA Warp: the colour and part of each pixel of a dressed figure.

Layers above the skin are cut by `surface`, which says, for a point in canonical coordinates, which colour and part
is there or that the ray passes. The kernels run on a CPU and on CUDA alike.
"""

# Warp kernels are Python source that Warp compiles: its types are values, which mypy cannot follow.
# A local that changes in a loop must be written float(0.0): Warp takes bare literals for constants.
# mypy: ignore-errors
# ruff: noqa: UP018, RUF046, SIM102

import warp as wp

from trainer.synthetic.cloth import cloth, in_jacket, in_top, in_trousers, on_strap, patterned, tailored
from trainer.synthetic.complexion import eyeball, face_paint, hair_colour, is_hair
from trainer.synthetic.layers import Layer
from trainer.synthetic.parts import Part
from trainer.synthetic.surface import Look, smooth

wp.config.quiet = True
wp.set_module_options({"enable_backward": False, "max_unroll": 0, "fast_math": True})


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
def surface(layer: int, c: wp.vec4, look: Look) -> wp.vec4:
    """Colour in xyz and part in w of an opaque point."""
    colour = wp.vec3(0.0, 0.0, 0.0)
    part = float(Part.SKIN)
    if look.strap > 0 and (
        layer == Layer.TOP
        or layer == Layer.JACKET
        or layer == Layer.BODY
        or layer == Layer.SKIRT
        or layer == Layer.COAT
    ):
        if c[2] < 0.775 and on_strap(c, look):
            return wp.vec4(look.bag[0] * 0.85, look.bag[1] * 0.85, look.bag[2] * 0.85, float(Part.ACCESSORY))
    if layer == Layer.EYE:
        colour = eyeball(c, look)
        part = float(Part.FACE)
    elif layer == Layer.HAIR or layer == Layer.TAIL:
        colour = hair_colour(c, look)
        part = float(Part.HAIR)
    elif layer == Layer.HAT:
        colour = cloth(c, look.hat)
        if look.ribbed == 1:
            turn = wp.atan2(c[0], -c[1] - 0.05)
            colour = colour * (0.88 + 0.12 * wp.sin(turn * 60.0))
            if c[2] < look.hat_line + 0.034 and c[2] > look.hat_line + 0.030:
                colour = colour * 0.7
        elif c[2] < look.hat_line + 0.004:
            colour = colour * 0.8
        part = float(Part.ACCESSORY)
    elif layer == Layer.GLASSES:
        colour = wp.vec3(0.05, 0.05, 0.06)
        part = float(Part.ACCESSORY)
    elif layer == Layer.SEAT:
        colour = look.seat
        part = float(Part.BACKGROUND)
    elif layer == Layer.COLLAR:
        colour = cloth(c, patterned(c, look.top, look.top_second, look.top_pattern, look.stripe, look.motif)) * 0.9
        if look.has_jacket == 1:
            colour = cloth(c, look.jacket) * 0.9
        part = float(Part.TOP)
    elif layer == Layer.BAG:
        colour = cloth(c, look.bag)
        seam = wp.abs(c[2] - 0.06) < 0.003 or wp.abs(c[2] - 0.55) < 0.004
        if seam:
            colour = colour * 0.6
        part = float(Part.ACCESSORY)
    elif layer == Layer.JACKET or layer == Layer.COAT:
        colour = cloth(c, look.jacket)
        edge = look.jacket_open + 0.05 * smooth(0.45, 0.72, c[2])
        if layer == Layer.JACKET and c[1] < 0.0 and wp.abs(c[0]) < edge + 0.007 and c[3] < -0.5:
            colour = colour * 0.7
        part = float(Part.TOP)
    elif layer == Layer.SKIRT:
        if look.is_dress == 1:
            colour = cloth(c, patterned(c, look.top, look.top_second, look.top_pattern, look.stripe, look.motif))
            part = float(Part.TOP)
        else:
            colour = cloth(
                c, patterned(c, look.bottom, look.bottom_second, look.bottom_pattern, look.stripe, look.motif)
            )
            part = float(Part.BOTTOM)
    elif layer == Layer.SHOES or (layer == Layer.BODY and c[2] < look.shoe_top and c[3] < -0.7):
        colour = look.shoes
        if look.laces == 1 and c[1] < -0.05 and c[2] > -0.765 and wp.abs(c[2] * 55.0 - wp.floor(c[2] * 55.0)) < 0.4:
            colour = look.sole
        if c[2] < look.sole_top:
            colour = look.sole
        part = float(Part.SHOES)
    elif in_top(c, look) and layer != Layer.BOTTOM:
        colour = cloth(c, patterned(c, look.top, look.top_second, look.top_pattern, look.stripe, look.motif))
        colour = tailored(c, colour, look)
        if c[3] > look.sleeve - 0.04 or c[2] < look.top_hem + 0.008:
            colour = colour * 0.82
        part = float(Part.TOP)
    elif in_trousers(c, look):
        colour = cloth(c, patterned(c, look.bottom, look.bottom_second, look.bottom_pattern, look.stripe, look.motif))
        if c[2] > look.waist - 0.022 or c[2] < look.leg_hem + 0.010:
            colour = colour * 0.8
        part = float(Part.BOTTOM)
    else:
        if c[2] > 0.775 and is_hair(wp.vec4(c[0], c[1], c[2] - 0.004, c[3]), look) and c[3] < -0.5 and c[2] > 0.83:
            ear = wp.abs(c[0]) > 0.078 and c[2] < 0.91
            if not ear:
                colour = hair_colour(c, look) * 0.85
                return wp.vec4(colour[0], colour[1], colour[2], float(Part.HAIR))
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
    if layer == Layer.TOP:
        return in_top(c, look)
    if layer == Layer.BOTTOM:
        return in_trousers(c, look)
    if layer == Layer.SHOES:
        low = look.shoe_top < -0.7 and c[1] < -0.02 and c[2] > -0.745
        return c[2] < look.shoe_top and not low
    if layer == Layer.JACKET:
        return in_jacket(c, look)
    if layer == Layer.SKIRT:
        if look.is_dress == 1:
            return True
        return c[2] < look.waist and not in_top(c, look) and not in_jacket(c, look)
    if layer == Layer.COAT:
        return c[1] > 0.0 or wp.abs(c[0]) > look.jacket_open + 0.05 * smooth(0.2, -0.3, c[2])
    if layer == Layer.HAIR:
        return is_hair(c, look) and c[2] < look.hair_top
    if layer == Layer.TAIL:
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
    """One thread per pixel, four rays each. colours: rgb times opacity, and opacity; votes: a count of rays for
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


@wp.kernel
def cast_map(
    mesh: wp.uint64,
    faces: wp.array(dtype=int),
    texels: wp.array(dtype=int),
    normals: wp.array(dtype=wp.vec3),
    eye: wp.vec3,
    focal_px: float,
    centre_x: float,
    centre_y: float,
    columns: int,
    surface: wp.array(dtype=int),
    lying: wp.array(dtype=wp.vec3),
):
    """Texel + 1 and normal of the bare body at the middle of each map pixel, which is two photo pixels wide."""
    pixel = wp.tid()
    px = (float(pixel % columns) + 0.5) * 2.0
    py = (float(pixel // columns) + 0.5) * 2.0
    direction = wp.normalize(wp.vec3((px - centre_x) / focal_px, 1.0, -(py - centre_y) / focal_px))
    query = wp.mesh_query_ray(mesh, eye, direction, 60.0)
    if query.result:
        a = faces[query.face * 3]
        b = faces[query.face * 3 + 1]
        c = faces[query.face * 3 + 2]
        w = 1.0 - query.u - query.v
        nearest = a
        if query.v > query.u and query.v > w:
            nearest = b
        if w > query.u and w >= query.v:
            nearest = c
        surface[pixel] = texels[nearest] + 1
        lying[pixel] = wp.normalize(normals[a] * query.u + normals[b] * query.v + normals[c] * w)
