"""Spinning LiDARs: lasers on a turning head, each fired at its own time.

The lasers fire in cycles; how far the head turns meanwhile is another matter. A free-running
head (Velodyne, Hesai) does not make a whole number of cycles in a revolution, so sweep k goes
on where the last one stopped. Where the encoder fires the lasers (Ouster), a revolution is a
whole number of cycles by design, and every sweep is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgen.sensors.lidar.pulses import Pulses

Array = NDArray[np.float64]
TURN = 2 * np.pi


@dataclass(frozen=True, eq=False)
class Lasers:
    """The lasers of a head, in the order of its table.

    Attributes:
        elevation_rad: (n,) upwards from the plane of the head's turning.
        azimuth_rad: (n,) from the head's forward axis, counter-clockwise seen from above.
        fire_s: n moments within a firing cycle, exact.
        origin_m: (n, 3) where the beams leave: forward, left and up in the head's axes, which
            turn with it.
    """

    elevation_rad: Array
    azimuth_rad: Array
    fire_s: tuple[Fraction, ...]
    origin_m: Array

    def __len__(self) -> int:
        return len(self.fire_s)

    @cached_property
    def ring(self) -> NDArray[np.uint16]:
        """(n,) place of each laser from below; equal elevations keep the table's order."""
        place = np.empty(len(self), np.uint16)
        place[np.argsort(self.elevation_rad, kind="stable")] = np.arange(len(self))
        return place


@dataclass(frozen=True, eq=False)
class Spinning:
    """A spinning LiDAR; see `Scanner`.

    A sweep holds what is fired in one revolution. A column holds what is fired in one cycle's
    time from the start of the sweep, so every laser once; the last may be incomplete.

    Times are fractions, so that a sweep starts with the right pulse after a million cycles.

    Attributes:
        lasers: On the head.
        cycle_s: Time from one firing of a laser to its next.
        revolution_s: Time of a revolution.
        start_rad: Azimuth of the head's forward axis when a sweep starts.
        clockwise: Which way it turns, seen from above.
    """

    lasers: Lasers
    cycle_s: Fraction
    revolution_s: Fraction
    start_rad: float = np.pi
    clockwise: bool = True

    @property
    def rings(self) -> int:
        """Number of lasers."""
        return len(self.lasers)

    @property
    def columns(self) -> int:
        """Most firings of one laser in a sweep."""
        return -int(-self.revolution_s // self.cycle_s)

    @property
    def period_s(self) -> float:
        """Time of one sweep."""
        return float(self.revolution_s)

    def sweep(self, number: int) -> Pulses:
        """The pulses of sweep `number`, from 0; arrays that sweeps share are read-only."""
        phase = number * self.revolution_s % self.cycle_s
        return self._first if phase == 0 else self._pulses(phase)

    @cached_property
    def _first(self) -> Pulses:
        """A sweep that starts with a cycle."""
        return self._pulses(Fraction(0))

    def _pulses(self, phase: Fraction) -> Pulses:
        """The sweep that starts `phase` after a cycle did."""
        lasers, columns = self.lasers, self.columns
        wait = [(fire - phase) % self.cycle_s for fire in lasers.fire_s]
        order = sorted(range(len(lasers)), key=wait.__getitem__)
        left = self.revolution_s - (columns - 1) * self.cycle_s
        count = (columns - 1) * len(lasers) + sum(moment < left for moment in wait)

        cycles = np.arange(columns) * float(self.cycle_s)
        within = np.array([float(wait[i]) for i in order])
        rate = TURN / self.period_s * (-1 if self.clockwise else 1)
        turned = np.asarray(self.start_rad + rate * cycles, np.float64)
        turning = rate * within
        azimuth = turned[:, None] + (turning + lasers.azimuth_rad[order])
        return Pulses(
            time_s=_flat(cycles[:, None] + within, count),
            azimuth_rad=_flat(azimuth - TURN * np.rint(azimuth / TURN), count),
            elevation_rad=_flat(np.tile(lasers.elevation_rad[order], (columns, 1)), count),
            origin_m=_origins(lasers.origin_m[order], turned, turning, count),
            ring=_flat(np.tile(lasers.ring[order], (columns, 1)), count),
            column=_flat(np.repeat(np.arange(columns, dtype=np.int32), len(lasers)), count),
        )


def _flat(table: NDArray[Any], count: int) -> NDArray[Any]:
    """The first `count` of a table (columns, lasers), read-only."""
    flat = table.reshape(-1)[:count]
    flat.flags.writeable = False
    return flat


def _origins(origin: Array, turned: Array, turning: Array, count: int) -> Array:
    """Origins (count, 3) on a head that turns; (1, 3) if all are in its axis at one height.

    Args:
        origin: (n, 3) in the axes of the head.
        turned: (m,) angles at the start of each column.
        turning: (n,) angles from there to each laser's moment.
        count: Pulses.
    """
    if not origin[:, :2].any() and np.ptp(origin[:, 2]) == 0:
        return _flat(origin[0], 3).reshape(1, 3)
    forward, left = origin[:, 0], origin[:, 1]
    cosine, sine = np.cos(turning), np.sin(turning)
    along, across = forward * cosine - left * sine, forward * sine + left * cosine
    cosine, sine = np.cos(turned)[:, None], np.sin(turned)[:, None]
    places = np.empty((len(turned), len(turning), 3))
    places[..., 0] = cosine * along - sine * across
    places[..., 1] = sine * along + cosine * across
    places[..., 2] = origin[:, 2]
    return _flat(places, 3 * count).reshape(count, 3)
