"""REVERSAL: the real score fell from what an earlier setting had.

Null: `max over s < t of (V_s - V_t) <= delta`. Statistic: `(-dG - delta) / SE`.
"""

from __future__ import annotations

from evaluation.alarm.contrasts import Estimates, normal_scores
from evaluation.alarm.scores import Array

NAME = "REVERSAL"


def reversal(found: Estimates, delta: float) -> Array:
    """(L, C) normal scores of falls beyond `delta`; large ones are evidence.

    Args:
        found: Contrasts of the gate's means.
        delta: Fall that is tolerated.
    """
    return normal_scores(-found.change - delta, found.error, found.df)
