"""The pulses of one sweep in the world."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.rays import Rays
from simgen.rng import Key
from simgen.sensors.lidar.device import LidarState
from simgen.sensors.lidar.pulses import Pulses
from simgen.sensors.mount import Ride

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Beams:
    """The pulses of one sweep as they are cast.

    Attributes:
        pulses: Where the table has them.
        times_s: (n,) when they are told to have been fired, scene's clock.
        rays: Where they went, at their own times or all at one moment.
        up: (n, 3) or (1, 3), the sensor's upward axis in the world.
    """

    pulses: Pulses
    times_s: Array
    rays: Rays
    up: Array

    def __len__(self) -> int:
        return len(self.pulses)

    @property
    def moments_s(self) -> Array:
        """(n,) when they are cast."""
        return np.broadcast_to(self.rays.times_s, (len(self),))


def shake(pulses: Pulses, jitter_rad: float, key: Key) -> Pulses:
    """Pulses where a head goes whose azimuth is not told exactly; see `Noise`."""
    if jitter_rad == 0 or not len(pulses):
        return pulses
    columns = int(pulses.column.max()) + 1
    away = jitter_rad * key.generator().standard_normal(columns)
    return replace(pulses, azimuth_rad=pulses.azimuth_rad + away[pulses.column])


def aim(
    pulses: Pulses,
    went: Pulses,
    state: LidarState,
    ride: Ride,
    start_s: float,
    stopped_s: float | None,
) -> Beams:
    """A sweep that begins at a moment; cast at the pulses' own times, or all at `stopped_s`.

    `pulses` are told, `went` are where the head went.
    """
    times = start_s + pulses.time_s
    sent = went
    if state.azimuth_error_rad.any() or state.elevation_error_rad.any():
        sent = replace(
            went,
            azimuth_rad=went.azimuth_rad + state.azimuth_error_rad[pulses.ring],
            elevation_rad=went.elevation_rad + state.elevation_error_rad[pulses.ring],
        )
    moments = times if stopped_s is None else np.array([stopped_s])
    first, place, turn = ride.at(moments)
    if len(turn) == 1:
        directions = sent.directions @ turn[0].T
        origins = place + sent.origin_m @ turn[0].T
        return Beams(pulses, times, Rays(origins, directions, moments), turn[:, :, 2])
    directions, origins, up = (np.empty((len(pulses), 3)) for _ in range(3))
    _aim((first, place, turn), sent.origin_m, sent.directions, (origins, directions, up))
    return Beams(pulses, times, Rays(origins, directions, moments), up)


@compiled
def _aim(
    poses: tuple[NDArray[np.intp], Array, Array],
    origin_m: Array,
    direction: Array,
    written: tuple[Array, Array, Array],
) -> None:
    """Write origins, directions and upward axes in the world."""
    first, place, turn = poses
    origins, directions, ups = written
    n, one = len(direction), len(origin_m) == 1
    for m in range(len(first)):
        for i in range(first[m], first[m + 1] if m + 1 < len(first) else n):
            o = 0 if one else i
            for a in range(3):
                directions[i, a] = (
                    turn[m, a, 0] * direction[i, 0]
                    + turn[m, a, 1] * direction[i, 1]
                    + turn[m, a, 2] * direction[i, 2]
                )
                origins[i, a] = place[m, a] + (
                    turn[m, a, 0] * origin_m[o, 0]
                    + turn[m, a, 1] * origin_m[o, 1]
                    + turn[m, a, 2] * origin_m[o, 2]
                )
                ups[i, a] = turn[m, a, 2]
