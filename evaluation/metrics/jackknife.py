"""Bias and standard error by leaving out groups (Quenouille 1956, Tukey 1958, Shao and Tu 1995).

A plain bootstrap is wrong for distances: a resample has ties, is further from
the other sample than the sample itself, and its spread is around a biased
centre. Leaving out groups estimates the bias of order 1/n and removes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from evaluation.metrics.result import Array
from simgen.rng import Key


@dataclass(frozen=True)
class Jackknifed:
    """A statistic with its bias of order 1/n removed.

    Attributes:
        value: Corrected estimate.
        plug_in: The statistic of the whole samples.
        error: Standard error.
        groups: Groups left out in turn, for each sample.
    """

    value: float
    plug_in: float
    error: float
    groups: int

    def interval(self, confidence: float) -> tuple[float, float]:
        """Student interval with `groups - 1` degrees of freedom."""
        reach = float(stats.t.ppf(0.5 + confidence / 2, self.groups - 1)) * self.error
        return self.value - reach, self.value + reach


def group_jackknife(
    statistic: Callable[[Array, Array], float], x: Array, y: Array, *, groups: int, key: Key
) -> Jackknifed:
    """Leave out each group of `x`, then each of `y`.

    Groups are drawn by a stream that is named by the size of the sample, not
    by its place, so that a symmetric statistic stays symmetric.

    Args:
        statistic: A smooth function of the two empirical distributions.
        x: (n_x, d).
        y: (n_y, d).
        groups: How many; at most the size of the smaller sample.
        key: Names the stream that deals rows into groups.
    """
    groups = min(groups, len(x), len(y))
    whole = statistic(x, y)
    bias = variance = 0.0
    for which, array in enumerate((x, y)):
        order = (key / "groups" / len(array)).generator().permutation(len(array))
        group = np.empty(len(array), dtype=int)
        group[order] = np.arange(len(array)) % groups
        rests = (array[group != number] for number in range(groups))
        without = np.array(
            [statistic(rest, y) if which == 0 else statistic(x, rest) for rest in rests]
        )
        bias += (groups - 1) * (float(without.mean()) - whole)
        variance += (groups - 1) * float(without.var())
    return Jackknifed(whole - bias, whole, float(np.sqrt(variance)), groups)
