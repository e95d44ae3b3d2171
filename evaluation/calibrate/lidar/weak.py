"""Echoes that are lost because they are weak: how far the sensor sees, as far as a room tells.

The receiver reports an amplitude above a threshold (see `Noise`); a surface of the reference
reflectance meets it at the longest range. With x the power over that at the threshold T,

    P(lost) = Phi(T (1 - x) / sqrt(1 + (T x energy_sigma)^2))

and a constant rate beside it, of losses that have other causes. A room has hardly any surface
that is that weak: where none is, only a lower limit of the range comes out, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from evaluation.calibrate.lidar.law import snr
from evaluation.calibrate.lidar.repeats import blocks
from evaluation.calibrate.lidar.scans import Revolution, Scans
from simgen.rng import Key

Array = NDArray[np.float64]
FLAT_M = 0.05  # the columns beside it show one surface
ALIKE = 0.5  # in the logarithm of their readings
CLEAR_M = 0.2  # beyond the nearest return: what is nearer may be lost for being too near
GAIN = 10.0  # in log-likelihood, over a constant rate, for a threshold to be believed
SEEN = 0.01  # quantile of the weakest surfaces, whose being seen sets the lower limit
DRAWS = 40
LONGEST_M = 1000.0


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
        rate: Share of losses inside surfaces that have other causes.
        limit: Whether no surface was weak enough to tell more than a lower limit.
        draws: (d,) ranges from draws of blocks; empty with a limit.
        lost, seen: How many were lost, of how many.
    """

    max_range_m: float
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
    near_m: float,
    energy_sigma: float,
    reference: float,
    threshold: float,
    key: Key,
    draws: int = DRAWS,
) -> Reach:
    """Fit the range by maximum likelihood.

    Args:
        inside: What was seen.
        near_m: How power falls with range, see `law`.
        energy_sigma: Spread of the energy of pulses.
        reference: Reflectance that the range is for.
        threshold: Least ratio that is reported.
        key: Stream of the draws.
        draws: How many draws of blocks.
    """
    share = snr(1.0, near_m, inside.range_m, inside.intensity) / reference
    n, lost = len(inside.lost), int(inside.lost.sum())
    rate = lost / n
    flat = n * _entropy(rate)
    best, other, loss = _search(share, inside.lost, energy_sigma, threshold)
    if flat - loss < GAIN:
        least = float(np.quantile(share, SEEN))
        return Reach(float(1 / np.sqrt(least)), rate, True, np.empty(0), lost, n)
    rng = key.generator()
    names = np.unique(inside.block)
    rows = [np.flatnonzero(inside.block == name) for name in names]
    found = []
    for _ in range(draws):
        chosen = np.concatenate([rows[k] for k in rng.integers(0, len(names), len(names))])
        found.append(_search(share[chosen], inside.lost[chosen], energy_sigma, threshold)[0])
    return Reach(best, other, False, np.array(found), lost, n)


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
    block = blocks(turn.azimuth_deg[2:-2], scans)
    level = (i[1:-3] + i[3:-1]) / 2
    return ((a + b) / 2)[good], level[good], (r[2:-2] == 0)[good], block[good]


def _entropy(p: float) -> float:
    """Minus the mean log-likelihood of a coin with its own rate."""
    return 0.0 if p in (0.0, 1.0) else float(-p * np.log(p) - (1 - p) * np.log1p(-p))


def _search(
    share: Array, lost: NDArray[np.bool_], energy_sigma: float, threshold: float
) -> tuple[float, float, float]:
    """Likeliest range, rate of other losses, and the loss.

    The rate follows from surfaces far above the threshold; the range is sought on a grid and
    then finely, since the likelihood may have several tops.
    """

    def minus(log_range: float) -> tuple[float, float]:
        x = share * np.exp(2 * log_range)
        p = lost_share(x, energy_sigma, threshold)
        clear = x > 4
        rate = float(lost[clear].mean()) if clear.any() else 0.0
        p = np.clip(p + rate - p * rate, 1e-9, 1 - 1e-9)
        return -float(np.where(lost, np.log(p), np.log1p(-p)).sum()), rate

    low, high = -0.5 * np.log(share.max()), np.log(LONGEST_M)
    grid = np.linspace(low, high, 60)
    k = int(np.argmin([minus(g)[0] for g in grid]))
    sides = grid[max(k - 1, 0)], grid[min(k + 1, 59)]
    found = minimize_scalar(lambda g: minus(g)[0], bounds=sides, method="bounded")
    loss, rate = minus(float(found.x))
    return float(np.exp(found.x)), rate, loss
