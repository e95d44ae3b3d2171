"""Gain that follows the last echo: one that is much stronger or weaker than it is lost.

Repeated scans of a VLP-32C show it: where the reading rises about fourfold from one firing of
a laser to its next, half of the ranges are missing (and the reading is still there), and
nearly all where it rises tenfold; falls are borne better. Which of them is lost hardly ever
changes from revolution to revolution: the spread about the factors belongs to the direction,
not to the echo. Found and fitted by `simgen calibrate lidar`; see docs/results/lidar.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen.rng import Key
from simgen.sensors.lidar.params import Noise

Array = NDArray[np.float64]
HALF = 0.5  # added to readings, which are rounded and may be 0
CELLS = 1800  # of a turn, 0.2 degrees, about the width of a beam: directions in one are alike


def settled(
    ring: NDArray[np.uint16],
    column: NDArray[np.int32],
    azimuth_rad: Array,
    intensity: NDArray[np.uint16],
    noise: Noise,
    key: Key,
) -> NDArray[np.bool_]:
    """Which echoes (k,) the receiver tells, given what the same laser saw one firing before.

    An echo whose laser had none at the firing before passes, and so does the first: what the
    gain goes to without light is not known. Several echoes of a pulse share its fate, which
    goes by the brightest; a lost one sets the gain all the same.

    Args:
        ring: Laser of each echo.
        column: Firing of each echo.
        azimuth_rad: Where its pulse went.
        intensity: As reported.
        noise: `gain_steps` and `gain_spreads`; without the first, all pass.
        key: The device's stream: sweeps share it.
    """
    if noise.gain_steps is None or not len(ring):
        return np.ones(len(ring), np.bool_)
    shape = int(ring.max()) + 1, int(column.max()) + 1
    level = np.full(shape, -np.inf)
    np.maximum.at(level, (ring, column), np.log(intensity + HALF))
    now, before = level[ring, column], level[ring, column - 1]
    known = (column > 0) & np.isfinite(before)
    rise = np.where(known, now - np.where(known, before, 0.0), 0.0)
    lost = np.zeros(len(ring), np.bool_)
    for name, sign, step, spread in zip(
        ("up", "down"), (1, -1), noise.gain_steps, noise.gain_spreads, strict=True
    ):
        most = np.log(step) + spread * _fixed(ring, azimuth_rad, key / name)
        lost |= sign * rise > most
    kept: NDArray[np.bool_] = ~(lost & known)
    return kept


def _fixed(ring: NDArray[np.uint16], azimuth_rad: Array, key: Key) -> Array:
    """A standard normal number for each direction, the same in every sweep.

    Between the cells it is interpolated and brought back to a deviation of 1, so that
    directions a fraction of a cell apart are nearly alike.
    """
    table = key.generator().standard_normal((int(ring.max()) + 1, CELLS))
    place = np.mod(azimuth_rad / (2 * np.pi), 1.0) * CELLS
    cell = np.floor(place).astype(np.intp)
    share = place - cell
    found: Array = (1 - share) * table[ring, cell % CELLS] + share * table[ring, (cell + 1) % CELLS]
    found /= np.hypot(share, 1 - share)
    return found
