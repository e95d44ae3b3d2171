"""Page and Hinkley's test for a fall of the gate's mean (Page, Biometrika 41, 1954)."""

from __future__ import annotations

import numpy as np

from evaluation.alarm.bench.runs import Runs
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import Array
from simgen.rng import Key

NAME, NOMINAL = "Page-Hinkley", 0.05
SLACK = 0.005


def score(runs: Runs, rule: Rule, *, key: Key) -> Array:
    """(L, m) cumulated shortfall behind the running mean, above its lowest value."""
    del rule, key
    means = runs.gate.mean
    running = np.cumsum(means, axis=1) / np.arange(1, means.shape[1] + 1)
    total = np.cumsum(running - means - SLACK, axis=1)
    result: Array = total - np.minimum.accumulate(total, axis=1)
    return result
