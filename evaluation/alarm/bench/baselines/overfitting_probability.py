"""Probability of backtest overfitting (Bailey et al., Journal of Computational Finance 20, 2017).

The gate is cut into 8 blocks. The setting that the proxy likes best is ranked among all
settings so far in each of the 70 halves of the blocks; the score is the share of halves in
which it lies below the median. The original chooses in the other half of the same data;
here the proxy chose, which is what a loop does.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from evaluation.alarm.bench.runs import Runs
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import Array
from simgen.rng import Key

NAME, NOMINAL = "PBO", 0.5


def score(runs: Runs, rule: Rule, *, key: Key) -> Array:
    """(L, m) share of halves of the gate in which the chosen setting is below the median."""
    del rule, key
    loops, count, blocks = runs.blocks.shape
    halves = np.zeros((70, blocks))
    for row, chosen in enumerate(combinations(range(blocks), blocks // 2)):
        halves[row, list(chosen)] = 2 / blocks
    means = runs.blocks @ halves.T  # (L, m, 70)
    found = np.zeros((loops, count))
    everyone = np.arange(loops)
    for number in range(2, count):
        best = runs.proxy[:, : number + 1].argmax(axis=1)
        middle = np.median(means[:, : number + 1], axis=1)
        found[:, number] = np.mean(means[everyone, best] < middle, axis=1)
    return found
