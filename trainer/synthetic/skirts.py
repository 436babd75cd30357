"""Cloth that hangs around the legs: skirts, dresses from the waist down, the tails of coats."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy.sparse  # type: ignore[import-untyped]

from trainer.synthetic.body import NOT_AN_ARM, Floats, Integers, RestBody, template
from trainer.synthetic.headwear import grid_faces
from trainer.synthetic.identity import Identity

COLUMNS: Final = 36
ROWS: Final = 12


@dataclass(frozen=True)
class Hanging:
    """vertices [V, 3], canonical [V, 4], faces [F, 3], sparse weights [V, B]."""

    vertices: Floats
    canonical: Floats
    faces: Integers
    weights: Any


def skirt_hem(identity: Identity) -> float:
    """Canonical height of the hem of a skirt or dress."""
    worn = identity.bottom or identity.top
    return -0.28 + 0.14 * worn.cut


def coat_hem(identity: Identity) -> float:
    """Canonical height of the hem of a coat."""
    return -0.36 + 0.14 * identity.top.cut


def skirt(identity: Identity, body: RestBody) -> Hanging | None:
    """The skirt, or the lower part of the dress; None for people in trousers."""
    if identity.bottom is not None and identity.bottom.kind != "skirt":
        return None
    return _hanging(body, skirt_hem(identity), 0.012)


def coat_tail(identity: Identity, body: RestBody) -> Hanging | None:
    """The coat below the waist."""
    return _hanging(body, coat_hem(identity), 0.034) if identity.top.kind == "coat" else None


def _hanging(body: RestBody, hem: float, gap_m: float) -> Hanging:
    """Rings around hips and legs, never narrowing downwards, skinned to pelvis and both thighs."""
    shared = template()
    _, _, z, arm = shared.canonical.T
    azimuth = np.linspace(0, 2 * np.pi, COLUMNS, endpoint=False)
    levels = np.linspace(0.29, hem, ROWS)
    half, front, back = 0.0, np.inf, -np.inf
    rings, canonical = [], []
    for index, level in enumerate(levels):
        share = index / (ROWS - 1)
        points = body.vertices[(np.abs(z - level) < 0.03) & (arm <= NOT_AN_ARM + 0.3)]
        half = max(half + 0.004 * share, float(np.abs(points[:, 0]).max()) + gap_m + 0.02 * share)
        front = min(front, float(points[:, 1].min()) - gap_m - 0.02 * share)
        back = max(back, float(points[:, 1].max()) + gap_m + 0.02 * share)
        fold = 1 + 0.035 * share * np.sin(azimuth * 9)
        ring_x = half * _rounded(np.sin(azimuth)) * fold
        ring_y = (front + back) / 2 - (back - front) / 2 * _rounded(np.cos(azimuth)) * fold
        rings.append(np.stack([ring_x, ring_y, np.full(COLUMNS, points[:, 2].mean())], axis=1))
        canonical.append(np.stack([ring_x, ring_y, np.full(COLUMNS, level), np.full(COLUMNS, NOT_AN_ARM)], axis=1))
    vertices = np.concatenate(rings)
    return Hanging(
        vertices.astype(np.float32),
        np.concatenate(canonical).astype(np.float32),
        grid_faces(ROWS, COLUMNS),
        _weights(vertices, np.repeat(levels, COLUMNS)),
    )


def _rounded(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.sign(values) * np.abs(values) ** 0.8)


def _weights(vertices: npt.NDArray[np.float64], levels: npt.NDArray[np.float64]) -> Any:
    bones = template().bones
    pelvis = np.clip((levels - 0.02) / 0.16, 0, 1)
    left = np.clip(vertices[:, 0] / 0.22 + 0.5, 0, 1)
    left = left * left * (3 - 2 * left)
    weights = scipy.sparse.lil_matrix((len(vertices), len(bones)), dtype=np.float32)
    weights[:, bones.index("root")] = pelvis[:, None]
    weights[:, bones.index("upperleg02.L")] = ((1 - pelvis) * left)[:, None]
    weights[:, bones.index("upperleg02.R")] = ((1 - pelvis) * (1 - left))[:, None]
    return weights.tocsr()
