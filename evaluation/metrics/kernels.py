"""Unbiased two-sample statistics of a kernel, with a standard error, in bounded memory.

`MMD^2 = E k(X,X') + E k(Y,Y') - 2 E k(X,Y)` as a U-statistic (Gretton et al.
2012). All that the estimate and its jackknife need are row sums of the three
kernel matrices, which are taken a block of rows at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from evaluation.metrics.result import Array, Result

Kernel = Callable[[Array, Array], Array]
BLOCK_VALUES = 4_000_000


@dataclass(frozen=True)
class Estimate:
    """An unbiased estimate and its standard error."""

    value: float
    error: float

    def result(
        self, name: str, n_x: int, n_y: int, confidence: float, note: str, **extra: object
    ) -> Result:
        """As a `Result` with a normal interval; `extra` goes to `p_value` or `details`."""
        reach = float(stats.norm.ppf(0.5 + confidence / 2)) * self.error
        p_value = extra.pop("p_value", None)
        return Result(
            name=name,
            value=self.value,
            low=self.value - reach,
            high=self.value + reach,
            confidence=confidence,
            n_x=n_x,
            n_y=n_y,
            p_value=p_value if isinstance(p_value, float) else None,
            note=note,
            details=dict(extra),
        )


def squared_distances(x: Array, y: Array) -> Array:
    """(n_x, n_y) squared Euclidean distances; rounding below zero is set to zero."""
    squares: Array = np.sum(x**2, axis=1)[:, None] + np.sum(y**2, axis=1)[None, :] - 2.0 * x @ y.T
    np.maximum(squares, 0.0, out=squares)
    return squares


def block_rows(columns: int) -> int:
    """Rows of a block so that it has about `BLOCK_VALUES` values."""
    return max(1, BLOCK_VALUES // max(columns, 1))


def two_sample(kernel: Kernel, x: Array, y: Array) -> Estimate:
    """Unbiased MMD^2 and its leave-one-out standard error.

    Under equal distributions the statistic is degenerate and the standard
    error errs on the safe side.

    Args:
        kernel: Symmetric; maps (a, d), (b, d) to (a, b).
        x: (n_x, d), at least 3 rows.
        y: (n_y, d), at least 3 rows.
    """
    n, m = len(x), len(y)
    within_x, within_y = _inner_sums(kernel, x), _inner_sums(kernel, y)
    across_x, across_y = _cross_sums(kernel, x, y)
    sum_x, sum_y, sum_xy = within_x.sum(), within_y.sum(), across_x.sum()
    mean_x, mean_y, mean_xy = sum_x / (n * (n - 1)), sum_y / (m * (m - 1)), sum_xy / (n * m)
    without_x = (sum_x - 2 * within_x) / ((n - 1) * (n - 2)) - 2 * (sum_xy - across_x) / (
        (n - 1) * m
    )
    without_y = (sum_y - 2 * within_y) / ((m - 1) * (m - 2)) - 2 * (sum_xy - across_y) / (
        (m - 1) * n
    )
    variance = (n - 1) * without_x.var() + (m - 1) * without_y.var()
    return Estimate(float(mean_x + mean_y - 2 * mean_xy), float(np.sqrt(variance)))


def _inner_sums(kernel: Kernel, x: Array) -> Array:
    """(n,) row sums of the kernel matrix without its diagonal."""
    sums = np.empty(len(x))
    step = block_rows(len(x))
    for start in range(0, len(x), step):
        block = kernel(x[start : start + step], x)
        rows = np.arange(len(block))
        block[rows, start + rows] = 0.0
        sums[start : start + step] = block.sum(axis=1)
    return sums


def _cross_sums(kernel: Kernel, x: Array, y: Array) -> tuple[Array, Array]:
    rows, columns = np.empty(len(x)), np.zeros(len(y))
    step = block_rows(len(y))
    for start in range(0, len(x), step):
        block = kernel(x[start : start + step], y)
        rows[start : start + step] = block.sum(axis=1)
        columns += block.sum(axis=0)
    return rows, columns
