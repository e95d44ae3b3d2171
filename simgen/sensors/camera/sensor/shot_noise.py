"""Shot noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.rng import Key
from simgen.sensors.camera.sensor.charge import OnCharge

Image = NDArray[np.float32]
POISSON_BELOW_E = 100.0  # above, a Gaussian of the same mean and variance; skewness is under 0.1
COUNTS = 256  # of the table; a mean of 99 exceeds it once in 1e37
TINY = 2.0**-54  # half of the last step of a random number
CELLS = 256  # of the guide that says where in the table to begin


@dataclass(frozen=True)
class ShotNoise(OnCharge):
    """Photons and dark charge arrive at random: variance equals mean."""

    def apply(self, signal: Image, state: Key, key: Key) -> Image:
        """Charge with shot noise; exactly Poisson below `POISSON_BELOW_E`."""
        del state
        rng = key.generator()
        few = int(np.count_nonzero(signal < POISSON_BELOW_E))
        normal = rng.standard_normal(signal.size - few, dtype=np.float32)
        tables, guide = _tables()
        noisy = _arrive(signal.ravel(), normal, rng.random((few, 2)), tables, guide)
        return noisy.reshape(signal.shape)


@lru_cache(maxsize=1)
def _tables() -> tuple[NDArray[np.float64], NDArray[np.int16]]:
    """Distribution functions of whole means below the limit, and where to begin in them.

    Returns:
        (means, COUNTS) probability of at most k, and (means, CELLS) the least k whose
        probability exceeds the lower edge of a cell of u.
    """
    means = np.arange(int(POISSON_BELOW_E))
    pmf = np.empty((len(means), COUNTS))
    pmf[:, 0] = np.exp(-means.astype(float))
    for k in range(1, COUNTS):
        pmf[:, k] = pmf[:, k - 1] * means / k
    cdf = np.cumsum(pmf, axis=1)
    beyond = pmf[:, ::-1].cumsum(axis=1)[:, ::-1] - pmf
    cdf[beyond < TINY] = 1.0  # where rounding would leave a gap below 1
    edges = np.arange(CELLS) / CELLS
    guide = np.stack([np.searchsorted(row, edges, side="right") for row in cdf])
    return cdf, np.minimum(guide, COUNTS - 1).astype(np.int16)


@compiled
def _poisson(
    mean: float,
    first: float,
    second: float,
    tables: NDArray[np.float64],
    guide: NDArray[np.int16],
) -> int:
    """A Poisson number by inversion: of the whole part from a table, of the rest by sum.

    The sum of two Poisson numbers is one of the sum of their means.
    """
    whole = int(mean)
    k = int(guide[whole, int(first * guide.shape[1])])
    last = tables.shape[1] - 1
    while k < last and tables[whole, k] <= first:
        k += 1
    rest = mean - whole
    if rest > 0:
        share = math.exp(-rest)
        total, more = share, 0
        while total <= second and share > TINY:
            more += 1
            share *= rest / more
            total += share
        k += more
    return k


@compiled
def _arrive(
    mean: Image,
    normal: Image,
    u: NDArray[np.float64],
    tables: NDArray[np.float64],
    guide: NDArray[np.int16],
) -> Image:
    """Charge (n,) noisy by its own square root; few and many electrons each have numbers."""
    out = np.empty_like(mean)
    few = many = 0
    for i in range(len(mean)):
        if mean[i] < POISSON_BELOW_E:
            out[i] = _poisson(mean[i], u[few, 0], u[few, 1], tables, guide)
            few += 1
        else:
            out[i] = mean[i] + np.sqrt(mean[i]) * normal[many]
            many += 1
    return out
