"""Where light comes from, and how it changes with time: frozen data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RGB = tuple[float, float, float]
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Flicker:
    """A lamp on alternating current: its light follows the square of the current.

    Attributes:
        mains_hz: Frequency of the current; the light's is twice that.
        depth: 0 is steady, 1 goes dark twice a period. The mean is kept.
        phase_rad: Of the light at time 0.
    """

    mains_hz: float
    depth: float = 1.0
    phase_rad: float = 0.0

    def level(
        self, times_s: NDArray[np.float64], span_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Mean light over `span_s` about each time, as a share of the steady light."""
        pace = 4 * np.pi * self.mains_hz
        swing = np.sinc(2 * self.mains_hz * span_s) * np.cos(pace * times_s + self.phase_rad)
        level: NDArray[np.float64] = 1 + self.depth * swing
        return level


@dataclass(frozen=True)
class Flash:
    """A lamp that is lit for a moment.

    Attributes:
        start_s: When it goes on.
        duration_s: For how long.
    """

    start_s: float
    duration_s: float

    def level(
        self, times_s: NDArray[np.float64], span_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Share of `span_s` about each time in which it is lit."""
        end_s = self.start_s + self.duration_s
        now = (times_s >= self.start_s) & (times_s < end_s)
        begin = np.maximum(times_s - span_s / 2, self.start_s)
        lit = np.maximum(np.minimum(times_s + span_s / 2, end_s) - begin, 0)
        return np.where(span_s > 0, lit / np.where(span_s > 0, span_s, 1), now)


@dataclass(frozen=True)
class Light:
    """A distant light: a disc of `angular_radius_rad` in the sky (0 gives hard shadows).

    Attributes:
        direction: Towards the light, unit length, world frame.
        irradiance: Linear RGB on a surface that faces it; 1 lights a white surface to 1.
        angular_radius_rad: Half the angle that it fills.
        change: How its light changes with time; None is steady.
    """

    direction: Vector
    irradiance: RGB
    angular_radius_rad: float = 0.0
    change: Flicker | Flash | None = None

    def level(
        self, times_s: NDArray[np.float64], span_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Its light (n,) at times (n,), as a share of `irradiance`."""
        return np.ones(1) if self.change is None else self.change.level(times_s, span_s)


@dataclass(frozen=True)
class Environment:
    """Light from everywhere else, and what is seen where nothing is hit.

    Attributes:
        sky: Radiance from above, linear RGB.
        horizon: Radiance from the horizon.
        ground: Radiance from below.
    """

    sky: RGB = (0.8, 0.8, 0.8)
    horizon: RGB = (0.6, 0.6, 0.6)
    ground: RGB = (0.2, 0.2, 0.2)

    def radiance(self, up: NDArray[np.float64]) -> NDArray[np.float64]:
        """Radiance (n, 3) from directions whose z components are `up` (n,)."""
        w = np.abs(up)[:, None]
        far = np.where(up[:, None] >= 0, np.asarray(self.sky), np.asarray(self.ground))
        mixed: NDArray[np.float64] = np.asarray(self.horizon) * (1 - w) + far * w
        return mixed
