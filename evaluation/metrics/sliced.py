"""Sliced Wasserstein distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from evaluation.metrics.jackknife import group_jackknife
from evaluation.metrics.result import Array, Result, check_confidence, samples
from simgen.rng import Key

NAME = "sliced Wasserstein^2"


def sliced_wasserstein(
    x: ArrayLike,
    y: ArrayLike,
    *,
    key: Key,
    directions: int = 128,
    confidence: float = 0.95,
    groups: int = 20,
) -> Result:
    """Mean squared 2-Wasserstein distance of projections on random directions.

    For Gaussians of equal covariance it is `|m_x - m_y|^2 / d`. The bias of
    order 1/n is removed by the jackknife, so the value may be below zero; the
    interval is for the directions drawn (Bonneel et al. 2015).

    Args:
        x: (n_x, d), at least 8 rows.
        y: (n_y, d), at least 8 rows.
        key: Draws directions, deals rows into groups.
        directions: How many.
        confidence: Nominal coverage.
        groups: Groups that are left out in turn.

    Raises:
        MetricError: The samples break a rule of `samples`.
    """
    check_confidence(confidence, NAME)
    first, second = samples(x, y, NAME, 8)
    axes = (key / "directions").generator().standard_normal((first.shape[1], directions))
    axes /= np.linalg.norm(axes, axis=0)
    found = group_jackknife(
        _mean_squared, first @ axes, second @ axes, groups=groups, key=key / "jackknife"
    )
    low, high = found.interval(confidence)
    return Result(
        NAME,
        found.value,
        low,
        high,
        confidence,
        len(first),
        len(second),
        note=f"{directions} directions; bias of order 1/n removed",
        details={"plug_in": found.plug_in},
    )


def _mean_squared(x: Array, y: Array) -> float:
    """Mean over columns of the squared 1-D 2-Wasserstein distance, exact for unequal sizes.

    Both quantile functions are steps; between the steps of either their
    difference is constant.
    """
    n, m = len(x), len(y)
    borders = np.union1d(np.arange(n + 1) / n, np.arange(m + 1) / m)
    middle, length = (borders[1:] + borders[:-1]) / 2, np.diff(borders)
    rows_x, rows_y = (middle * n).astype(int), (middle * m).astype(int)
    apart = np.sort(x, axis=0)[rows_x] - np.sort(y, axis=0)[rows_y]
    return float((length @ apart**2).mean())
