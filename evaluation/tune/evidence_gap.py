"""How much of the start's distance to captures each picture of a look has closed.

A judge is a set of features and a set of captures. Its distance is the energy distance D
(Szekely and Rizzo 2013), whose kernel `-|x - y|` does not fade where captures and pictures lie
far apart. Its score of a look is `1 - D / D(start)`: 0 at the start, 1 where nothing is left,
so judges of unlike features and captures share one scale. D is a U-statistic, hence the score
is given as the jackknife's pseudo-values, one a picture: their mean is the score, and their
variance over n the variance of it.
"""

from __future__ import annotations

import numpy as np

from evaluation.metrics.kernels import squared_distances, two_sample
from evaluation.tune.weights import Array

CLEAR = 3.0
"""Standard errors that the start's distance must be above 0: a share of noise says nothing."""


def start_gap(start: Array, captures: Array) -> float | None:
    """D of the start's pictures to captures; None where it is not clearly above 0.

    Args:
        start: (n, d) features.
        captures: (m, d).
    """
    found = two_sample(_near, start, captures)
    return found.value if found.value > CLEAR * found.error else None


def closed(pictures: Array, captures: Array, start: float) -> Array:
    """(n,) pseudo-values of `1 - D / start`.

    Args:
        pictures: (n, d) features of a look's pictures, at least 3.
        captures: (m, d).
        start: As `start_gap` gives it.
    """
    count = len(pictures)
    own = _rows(pictures)
    # without picture i, the mean over pairs is (n u - 2 own_i) / (n - 2)
    within = (2 * (count - 1) * own - count * own.mean()) / (count - 2)
    across = _near(pictures, captures).mean(axis=1)
    found: Array = 1 - (within - 2 * across + _rows(captures).mean()) / start
    return found


def _near(x: Array, y: Array) -> Array:
    result: Array = -np.sqrt(squared_distances(x, y))
    return result


def _rows(x: Array) -> Array:
    """(n,) mean of each row of the kernel matrix without its diagonal."""
    square = _near(x, x)
    np.fill_diagonal(square, 0.0)
    result: Array = square.sum(axis=1) / (len(x) - 1)
    return result
