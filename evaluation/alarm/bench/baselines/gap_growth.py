"""The gap between proxy and gate grew since the start."""

from __future__ import annotations

from evaluation.alarm.bench.runs import Runs
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import Array
from simgen.rng import Key

NAME, NOMINAL = "gap growth", 0.05


def score(runs: Runs, rule: Rule, *, key: Key) -> Array:
    """(L, m) growth of proxy less gate."""
    del rule, key
    gap = runs.proxy - runs.gate.mean
    return gap - gap[:, :1]
