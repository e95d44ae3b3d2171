"""Whose power is in a detection's cell: labels that never see the noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.sensors.radar.detections import Detections
from simgen.sensors.radar.scatterers import Scatterers

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
LOBE = 2.0  # bins from the middle of a Hann lobe to its edge


@dataclass(frozen=True, eq=False)
class Owners:
    """Of each detection (d,), the body that sends most power into its cell.

    Attributes:
        body: int64; -1 where nothing does.
        ghost: Whether by way of a mirror.
        lobe: Whether that body lies within the main lobe of the cell.
        range_m: Mean of that body's scatterers in the cell, weighted by power.
        speed_m_s: Likewise.
        y: Likewise, of the direction.
    """

    body: Ints
    ghost: NDArray[np.bool_]
    lobe: NDArray[np.bool_]
    range_m: Array
    speed_m_s: Array
    y: Array


def owners(
    shape: tuple[int, int, int],
    found: Scatterers,
    power: Array,
    beat: Array,
    slow: Array,
    detections: Detections,
) -> Owners:
    """Owners of detections.

    Args:
        shape: Channels, chirps, samples.
        found: Scatterers that pass the filter.
        power: (n,) of each, in a sample.
        beat: (n,) cycles a sample.
        slow: (n,) cycles a chirp.
        detections: Of the frame.
    """
    # One label for each body, one for each body's ghosts.
    label = found.body.astype(np.int64) * 2 + found.ghost
    used, label = np.unique(label, return_inverse=True)
    best, sums = _most(
        *shape,
        np.ascontiguousarray(label.reshape(-1)),
        len(used),
        power,
        beat * shape[2],
        slow * shape[1],
        np.column_stack([found.range_m, found.speed_m_s, found.direction[:, 1]]),
        np.column_stack([detections.fast, detections.slow, detections.y]),
    )
    some = best >= 0
    whose = np.where(some, used[best // 2] if len(used) else -1, -1)
    return Owners(
        np.where(some, whose // 2, -1), some & (whose % 2 == 1), some & (best % 2 == 0), *sums.T
    )


@compiled
def _most(
    channels: int,
    chirps: int,
    samples: int,
    label: Ints,
    labels: int,
    power: Array,
    fast: Array,
    slow: Array,
    facts: Array,
    cells: Array,
) -> tuple[Ints, Array]:
    """For each cell (d, 3) of range, Doppler and direction, the label with most power in it.

    Returns:
        Twice the label, and one more where its power comes by sidelobes, -1 for none; and
        means (d, 3) of its scatterers' facts.
    """
    d = len(cells)
    best, mean = np.full(d, -1, np.int64), np.full((d, 3), np.nan)
    total, sums = np.empty(2 * labels), np.empty((2 * labels, 3))
    for c in range(d):
        total[:] = 0
        sums[:] = 0
        for i in range(len(label)):
            dr = abs(fast[i] - cells[c, 0])
            dr = min(dr, samples - dr)
            dd = abs(slow[i] - cells[c, 1]) % chirps
            dd = min(dd, chirps - dd)
            dy = abs(facts[i, 2] - cells[c, 2])
            dy = min(dy, 2 - dy)
            lobe = dr < LOBE and dd < LOBE and dy * channels < 2
            share = power[i] * _lobe(dr) * _lobe(dd) * _array(dy, channels)
            at = 2 * label[i] + (0 if lobe else 1)
            total[at] += share
            for f in range(3):
                sums[at, f] += share * facts[i, f]
        most = 0.0
        for at in range(2 * labels):
            if total[at] > most:
                most = total[at]
                best[c] = at
        if best[c] >= 0:
            for f in range(3):
                mean[c, f] = sums[best[c], f] / most
    return best, mean


@compiled
def _lobe(x: float) -> float:
    """Power of a Hann window's answer at an offset; the envelope outside the main lobe."""
    if x < 1e-9:
        return 1.0
    if x >= LOBE:
        return (1 / (math.pi * x * (x * x - 1))) ** 2
    if abs(x - 1) < 1e-6:
        return 0.25
    return (math.sin(math.pi * x) / (math.pi * x * (1 - x * x))) ** 2


@compiled
def _array(y: float, channels: int) -> float:
    """Power of an even line of receivers, off by `y`; the envelope outside the main lobe."""
    below = channels * math.sin(math.pi * y / 2)
    if abs(below) < 1e-9:
        return 1.0
    if y * channels >= 2:
        return 1 / below**2
    return (math.sin(math.pi * y * channels / 2) / below) ** 2
