"""What the weather does to the pulses of one sweep: the air and the window together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simgen.clouds import Cause
from simgen.rng import Key
from simgen.sensors.lidar.echoes import Echoes
from simgen.sensors.lidar.fog import fog_echoes
from simgen.sensors.lidar.precipitation import hits
from simgen.sensors.lidar.spray import Plume, spray_echoes, thickness
from simgen.sensors.lidar.view import overlap
from simgen.sensors.lidar.weather import Weather, transmission
from simgen.sensors.lidar.window import Window, make_window

if TYPE_CHECKING:
    from simgen.sensors.lidar.params import Optics

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Air:
    """What the weather does to the pulses of one sweep.

    Attributes:
        power: (n,) two-way transmission of air, spray and window up to each pulse's limit.
        echoes: Candidates that the air and the window send back, nearer than the limit. All
            that dims them is in their power already.
        window: (n,) two-way transmission of the window alone; `power / window` is the air's.
    """

    power: Array
    echoes: Echoes
    window: Array


def init_air(weather: Weather, key: Key) -> Window:
    """What is fixed for one device: the dirt on its window."""
    return make_window(weather, key / "window")


def air(
    weather: Weather,
    optics: Optics,
    directions: Array,
    origins_m: Array,
    times_s: Array,
    limit_m: Array,
    state: Window,
    key: Key,
    *,
    angles_rad: Array,
    least_power: float,
    plumes: Sequence[Plume] = (),
) -> Air:
    """The weather of one sweep.

    Args:
        weather: Settings.
        optics: Of the sensor.
        directions: (n, 3) unit vectors, world frame.
        origins_m: (n, 3) or (1, 3), world frame.
        times_s: (n,) scene's clock.
        limit_m: (n,) where each pulse's way ends; infinite where it meets nothing.
        state: Of `init_air`.
        key: Of this sweep.
        angles_rad: (n, 2) azimuth and elevation in the frame of the sensor, with which its
            window goes: the dirt cannot be told from directions in the world.
        least_power: Above 0; candidates below it are left out, which costs nothing but
            candidates: a third of the receiver's threshold is low enough.
        plumes: Of `spray.plumes`.

    Raises:
        ConfigError: The sensor's view of the air begins at no range, or more drops than can
            be followed would be seen.
    """
    dirty = bool(len(state.patch))
    covered = state.covered(angles_rad[:, 0], angles_rad[:, 1]) if dirty else np.zeros(len(limit_m))
    window = (1 - (1 - weather.dirt_transmission) * covered) ** 2
    parts = []
    if weather.fog_backscatter_m:
        parts.append(fog_echoes(weather, optics, limit_m, window, key / "fog"))
    for name, sizes, cause in (
        ("rain", weather.rain, Cause.RAIN),
        ("snow", weather.snow, Cause.SNOW),
    ):
        if sizes:
            parts.append(
                hits(
                    sizes, weather, optics, limit_m, window, key / name,
                    cause=cause, least_power=least_power,
                )
            )  # fmt: skip
    power = transmission(weather, limit_m) * window
    if plumes:
        power *= np.exp(-2 * thickness(plumes, origins_m, directions, times_s, limit_m))
        parts = [_behind(p, plumes, origins_m, directions, times_s) for p in parts]
        parts.append(
            spray_echoes(
                plumes, weather, optics, origins_m, directions, times_s, limit_m, window,
                key / "spray",
            )
        )  # fmt: skip
    if dirty:
        parts.append(_dirt(weather, optics, covered, limit_m))
    none = Echoes.of_air(np.zeros(0, np.intp), np.zeros(0), np.zeros(0), Cause.FOG)
    found = Echoes.join(parts) if parts else none
    return Air(power, found.take(found.power >= least_power), window)


def _behind(
    echoes: Echoes,
    plumes: Sequence[Plume],
    origins_m: Array,
    directions: Array,
    times_s: Array,
) -> Echoes:
    """The echoes as dimmed by the spray in front of them."""
    i = echoes.pulse
    origins = origins_m if len(origins_m) == 1 else origins_m[i]
    dim = np.exp(-2 * thickness(plumes, origins, directions[i], times_s[i], echoes.range_m))
    return replace(echoes, power=echoes.power * dim)


def _dirt(weather: Weather, optics: Optics, covered: Array, limit_m: Array) -> Echoes:
    """Light from the dirt itself: seen by receivers whose view is open at the window."""
    power = weather.dirt_reflectance * covered / weather.window_m**2
    power = power * overlap(weather.window_m, optics.overlap_m)
    pulse = np.flatnonzero((power > 0) & (limit_m > weather.window_m))
    range_m = np.full(len(pulse), weather.window_m)
    return Echoes.of_air(pulse, range_m, power[pulse], Cause.WINDOW)
