"""Active randomization: more of the samples that a model is weak on, as far as a pool allows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evaluation.tune.weights import SparseError, Weights, self_normalised

_STEPS = 60
_WIDEST = 1e12


@dataclass(frozen=True, eq=False)
class Tilt:
    """A law that was tilted towards loss.

    Attributes:
        weights: Of the samples: in proportion to exp(loss / temperature).
        temperature: In units of the loss; infinite where all losses are equal.
    """

    weights: Weights
    temperature: float


def tilt(losses: ArrayLike, floor: float, log_weights: ArrayLike | None = None) -> Tilt:
    """Weigh samples by the exponential of their loss, as sharply as a floor allows.

    Of all laws whose divergence from the given one is the same, this has the highest expected
    loss. The temperature is the least at which the effective sample size reaches the floor.

    Args:
        losses: (n,) of the model on each sample; higher is worse.
        floor: Least effective sample size.
        log_weights: (n,) of the law to tilt; equal weights where none are given.

    Raises:
        SparseError: The law itself is worth less than the floor, or a loss is not finite.
    """
    loss = np.asarray(losses, dtype=np.float64)
    base = np.zeros(len(loss)) if log_weights is None else np.asarray(log_weights, np.float64)
    if loss.ndim != 1 or not np.isfinite(loss).all() or base.shape != loss.shape:
        raise SparseError("losses must be finite, one a sample", loss.shape)
    start = self_normalised(base)
    if start.ess < floor:
        raise SparseError(
            f"the law to tilt must be worth at least {floor:g} samples", f"{start.ess:.1f}",
            "lower the floor, or take more samples",
        )  # fmt: skip
    spread = float(np.ptp(loss))
    if spread == 0:
        return Tilt(start, math.inf)
    cold, hot = math.log(1e-6 * spread), math.log(_WIDEST * spread)
    for _ in range(_STEPS):
        middle = (cold + hot) / 2
        enough = self_normalised(base + loss / math.exp(middle)).ess >= floor
        cold, hot = (cold, middle) if enough else (middle, hot)
    return Tilt(self_normalised(base + loss / math.exp(hot)), math.exp(hot))
