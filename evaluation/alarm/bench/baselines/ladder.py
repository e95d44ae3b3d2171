"""The Ladder: checkpoints without a better gate score (Blum and Hardt, ICML 2015).

A score counts as better when it passes the best so far by the step. The parameter-free
Ladder takes the standard error of the difference for the step.
"""

from __future__ import annotations

import numpy as np

from evaluation.alarm.bench.runs import Runs
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import Array
from simgen.rng import Key

NAME, NOMINAL = "Ladder", 5.0


def score(runs: Runs, rule: Rule, *, key: Key) -> Array:
    """(L, m) stale checkpoints in a row; ties are broken by how far the best lies ahead."""
    del rule, key
    means, cov = runs.gate.mean, runs.gate.mean_cov
    found = np.zeros(means.shape)
    loops = np.arange(len(means))
    best, stale = np.zeros(len(means), dtype=int), np.zeros(len(means))
    for number in range(1, means.shape[1]):
        variance = cov[loops, best, best] + cov[:, number, number] - 2 * cov[loops, best, number]
        ahead = means[:, number] - means[loops, best]
        better = ahead > np.sqrt(np.maximum(variance, 0))
        best = np.where(better, number, best)
        stale = np.where(better, 0, stale + 1)
        found[:, number] = stale + 0.5 * (1 - np.tanh(ahead / 0.05)) * ~better
    return found
