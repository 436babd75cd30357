"""The anny body as arrays: one canonical mesh, its skin weights, and the rest shape of a person.

Canonical coordinates are those of an average adult at rest in metres: x to the person's left, y backwards,
z up. Every garment border is written in them, so that it sits alike on all bodies.
"""

import functools
from dataclasses import asdict, dataclass
from typing import Any, Final

import anny
import numpy as np
import numpy.typing as npt
import scipy.sparse  # type: ignore[import-untyped]
import torch

from trainer.synthetic.face import SPREADS, Shape, sided
from trainer.synthetic.identity import Phenotype

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]

NOT_AN_ARM: Final = -1.0
"""The along-the-arm coordinate of vertices outside the arms; on them it is 0 at the shoulder, 1 at the
elbow, 2 at the wrist."""


@dataclass(frozen=True)
class Template:
    """The data that all bodies share. V vertices, F triangles, B bones.

    canonical [V, 4] is x, y, z and the along-the-arm coordinate; weights is sparse [V, B];
    parents [B] holds -1 for the root; head [V] marks the head; joints [B, 3]
    are bone heads of the average adult. The mesh has no eyeballs.
    """

    canonical: Floats
    faces: Integers
    weights: Any
    bones: tuple[str, ...]
    parents: tuple[int, ...]
    head: npt.NDArray[np.bool_]
    joints: Floats


@dataclass(frozen=True)
class RestBody:
    """A person at rest: vertices [V, 3] and bone heads [B, 3], metres."""

    vertices: Floats
    joints: Floats


@functools.cache
def template() -> Template:
    """The shared mesh; the first call in a process loads anny's data, which takes seconds."""
    model = _model()
    average = _rest(Phenotype(0.5, 0.67, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5))
    bones = tuple(str(name) for name in model.bone_labels)
    weights = _skin_weights(len(bones))
    canonical = np.concatenate([average.vertices, _along_arms(average, bones, weights)[:, None]], axis=1)
    head = _weight_on(weights, bones, ("head",)) > 0.5
    return Template(
        canonical=canonical.astype(np.float32),
        faces=model.faces.numpy().astype(np.int32),
        weights=weights,
        bones=bones,
        parents=tuple(int(parent) for parent in model.bone_parents),
        head=head,
        joints=average.joints,
    )


def rest_body(phenotype: Phenotype, shape: Shape = ()) -> RestBody:
    """The rest shape of a phenotype with the local changes of `shape`."""
    return _rest(phenotype, shape)


@functools.cache
def _model() -> Any:
    with torch.no_grad():
        return anny.Anny(
            topology="notoes",
            phenotypes="all",
            phenotype_blendshapes="original",
            local_changes=[label for name in SPREADS for label in sided(name)],
        )


@torch.no_grad()
def _rest(phenotype: Phenotype, shape: Shape = ()) -> RestBody:
    model = _model()
    changes = {label: strength for name, strength in shape for label in sided(name)}
    coefficients = model.get_phenotype_blendshape_coefficients(**asdict(phenotype), local_changes=changes)
    rest = model.get_rest_model(coefficients)
    return RestBody(
        vertices=rest["rest_vertices"][0].numpy().astype(np.float32),
        joints=rest["rest_bone_heads"][0].numpy().astype(np.float32),
    )


def _skin_weights(bone_count: int) -> Any:
    model = _model()
    values = model.vertex_bone_weights.numpy().astype(np.float32)
    columns = model.vertex_bone_indices.numpy()
    rows = np.repeat(np.arange(len(values)), values.shape[1])
    return scipy.sparse.csr_matrix((values.ravel(), (rows, columns.ravel())), shape=(len(values), bone_count))


def _weight_on(weights: Any, bones: tuple[str, ...], names: tuple[str, ...]) -> Floats:
    columns = [bones.index(name) for name in names]
    return np.asarray(weights[:, columns].sum(axis=1), dtype=np.float32).ravel()


def _along_arms(body: RestBody, bones: tuple[str, ...], weights: Any) -> Floats:
    along = np.full(len(body.vertices), NOT_AN_ARM, dtype=np.float32)
    for side in ("L", "R"):
        limb = tuple(
            bone
            for bone in bones
            if bone.endswith(f".{side}") and bone.startswith(("upperarm", "lowerarm", "wrist", "finger", "metacarpal"))
        )
        share = np.clip((_weight_on(weights, bones, limb) - 0.15) / 0.5, 0, 1)
        shoulder, elbow, wrist = (
            body.joints[bones.index(f"{name}.{side}")] for name in ("upperarm01", "lowerarm01", "wrist")
        )
        upper = _projection(body.vertices, shoulder, elbow)
        lower = _projection(body.vertices, elbow, wrist)
        position = np.where(upper + lower < 1.0, upper, 1 + lower)
        along = np.maximum(along, NOT_AN_ARM + share * (np.maximum(position, -0.4) - NOT_AN_ARM))
    return along


def _projection(points: Floats, start: Floats, end: Floats) -> Floats:
    axis = end - start
    return np.asarray((points - start) @ axis / float(axis @ axis), dtype=np.float32)
