"""Importance weights, and how many samples they are worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simgen.errors import SimgenError

Array = NDArray[np.float64]
FLOOR = 50.0
"""Least effective sample size that a distance is taken at."""


class SparseError(SimgenError):
    """A pool has too little of what a candidate asks for."""


@dataclass(frozen=True, eq=False)
class Weights:
    """Self-normalised importance weights.

    Attributes:
        shares: (n,) not negative, of sum 1.
        ess: Effective sample size, (sum w)^2 / sum w^2 (Kish 1965): 1 to n.
        used: Samples of a weight above zero.
    """

    shares: Array
    ess: float
    used: int


def self_normalised(log_weights: ArrayLike) -> Weights:
    """Weights from logarithms that are known up to a constant.

    Args:
        log_weights: (n,) log of candidate density over pool density; -inf where the
            candidate never draws the sample.

    Raises:
        SparseError: A value is NaN or +inf, or none is above zero.
    """
    logs = np.asarray(log_weights, dtype=np.float64)
    if logs.ndim != 1 or np.isnan(logs).any() or np.isposinf(logs).any():
        raise SparseError("log-weights must be a list of numbers below infinity", logs.shape)
    if not np.isfinite(logs).any():
        raise SparseError(
            "some sample of the pool must be one that the candidate can draw",
            f"none of {len(logs)}",
            "render a pool of wider ranges",
        )
    weights = np.exp(logs - logs.max())
    shares = weights / weights.sum()
    return Weights(shares, effective(shares), int(np.count_nonzero(shares)))


def effective(weights: ArrayLike) -> float:
    """(sum w)^2 / sum w^2."""
    w = np.asarray(weights, dtype=np.float64)
    return float(w.sum() ** 2 / np.sum(w**2))


def require(weights: Weights, floor: float = FLOOR) -> None:
    """SparseError unless the effective sample size reaches the floor."""
    if weights.ess < floor:
        raise SparseError(
            f"the effective sample size must be at least {floor:g}",
            f"{weights.ess:.1f} of {len(weights.shares)} samples",
            "render more samples, or a pool nearer to the candidate",
        )


def mean_of(weights: Weights, values: ArrayLike) -> Array:
    """Weighted mean over the first axis."""
    found: Array = np.tensordot(weights.shares, np.asarray(values, dtype=np.float64), axes=1)
    return found
