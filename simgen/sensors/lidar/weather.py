"""Weather between a LiDAR and what it looks at."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Weather(BaseModel):
    """The air, the ground and the window; the defaults are a clear day.

    Attributes:
        visibility_m: Meteorological optical range of fog; None for clear air.
        rain_mm_h: Rain rate.
        snow_mm_h: Snow rate, melted.
        spray: Share of the spray that a car throws up on a wet road at speed, 0 to 1.
        wet: How wet the ground is, 0 to 1.
        window_dirt: Share of the window that dirt covers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    visibility_m: float | None = Field(None, gt=0)
    rain_mm_h: float = Field(0.0, ge=0, le=300)
    snow_mm_h: float = Field(0.0, ge=0, le=100)
    spray: float = Field(0.0, ge=0, le=1)
    wet: float = Field(0.0, ge=0, le=1)
    window_dirt: float = Field(0.0, ge=0, lt=1)
