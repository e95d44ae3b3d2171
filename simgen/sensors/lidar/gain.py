"""Gain that follows the last echo: one that is much stronger or weaker than it is lost.

Repeated scans of a VLP-32C show it: where the reading rises about fourfold from one firing of
a laser to its next, half of the ranges are missing (and the reading is still there), and
nearly all where it rises tenfold; falls are borne better. Found and fitted by
`simgen calibrate lidar`; see docs/results/lidar.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from simgen.rng import Key
from simgen.sensors.lidar.params import Noise

HALF = 0.5  # added to readings, which are rounded and may be 0


def settled(
    ring: NDArray[np.uint16],
    column: NDArray[np.int32],
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
        intensity: As reported.
        noise: `gain_steps` and `gain_spreads`; without the first, all pass.
        key: The sweep's stream.
    """
    keep = np.ones(len(ring), np.bool_)
    if noise.gain_steps is None or not len(ring):
        return keep
    columns = int(column.max()) + 1
    shape = int(ring.max()) + 1, columns
    level = np.full(shape, -np.inf)
    np.maximum.at(level, (ring, column), np.log(intensity + HALF))
    known = np.isfinite(level)
    both = np.zeros(shape, np.bool_)
    both[:, 1:] = known[:, 1:] & known[:, :-1]
    rise = np.zeros(shape)
    rise[:, 1:] = np.where(both[:, 1:], level[:, 1:], 0) - np.where(both[:, 1:], level[:, :-1], 0)
    (up, down), (up_spread, down_spread) = np.log(noise.gain_steps), noise.gain_spreads
    survive = ndtr((up - rise) / up_spread) * ndtr((down + rise) / down_spread)
    lost = both & (key.generator().random(shape) >= survive)
    keep[:] = ~lost[ring, column]
    return keep
