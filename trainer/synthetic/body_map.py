"""The body map of a photo: which point of the bare body's surface each pixel shows, and how the surface lies there.

Surface points are numbered by an atlas of the shared mesh. The map is rendered from the undressed body in the pose of
the photo, with an average head and a build of its own, so that neither face nor garments can be read from it.
"""

import functools
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy.spatial  # type: ignore[import-untyped]
import warp as wp

from engine.body.atlas import Region
from trainer.synthetic.body import Floats, RestBody, rest_body, template
from trainer.synthetic.camera import Camera
from trainer.synthetic.identity import Identity, Phenotype
from trainer.synthetic.raycast import cast_map

TEXELS: Final = 4096
MAP_SCALE: Final = 2
"""Photo pixels per map pixel, each way: 80 x 120 for a photo of 160 x 240 px."""
HEAD_DENSITY: Final = 2.6
"""The head's texels lie this much closer than the body's: a portrait shows the head alone."""
HAND_DENSITY: Final = 1.4
HEAD_BASE_M: Final = 0.74
WRIST: Final = 1.95
"""Of the along-the-arm coordinate, where the hand begins."""
ARM: Final = -0.2
"""Of the along-the-arm coordinate, above which a point belongs to an arm."""
NECK_M, WAIST_M, HIPS_M, ANKLES_M = 0.70, 0.24, -0.03, -0.72
"""Canonical heights where the head ends, where tops and bottoms may meet (from the waist down to the hips), and where
the feet begin."""
BUILD_JITTER: Final = 0.12
"""Standard deviation of the change of muscle and weight between the person and the map's body: at inference the build
is a guess."""
AVERAGE: Final = Phenotype(0.5, 0.72, 0.5, 0.5, 0.5, 0.6, 0.4, 0.55, 0.34, 0.34, 0.34)


@dataclass(frozen=True)
class BodyAtlas:
    """Texels of the shared mesh: points [T, 3] in canonical coordinates (metres), mirror [T] the texel at the other
    side of the body, region [T] of engine.body.atlas.Region, of_vertex [V] the texel of each mesh vertex."""

    points: Floats
    mirror: npt.NDArray[np.int64]
    region: npt.NDArray[np.int64]
    of_vertex: npt.NDArray[np.int32]


@dataclass(frozen=True)
class BodyMap:
    """surface uint16 [h, w]: texel + 1, 0 off the body; normal uint8 [h, w, 3]: unit normals in the camera's frame
    (x right, y away, z up) as 127.5 * (n + 1), 0 off the body."""

    surface: npt.NDArray[np.uint16]
    normal: npt.NDArray[np.uint8]


@functools.cache
def atlas() -> BodyAtlas:
    """Farthest-point samples of the mesh's vertices, denser on head and hands; deterministic."""
    canonical = template().canonical
    density = np.where(template().head & (canonical[:, 2] > HEAD_BASE_M), HEAD_DENSITY, 1.0)
    density = np.where(canonical[:, 3] > WRIST, HAND_DENSITY, density)[:, None]
    chosen = _farthest(canonical[:, :3] * density, TEXELS)
    points = canonical[chosen, :3]
    tree = scipy.spatial.cKDTree(points)
    _, of_vertex = tree.query(canonical[:, :3])
    _, mirror = tree.query(points * np.array([-1, 1, 1], np.float32))
    region = _regions(canonical[chosen])
    return BodyAtlas(points.astype(np.float32), mirror.astype(np.int64), region, of_vertex.astype(np.int32))


def _regions(canonical: Floats) -> npt.NDArray[np.int64]:
    """Region of canonical points [N, 4]."""
    height, arm = canonical[:, 2], canonical[:, 3]
    region = np.full(len(canonical), int(Region.TORSO))
    region[height > NECK_M] = int(Region.HEAD)
    region[(height < WAIST_M) & (arm < ARM)] = int(Region.WAIST)
    region[(height < HIPS_M) & (arm < ARM)] = int(Region.LEGS)
    region[(height < ANKLES_M) & (arm < ARM)] = int(Region.FEET)
    region[arm > WRIST] = int(Region.HANDS)
    return region


def _farthest(points: Floats, count: int) -> npt.NDArray[np.int64]:
    """Indices [count] of points [V, 3], each as far as possible from those before it."""
    chosen = np.zeros(count, np.int64)
    distance = np.full(len(points), np.inf)
    for number in range(1, count):
        distance = np.minimum(distance, np.square(points - points[chosen[number - 1]]).sum(1))
        chosen[number] = distance.argmax()
    return chosen


@functools.lru_cache(maxsize=4)
def bare_body(phenotype: Phenotype, seed: int) -> RestBody:
    """The body that stands for a person in maps: of the person's sex and proportions, otherwise average, and of a
    build that differs from the person's by chance."""
    random = np.random.default_rng([81, seed])
    muscle, weight = (
        float(np.clip(value + random.normal(0, BUILD_JITTER), 0.1, 0.95))
        for value in (phenotype.muscle, phenotype.weight)
    )
    own = replace(
        AVERAGE,
        gender=phenotype.gender,
        height=phenotype.height,
        proportions=phenotype.proportions,
        muscle=muscle,
        weight=weight,
    )
    return rest_body(own)


def bare_body_of(identity: Identity) -> RestBody:
    """`bare_body` of an identity; the same in all outfits."""
    return bare_body(identity.phenotype, identity.seed)


def body_map(vertices: Floats, normals: Floats, camera: Camera, size: tuple[int, int], device: str) -> BodyMap:
    """The map of the posed bare body, vertices and normals [V, 3] in the world; size: height and width px of the
    photo."""
    rows, columns = size[0] // MAP_SCALE, size[1] // MAP_SCALE
    faces, texels = _on_device(device)
    mesh = wp.Mesh(
        points=wp.array(vertices, dtype=wp.vec3, device=device),
        indices=faces,
        bvh_constructor="median" if device == "cpu" else None,
    )
    surface = wp.zeros(rows * columns, dtype=int, device=device)
    lying = wp.zeros(rows * columns, dtype=wp.vec3, device=device)
    inputs = [
        mesh.id,
        faces,
        texels,
        wp.array(normals, dtype=wp.vec3, device=device),
        wp.vec3(*(float(value) for value in camera.eye)),
        camera.focal_px,
        *camera.centre_px,
        columns,
        surface,
        lying,
    ]
    wp.launch(cast_map, dim=rows * columns, inputs=inputs, device=device)
    numbers = surface.numpy().reshape(rows, columns).astype(np.uint16)
    shown = np.clip(127.5 * (lying.numpy().reshape(rows, columns, 3) + 1), 0, 255).astype(np.uint8)
    shown[numbers == 0] = 0
    return BodyMap(numbers, shown)


@functools.cache
def _on_device(device: str) -> tuple[Any, Any]:
    faces = wp.array(template().faces.ravel(), dtype=int, device=device)
    return faces, wp.array(atlas().of_vertex, dtype=int, device=device)
