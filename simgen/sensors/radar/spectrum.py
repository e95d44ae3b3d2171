"""From samples to range, Doppler and azimuth: windows, transforms and their shapes.

The Hann window is the periodic one, so that noise in bins three apart or more is independent.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from simgen.compiled import compiled

Array = NDArray[np.float64]
Cube = NDArray[np.complex128]
FINE = 16  # directions looked at for each channel


def hann(n: int) -> Array:
    """The periodic Hann window (n,)."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n))


def range_doppler(cube: Cube) -> Cube:
    """The spectrum (channels, Doppler, range) of a cube (channels, chirps, samples).

    White noise of power 1 keeps power 1 in each bin. Doppler bin d stands for d / chirps
    cycles a chirp, and goes round.
    """
    _, chirps, samples = cube.shape
    slow, fast = hann(chirps), hann(samples)
    window = slow[:, None] * fast[None, :]
    window /= np.sqrt(np.sum(slow**2) * np.sum(fast**2))
    return np.asarray(scipy.fft.fft2(cube * window, axes=(1, 2), overwrite_x=True))


def gain(n: int) -> float:
    """Power of a steady tone of power 1 in the middle of its bin: 2 n / 3 for Hann."""
    return 2 * n / 3


def response(offset: Array, n: int) -> Array:
    """Amplitude of a tone `offset` bins away, over that in the middle of the bin."""
    x = (np.asarray(offset) + n / 2) % n - n / 2
    # sinc(x) / (1 - x^2), which is 1/2 one bin away.
    near = np.abs(np.abs(x) - 1) < 1e-6
    safe = np.where(near, 0.0, x)
    return np.where(near, 0.5, np.sinc(safe) / (1 - safe**2))


def beams(channels: Cube) -> Array:
    """Power (d, FINE k) of vectors (d, k) looked at in FINE k directions.

    Direction p has the y-component 2 p / (FINE k), which goes round from 1 to -1. White noise
    of power 1 gives power 1.
    """
    k = channels.shape[1]
    looked = scipy.fft.ifft(channels, FINE * k, axis=1, norm="forward")
    return np.asarray(np.abs(looked) ** 2 / k)


@compiled
def total(spectrum: Cube) -> Array:
    """Power (Doppler, range) summed over the channels."""
    channels, rows, columns = spectrum.shape
    power = np.zeros((rows, columns))
    for k in range(channels):
        for i in range(rows):
            for j in range(columns):
                value = spectrum[k, i, j]
                power[i, j] += value.real * value.real + value.imag * value.imag
    return power
