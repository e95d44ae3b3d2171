"""The weather of one sweep, and the light that is left after it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simgen.rng import Key
from simgen.sensors.lidar.air import Air, air
from simgen.sensors.lidar.beams import Beams
from simgen.sensors.lidar.boxes import placed, velocity_m_s
from simgen.sensors.lidar.echoes import Echoes
from simgen.sensors.lidar.params import LidarParams
from simgen.sensors.lidar.receiver import least_power
from simgen.sensors.lidar.spray import Plume, plumes, thickness
from simgen.sensors.lidar.weather import Weather, transmission
from simgen.sensors.lidar.window import Window
from simgen.spec import SceneSpec

Array = NDArray[np.float64]
CLEAR = Weather()


@dataclass(frozen=True, eq=False)
class Climate:
    """What lies between a sweep's pulses and what they meet.

    Attributes:
        weather: Settings.
        air: What it does up to the first surfaces.
        clouds: The spray behind cars.
    """

    weather: Weather
    air: Air
    clouds: tuple[Plume, ...]

    @classmethod
    def of(
        cls,
        params: LidarParams,
        spec: SceneSpec,
        window: Window,
        beams: Beams,
        limit_m: Array,
        key: Key,
    ) -> Climate:
        """The weather in which beams meet surfaces at `limit_m` (n,)."""
        weather, pulses = params.weather, beams.pulses
        clouds = _spray(weather, spec, float(beams.moments_s.mean()))
        found = air(
            weather,
            params.optics,
            beams.rays.directions,
            beams.rays.origins_m,
            beams.moments_s,
            limit_m,
            window,
            key,
            angles_rad=np.column_stack([pulses.azimuth_rad, pulses.elevation_rad]),
            least_power=least_power(params) / 3,
            plumes=clouds,
        )
        return cls(weather, found, clouds)

    def over(self, beams: Beams, echoes: Echoes) -> Echoes:
        """Light of surfaces, dimmed, and with it what the air sends back."""
        pulse = echoes.pulse
        power = echoes.power * transmission(self.weather, echoes.range_m) * self.air.window[pulse]
        if self.clouds:
            rays = beams.rays
            origins = rays.origins_m if len(rays.origins_m) == 1 else rays.origins_m[pulse]
            way = (origins, rays.directions[pulse], beams.moments_s[pulse], echoes.range_m)
            power = power * np.exp(-2 * thickness(self.clouds, *way))
        return Echoes.join([replace(echoes, power=power), self.air.echoes])


def _spray(weather: Weather, spec: SceneSpec, time_s: float) -> tuple[Plume, ...]:
    """What cars throw up; nothing on a dry road."""
    movers = [body for body in spec.bodies if body.motion.moves]
    if not movers or weather.spray * weather.wet == 0:
        return ()
    boxes = [placed(body, time_s) for body in movers]
    centres, sizes, turns = (np.array(each) for each in zip(*boxes, strict=True))
    speeds = np.array([velocity_m_s(body, time_s) for body in movers])
    return plumes(weather, centres, sizes, turns, speeds, time_s)
