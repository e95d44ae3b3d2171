"""Near copies by features: pictures whose nearest neighbour is far nearer than is usual."""

from __future__ import annotations

import numpy as np

from evaluation.alarm.scores import Array
from evaluation.metrics.kernels import squared_distances

NEAR = 0.2
"""A copy's neighbour is nearer than this share of the usual distance."""


def near_copies(first: Array, second: Array, near: float = NEAR) -> float:
    """Share of rows of `first` of which `second` holds a near copy.

    The usual distance is the median, over rows of `first`, of the distance to the nearest
    other row of `first`.

    Args:
        first: (n, d) features, at least 3 rows.
        second: (m, d) features.
        near: Share of the usual distance below which a neighbour is a copy.
    """
    within = squared_distances(first, first)
    np.fill_diagonal(within, np.inf)
    usual = np.median(within.min(axis=1))
    return float(np.mean(squared_distances(first, second).min(axis=1) < near**2 * usual))
