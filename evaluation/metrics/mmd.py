"""Maximum mean discrepancy with Gaussian kernels of several widths, and its permutation test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from evaluation.metrics.kernels import Kernel, block_rows, squared_distances, two_sample
from evaluation.metrics.result import Array, MetricError, Result, check_confidence, samples
from simgen.rng import Key

NAME = "MMD^2"
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)
_MEDIAN_ROWS = 1000


def gaussian(widths: Sequence[float]) -> Kernel:
    """The mean of `exp(-|x-y|^2 / (2 width^2))` over the widths."""

    def kernel(x: Array, y: Array) -> Array:
        squares = squared_distances(x, y)
        total = np.zeros_like(squares)
        for width in widths:
            total += np.exp(squares * (-0.5 / width**2))
        return total / len(widths)

    return kernel


def mmd(
    x: ArrayLike,
    y: ArrayLike,
    *,
    key: Key,
    widths: Sequence[float] | None = None,
    permutations: int = 499,
    confidence: float = 0.95,
) -> Result:
    """Unbiased MMD^2 of a mean of Gaussian kernels, with a permutation p-value.

    The p-value is `(b + 1) / (permutations + 1)`, b counting permutations
    that reach the observed value: exact at any sample size, since the widths
    depend on the pooled rows and not on their labels.

    Args:
        x: (n_x, d), at least 4 rows.
        y: (n_y, d), at least 4 rows.
        key: Draws the permutations.
        widths: Kernel widths; by default the median distance of the pooled
            rows times `SCALES` (Gretton et al. 2012). With all rows equal every
            width gives the same kernel, and 1 is used.
        permutations: How many; 0 for no p-value.
        confidence: Nominal coverage of the normal interval.

    Returns:
        Result; `details` has the `widths` and `by_width`, the value of each.

    Raises:
        MetricError: The samples break a rule of `samples`, or a width is not positive.
    """
    check_confidence(confidence, NAME)
    first, second = samples(x, y, NAME, 4)
    pooled = np.concatenate([first, second])
    used = tuple(widths) if widths is not None else default_widths(pooled, key / "median")
    if not used or not all(np.isfinite(width) and width > 0 for width in used):
        raise MetricError("widths must be positive", used, where=NAME)
    estimate = two_sample(gaussian(used), first, second)
    p_value = (
        permutation_p_value(gaussian(used), pooled, len(first), permutations, key / "permutations")
        if permutations > 0
        else None
    )
    by_width = [two_sample(gaussian((width,)), first, second).value for width in used]
    return estimate.result(
        NAME,
        len(first),
        len(second),
        confidence,
        "unbiased, may be below zero; mean of Gaussian kernels",
        p_value=p_value,
        widths=list(used),
        by_width=by_width,
    )


def permutation_p_value(
    kernel: Kernel, pooled: Array, n_x: int, permutations: int, key: Key
) -> float:
    """P-value of equal distributions for the unbiased MMD^2 under relabelling.

    With z the 0/1 labels of a permutation, all sums follow from `z'Kz` and
    `z'K1`; they are taken for every permutation at once, a block of rows of
    the kernel matrix at a time.

    Args:
        kernel: Symmetric kernel.
        pooled: (n, d), the first sample above the second.
        n_x: Rows of the first sample.
        permutations: How many.
        key: Draws them.
    """
    n = len(pooled)
    n_y = n - n_x
    labels = np.zeros((n, permutations + 1))
    labels[:n_x, 0] = 1.0
    generator = key.generator()
    for column in range(1, permutations + 1):
        labels[generator.permutation(n)[:n_x], column] = 1.0
    quadratic, linear = np.zeros(permutations + 1), np.zeros(permutations + 1)
    diagonal, total = np.empty(n), 0.0
    step = block_rows(n)
    for start in range(0, n, step):
        block = kernel(pooled[start : start + step], pooled)
        rows = np.arange(len(block))
        diagonal[start : start + step] = block[rows, start + rows]
        sums = block.sum(axis=1)
        total += float(sums.sum())
        here = labels[start : start + step]
        quadratic += np.sum(here * (block @ labels), axis=0)
        linear += sums @ here
    own = diagonal @ labels
    within_x = (quadratic - own) / (n_x * (n_x - 1))
    within_y = (total - 2 * linear + quadratic - (diagonal.sum() - own)) / (n_y * (n_y - 1))
    statistic = within_x + within_y - 2 * (linear - quadratic) / (n_x * n_y)
    # Relabellings that give the same value in exact arithmetic must count as ties.
    slack = 1e-12 * float(np.abs(diagonal).max())
    reached = int(np.sum(statistic[1:] >= statistic[0] - slack))
    return (reached + 1) / (permutations + 1)


def default_widths(pooled: Array, key: Key) -> tuple[float, ...]:
    """The median distance of the pooled rows, of 1,000 at most, times `SCALES`."""
    rows = pooled
    if len(pooled) > _MEDIAN_ROWS:
        rows = pooled[key.generator().choice(len(pooled), _MEDIAN_ROWS, replace=False)]
    distances = np.sqrt(squared_distances(rows, rows)[np.triu_indices(len(rows), 1)])
    apart = distances[distances > 0]
    if not apart.size:
        return (1.0,)
    # Rows that repeat could make the median zero; the median of the rest then stands in.
    median = float(np.median(distances)) or float(np.median(apart))
    return tuple(scale * median for scale in SCALES)
