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
        noisy: Image = rng.standard_normal(signal.shape, dtype=np.float32)
        _add_shot_noise(signal.ravel(), noisy.reshape(-1))
        dark = signal < POISSON_BELOW_E
        if dark.any():
            mean = signal[dark]
            tables, guide = _tables()
            noisy[dark] = _poisson(mean, rng.random((len(mean), 2)), tables, guide)
        return noisy


@compiled
def _add_shot_noise(signal: Image, noise: Image) -> None:
    """Normal numbers (n,) become charge that is noisy by its own square root, in place."""
    for i in range(len(signal)):
        noise[i] = signal[i] + np.sqrt(signal[i]) * noise[i]


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
    mean: Image, u: NDArray[np.float64], tables: NDArray[np.float64], guide: NDArray[np.int16]
) -> Image:
    """Poisson numbers (n,) by inversion: of the whole part from a table, of the rest by sum.

    The sum of two Poisson numbers is one of the sum of their means.
    """
    out = np.empty_like(mean)
    last = tables.shape[1] - 1
    for i in range(len(mean)):
        whole = int(mean[i])
        k = int(guide[whole, int(u[i, 0] * guide.shape[1])])
        while k < last and tables[whole, k] <= u[i, 0]:
            k += 1
        rest = mean[i] - whole
        if rest > 0:
            share = math.exp(-rest)
            total, more = share, 0
            while total <= u[i, 1] and share > TINY:
                more += 1
                share *= rest / more
                total += share
            k += more
        out[i] = k
    return out
