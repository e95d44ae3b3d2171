"""What a LiDAR's beam and its receiver see of the air."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simgen.errors import ConfigError
from simgen.sensors.lidar.weather import Weather

if TYPE_CHECKING:
    from simgen.sensors.lidar.params import Optics

Array = NDArray[np.float64]
HALF_LIGHT_M_S = 299_792_458 / 2  # range per time of flight


def air_overlap(weather: Weather, optics: Optics) -> tuple[float, float]:
    """Ranges between which the view of the air opens: the sensor's own, if it states them.

    Raises:
        ConfigError: The view is open at no range at all, where echoes of the air have no
            limit.
    """
    if optics.overlap_m[1] == 0:
        return weather.air_overlap_m
    if optics.overlap_m[0] == 0:
        raise ConfigError(
            "in weather the receiver's view must open beyond the sensor itself, since echoes "
            "of the air grow as 1/R^2",
            optics.overlap_m,
            "let `optics.overlap_m` begin above 0, such as [0.9, 1.0], or leave it out",
        )
    return optics.overlap_m


def overlap(range_m: ArrayLike, between_m: tuple[float, float]) -> Array:
    """Share (...) of the beam that the receiver sees at `range_m`: linear in between."""
    near, far = between_m
    way = np.asarray(range_m, np.float64)
    if far == near:
        return (way >= near).astype(np.float64)
    return np.clip((way - near) / (far - near), 0, 1)


def radii_m(optics: Optics, range_m: ArrayLike) -> tuple[Array, Array]:
    """Radii (...), (...) of the beam at 1/e^2, across and up: w^2 = w0^2 + (angle R / 2)^2."""
    way = np.asarray(range_m, np.float64)
    across, up = (np.hypot(optics.exit_m, a * 1e-3 * way) / 2 for a in optics.divergence_mrad)
    return across, up
