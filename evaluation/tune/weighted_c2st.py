"""How well a linear discriminant tells a weighted pool from real captures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from evaluation.metrics.result import Array, Result
from evaluation.tune.weights import SparseError, Weights
from simgen.rng import Key

CONFIDENCE = 0.95
FOLDS = 5
RIDGE = 0.1
"""Share of the mean variance that is added to every feature's own."""


@dataclass(frozen=True, eq=False)
class DiscriminantTarget:
    """Cross-fitted area under the curve of Fisher's discriminant with weights.

    The direction is solved for, not searched, so that it costs a trial little. Each row is
    judged by the direction of the folds that it is not in; the area is the share of pairs, pool
    rows by weight, that come in the right order, and its error is that of DeLong et al. 1988
    with weights. It is a coarser judge than `evaluation.metrics.c2st`.

    Attributes:
        x: (n, d) pool.
        y: (m, d) real.
        key: Deals rows into folds.
    """

    x: Array
    y: Array
    key: Key

    def __call__(self, weights: Weights) -> Result:
        """Twice the area less one, with its interval: 0 is guessing, 1 is never wrong.

        Like the distances it may fall below zero where there is nothing to tell.

        Raises:
            SparseError: Too few rows have a weight to fill the folds.
        """
        if weights.used < 4 * FOLDS or len(self.y) < 4 * FOLDS:
            raise SparseError(
                f"each of {FOLDS} folds must have 4 rows", f"{weights.used} and {len(self.y)}"
            )
        w = weights.shares
        folds_x = _folds(w > 0, self.key / "x")
        folds_y = _folds(np.ones(len(self.y), np.bool_), self.key / "y")
        area, variance = 0.0, 0.0
        for fold in range(FOLDS):
            test_x, test_y = folds_x == fold, folds_y == fold
            mass = float(w[test_x].sum())
            if not 0 < mass < 1:
                raise SparseError("each fold must have some weight, and not all", mass)
            way = _direction(self.x[~test_x], w[~test_x], self.y[~test_y])
            right = _right(self.x[test_x] @ way, self.y[test_y] @ way)
            mine = w[test_x] / mass
            by_x, by_y = right.mean(axis=1), mine @ right
            here = float(by_y.mean())
            area += here / FOLDS
            spread = float(mine**2 @ (by_x - here) ** 2) + float(by_y.var()) / len(by_y)
            variance += spread / FOLDS**2
        error = 2 * math.sqrt(variance)
        reach = float(stats.norm.ppf(0.5 + CONFIDENCE / 2)) * error
        return Result(
            name="linear classifier, 2 AUC - 1", value=2 * area - 1,
            low=2 * area - 1 - reach, high=2 * area - 1 + reach,
            confidence=CONFIDENCE, n_x=len(w), n_y=len(self.y),
            note=f"weighted pool, effective sample size {weights.ess:.0f}",
            details={"ess": weights.ess, "error": error},
        )  # fmt: skip


def _folds(used: np.ndarray[tuple[int], np.dtype[np.bool_]], key: Key) -> Array:
    """(n,) fold of each row; those without a weight are dealt as well, apart."""
    found = np.empty(len(used))
    for part in (used, ~used):
        rows = np.flatnonzero(part)
        found[(key / int(part is used)).generator().permutation(rows)] = (
            np.arange(len(rows)) % FOLDS
        )
    return found


def _direction(x: Array, w: Array, y: Array) -> Array:
    """(d,) from the pool to the real rows, in the metric of their common covariance."""
    shares = w / w.sum()
    mean_x, mean_y = shares @ x, y.mean(axis=0)
    within = ((x - mean_x) * shares[:, None]).T @ (x - mean_x) + np.cov(y.T, bias=True)
    within = np.atleast_2d(within) / 2
    ridge = RIDGE * float(np.trace(within)) / len(within) + np.finfo(float).tiny
    way: Array = np.linalg.solve(within + ridge * np.eye(len(within)), mean_y - mean_x)
    return way


def _right(x: Array, y: Array) -> Array:
    """(n, m) 1 where a real row is above a pooled one, one half where they are level."""
    order: Array = (y[None] > x[:, None]) + 0.5 * (y[None] == x[:, None])
    return order
