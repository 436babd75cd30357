"""A dressed person as one mesh at rest: body, garment shells, skirt, hair, hat and glasses.

Garments are copies of parts of the body pushed outwards. They reach further than the garment does: the surface
program of `raycast` cuts them along straight borders in canonical coordinates.
"""

import functools
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy.sparse  # type: ignore[import-untyped]
import scipy.spatial  # type: ignore[import-untyped]

from trainer.synthetic.body import NOT_AN_ARM, Floats, Integers, RestBody, rest_body, template
from trainer.synthetic.carried import bag_pieces, collar_pieces
from trainer.synthetic.headwear import Piece, ball, glasses_pieces, hair_pieces, hat_pieces
from trainer.synthetic.identity import Identity
from trainer.synthetic.layers import Layer
from trainer.synthetic.skirts import coat_tail, skirt
from trainer.synthetic.wardrobe import OVER, Garment

SHELL_M: Final = {Layer.TOP: 0.010, Layer.JACKET: 0.022, Layer.BOTTOM: 0.009, Layer.SHOES: 0.008}
"""The distance of a garment from the skin, metres."""
LOOSE_M: Final = {"hoodie": 0.009, "shirt": 0.002, "tank top": -0.002}

EYE_BONES: Final = ("eye.L", "eye.R")
EYE_RADIUS_M: Final = 0.0155
"""Of the average adult of the template, whose lids lie just outside."""
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
    body = rest_body(identity.phenotype, identity.shape)
    normals = vertex_normals(body.vertices, template().faces)
    patches = [_skin(body), *_eyes(body), *_shells(identity, body, normals)]
    patches.extend(_skirts(identity, body))
    patches.extend(_headwear(identity, body))
    patches.extend(_on_the_torso(identity, body))
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


def _skin(body: RestBody) -> _Patch:
    shared = template()
    layers = np.full(len(shared.faces), Layer.BODY, np.int32)
    return _Patch(body.vertices, shared.canonical, shared.faces, layers, shared.weights)


def _eyes(body: RestBody) -> list[_Patch]:
    """Two eyeballs behind the lids: the mesh leaves the sockets empty."""
    patches = []
    for bone, lids in zip(EYE_BONES, _lids(), strict=True):
        index = template().bones.index(bone)
        unit = ball((0.0, 0.0, 0.0), 1.0)
        distances = np.linalg.norm(body.vertices[lids] - body.joints[index], axis=1)
        usual = np.linalg.norm(template().canonical[lids, :3] - template().joints[index], axis=1)
        radius = EYE_RADIUS_M * float(np.percentile(distances / usual, 15))
        canonical = np.concatenate(
            [template().joints[index] + EYE_RADIUS_M * unit.vertices, np.full((len(unit.vertices), 1), NOT_AN_ARM)],
            axis=1,
        )
        weights = scipy.sparse.lil_matrix((len(unit.vertices), len(template().bones)), dtype=np.float32)
        weights[:, template().bones.index("head")] = 1.0
        layers = np.full(len(unit.faces), Layer.EYE, np.int32)
        vertices = (body.joints[index] + radius * unit.vertices).astype(np.float32)
        patches.append(_Patch(vertices, canonical.astype(np.float32), unit.faces, layers, weights.tocsr()))
    return patches


@functools.cache
def _lids() -> tuple[npt.NDArray[np.int64], ...]:
    """Template vertices of the edges of the lids, for each eye."""
    points = template().canonical[:, :3]
    found = []
    for bone in EYE_BONES:
        centre = template().joints[template().bones.index(bone)]
        near = np.linalg.norm(points - centre, axis=1) < EYE_RADIUS_M + 0.002
        found.append(np.flatnonzero(near & (points[:, 1] < centre[1] - 0.008)))
    return tuple(found)


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
        Layer.SHOES: (z < -0.38) & not_arm,
    }[layer]
    faces = shared.faces[inside[shared.faces].all(axis=1)]
    used = np.unique(faces)
    numbering = np.full(len(shared.canonical), -1)
    numbering[used] = np.arange(len(used))
    return used, numbering[faces].astype(np.int32), shared.weights[used]


def _shells(identity: Identity, body: RestBody, normals: Floats) -> list[_Patch]:
    layers = [Layer.TOP, Layer.SHOES]
    if identity.top.kind in OVER:
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
        flare = 0.2 if identity.shoes.kind == "boots" else 1.0
        offset += flare * np.clip((0.0 - z) / 0.7, 0, 1) * (0.016 + 0.010 * _cut(identity.bottom))
    if layer is Layer.SHOES and identity.shoes.kind == "boots":
        offset += 0.006
    if layer in (Layer.TOP, Layer.JACKET):
        offset += np.clip((0.45 - z) / 0.4, 0, 1) * 0.008 * (arm < -0.5)
        offset += np.clip(arm, 0, 1) * 0.008
        offset += LOOSE_M.get(identity.top.kind, 0.0)
        offset *= 1 - 0.75 * np.clip((z - 0.70) / 0.06, 0, 1) * (arm < -0.5)
    return offset


def _cut(garment: Garment | None) -> float:
    return 0.0 if garment is None else garment.cut


def _skirts(identity: Identity, body: RestBody) -> list[_Patch]:
    sewn = [(Layer.SKIRT, skirt(identity, body)), (Layer.COAT, coat_tail(identity, body))]
    return [
        _Patch(cloth.vertices, cloth.canonical, cloth.faces, np.full(len(cloth.faces), layer, np.int32), cloth.weights)
        for layer, cloth in sewn
        if cloth is not None
    ]


def _headwear(identity: Identity, body: RestBody) -> list[_Patch]:
    pieces: list[tuple[Layer, Piece]] = []
    for index, piece in enumerate(hair_pieces(identity.hair, identity.hat is not None)):
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


def _on_the_torso(identity: Identity, body: RestBody) -> list[_Patch]:
    """Collars and hoods, which bend with the neck and shoulders, and bags, which do not bend."""
    patches = []
    for piece in collar_pieces(identity.top.kind):
        shift, weights = _nearby(piece.vertices, body)
        patches.append(_patch(Layer.COLLAR, piece, shift, weights))
    if identity.bag is not None:
        bone = template().bones.index("root" if identity.bag.kind == "shoulder bag" else "spine02")
        for piece in bag_pieces(identity.bag.kind):
            shift, _ = _nearby(piece.vertices.mean(axis=0, keepdims=True), body)
            weights = scipy.sparse.lil_matrix((len(piece.vertices), len(template().bones)), dtype=np.float32)
            weights[:, bone] = 1.0
            patches.append(_patch(Layer.BAG, piece, np.repeat(shift, len(piece.vertices), axis=0), weights.tocsr()))
    return patches


def _patch(layer: Layer, piece: Piece, shift: Floats, weights: Any) -> _Patch:
    canonical = np.concatenate([piece.vertices, np.full((len(piece.vertices), 1), NOT_AN_ARM)], axis=1)
    layers = np.full(len(piece.faces), layer, np.int32)
    return _Patch((piece.vertices + shift).astype(np.float32), canonical, piece.faces, layers, weights)


def _nearby(points: Floats, body: RestBody) -> tuple[Floats, Any]:
    """The offsets of the body from the template near canonical points [N, 3], [N, 3] metres, and its skin weights."""
    torso, tree = _torso()
    _, found = tree.query(points, k=12)
    near = torso[found]
    shift = (body.vertices[near] - template().canonical[near, :3]).mean(axis=1)
    rows = np.repeat(np.arange(len(points)), near.shape[1])
    shares = np.full(near.size, 1 / near.shape[1], np.float32)
    mean = scipy.sparse.csr_matrix((shares, (rows, near.ravel())), shape=(len(points), len(body.vertices)))
    return np.asarray(shift, np.float32), mean @ template().weights


@functools.cache
def _torso() -> tuple[Integers, Any]:
    """Template vertices between hips and chin, and a search tree over them."""
    _, _, z, arm = template().canonical.T
    inside = np.flatnonzero((z > -0.05) & (z < 0.82) & (arm <= NOT_AN_ARM + 0.3))
    return inside.astype(np.int32), scipy.spatial.cKDTree(template().canonical[inside, :3])
