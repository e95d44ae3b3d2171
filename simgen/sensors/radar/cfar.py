"""Cell-averaging CFAR with an exact probability of false alarm.

The power of noise summed over K channels is a gamma variable of shape K; the mean over N
independent training cells is one of shape K N. Their ratio has Fisher's law with 2 K and
2 K N degrees of freedom, and the threshold is its quantile (for K = 1 this is Finn and
Johnson's N (Pfa^(-1/N) - 1), RCA Review 1968).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as fisher

from simgen.compiled import compiled
from simgen.sensors.radar.params import APART, Detector

Array = NDArray[np.float64]


def training(power: Array, detector: Detector) -> tuple[Array, NDArray[np.int64]]:
    """Mean power (Doppler, range) of each cell's training cells, and how many there were.

    Doppler goes round; range does not, so that cells at its ends have fewer.
    """
    return _training(power, detector.guard, detector.train_range, detector.train_doppler)


@compiled
def _training(power: Array, guard: int, along: int, across: int) -> tuple[Array, NDArray[np.int64]]:
    rows, columns = power.shape
    mean, count = np.zeros((rows, columns)), np.zeros((rows, columns), np.int64)
    for i in range(rows):
        for j in range(columns):
            total, n = 0.0, 0
            for step in range(along):
                away = guard + APART * step
                if j - away >= 0:
                    total += power[i, j - away]
                    n += 1
                if j + away < columns:
                    total += power[i, j + away]
                    n += 1
            for step in range(across):
                away = guard + APART * step
                total += power[(i - away) % rows, j] + power[(i + away) % rows, j]
                n += 2
            count[i, j] = n
            mean[i, j] = total / n if n else np.inf
    return mean, count


@lru_cache(maxsize=64)
def factors(false_alarm: float, channels: int, most: int) -> Array:
    """Thresholds over the mean of n training cells, for n = 0 (infinite) to `most`."""
    n = np.arange(1, most + 1)
    return np.concatenate([[np.inf], fisher.isf(false_alarm, 2 * channels, 2 * channels * n)])


def detect(power: Array, channels: int, detector: Detector) -> tuple[NDArray[np.bool_], Array]:
    """Which cells exceed their threshold, and the mean power of their training cells."""
    mean, count = training(power, detector)
    most = 2 * (detector.train_range + detector.train_doppler)
    return power > mean * factors(detector.false_alarm, channels, most)[count], mean


@compiled
def peaks(power: Array, above: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the cells (Doppler, range) above, those that no neighbour exceeds."""
    rows, columns = power.shape
    found = above.copy()
    for i in range(rows):
        for j in range(columns):
            if not above[i, j]:
                continue
            for di in range(-1, 2):
                for dj in range(-1, 2):
                    if 0 <= j + dj < columns and power[(i + di) % rows, j + dj] > power[i, j]:
                        found[i, j] = False
    return found


@lru_cache(maxsize=64)
def beam_factor(false_alarm: float, channels: int, cells: int) -> float:
    """Threshold of one beam over the mean power of a channel in the training cells."""
    return float(fisher.isf(false_alarm, 2, 2 * channels * cells))
