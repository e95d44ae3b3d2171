"""Echoes that are lost because they are much stronger or weaker than the one before.

Power and gain of some sensors follow the last echo of the same laser; one that is far off
cannot be told, and the driver gets an intensity without a range. How far it may be off is
fitted by a probit in the logarithm of the ratio of readings, for rises and for falls.

Where a sensor tells no intensity without a range, this cannot be seen and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import norm

from evaluation.calibrate.lidar.repeats import blocks
from evaluation.calibrate.lidar.scans import Revolution, Scans
from simgen.rng import Key

Array = NDArray[np.float64]
ALIKE = 0.4  # in the logarithm: the column after shows the same surface
CLEAR_M = 1.0  # surfaces nearer than this may be lost for being too near
HALF = 0.5  # added to readings, which are rounded and may be 0
LEAST_LOST = 30  # of echoes, to tell a law
DRAWS = 40
MOST = 20.0  # a rise that half of the echoes survive: above, the sensor loses none to rises


@dataclass(frozen=True, eq=False)
class Jumps:
    """Changes from one column of a laser to the next.

    Attributes:
        log_ratio: (n,) of the readings.
        lost: (n,) bool, whether the second has no range.
        block: (n,) int, of neighbouring directions.
    """

    log_ratio: Array
    lost: NDArray[np.bool_]
    block: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class GainLaw:
    """How much stronger or weaker an echo may be.

    Attributes:
        up, down: Factors that half of the echoes survive.
        up_spread, down_spread: Standard deviation of their logarithms.
        draws: (d, 4) the same in this order, from draws of blocks.
        lost, jumps: How many were lost, of how many.
    """

    up: float
    down: float
    up_spread: float
    down_spread: float
    draws: Array
    lost: int
    jumps: int

    def loss(self, log_ratio: Array) -> Array:
        """Probability to be lost."""
        x = np.array([np.log(self.up), np.log(self.down), self.up_spread, self.down_spread])
        return _loss(x, log_ratio)


def jumps_of(scans: Scans) -> Jumps:
    """Changes between columns that follow each other, all away from what is too near."""
    parts = [_jumps(turn, scans) for turn in scans.revolutions]
    ratio, lost, block = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Jumps(ratio, lost, block)


def fit_gain(jumps: Jumps, key: Key, draws: int = DRAWS) -> GainLaw | None:
    """Fit by maximum likelihood; None where a sensor does not lose echoes to jumps.

    That is where fewer than `LEAST_LOST` were lost, or jumps explain no more than a constant
    rate does, or half of them would survive a rise by `MOST` times.
    """
    if int(jumps.lost.sum()) < LEAST_LOST:
        return None
    x, cells = _cells(jumps.log_ratio)
    seen, lost = _counts(cells, jumps.lost, len(x))
    best, loss = _search(x, seen, lost, np.array([1.5, 2.0, 0.4, 0.6, -6.0]))
    rate = lost.sum() / seen.sum()
    flat = -(lost.sum() * np.log(rate) + (seen.sum() - lost.sum()) * np.log1p(-rate))
    if flat - loss < 10 or best[0] > np.log(MOST):
        return None
    rng = key.generator()
    names = np.unique(jumps.block)
    rows = [np.flatnonzero(jumps.block == name) for name in names]
    found = []
    for _ in range(draws):
        chosen = np.concatenate([rows[k] for k in rng.integers(0, len(names), len(names))])
        again = _counts(cells[chosen], jumps.lost[chosen], len(x))
        found.append(_search(x, *again, best)[0][:4])
    out = np.array(found).reshape(-1, 4)
    out[:, :2] = np.exp(out[:, :2])
    up, down, s, t = (float(v) for v in best[:4])
    return GainLaw(
        float(np.exp(up)), float(np.exp(down)), s, t, out, int(jumps.lost.sum()), len(jumps.lost)
    )


def _jumps(turn: Revolution, scans: Scans) -> tuple[Array, NDArray[np.bool_], NDArray[np.intp]]:
    r, i = turn.range_m, turn.intensity
    before, now, after = slice(0, -2), slice(1, -1), slice(2, None)
    lost = (r[now] == 0) & (i[now] > 0)
    same = np.abs(_ratio(i[now], i[after])) < ALIKE
    good = (r[before] > CLEAR_M) & (r[after] > CLEAR_M) & same & (lost | (r[now] > CLEAR_M))
    block = blocks(turn.azimuth_deg[now], scans)
    return _ratio(i[before], i[now])[good], lost[good], block[good]


def _ratio(before: Array, now: Array) -> Array:
    found: Array = np.log((now + HALF) / (before + HALF))
    return found


def _cells(log_ratio: Array) -> tuple[Array, NDArray[np.intp]]:
    """Ratios put together in fine cells: their middles, and which cell each is in."""
    edges = np.arange(-6.0, 6.001, 0.05)
    which = np.clip(np.digitize(log_ratio, edges) - 1, 0, len(edges) - 2)
    return (edges[:-1] + edges[1:]) / 2, which


def _counts(
    cells: NDArray[np.intp], lost: NDArray[np.bool_], count: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.bincount(cells, minlength=count), np.bincount(cells[lost], minlength=count)


def _loss(x: Array, log_ratio: Array) -> Array:
    up, down, up_spread, down_spread = x[:4]
    rise = norm.cdf((log_ratio - up) / up_spread)
    fall = norm.cdf((-log_ratio - down) / down_spread)
    found: Array = 1 - (1 - rise) * (1 - fall)
    return found


def _search(
    x: Array, seen: NDArray[np.intp], lost: NDArray[np.intp], start: Array
) -> tuple[Array, float]:
    """Likeliest (up, down, spreads, logarithm of a rate of other losses) and its loss."""

    def minus(theta: Array) -> float:
        p = 1 - (1 - _loss(theta, x)) * (1 - np.exp(theta[4]))
        p = np.clip(p, 1e-9, 1 - 1e-9)
        return -float(np.sum(lost * np.log(p) + (seen - lost) * np.log1p(-p)))

    bounds = [(0.3, 6.0), (0.3, 6.0), (0.05, 2.0), (0.05, 2.0), (-12.0, -1.5)]
    found = minimize(minus, start, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x), float(found.fun)
