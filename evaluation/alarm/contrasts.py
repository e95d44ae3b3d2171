"""Which differences between checkpoints are tested at a stage, and how uncertain each is.

A contrast sets the mean of a window of later checkpoints, which ends at the newest one,
against the mean of a window of earlier ones. Windows of one checkpoint are the plain pairs
`s < t`. Wider windows are valid too, since a mean of differences that are each within a
bound is within it; they average the noise of the training seeds away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

from evaluation.alarm.scores import Array, GateSummary
from evaluation.alarm.spread import moderate

EARLY, LATE = (1, 2, 3), (1, 2)
"""Widths of the windows."""
_LARGEST = 30.0  # no p-value beyond this many standard errors is quoted


@dataclass(frozen=True, eq=False)
class Contrasts:
    """The contrasts of one stage.

    Attributes:
        weights: (C, j) weights of the checkpoints; later positive, earlier negative.
        early: (C, 2) first and last checkpoint of the earlier window.
        late: (C, 2) first and last checkpoint of the later window.
    """

    weights: Array
    early: np.ndarray
    late: np.ndarray


@cache
def contrasts(stage: int, early: Sequence[int] = EARLY, late: Sequence[int] = LATE) -> Contrasts:
    """Contrasts that the newest of `stage` checkpoints takes part in.

    Args:
        stage: Checkpoints so far, at least 2.
        early: Widths of the earlier window.
        late: Widths of the later window.
    """
    rows, first, second = [], [], []
    for width in late:
        begin = stage - width
        for before in early:
            for end in range(before - 1, begin):
                row = np.zeros(stage)
                row[begin:] = 1 / width
                row[end - before + 1 : end + 1] = -1 / before
                rows.append(row)
                first.append((end - before + 1, end))
                second.append((begin, stage - 1))
    return Contrasts(np.array(rows), np.array(first), np.array(second))


@dataclass(frozen=True, eq=False)
class Estimates:
    """The contrasts of the gate's means.

    Attributes:
        change: (L, C) later less earlier.
        error: (L, C) standard error over pictures and training seeds.
        df: (L, C) Satterthwaite's degrees of freedom.
        seed_var: (L, j) moderated variance between training seeds.
    """

    change: Array
    error: Array
    df: Array
    seed_var: Array


def estimate(summary: GateSummary, chosen: Contrasts) -> Estimates:
    """Differences, standard errors `SE^2 = w'Cw + sum(w^2 v / K)` and their degrees of freedom.

    The variances between seeds are moderated; see `spread`.

    Args:
        summary: The checkpoints so far, (L, j).
        chosen: Contrasts of j checkpoints.
    """
    weights = chosen.weights
    spread = moderate(summary.seed_var, summary.seeds)
    pictures = np.einsum("cj,ljk,ck->lc", weights, summary.mean_cov, weights, optimize=True)
    share = spread.variance / summary.seeds
    seeds = share @ (weights**2).T
    total = np.maximum(pictures, 0) + seeds
    with np.errstate(divide="ignore", invalid="ignore"):
        # of its own variance each checkpoint errs alone, of a common one all err together
        alone = (share**2 / spread.df) @ (weights**4).T
        together = seeds**2 / spread.shared_df[:, None]
        doubt = np.where(spread.shared_df[:, None] > 0, together, alone)
        df = total**2 / (pictures**2 / summary.image_df + doubt)
    df = np.where(total > 0, df, summary.image_df)
    return Estimates(summary.mean @ weights.T, np.sqrt(total), df, spread.variance)


def normal_scores(excess: Array, error: Array, df: Array) -> Array:
    """Studentised excesses as standard normal scores of the same tail probability.

    So that contrasts with few degrees of freedom do not set the bar for all. Where the
    standard error is zero the score is minus the largest, or the largest for an excess.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(error > 0, excess / error, np.where(excess > 0, np.inf, -np.inf))
    z = np.minimum(np.maximum(z, -_LARGEST), _LARGEST)
    score: Array = np.sign(z) * stats.norm.isf(stats.t.sf(np.abs(z), df))
    return score
