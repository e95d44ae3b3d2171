"""Solid value noise: the same at the same place, whichever ray asks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled


@compiled
def fractal_noise(x: float, y: float, z: float, octaves: int, seed: int) -> float:
    """Sum of value noise at each scale, weighted to [0, 1]; coordinates in cells."""
    total, weight, scale = 0.0, 1.0, 1.0
    for octave in range(octaves):
        total += weight * value_noise(x * scale, y * scale, z * scale, seed + octave)
        weight, scale = weight / 2, scale * 2
    return total / (2 - 2 * weight)


@compiled
def value_noise(x: float, y: float, z: float, seed: int) -> float:
    """Smooth noise in [0, 1] from hashed lattice values, trilinear with a smooth step."""
    i, j, k = np.floor(x), np.floor(y), np.floor(z)
    u, v, w = x - i, y - j, z - k
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    a, b, c = int(i), int(j), int(k)
    value = 0.0
    for dx in range(2):
        for dy in range(2):
            for dz in range(2):
                share = (u if dx else 1 - u) * (v if dy else 1 - v) * (w if dz else 1 - w)
                value += share * lattice(a + dx, b + dy, c + dz, seed)
    return value


@compiled
def lattice(a: int, b: int, c: int, seed: int) -> float:
    """A lattice point's value in [0, 1): SplitMix64's finaliser over mixed coordinates."""
    h = (
        np.uint64(a) * np.uint64(0x9E3779B97F4A7C15)
        + np.uint64(b) * np.uint64(0xC2B2AE3D27D4EB4F)
        + np.uint64(c) * np.uint64(0x165667B19E3779F9)
        + np.uint64(seed) * np.uint64(0xD6E8FEB86659FD93)
    )
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    h = h ^ (h >> np.uint64(31))
    return np.float64(h >> np.uint64(11)) * 2.0**-53


@lru_cache(maxsize=16)
def noise_quantiles(octaves: int) -> NDArray[np.float64]:
    """Quantiles (257,) of the noise, from many cells."""
    return np.quantile(_spread(1 << 16, octaves), np.linspace(0, 1, 257))


@compiled
def _spread(n: int, octaves: int) -> NDArray[np.float64]:
    """Noise (n,) at points that fill 64 cells a side evenly (R3 sequence: Roberts 2018)."""
    noise = np.empty(n)
    for k in range(n):
        noise[k] = fractal_noise(
            k * 0.8191725133961645 % 64,
            k * 0.6710436067037893 % 64,
            k * 0.5497004779019703 % 64,
            octaves,
            0,
        )
    return noise
