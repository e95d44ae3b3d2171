"""Thresholdout: noisy comparison of proxy and gate (Dwork et al., Science 349, 2015).

The reusable holdout answers "they differ" when `|proxy - gate|` passes a threshold with
Laplace noise on both. Here a checkpoint is a query, and the first such answer is the flag.
"""

from __future__ import annotations

import numpy as np

from evaluation.alarm.bench.runs import Runs
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import Array
from simgen.rng import Key

NAME, NOMINAL = "Thresholdout", 0.04
SIGMA = 0.01


def score(runs: Runs, rule: Rule, *, key: Key) -> Array:
    """(L, m) difference of proxy and gate with noise of scale 4 sigma, 2 sigma on the bar."""
    del rule
    loops, count = runs.proxy.shape
    noise = [(key / at).generator().laplace(0, 4 * SIGMA, loops) for at in range(count)]
    bar = (key / "bar").generator().laplace(0, 2 * SIGMA, (loops, 1))
    result: Array = np.abs(runs.proxy - runs.gate.mean) + np.stack(noise, axis=1) - bar
    return result
