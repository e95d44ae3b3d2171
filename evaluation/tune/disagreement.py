"""Whether several objectives would have chosen the same ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from evaluation.tune.trial import Trial

FEWEST = 8


@dataclass(frozen=True)
class Disagreement:
    """Two objectives over the same trials.

    Attributes:
        first, second: Their names.
        rank_correlation: Spearman's, over trials that have both; None for fewer than 8, or
            where one never changes.
        best_first, best_second: The trial that each likes best.
        cost_first: What the second's choice costs under the first, in units of the start's
            score.
        cost_second: The other way round.
        n: Trials.
    """

    first: str
    second: str
    rank_correlation: float | None
    best_first: int
    best_second: int
    cost_first: float
    cost_second: float
    n: int


def disagreements(trials: Sequence[Trial], scales: Mapping[str, float]) -> tuple[Disagreement, ...]:
    """Every pair of objectives; none where there is one objective.

    Args:
        trials: Of a study.
        scales: By which each score is divided.
    """
    done = [(t.number, t.search.scores) for t in trials if t.state == "complete" and t.search]
    found = []
    for first, second in combinations(scales, 2):
        a, b = (
            np.array([scores[name] / scales[name] for _, scores in done])
            for name in (first, second)
        )
        ranked = len(done) >= FEWEST and np.ptp(a) > 0 and np.ptp(b) > 0
        i, j = int(a.argmin()), int(b.argmin())
        found.append(
            Disagreement(
                first,
                second,
                float(stats.spearmanr(a, b).statistic) if ranked else None,
                done[i][0],
                done[j][0],
                float(a[j] - a[i]),
                float(b[i] - b[j]),
                len(done),
            )
        )
    return tuple(found)
