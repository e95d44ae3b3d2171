"""The spread between training seeds, moderated: each checkpoint's own, drawn to that of all.

Two or three seeds say little of one checkpoint's variance, thirty over a run much; but a run
may begin with unstable trainings and end with stable ones. Empirical Bayes (Smyth 2004) takes
the weight of the common variance from how much the variances differ beyond their own chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, polygamma

from evaluation.alarm.scores import Array

FEWEST = 4
"""With fewer checkpoints how much variances differ cannot be told; they are pooled."""
SURE = 1.5
"""Variances are moderated where they differ by more than this many standard errors."""
_MOST = 1e6  # prior degrees of freedom that count as infinite


@dataclass(frozen=True, eq=False)
class Spread:
    """Moderated variances.

    Attributes:
        variance: (L, j) variance between training seeds of each checkpoint.
        df: (L, j) its degrees of freedom.
        pooled: (L,) variance over all checkpoints.
        shared_df: (L,) degrees of freedom of the common variance, where it stands alone; 0
            where checkpoints have variances of their own.
    """

    variance: Array
    df: Array
    pooled: Array
    shared_df: Array


def moderate(seed_var: Array, seeds: np.ndarray) -> Spread:
    """Moderate the variances between training seeds.

    Args:
        seed_var: (L, j) sample variances.
        seeds: (j,) training seeds of each checkpoint.
    """
    own = (seeds - 1).astype(float)
    pooled = seed_var @ (own / own.sum())
    loops, count = seed_var.shape
    shared = np.full(loops, own.sum())
    variance = np.repeat(pooled[:, None], count, axis=1)
    df = np.full((loops, count), own.sum())
    if count < FEWEST:
        return Spread(variance, df, pooled, shared)
    least = np.maximum(1e-6 * pooled[:, None], 1e-300)
    logs = np.log(np.maximum(seed_var, least)) - digamma(own / 2) + np.log(own / 2)
    middle = logs.mean(axis=1)
    due = polygamma(1, own / 2).mean()
    beyond = logs.var(axis=1, ddof=1) - due
    # a variance of j logs errs by this; variances that may well be one are taken for one
    chance = due * np.sqrt(2 / (count - 1) + polygamma(3, own / 2).mean() / due**2 / count)
    differ = beyond > SURE * chance
    prior = np.full(loops, _MOST)
    prior[differ] = np.minimum(2 * _inverse_trigamma(beyond[differ]), _MOST)
    centre = np.exp(middle + digamma(prior / 2) - np.log(prior / 2))
    mixed = (prior[:, None] * centre[:, None] + own * seed_var) / (prior[:, None] + own)
    # one common variance is known no better than all checkpoints together know it
    weight = np.minimum(prior[:, None] + own, own.sum())
    variance[differ], df[differ] = mixed[differ], weight[differ]
    shared[differ] = 0
    return Spread(variance, df, pooled, shared)


def _inverse_trigamma(values: Array) -> Array:
    """X with polygamma(1, x) = values, by Newton's steps on the reciprocal."""
    x = 0.5 + 1 / values
    for _ in range(20):
        tri = polygamma(1, x)
        x = x + tri * (1 - tri / values) / polygamma(2, x)
    result: Array = x
    return result
