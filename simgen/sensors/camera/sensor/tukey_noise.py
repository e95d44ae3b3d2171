"""Read noise with the tails of a Tukey lambda distribution.

Source: Wei et al., "A Physics-based Noise Formation Model for Extreme Low-light Raw
Denoising", CVPR 2020: read noise of five cameras has longer tails than a Gaussian.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.camera.sensor.charge import OnCharge, at_least

Image = NDArray[np.float32]
Table = NDArray[np.float64]
CELLS = 8192  # of the table of quantiles
EXACT = 82  # cells at each end, one per cent, where quantiles are computed instead of read
LAMBDAS = (-0.45, 2.0)  # below -1/2 the variance is infinite


def tukey_std(shape: float) -> float:
    """Standard deviation of a Tukey lambda distribution of scale 1."""
    if abs(shape) < 1e-4:
        return math.pi / math.sqrt(3)  # the logistic distribution
    beta = math.exp(2 * math.lgamma(shape + 1) - math.lgamma(2 * shape + 2))
    return math.sqrt(2 / shape**2 * (1 / (1 + 2 * shape) - beta))


@dataclass(frozen=True)
class TukeyNoise(OnCharge):
    """Read noise with quantile scale (u^lambda - (1 - u)^lambda) / lambda.

    Attributes:
        scale_e: Scale in electrons; the standard deviation is `tukey_std(shape)` times it.
        shape: Lambda; 0.14 is nearly Gaussian, less has longer tails.
    """

    scale_e: float
    shape: float

    def __post_init__(self) -> None:
        at_least("the scale of read noise", self.scale_e)
        if not LAMBDAS[0] <= self.shape <= LAMBDAS[1]:
            raise ConfigError(
                f"a Tukey lambda must lie between {LAMBDAS[0]} and {LAMBDAS[1]}", self.shape
            )

    def apply(self, signal: Image, state: Key, key: Key) -> Image:
        """Charge with read noise."""
        del state
        if self.scale_e == 0:
            return signal
        words = key.generator().integers(0, 2**32, signal.size, dtype=np.uint32)
        table, shape = _table(self.shape), self.shape
        noisy = _add_quantiles(signal.ravel(), words, table, shape, self.scale_e)
        return noisy.reshape(signal.shape)


@lru_cache(maxsize=8)
def _table(shape: float) -> Table:
    """Quantiles at the edges of `CELLS` cells of u; unused at the ends."""
    u = np.arange(CELLS + 1) / CELLS
    u[0], u[-1] = u[1], u[-2]
    if abs(shape) < 1e-4:
        return np.log(u / (1 - u))
    return np.asarray((u**shape - (1 - u) ** shape) / shape)


@compiled
def _add_quantiles(
    signal: Image, words: NDArray[np.uint32], table: Table, shape: float, scale: float
) -> Image:
    """A signal (n,) plus scaled quantiles of (word + 1/2) / 2^32."""
    out = np.empty_like(signal)
    cells = len(table) - 1
    for i in range(len(signal)):
        u = (words[i] + 0.5) * 2.0**-32
        at = u * cells
        cell = int(at)
        if EXACT <= cell < cells - EXACT:
            q = table[cell] + (table[cell + 1] - table[cell]) * (at - cell)
        elif abs(shape) < 1e-4:
            q = math.log(u / (1 - u))
        else:
            q = (u**shape - (1 - u) ** shape) / shape
        out[i] = signal[i] + np.float32(scale * q)
    return out
