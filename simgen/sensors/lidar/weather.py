"""Weather between a LiDAR and what it looks at: its settings, and how it dims the light."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from simgen.sensors.lidar.falling import Sizes, drop_reflectance, rain_sizes, snow_sizes

Array = NDArray[np.float64]
CONTRAST = 0.05  # that is left at the meteorological optical range (WMO)


class Weather(BaseModel):
    """The air, the ground and the window; the defaults are a clear day.

    Which figures are measured and which are assumed: `docs/design/lidar_weather.md`.

    Attributes:
        visibility_m: Meteorological optical range of fog; None for clear air.
        fog_backscatter: Backscatter of fog, 1/(m sr), times the visibility. Rasshofer 2011:
            0.046; the 18.8 sr that O'Connor 2004 finds in water clouds would give 0.16.
        fog_sigma: Standard deviation of fog's echo over its mean, from pulse to pulse.
        fog_pulse_ns: Full width at half maximum of the pulse that fog answers; None takes
            the sensor's own. Rasshofer 2011 and Hahner 2021 have 20.
        air_overlap_m: Ranges between which the receiver's view of the air grows from nothing
            to the whole beam, where `optics.overlap_m` says nothing (0, 0). Hahner 2021.
        rain_mm_h: Rain rate.
        drop_reflectance: Of a matt disc as large as a raindrop that sends as much light
            straight back; geometric optics of a water sphere.
        snow_mm_h: Snow rate, melted.
        flake_density: Of a snowflake, over that of water.
        flake_reflectance: As `drop_reflectance`, for a flake.
        spray: Share of the spray that a car throws up on a wet road at speed, 0 to 1.
        spray_extinction_m: Extinction, 1/m, right behind a car at `spray_speed_m_s`.
        spray_speed_m_s: Speed for which that holds.
        spray_speed_power: The extinction grows as the speed to this.
        spray_decay_m: Length over which it falls to 1/e behind the car; a plume is cut off
            at three times that.
        spray_lidar_ratio_sr: Extinction over backscatter of spray.
        spray_sigma: Standard deviation of spray's echo over its mean: it is patchy.
        wet: Share of level ground that water covers, 0 to 1.
        water_mm: Depth of that water.
        texture_mm: Depth of the ground's texture; where water is deeper it is a mirror.
        water_absorption_m: Absorption of water, 1/m: 6.8 at 905 nm, about 1000 at 1550 nm
            (Hale and Querry 1973).
        window_dirt: Share of the window that dirt covers.
        dirt_radius_rad: Mean radius of a patch of dirt, seen from the middle of the sensor.
        dirt_transmission: Share of the light that dirt lets through, one way.
        dirt_reflectance: Of dirt seen from within.
        window_m: Distance of the window.
        window_beam_rad: Radius of the beam on the window, seen from the middle.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    visibility_m: float | None = Field(None, gt=0)
    fog_backscatter: float = Field(0.046, ge=0, le=1)
    fog_sigma: float = Field(0.1, ge=0, le=2)
    fog_pulse_ns: float | None = Field(None, gt=0, le=1000)
    air_overlap_m: tuple[float, float] = (0.9, 1.0)
    rain_mm_h: float = Field(0.0, ge=0, le=300)
    drop_reflectance: float = Field(round(drop_reflectance(), 4), gt=0, le=10)
    snow_mm_h: float = Field(0.0, ge=0, le=100)
    flake_density: float = Field(0.1, gt=0, le=1)
    flake_reflectance: float = Field(0.3, gt=0, le=1)
    spray: float = Field(0.0, ge=0, le=1)
    spray_extinction_m: float = Field(0.1, ge=0, le=10)
    spray_speed_m_s: float = Field(27.8, gt=0, le=100)
    spray_speed_power: float = Field(2.0, ge=0, le=6)
    spray_decay_m: float = Field(6.0, gt=0, le=100)
    spray_lidar_ratio_sr: float = Field(18.8, gt=0, le=1000)
    spray_sigma: float = Field(1.0, ge=0, le=3)
    wet: float = Field(0.0, ge=0, le=1)
    water_mm: float = Field(0.5, gt=0, le=50)
    texture_mm: float = Field(1.0, gt=0, le=50)
    water_absorption_m: float = Field(6.8, ge=0, le=1e4)
    window_dirt: float = Field(0.0, ge=0, lt=1)
    dirt_radius_rad: float = Field(0.06, ge=0.005, le=0.5)
    dirt_transmission: float = Field(0.3, ge=0, le=1)
    dirt_reflectance: float = Field(0.1, ge=0, le=1)
    window_m: float = Field(0.05, gt=0, le=1)
    window_beam_rad: float = Field(0.1, ge=0, le=0.5)

    @field_validator("visibility_m", mode="before")
    @classmethod
    def _light_passes(cls, value: object) -> object:
        if isinstance(value, int | float) and value <= 0:
            raise ValueError(
                f"`visibility_m` must be above 0: fog of no visibility lets no light through; "
                f"got {value}; leave it out (null) for clear air"
            )
        return value

    @field_validator("air_overlap_m")
    @classmethod
    def _view_opens(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 < value[0] <= value[1]:
            raise ValueError(
                f"`air_overlap_m` must rise from above 0; got {value[0]} and {value[1]}"
            )
        return value

    @property
    def fog_extinction_m(self) -> float:
        """1/m, ln 20 over the visibility (Koschmieder)."""
        return 0.0 if self.visibility_m is None else float(-np.log(CONTRAST)) / self.visibility_m

    @property
    def fog_backscatter_m(self) -> float:
        """1/(m sr)."""
        return 0.0 if self.visibility_m is None else self.fog_backscatter / self.visibility_m

    @property
    def rain(self) -> Sizes | None:
        """Sizes of the drops; None if it does not rain."""
        return rain_sizes(self.rain_mm_h, self.drop_reflectance) if self.rain_mm_h else None

    @property
    def snow(self) -> Sizes | None:
        """Sizes of the flakes; None if it does not snow."""
        if not self.snow_mm_h:
            return None
        return snow_sizes(self.snow_mm_h, self.flake_density, self.flake_reflectance)

    @property
    def extinction_m(self) -> float:
        """1/m, of fog, rain and snow together; spray is where cars are."""
        falling = sum(sizes.extinction_m for sizes in (self.rain, self.snow) if sizes)
        return self.fog_extinction_m + falling


def transmission(weather: Weather, range_m: ArrayLike) -> Array:
    """Share of the light that comes back through the air from `range_m` (...): e^(-2 a R)."""
    way = np.asarray(range_m, np.float64)
    alpha = weather.extinction_m
    # Clear air is clear all the way to infinity, where 0 times the way would be nothing.
    return np.exp(-2 * alpha * way) if alpha else np.ones(way.shape)
