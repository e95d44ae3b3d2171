"""Frechet distance between Gaussians fitted to two samples.

Sources: Dowson and Landau 1982 (closed form); Heusel et al. 2017 (as a score
of generated images); Chong and Forsyth 2020 (its bias).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from evaluation.metrics.jackknife import group_jackknife
from evaluation.metrics.result import Array, MetricError, Result, check_confidence, samples
from simgen.rng import Key

NAME = "Frechet distance"
ROWS_PER_COMPONENT = 4


def frechet_plug_in(x: ArrayLike, y: ArrayLike) -> float:
    """`|m_x - m_y|^2 + tr(C_x + C_y - 2 (C_x C_y)^(1/2))` of the sample moments.

    With C = A'A the last trace is the nuclear norm of `A_x A_y'`. No matrix
    square root is taken, nothing turns complex, and fewer rows than features
    are no special case. Biased upward: for white d-dimensional samples of n
    rows each about `2d/n + d(d+1)/(2n)`.

    Args:
        x: (n_x, d), at least 2 rows.
        y: (n_y, d), at least 2 rows.
    """
    first, second = samples(x, y, NAME, 2)
    return _distance(first, second)


def frechet(
    x: ArrayLike,
    y: ArrayLike,
    *,
    key: Key,
    components: int | None = None,
    confidence: float = 0.95,
    groups: int = 20,
) -> Result:
    """Frechet distance with its bias of order 1/n removed and a jackknife interval.

    The corrected value may be below zero when the distributions are equal, as
    an unbiased estimate must be. The bias is of order 1/n only where there are
    several rows a feature. With fewer than `ROWS_PER_COMPONENT` of them the
    distance is therefore taken of the leading principal components of the
    pooled rows, as many as the rows carry. A projection can only shorten the
    distance: the value is then a lower bound, and says so. (Random halves of
    200 photographs, 1280 EfficientNet features: mean 7.5 and an interval that
    holds zero 1 time in 12 without projection, 0.7 and 12 in 12 with it.)

    Args:
        x: (n_x, d), at least 8 rows.
        y: (n_y, d), at least 8 rows.
        key: Deals rows into groups.
        components: Principal components to use; by default d, or the smaller
            sample's rows / `ROWS_PER_COMPONENT` if that is less. State it to
            compare samples of unequal sizes.
        confidence: Nominal coverage.
        groups: Groups that are left out in turn.

    Returns:
        Result; `details` has `plug_in`, `bias`, `components` and
        `variance_kept`, their share of the pooled variance.

    Raises:
        MetricError: The samples break a rule of `samples`, or components are below 1.
    """
    check_confidence(confidence, NAME)
    first, second = samples(x, y, NAME, 8)
    d, fewest = first.shape[1], min(len(first), len(second))
    if components is None:
        used = min(d, max(1, fewest // ROWS_PER_COMPONENT))
    elif components < 1:
        raise MetricError("`components >= 1` must hold", components, where=NAME)
    else:
        used = min(d, components)
    kept = 1.0
    if used < d:
        first, second, kept = _projected(first, second, used)
    found = group_jackknife(_distance, first, second, groups=groups, key=key)
    low, high = found.interval(confidence)
    note = "bias of order 1/n removed by the jackknife"
    if used < d:
        note += (
            f"; a lower bound: taken of {used} principal components of {d} features, "
            f"{kept:.0%} of the variance"
        )
    if fewest < ROWS_PER_COMPONENT * used:
        note += f"; {fewest} rows are few for {used} components: bias remains"
    return Result(
        name=NAME,
        value=found.value,
        low=low,
        high=high,
        confidence=confidence,
        n_x=len(first),
        n_y=len(second),
        note=note,
        details={
            "plug_in": found.plug_in,
            "bias": found.plug_in - found.value,
            "components": used,
            "variance_kept": kept,
        },
    )


def _projected(x: Array, y: Array, components: int) -> tuple[Array, Array, float]:
    """Both samples on the leading principal components of the pooled rows, and their share."""
    pooled = np.concatenate([x, y])
    mean = pooled.mean(axis=0)
    _, values, axes = np.linalg.svd(pooled - mean, full_matrices=False)
    total = float(np.sum(values**2))
    share = float(np.sum(values[:components] ** 2)) / total if total > 0 else 1.0
    turn = axes[:components].T
    return (x - mean) @ turn, (y - mean) @ turn, share


def _distance(x: Array, y: Array) -> float:
    (mean_x, factor_x), (mean_y, factor_y) = _moments(x), _moments(y)
    shift = mean_x - mean_y
    cross = np.linalg.svd(factor_x @ factor_y.T, compute_uv=False).sum()
    return float(shift @ shift + np.sum(factor_x**2) + np.sum(factor_y**2) - 2.0 * cross)


def _moments(x: Array) -> tuple[Array, Array]:
    """Mean (d,) and a factor A, (min(n, d), d), of the covariance A'A."""
    mean = x.mean(axis=0)
    factor = (x - mean) / np.sqrt(len(x) - 1)
    if factor.shape[0] > factor.shape[1]:
        factor = np.linalg.qr(factor, mode="r")
    return mean, factor
