"""A dressed person as one mesh at rest: body, garment shells, skirt, hair, hat and glasses.

Garments are copies of parts of the body pushed outwards. They reach further than the garment does: the surface
program of `raycast` cuts them along straight borders in canonical coordinates.
"""

import functools
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy.sparse  # type: ignore[import-untyped]

from trainer.people.body import NOT_AN_ARM, Floats, Integers, RestBody, rest_body, template
from trainer.people.headwear import Piece, glasses_pieces, grid_faces, hair_pieces, hat_pieces
from trainer.people.identity import Identity


class Layer(IntEnum):
    """What a triangle belongs to."""

    BODY = 0
    EYE = 1
    TOP = 2
    BOTTOM = 3
    SHOES = 4
    JACKET = 5
    SKIRT = 6
    HAIR = 7
    TAIL = 8
    HAT = 9
    GLASSES = 10
    SEAT = 11


SHELL_M: Final = {Layer.TOP: 0.010, Layer.JACKET: 0.022, Layer.BOTTOM: 0.009, Layer.SHOES: 0.008}
"""How far a garment stands off the skin, metres."""


DRAPE_STEPS: Final = 24
DRAPE_SHARE: Final = 0.9


@dataclass(frozen=True)
class Figure:
    """A dressed person at rest: vertices and normals [V, 3], canonical [V, 4], faces [F, 3], layers [F],
    sparse skin weights [V, B]."""

    body: RestBody
    vertices: Floats
    normals: Floats
    canonical: Floats
    faces: Integers
    layers: Integers
    weights: Any


@dataclass(frozen=True)
class _Patch:
    vertices: Floats
    canonical: Floats
    faces: Integers
    layers: Integers
    weights: Any


def dress(identity: Identity) -> Figure:
    """The figure of an identity, deterministic."""
    body = rest_body(identity.phenotype)
    normals = vertex_normals(body.vertices, template().faces)
    patches = [_skin(body), *_shells(identity, body, normals)]
    if _has_skirt(identity):
        patches.append(_skirt(identity, body))
    patches.extend(_headwear(identity, body))
    counts = np.cumsum([0] + [len(patch.vertices) for patch in patches])
    faces = np.concatenate([p.faces + start for p, start in zip(patches, counts, strict=False)])
    vertices = np.concatenate([patch.vertices for patch in patches])
    return Figure(
        body=body,
        vertices=vertices.astype(np.float32),
        normals=vertex_normals(vertices, faces),
        canonical=np.concatenate([patch.canonical for patch in patches]).astype(np.float32),
        faces=faces.astype(np.int32),
        layers=np.concatenate([patch.layers for patch in patches]).astype(np.int32),
        weights=scipy.sparse.vstack([patch.weights for patch in patches]).tocsr(),
    )


def vertex_normals(vertices: Floats, faces: Integers) -> Floats:
    """Area-weighted unit normals [V, 3]."""
    corners = vertices[faces]
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.stack(
        [
            np.bincount(faces.ravel(), weights=np.repeat(face_normals[:, axis], 3), minlength=len(vertices))
            for axis in range(3)
        ],
        axis=1,
    )
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(normals / np.maximum(lengths, 1e-12), dtype=np.float32)


def _has_skirt(identity: Identity) -> bool:
    return identity.bottom is None or identity.bottom.kind == "skirt"


def _skin(body: RestBody) -> _Patch:
    shared = template()
    layers = np.where(shared.eyes[shared.faces].all(axis=1), Layer.EYE, Layer.BODY)
    return _Patch(body.vertices, shared.canonical, shared.faces, layers.astype(np.int32), shared.weights)


@functools.cache
def _shell_region(layer: Layer) -> tuple[npt.NDArray[np.int64], Integers, Any]:
    """Vertices of the body that a shell copies, its faces in their numbering, and their weights."""
    shared = template()
    x, _, z, arm = shared.canonical.T
    not_arm = arm <= NOT_AN_ARM + 0.3
    inside = {
        Layer.TOP: (z > -0.02) & (z < 0.80) & (arm < 2.1),
        Layer.JACKET: (z > -0.02) & (z < 0.80) & (arm < 2.1),
        Layer.BOTTOM: (z < 0.34) & not_arm & (np.abs(x) < 0.33),
        Layer.SHOES: (z < -0.52) & not_arm,
    }[layer]
    faces = shared.faces[inside[shared.faces].all(axis=1)]
    used = np.unique(faces)
    numbering = np.full(len(shared.canonical), -1)
    numbering[used] = np.arange(len(used))
    return used, numbering[faces].astype(np.int32), shared.weights[used]


def _shells(identity: Identity, body: RestBody, normals: Floats) -> list[_Patch]:
    layers = [Layer.TOP, Layer.SHOES]
    if identity.top.kind == "jacket":
        layers.append(Layer.JACKET)
    if identity.bottom is not None and identity.bottom.kind != "skirt":
        layers.append(Layer.BOTTOM)
    patches = []
    for layer in layers:
        used, faces, weights = _shell_region(layer)
        canonical = template().canonical[used]
        offset = _offset(layer, canonical, identity)
        vertices = body.vertices[used] + normals[used] * offset[:, None]
        if layer in (Layer.TOP, Layer.JACKET):
            vertices = _draped(vertices, normals[used], layer)
        if layer is Layer.SHOES:
            vertices[:, 2] = np.where(canonical[:, 2] < -0.79, vertices[:, 2] - 0.006, vertices[:, 2])
        patches.append(_Patch(vertices, canonical, faces, np.full(len(faces), layer, np.int32), weights))
    return patches


@functools.cache
def _neighbours(layer: Layer) -> Any:
    """Row-normalised adjacency of a shell's vertices, sparse [V, V]."""
    used, faces, _ = _shell_region(layer)
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    ones = np.ones(len(pairs), np.float32)
    matrix = scipy.sparse.csr_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(used), len(used)))
    matrix.data[:] = 1
    return scipy.sparse.diags(1 / np.maximum(matrix.sum(axis=1).A1, 1)) @ matrix


def _draped(vertices: Floats, normals: Floats, layer: Layer) -> Floats:
    """Cloth spans hollows of the body: the shell is smoothed, but never moved towards the skin."""
    smooth = vertices
    for _ in range(DRAPE_STEPS):
        smooth = _neighbours(layer) @ smooth
    outward = ((smooth - vertices) * normals).sum(axis=1).clip(0.0, 0.05)
    along = normals * (DRAPE_SHARE * outward)[:, None]
    return np.asarray(vertices + along, dtype=np.float32)


def _offset(layer: Layer, canonical: Floats, identity: Identity) -> Floats:
    """Distance from the skin, [V] metres: garments widen towards their hems."""
    z, arm = canonical[:, 2], canonical[:, 3]
    offset = np.full(len(canonical), SHELL_M[layer], dtype=np.float32)
    if layer is Layer.BOTTOM:
        offset += np.clip((0.0 - z) / 0.7, 0, 1) * (0.016 + 0.010 * identity.sleeve_jitter)
    if layer in (Layer.TOP, Layer.JACKET):
        offset += np.clip((0.45 - z) / 0.4, 0, 1) * 0.008 * (arm < -0.5)
        offset += np.clip(arm, 0, 1) * 0.008
        offset *= 1 - 0.75 * np.clip((z - 0.70) / 0.06, 0, 1) * (arm < -0.5)
    return offset


def skirt_hem(identity: Identity) -> float:
    """Canonical height of the hem of a skirt or dress."""
    return -0.28 + 0.14 * identity.sleeve_jitter


def _skirt(identity: Identity, body: RestBody) -> _Patch:
    """Rings around hips and legs, never narrowing downwards, skinned to pelvis and both thighs."""
    shared = template()
    _, _, z, arm = shared.canonical.T
    columns, rows = 36, 12
    azimuth = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    levels = np.linspace(0.29, skirt_hem(identity), rows)
    half, front, back = 0.0, np.inf, -np.inf
    rings, canonical = [], []
    for index, level in enumerate(levels):
        near = (np.abs(z - level) < 0.03) & (arm <= NOT_AN_ARM + 0.3)
        points = body.vertices[near]
        share = index / (rows - 1)
        half = max(half + 0.004 * share, float(np.abs(points[:, 0]).max()) + 0.012 + 0.02 * share)
        front = min(front, float(points[:, 1].min()) - 0.012 - 0.02 * share)
        back = max(back, float(points[:, 1].max()) + 0.012 + 0.02 * share)
        fold = 1 + 0.035 * share * np.sin(azimuth * 9)
        ring_x = half * _rounded(np.sin(azimuth)) * fold
        ring_y = (front + back) / 2 - (back - front) / 2 * _rounded(np.cos(azimuth)) * fold
        rings.append(np.stack([ring_x, ring_y, np.full(columns, points[:, 2].mean())], axis=1))
        canonical.append(np.stack([ring_x, ring_y, np.full(columns, level), np.full(columns, NOT_AN_ARM)], axis=1))
    faces = grid_faces(rows, columns)
    vertices = np.concatenate(rings)
    return _Patch(
        vertices.astype(np.float32),
        np.concatenate(canonical).astype(np.float32),
        faces,
        np.full(len(faces), Layer.SKIRT, np.int32),
        _skirt_weights(vertices, np.repeat(levels, columns)),
    )


def _rounded(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.sign(values) * np.abs(values) ** 0.8)


def _skirt_weights(vertices: npt.NDArray[np.float64], levels: npt.NDArray[np.float64]) -> Any:
    bones = template().bones
    pelvis = np.clip((levels - 0.02) / 0.16, 0, 1)
    left = np.clip(vertices[:, 0] / 0.22 + 0.5, 0, 1)
    left = left * left * (3 - 2 * left)
    weights = scipy.sparse.lil_matrix((len(vertices), len(bones)), dtype=np.float32)
    weights[:, bones.index("root")] = pelvis[:, None]
    weights[:, bones.index("upperleg02.L")] = ((1 - pelvis) * left)[:, None]
    weights[:, bones.index("upperleg02.R")] = ((1 - pelvis) * (1 - left))[:, None]
    return weights.tocsr()


def _headwear(identity: Identity, body: RestBody) -> list[_Patch]:
    pieces: list[tuple[Layer, Piece]] = []
    for index, piece in enumerate(hair_pieces(identity.hair)):
        pieces.append((Layer.HAIR if index == 0 else Layer.TAIL, piece))
    if identity.hat is not None:
        pieces.extend((Layer.HAT, piece) for piece in hat_pieces(identity.hat.kind))
    if identity.glasses:
        pieces.extend((Layer.GLASSES, piece) for piece in glasses_pieces())
    fit = _head_fit(body)
    patches = []
    for layer, piece in pieces:
        ones = np.ones((len(piece.vertices), 1), np.float32)
        vertices = np.concatenate([piece.vertices, ones], axis=1) @ fit
        patches.append(
            _Patch(
                vertices.astype(np.float32),
                np.concatenate([piece.vertices, ones * NOT_AN_ARM], axis=1),
                piece.faces,
                np.full(len(piece.faces), layer, np.int32),
                _head_weights(piece.vertices[:, 2]),
            )
        )
    return patches


def _head_fit(body: RestBody) -> npt.NDArray[np.float64]:
    """The affine map [4, 3] from canonical head coordinates to this person's."""
    head = template().head
    canonical = template().canonical[head, :3].astype(float)
    source = np.concatenate([canonical, np.ones((len(canonical), 1))], axis=1)
    return np.asarray(np.linalg.lstsq(source, body.vertices[head].astype(float), rcond=None)[0])


def _head_weights(heights: Floats) -> Any:
    bones = template().bones
    head = np.clip((heights - 0.64) / 0.16, 0, 1)
    weights = scipy.sparse.lil_matrix((len(heights), len(bones)), dtype=np.float32)
    weights[:, bones.index("head")] = head[:, None]
    weights[:, bones.index("spine01")] = (1 - head)[:, None]
    return weights.tocsr()
