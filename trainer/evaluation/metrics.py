"""The metrics of the evaluation as functions of arrays, independent of methods and networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

Floats = NDArray[np.float64]

COCO_SIGMAS: Final = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89], np.float64) / 1000
"""The spread of annotators on each keypoint, in the person's size (COCO's keypoint evaluation)."""
PART_PIXELS_MIN: Final = 8


@dataclass(frozen=True)
class Interval:
    """A mean of `count` values with its percentile bootstrap interval of 95 %."""

    mean: float
    low: float
    high: float
    count: int


def bootstrap(values: Floats, resamples: int = 2000, seed: int = 0) -> Interval:
    """values [people], NaN where missing: people are resampled with replacement (Efron, 1979)."""
    finite = values[~np.isnan(values)]
    if not len(finite):
        return Interval(np.nan, np.nan, np.nan, 0)
    rows = np.random.default_rng(seed).integers(len(finite), size=(resamples, len(finite)))
    means = finite[rows].mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(finite.mean()), float(low), float(high), len(finite))


def paired(first: Floats, second: Floats, resamples: int = 2000, seed: int = 0) -> Interval:
    """The difference first - second of the same people; a pair with a missing value is left out."""
    return bootstrap(first - second, resamples, seed)


def cosine(first: NDArray[np.float32], second: NDArray[np.float32]) -> Floats:
    """Cosines [n] of the rows of unit vectors [n, D]; NaN for rows of NaN."""
    return np.asarray((first.astype(np.float64) * second).sum(1))


def rank1(queries: NDArray[np.float32], gallery: NDArray[np.float32]) -> Floats:
    """1 where the nearest vector of the gallery to a query is the one in the same row, else 0; both unit vectors [n,
    D]."""
    return np.asarray((queries @ gallery.T).argmax(1) == np.arange(len(gallery)), np.float64)


def colour_difference(
    image: NDArray[np.uint8],
    parts: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    true_parts: NDArray[np.uint8],
    part: int,
) -> float | None:
    """CIEDE2000 (Sharma et al., 2005) between a part's median colours in Lab; images uint8 [H, W, 3], parts [h, w].

    None where the real photo shows too little of the part, NaN where only the picture does."""
    true_pixels, drawn = truth[true_parts == part], image[parts == part]
    if len(true_pixels) < PART_PIXELS_MIN:
        return None
    if len(drawn) < PART_PIXELS_MIN:
        return float("nan")
    medians = [np.median(rgb2lab(pixels[None] / 255.0)[0], axis=0) for pixels in (drawn, true_pixels)]
    return float(deltaE_ciede2000(medians[0], medians[1]))


def pck(found: Floats, target: Floats, visible: NDArray[np.bool_], share: float = 0.1) -> float:
    """The share of visible joints [17, 2] px within `share` of the longer side of the box of `target` (Yang & Ramanan,
    2013); NaN without a visible joint."""
    if not visible.any():
        return float("nan")
    reach = share * float(np.ptp(target[visible], axis=0).max())
    return float((np.linalg.norm(found[visible] - target[visible], axis=1) < max(reach, 1e-6)).mean())


def oks(found: Floats, target: Floats, visible: NDArray[np.bool_], area_px: float) -> float:
    """COCO's object keypoint similarity in 0..1 for a person of `area_px` square pixels; NaN without a visible
    joint."""
    if not visible.any():
        return float("nan")
    squared = ((found[visible] - target[visible]) ** 2).sum(1)
    return float(np.exp(-squared / (2 * area_px * (2 * COCO_SIGMAS[visible]) ** 2)).mean())


def copy_paste_gap(to_reference: Floats, to_truth: Floats) -> Floats:
    """SimRef - SimGT [people], cosines: above 0 where a picture is nearer to the reference than to another real photo
    of the person. WithAnyone (Xu et al., 2025) introduced copying of the reference as a separate failure, and measures
    angles; the difference of cosines is ours."""
    return to_reference - to_truth


def frechet(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Frechet distance of Gaussians fitted to features [n, D] and [m, D] (Heusel et al., 2017)."""
    exact = [features.astype(np.float64) for features in (first, second)]
    means = [features.mean(0) for features in exact]
    # R of each covariance R^T R. The trace of a product's root is the sum of the singular values of R1 R2^T: quick and
    # exact with fewer pictures than features too
    one, other = (_covariance_root(features) for features in exact)
    common = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    spread = (one**2).sum() + (other**2).sum() - 2 * common
    return float(((means[0] - means[1]) ** 2).sum() + spread)


def _covariance_root(features: Floats) -> Floats:
    """R [min(n, D), D] of the covariance R^T R of features [n, D]."""
    centred = (features - features.mean(0)) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r"))


def kernel_distance(
    first: NDArray[np.float32], second: NDArray[np.float32], subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> float:
    """The unbiased squared MMD under the cubic kernel (x y / D + 1)^3 (KID, Binkowski et al., 2018).

    Sets above `subset_size` are measured as in the paper, by the mean over random subsets of that size: the kernel of
    all pairs of 20,000 pictures would not fit into memory."""
    if max(len(first), len(second)) <= subset_size:
        return _squared_mmd(first, second)
    rng, size = np.random.default_rng(seed), min(len(first), len(second), subset_size)
    drawn = [[rng.choice(len(rows), size, replace=False) for rows in (first, second)] for _ in range(subsets)]
    return float(np.mean([_squared_mmd(first[first_rows], second[other]) for first_rows, other in drawn]))


def _squared_mmd(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    def kernel(a: NDArray[np.float32], b: NDArray[np.float32]) -> Floats:
        return np.asarray((a.astype(float) @ b.T / a.shape[1] + 1) ** 3)

    n, m = len(first), len(second)
    within_sets, other = kernel(first, first), kernel(second, second)
    within = (within_sets.sum() - np.trace(within_sets)) / (n * (n - 1)) + (other.sum() - np.trace(other)) / (
        m * (m - 1)
    )
    return float(within - 2 * kernel(first, second).mean())
