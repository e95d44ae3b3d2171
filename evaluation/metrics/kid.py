"""Kernel inception distance, and energy distance: U-statistics of fixed kernels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from evaluation.metrics.kernels import squared_distances, two_sample
from evaluation.metrics.result import Array, Result, check_confidence, samples
from simgen.rng import Key


def kid(x: ArrayLike, y: ArrayLike, *, key: Key, confidence: float = 0.95) -> Result:
    """Unbiased MMD^2 with the cubic kernel `(x.y / d + 1)^3` (Binkowski et al. 2018).

    The usual random subsets are not needed: the whole U-statistic has less
    variance, and its standard error is taken by leaving out one row at a time.
    The cube has heavy tails: with few features and few rows the interval is
    too short (measured coverage .90 of nominal .95 for d = 4 and 80 and 60
    rows, .95 for 200, .96 for d = 32).

    Args:
        x: (n_x, d), at least 4 rows.
        y: (n_y, d), at least 4 rows.
        key: Unused, since nothing is drawn; metrics share one signature.
        confidence: Nominal coverage of the normal interval.

    Raises:
        MetricError: The samples break a rule of `samples`.
    """
    del key
    check_confidence(confidence, "KID")
    first, second = samples(x, y, "KID", 4)
    return two_sample(_cubic, first, second).result(
        "KID", len(first), len(second), confidence, "unbiased, may be below zero"
    )


def energy(x: ArrayLike, y: ArrayLike, *, key: Key, confidence: float = 0.95) -> Result:
    """Energy distance `2 E|X-Y| - E|X-X'| - E|Y-Y'|`, unbiased (Szekely and Rizzo 2013).

    Args:
        x: (n_x, d), at least 4 rows.
        y: (n_y, d), at least 4 rows.
        key: Unused, since nothing is drawn; metrics share one signature.
        confidence: Nominal coverage of the normal interval.

    Raises:
        MetricError: The samples break a rule of `samples`.
    """
    del key
    name = "energy distance"
    check_confidence(confidence, name)
    first, second = samples(x, y, name, 4)
    return two_sample(_negative_distance, first, second).result(
        name, len(first), len(second), confidence, "unbiased, may be below zero"
    )


def _cubic(x: Array, y: Array) -> Array:
    product: Array = (x @ y.T / x.shape[1] + 1.0) ** 3
    return product


def _negative_distance(x: Array, y: Array) -> Array:
    distance: Array = -np.sqrt(squared_distances(x, y))
    return distance
