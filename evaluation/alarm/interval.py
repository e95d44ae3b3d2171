"""The exact interval of a proportion."""

from __future__ import annotations

from scipy import stats


def clopper_pearson(hits: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's interval (Biometrika 26, 1934).

    Args:
        hits: How often it happened.
        of: Out of so many, at least 1.
        confidence: Of the interval.
    """
    tail = (1 - confidence) / 2
    low = float(stats.beta.ppf(tail, hits, of - hits + 1)) if hits else 0.0
    high = float(stats.beta.ppf(1 - tail, hits + 1, of - hits)) if hits < of else 1.0
    return low, high
