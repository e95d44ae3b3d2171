"""FOOLS ONE MODEL: the loop's own judge likes the pictures better, outside judges do not.

Null: the judge gained no more than `delta`, or the panel gained `outside` of what it gained.
Both must be rejected, so the p-value is the larger of two (an intersection-union test). The
judges of the panel are taken as given; the draw of the pictures is what is uncertain.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from evaluation.alarm.scores import Array

NAME = "FOOLS ONE MODEL"


def fools_one_model(
    judge: Sequence[Array], panel: Sequence[Array], delta: float, outside: float
) -> Array:
    """P-values (s, t), one where s >= t.

    Args:
        judge: For each checkpoint (n,) scores of generated pictures by the loop's judge.
        panel: For each checkpoint (J, n) scores of the same pictures by outside judges.
        delta: Gain of the judge that is not worth a word.
        outside: Share of it that outside judges must see.
    """
    own = [each.mean() for each in judge]
    own_var = [each.var(ddof=1) / len(each) for each in judge]
    # `outside` times own gain, less the panel's, is a mean over pictures: their tie is kept
    lag = [outside * a - b.mean(axis=0) for a, b in zip(judge, panel, strict=True)]
    lag_var = [each.var(ddof=1) / len(each) for each in lag]
    count = len(judge)
    found = np.ones((count, count))
    for late in range(1, count):
        for early in range(late):
            gain = own[late] - own[early] - delta
            behind = lag[late].mean() - lag[early].mean()
            first = _tail(gain, own_var[late] + own_var[early])
            second = _tail(behind, lag_var[late] + lag_var[early])
            found[early, late] = max(first, second)
    return found


def _tail(excess: float, variance: float) -> float:
    if variance <= 0:
        return 0.0 if excess > 0 else 1.0
    return float(stats.norm.sf(excess / np.sqrt(variance)))
