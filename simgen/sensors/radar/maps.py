"""A map of range and azimuth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen.sensors.radar.spectrum import FINE, beams

Array = NDArray[np.float64]
DIRECTIONS = 4  # in the map, for each channel


def azimuth_map(cells: NDArray[np.complex128]) -> Array:
    """Power (DIRECTIONS k, range) over that of the noise, the strongest over all Doppler.

    Row p looks along the y-component -1 + 2 p / (DIRECTIONS k) of the direction, so that
    azimuth rises. The largest of many cells of noise alone lies above 1.
    """
    channels, chirps, samples = cells.shape
    rows = DIRECTIONS * channels
    best = np.zeros((rows, samples))
    for doppler in range(chirps):
        power = beams(cells[:, doppler].T)[:, :: FINE // DIRECTIONS]
        best = np.maximum(best, power.T)
    return np.asarray(np.roll(best, rows // 2, axis=0))


def sines(channels: int) -> Array:
    """y-components (DIRECTIONS k,) of the rows of a map: the sines of their azimuths."""
    rows = DIRECTIONS * channels
    return np.asarray(-1 + 2 * np.arange(rows) / rows)
