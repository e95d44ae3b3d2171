"""STAGNATION: the proxy went up and the real score did not follow.

Null: `dV >= kappa dP` wherever `dP >= epsilon`. Statistic: `(kappa dP - dG) / SE`. The proxy
is a function of the tuning part and the seeds, so it is a given number here.
"""

from __future__ import annotations

import numpy as np

from evaluation.alarm.contrasts import Contrasts, Estimates, normal_scores
from evaluation.alarm.scores import Array

NAME = "STAGNATION"


def stagnation(
    found: Estimates, chosen: Contrasts, proxy: Array, kappa: float, epsilon: float
) -> Array:
    """(L, C) normal scores; minus infinity where the proxy has not gained enough to ask.

    Between two windows every pair of checkpoints must have gained `epsilon`, else the null
    says nothing of their means.

    Args:
        found: Contrasts of the gate's means.
        chosen: The contrasts.
        proxy: (L, j) proxy of the checkpoints so far.
        kappa: Share of the proxy's gain that must be real.
        epsilon: Least gain of the proxy.
    """
    scores = normal_scores(kappa * (proxy @ chosen.weights.T) - found.change, found.error, found.df)
    gained = np.empty(scores.shape, dtype=bool)
    for column, ((a, b), (c, d)) in enumerate(zip(chosen.early, chosen.late, strict=True)):
        least = proxy[:, c : d + 1].min(axis=1) - proxy[:, a : b + 1].max(axis=1)
        gained[:, column] = least >= epsilon
    result: Array = np.where(gained, scores, -np.inf)
    return result
