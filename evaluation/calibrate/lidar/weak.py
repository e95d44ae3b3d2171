"""Echoes that are lost because they are weak: how far the sensor sees, as far as a room tells.

The receiver reports an amplitude above a threshold (see `Noise`); a surface of the reference
reflectance meets it at the longest range. With x the power over that at the threshold,

    P(lost) = Phi(T (1 - x) / sqrt(1 + (T x energy_sigma)^2))

and a constant rate beside it, of losses that have other causes. A room has hardly any surface
that is that weak: where none is, only a lower limit of the range comes out, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import norm

from evaluation.calibrate.lidar.law import NoiseLaw, snr
from evaluation.calibrate.lidar.repeats import blocks
from evaluation.calibrate.lidar.scans import Revolution, Scans
from simgen.rng import Key

Array = NDArray[np.float64]
FLAT_M = 0.05  # the columns beside it show one surface
ALIKE = 0.5  # in the logarithm of their readings
CLEAR_M = 0.2  # beyond the nearest return: what is nearer may be lost for being too near
GAIN = 10.0  # in log-likelihood, over a constant rate, for a threshold to be believed
DRAWS = 40


@dataclass(frozen=True, eq=False)
class Insides:
    """Pulses between two columns that show one surface.

    Attributes:
        range_m, intensity: (n,) mean of the neighbours.
        lost: (n,) bool.
        block: (n,) int, of neighbouring directions.
    """

    range_m: Array
    intensity: Array
    lost: NDArray[np.bool_]
    block: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Reach:
    """How far the sensor sees.

    Attributes:
        max_range_m: Of the reference reflectance; a lower limit where `limit` says so.
        energy_sigma: Spread of the energy of pulses; 0 with a limit.
        rate: Share of the losses of other causes.
        limit: Whether no surface was weak enough to tell more than a lower limit.
        draws: (d, 2) range and spread from draws of blocks; empty with a limit.
        lost, seen: How many were lost, of how many.
    """

    max_range_m: float
    energy_sigma: float
    rate: float
    limit: bool
    draws: Array
    lost: int
    seen: int


def insides_of(scans: Scans) -> Insides:
    """All pulses between neighbours that lie on one surface and read alike."""
    nearest = min(float(t.range_m[t.range_m > 0].min()) for t in scans.revolutions)
    parts = [_insides(turn, scans, nearest + CLEAR_M) for turn in scans.revolutions]
    r, i, lost, block = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Insides(r, i, lost, block)


def fit_reach(
    inside: Insides,
    law: NoiseLaw,
    reference: float,
    threshold: float,
    key: Key,
    draws: int = DRAWS,
) -> Reach:
    """Fit range and spread by maximum likelihood.

    Args:
        inside: What was seen.
        law: Of the noise, for how power falls with range.
        reference: Reflectance that the range is for.
        threshold: Least ratio that is reported.
        key: Stream of the draws.
        draws: How many draws of blocks.
    """
    # power (of white at one metre) over the reference's at one metre: x = share * range^2
    share = snr(1.0, law.near_m, inside.range_m, inside.intensity) / reference
    rate = max(inside.lost.mean(), 1e-6)
    n = len(inside.lost)
    flat = -n * (rate * np.log(rate) + (1 - rate) * np.log1p(-rate))
    starts = [np.array([np.log(m), -1.5, np.log(rate)]) for m in (10.0, 40.0, 100.0)]
    trials = (_search(share, inside.lost, threshold, start) for start in starts)
    best, loss = min(trials, key=lambda each: each[1])
    if flat - loss < GAIN:
        dim = share[inside.lost] if rate > 0.05 else share
        limit = float(1 / np.sqrt(np.quantile(dim, 0.01)))
        return Reach(limit, 0.0, float(rate), True, np.empty((0, 2)), int(inside.lost.sum()), n)
    rng = key.generator()
    names = np.unique(inside.block)
    rows = [np.flatnonzero(inside.block == name) for name in names]
    found = []
    for _ in range(draws):
        chosen = np.concatenate([rows[k] for k in rng.integers(0, len(names), len(names))])
        again = _search(share[chosen], inside.lost[chosen], threshold, best)[0]
        found.append(np.exp(again[:2]))
    value = np.exp(best)
    return Reach(
        float(value[0]), float(value[1]), float(value[2]), False, np.array(found),
        int(inside.lost.sum()), n,
    )  # fmt: skip


def lost_share(x: Array, energy_sigma: float, threshold: float) -> Array:
    """Probability (n,) to be lost, for powers over that at the threshold."""
    width = np.sqrt(1 + np.square(threshold * x * energy_sigma))
    found: Array = norm.cdf(threshold * (1 - x) / width)
    return found


def _insides(
    turn: Revolution, scans: Scans, least_m: float
) -> tuple[Array, Array, NDArray[np.bool_], NDArray[np.intp]]:
    r, i = turn.range_m, turn.intensity
    a, b = r[1:-3], r[3:-1]
    alike = np.abs(np.log((i[1:-3] + 0.5) / (i[3:-1] + 0.5))) < ALIKE
    good = (np.minimum(a, b) > least_m) & (np.abs(a - b) < FLAT_M) & alike
    good &= (np.minimum(r[:-4], r[4:]) > 0) & (np.abs(r[:-4] - r[4:]) < 2 * FLAT_M)
    block = blocks(turn.azimuth_deg[2:-2], scans)
    level = (i[1:-3] + i[3:-1]) / 2
    return ((a + b) / 2)[good], level[good], (r[2:-2] == 0)[good], block[good]


def _search(
    share: Array, lost: NDArray[np.bool_], threshold: float, start: Array
) -> tuple[Array, float]:
    """Likeliest logarithms of (range, spread, rate), and the loss."""

    def minus(theta: Array) -> float:
        reach, sigma, rate = np.exp(theta)
        p = lost_share(share * reach**2, sigma, threshold)
        p = np.clip(p + rate - p * rate, 1e-9, 1 - 1e-9)
        return -float(np.where(lost, np.log(p), np.log1p(-p)).sum())

    bounds = [(0.0, np.log(1000.0)), (np.log(0.005), np.log(0.5)), (-14.0, -1.0)]
    found = minimize(minus, start, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x), float(found.fun)
