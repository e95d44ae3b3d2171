"""Precision, recall, density and coverage: fidelity and diversity by nearest neighbours.

Sources: Kynkaanniemi et al. 2019 (precision, recall); Naeem et al. 2020
(density, coverage). `x` is generated, `y` is real.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from evaluation.metrics.kernels import block_rows, squared_distances
from evaluation.metrics.result import Array, MetricError, Result, check_confidence, samples
from simgen.rng import Key


def prdc(
    x: ArrayLike, y: ArrayLike, *, key: Key, k: int = 5, confidence: float = 0.95
) -> dict[str, Result]:
    """All four scores of generated `x` against real `y`.

    * precision: share of x inside some ball of y, a ball reaching to the k-th neighbour;
    * recall: share of y inside some ball of x;
    * density: balls of y around a row of x, over k; 1 for equal distributions, no upper bound;
    * coverage: share of balls of y that hold a row of x.

    Intervals are Wilson's (density: normal) over the rows that are counted,
    with the other sample, and so the balls, taken as given.

    Args:
        x: (n_x, d) generated, more than k rows.
        y: (n_y, d) real, more than k rows.
        key: Unused, since nothing is drawn; metrics share one signature.
        k: Neighbour that a ball reaches to.
        confidence: Nominal coverage.

    Raises:
        MetricError: The samples break a rule of `samples`, or k is below 1.
    """
    del key
    check_confidence(confidence, "prdc")
    if k < 1:
        raise MetricError("`k >= 1` must hold", k, where="prdc")
    first, second = samples(x, y, "prdc", k + 2)
    radius_x, radius_y = _radii(first, k), _radii(second, k)
    n_x, n_y = len(first), len(second)
    balls_of_y = np.zeros(n_x)
    in_x, covered = np.zeros(n_y, dtype=bool), np.zeros(n_y, dtype=bool)
    step = block_rows(n_y)
    for start in range(0, n_x, step):
        block = squared_distances(first[start : start + step], second)
        inside = block < radius_y
        balls_of_y[start : start + step] = inside.sum(axis=1)
        covered |= inside.any(axis=0)
        in_x |= (block < radius_x[start : start + step, None]).any(axis=0)
    note = f"k = {k}; the interval takes the other sample as given"
    counts = balls_of_y / k
    density, z = float(counts.mean()), float(stats.norm.ppf(0.5 + confidence / 2))
    reach = z * float(counts.std(ddof=1)) / np.sqrt(n_x)
    return {
        "precision": _share("precision", balls_of_y > 0, n_x, n_y, confidence, note),
        "recall": _share("recall", in_x, n_x, n_y, confidence, note),
        "density": Result(
            "density", density, density - reach, density + reach, confidence, n_x, n_y, note=note
        ),
        "coverage": _share("coverage", covered, n_x, n_y, confidence, note),
    }


def precision(x: ArrayLike, y: ArrayLike, *, key: Key, k: int = 5) -> Result:
    """Precision alone; see `prdc`."""
    return prdc(x, y, key=key, k=k)["precision"]


def recall(x: ArrayLike, y: ArrayLike, *, key: Key, k: int = 5) -> Result:
    """Recall alone; see `prdc`."""
    return prdc(x, y, key=key, k=k)["recall"]


def density(x: ArrayLike, y: ArrayLike, *, key: Key, k: int = 5) -> Result:
    """Density alone; see `prdc`."""
    return prdc(x, y, key=key, k=k)["density"]


def coverage(x: ArrayLike, y: ArrayLike, *, key: Key, k: int = 5) -> Result:
    """Coverage alone; see `prdc`."""
    return prdc(x, y, key=key, k=k)["coverage"]


def _radii(x: Array, k: int) -> Array:
    """(n,) squared distance of each row to its k-th neighbour, itself not counted."""
    radii = np.empty(len(x))
    step = block_rows(len(x))
    for start in range(0, len(x), step):
        block = squared_distances(x[start : start + step], x)
        rows = np.arange(len(block))
        block[rows, start + rows] = 0.0
        radii[start : start + step] = np.partition(block, k, axis=1)[:, k]
    return radii


def _share(
    name: str, hits: NDArray[np.bool_], n_x: int, n_y: int, confidence: float, note: str
) -> Result:
    wilson = stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(confidence, "wilson")
    value = float(hits.mean())
    low, high = min(float(wilson.low), value), max(float(wilson.high), value)
    return Result(name, value, low, high, confidence, n_x, n_y, note=note)
