"""Optimisation pressure: how far a setting has moved from the first, and where that may lead.

The pressure is `d = sqrt(KL(p_t || p_0))`. Gao, Schulman and Hilton (2023) found the gold
score to follow `d (a - b d)` under best-of-n and `d (a - b log d)` under reinforcement
learning. The curves serve to look ahead; no flag rests on them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from evaluation.alarm.scores import Array, GateSummary
from simgen.errors import ConfigError

CURVES = ("d (a - b d)", "d (a - b log d)")


def kl_normal(mean: float, sd: float, mean_0: float, sd_0: float) -> float:
    """KL of one normal law from another, nats."""
    ratio = sd / sd_0
    return 0.5 * (ratio**2 + ((mean - mean_0) / sd_0) ** 2 - 1) - math.log(ratio)


def kl_uniform(low: float, high: float, low_0: float, high_0: float) -> float:
    """KL of a uniform law from another, nats; infinite where it leaves the other's range."""
    if not low < high or not low_0 < high_0:
        raise ConfigError("`low < high` must hold", ((low, high), (low_0, high_0)))
    if low < low_0 or high > high_0:
        return math.inf
    return math.log((high_0 - low_0) / (high - low))


def kl_categorical(p: Array, p_0: Array) -> float:
    """KL of one law on names from another, nats."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / p_0), 0.0)
    return float(terms.sum())


def kl_best_of(n: int) -> float:
    """KL of the best of n draws from one draw, `log n - (n - 1) / n`, nats."""
    return math.log(n) - (n - 1) / n


def kl_recorded(log_density: Array, log_density_0: Array) -> tuple[float, float]:
    """KL and its standard error from log-densities recorded with samples of p_t.

    Args:
        log_density: (n,) log p_t of each sample.
        log_density_0: (n,) log p_0 of the same samples.
    """
    ratio = np.asarray(log_density, dtype=float) - np.asarray(log_density_0, dtype=float)
    return max(float(ratio.mean()), 0.0), float(ratio.std(ddof=1) / math.sqrt(len(ratio)))


@dataclass(frozen=True)
class Forecast:
    """A curve of the real score over pressure, fitted to the gate's means.

    Attributes:
        curve: One of `CURVES`, the one that fits better.
        at: Pressure that is looked ahead to.
        value: Predicted change of the real score from the newest checkpoint.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    curve: str
    at: float
    value: float
    low: float
    high: float


def forecast(pressure: Array, summary: GateSummary, at: float) -> Forecast | None:
    """Look ahead, by generalised least squares; None with fewer than 4 different pressures.

    Args:
        pressure: (m,) pressure of each checkpoint.
        summary: Gate scores of one loop.
        at: Pressure to look ahead to.
    """
    if len(np.unique(pressure)) < 4 or not np.isfinite(pressure).all():
        return None
    pooled = float(summary.seed_var[0] @ (summary.seeds - 1) / (summary.seeds - 1).sum())
    cov = summary.mean_cov[0] + np.diag(pooled / summary.seeds)
    cov = cov + 1e-9 * np.trace(cov) / len(cov) * np.eye(len(cov)) + 1e-15 * np.eye(len(cov))
    inverse = np.linalg.inv(cov)
    best = None
    for name in CURVES:
        rows = _design(name, pressure)
        spread = np.linalg.inv(rows.T @ inverse @ rows)
        beta = spread @ rows.T @ inverse @ summary.mean[0]
        rest = summary.mean[0] - rows @ beta
        misfit = float(rest @ inverse @ rest)
        step = _design(name, np.array([at]))[0] - rows[-1]
        error = math.sqrt(float(step @ spread @ step))
        if best is None or misfit < best[0]:
            reach = float(stats.norm.ppf(0.975)) * error
            value = float(step @ beta)
            best = misfit, Forecast(name, at, value, value - reach, value + reach)
    return None if best is None else best[1]


def _design(curve: str, d: Array) -> Array:
    """(m, 3): a constant, d, and minus d^2 or minus d log d."""
    bent = d**2 if curve == CURVES[0] else d * np.log(np.maximum(d, 1e-12))
    return np.stack([np.ones_like(d), d, -bent], axis=1)
