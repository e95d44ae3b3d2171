"""The gate dipped while the proxy rose, since the checkpoint before."""

from __future__ import annotations

import numpy as np

from evaluation.alarm.bench.runs import Runs
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import Array
from simgen.rng import Key

NAME, NOMINAL = "gate dip", 0.0


def score(runs: Runs, rule: Rule, *, key: Key) -> Array:
    """(L, m) fall of the gate's mean where the proxy rose, else minus infinity."""
    del rule, key
    found = np.full(runs.proxy.shape, -np.inf)
    fell = -np.diff(runs.gate.mean, axis=1)
    found[:, 1:] = np.where(np.diff(runs.proxy, axis=1) > 0, fell, -np.inf)
    return found
