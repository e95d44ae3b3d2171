"""What is fixed for one LiDAR and differs between those of a make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.lidar.params import LidarParams
from simgen.sensors.lidar.window import Window, make_window

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LidarState:
    """One device; all arrays have one entry for each ring.

    Attributes:
        dead: (r,) bool, which lasers are broken.
        range_offset_m: (r,) error of the range that is told.
        elevation_error_rad: (r,) where the beam goes, less where the table has it.
        azimuth_error_rad: (r,) likewise.
        gain: (r,) of laser and receiver, 1 for none.
        window: The dirt on its window.
        key: The device's stream, for what is fixed for each direction.
    """

    dead: NDArray[np.bool_]
    range_offset_m: Array
    elevation_error_rad: Array
    azimuth_error_rad: Array
    gain: Array
    window: Window
    key: Key


def make(params: LidarParams, rings: int, key: Key) -> LidarState:
    """A device with this many rings.

    Raises:
        ConfigError: When a ring that should be dead is not there.
    """
    device = params.device
    for ring in device.dead:
        if not 0 <= ring < rings:
            raise ConfigError(
                f"a ring must be from 0 to {rings - 1}",
                ring,
                "rings are counted from the lowest beam",
                "lidar.device.dead",
            )

    def spread(name: str, sigma: float) -> Array:
        return sigma * (key / name).generator().standard_normal(rings)

    dead = (key / "dead").generator().random(rings) < device.dead_share
    dead[list(device.dead)] = True
    return LidarState(
        dead,
        spread("range", device.range_offset_m),
        spread("elevation", device.elevation_error_rad),
        spread("azimuth", device.azimuth_error_rad),
        np.exp(spread("gain", device.gain_sigma)),
        make_window(params.weather, key / "window"),
        key / "directions",
    )
