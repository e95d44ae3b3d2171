"""Beat signals of many scatterers: the cube of samples that a frame takes.

A scatterer at range R with speed v and y-component u of its direction gives, in channel k,
chirp m and sample n,

    a exp 2 pi i (phase + 2 R / wavelength + n f / sample_hz + m d - k u / 2)

with d = 2 v repeat_s / wavelength and the beat frequency
f = 2 slope R / c + 2 v / wavelength. R stays that of the middle of
the frame, so that a target does not walk through range cells: at v it would by v times the
frame. What beats below 0 or above the sample rate is filtered out.

The sum is a non-uniform Fourier transform of the first type (Dutt and Rokhlin 1993) with the
kernel of Barnett, Magland and af Klinteberg 2019: scatterers are spread over a finer grid,
transformed, and the kernel divided out. The error is 1e-5 of the largest amplitude.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.rng import Key
from simgen.sensors.radar.params import C_M_S, Waveform
from simgen.sensors.radar.scatterers import Scatterers

Array = NDArray[np.float64]
Cube = NDArray[np.complex128]
FINER = 2
WIDTH = 7  # grid points that one scatterer touches, each way
BETA = 2.3 * WIDTH


def tones(waveform: Waveform, found: Scatterers) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Frequencies of scatterers: cycles a sample, cycles a chirp, and which pass the filter."""
    doppler = 2 * found.speed_m_s / waveform.wavelength_m
    beat = (2 * waveform.slope_hz_s / C_M_S * found.range_m + doppler) / waveform.sample_hz
    return beat, doppler * waveform.repeat_s, (beat >= 0) & (beat < 1)


def synthesise(waveform: Waveform, channels: int, found: Scatterers, amplitude: Array) -> Cube:
    """The cube (channels, chirps, samples) of scatterers with amplitudes (n,), no noise."""
    shape = waveform.chirps, waveform.samples
    beat, slow, passes = tones(waveform, found)
    if not passes.any():
        return np.zeros((channels, *shape), np.complex128)
    cycles = found.phase + 2 * found.range_m / waveform.wavelength_m
    # The grid's modes are counted from their middle.
    cycles += beat * (shape[1] // 2) + slow * (shape[0] // 2)
    weight = amplitude * np.exp(2j * np.pi * (cycles % 1))
    grid = np.zeros((channels, FINER * shape[0], FINER * shape[1]), np.complex128)
    where = np.flatnonzero(passes)
    spread(grid, slow[where] % 1, beat[where], weight[where], found.direction[where, 1])
    fine = scipy.fft.ifft2(grid, axes=(1, 2), norm="forward", overwrite_x=True)
    chosen = [np.arange(-(n // 2), n - n // 2) for n in shape]
    cube: Cube = fine[:, chosen[0][:, None], chosen[1][None, :]]
    cube /= _kernel(shape[0])[:, None] * _kernel(shape[1])[None, :]
    return cube


@lru_cache(maxsize=32)
def _kernel(modes: int) -> Array:
    """Transform (modes,) of the spreading kernel at the modes, by Gauss and Legendre."""
    node, weight = np.polynomial.legendre.leggauss(60)
    value = np.exp(BETA * (np.sqrt(1 - node**2) - 1))
    k = np.arange(-(modes // 2), modes - modes // 2)
    turn = np.cos(np.pi * WIDTH * k[:, None] * node / (FINER * modes))
    return np.asarray(turn @ (weight * value) * WIDTH / 2)


@compiled
def spread(grid: Cube, slow: Array, fast: Array, weight: NDArray[np.complex128], u: Array) -> None:
    """Add scatterers (n,) to a grid (channels, rows, columns), which goes round at its ends.

    Args:
        grid: Written.
        slow: Frequency along rows, cycles a chirp, 0 to 1.
        fast: Along columns, cycles a sample, 0 to 1.
        weight: Complex amplitude at the first channel.
        u: y-component of the direction.
    """
    channels, rows, columns = grid.shape
    across, along = np.empty(WIDTH), np.empty(WIDTH)
    for i in range(len(weight)):
        y, x = slow[i] * rows, fast[i] * columns
        top, left = math.ceil(y - WIDTH / 2), math.ceil(x - WIDTH / 2)
        for j in range(WIDTH):
            z = 2 * (top + j - y) / WIDTH
            across[j] = math.exp(BETA * (math.sqrt(max(1 - z * z, 0.0)) - 1))
            z = 2 * (left + j - x) / WIDTH
            along[j] = math.exp(BETA * (math.sqrt(max(1 - z * z, 0.0)) - 1))
        turn = complex(math.cos(math.pi * u[i]), -math.sin(math.pi * u[i]))
        value = weight[i]
        for k in range(channels):
            for j in range(WIDTH):
                row, part = (top + j) % rows, value * across[j]
                for m in range(WIDTH):
                    grid[k, row, (left + m) % columns] += part * along[m]
            value *= turn


def noise(shape: tuple[int, int, int], key: Key) -> Cube:
    """Thermal noise: complex, circular, of power 1 a sample."""
    parts = key.generator().standard_normal((*shape, 2))
    return np.asarray(parts.view(np.complex128)[..., 0] * math.sqrt(0.5))
