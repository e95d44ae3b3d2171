"""Numbers that depend on seed, pixel and count alone, for loops that draw when they must.

A noise event costs a draw; a step without one costs none, however short it is.
"""

from __future__ import annotations

import numpy as np

from simgen.compiled import compiled


@compiled
def uniform(seed: int, pixel: int, count: int) -> float:
    """Draw `count` of a pixel, in the open unit interval: SplitMix64's finaliser, twice."""
    h = np.uint64(seed) + np.uint64(pixel) * np.uint64(0x9E3779B97F4A7C15)
    h = _mix(h) + np.uint64(count) * np.uint64(0xD1B54A32D192ED03)
    return (np.float64(_mix(h) >> np.uint64(12)) + 0.5) * 2.0**-52


@compiled
def exponential(seed: int, pixel: int, count: int) -> float:
    """The same with the exponential law of mean 1."""
    return float(-np.log(uniform(seed, pixel, count)))


@compiled
def normal(seed: int, pixel: int, count: int) -> float:
    """Draws `count` and `count + 1` as one normal number (Box and Muller)."""
    radius = np.sqrt(2 * exponential(seed, pixel, count))
    return float(radius * np.cos(2 * np.pi * uniform(seed, pixel, count + 1)))


@compiled
def _mix(h: np.uint64) -> np.uint64:
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))
