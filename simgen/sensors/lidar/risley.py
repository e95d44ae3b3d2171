"""LiDARs that steer their beams by turning prisms (Risley), as Livox's do.

Light runs along x through wedges of glass, each turning at its own speed about x. It is
refracted by Snell's law at every face. The thin-prism formula, a sum of circles, is off by
degrees for wedges as steep as these.

The field of view is small against the distance, so all beams leave from the sensor's origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError
from simgen.sensors.lidar.pulses import Pulses

Array = NDArray[np.float64]
TURN = 2 * np.pi
FLAT = np.array([1.0, 0.0, 0.0])


@dataclass(frozen=True)
class Prism:
    """A wedge of glass, one face square to x.

    Attributes:
        wedge_rad: Angle between its faces. The face that light enters is the slanting one; if
            negative, the face that it leaves by.
        index: Of refraction.
        turn_hz: Speed, positive from y (left) to z (up).
        phase_rad: Where it is at time 0: the azimuth, from y to z, of its thick end.
    """

    wedge_rad: float
    index: float
    turn_hz: float
    phase_rad: float = 0.0

    def refract(self, light: Array, time_s: Array) -> Array:
        """Directions (n, 3) of light after the prism; NaN where it is reflected within."""
        angle = TURN * (self.turn_hz * time_s % 1) + self.phase_rad
        tilt = abs(self.wedge_rad)
        # At the thick end a face stands out: the one entered against the light, or the other.
        side = np.sin(tilt) if self.wedge_rad > 0 else -np.sin(tilt)
        slant = np.empty((len(angle), 3))
        slant[:, 0] = np.cos(tilt)
        slant[:, 1], slant[:, 2] = side * np.cos(angle), side * np.sin(angle)
        faces = (slant, FLAT) if self.wedge_rad > 0 else (FLAT, slant)
        return snell(snell(light, faces[0], 1 / self.index), faces[1], self.index)


def snell(light: Array, normal: Array, ratio: float) -> Array:
    """Refract directions at a face.

    Args:
        light: (n, 3) unit.
        normal: (n, 3) or (3,) unit, along the light.
        ratio: Index before over index behind.

    Returns:
        (n, 3) unit; NaN where all light is reflected.
    """
    before = (light * normal).sum(-1, keepdims=True)
    squared = 1 - ratio**2 * (1 - before**2)
    behind = np.sqrt(np.where(squared >= 0, squared, np.nan))
    return np.asarray(ratio * light + (behind - ratio * before) * normal, np.float64)


@dataclass(frozen=True, eq=False)
class Risley:
    """A LiDAR with turning prisms; see `Scanner`.

    The lasers take turns at equal intervals. The pattern never closes: sweeps are cuts of it
    at the period. A ring is a laser, a column the number of its pulse in the sweep: neighbours
    in a row of the range image are neighbours along the curve.

    Attributes:
        prisms: In the order of the light.
        beams_rad: (n, 2) azimuth and elevation of each laser before the prisms.
        pulses_hz: Of all lasers together.
        sweep_s: Time of a sweep.

    Raises:
        ConfigError: When light cannot pass the prisms in some of their positions.
    """

    prisms: tuple[Prism, ...]
    beams_rad: Array
    pulses_hz: Fraction
    sweep_s: Fraction

    def __post_init__(self) -> None:
        # The steepest ways lead past thick ends in a row; four ways about, for the lasers' fan.
        ways = TURN / 4 * np.arange(4)
        for turns in product(ways, repeat=len(self.prisms)):
            pairs = zip(self.prisms, turns, strict=True)
            still = [Prism(p.wedge_rad, p.index, 0.0, float(turn)) for p, turn in pairs]
            if not np.isfinite(_through(still, self._lit, np.zeros(self.rings))).all():
                raise ConfigError(
                    "light must pass every prism in every position",
                    "reflected within a prism",
                    "make the wedges less steep, or turn one about",
                )

    @property
    def rings(self) -> int:
        """Number of lasers."""
        return len(self.beams_rad)

    @property
    def columns(self) -> int:
        """Most pulses of one laser in a sweep."""
        return -int(-self.sweep_s * self.pulses_hz // self.rings)

    @property
    def period_s(self) -> float:
        """Time of one sweep."""
        return float(self.sweep_s)

    @property
    def _lit(self) -> Array:
        """(n, 3) directions of the lasers before the prisms."""
        azimuth, elevation = self.beams_rad.T
        level = np.cos(elevation)
        return np.column_stack(
            [level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)]
        )

    def sweep(self, number: int) -> Pulses:
        """The pulses of sweep `number`, from 0."""
        start = number * self.sweep_s
        first = -int(-start * self.pulses_hz // 1)
        last = -int(-(start + self.sweep_s) * self.pulses_hz // 1)
        since = float(Fraction(first) / self.pulses_hz - start)
        count = np.arange(last - first)
        time = since + count / float(self.pulses_hz)
        laser = (first + count) % self.rings
        way = _through(self.prisms, self._lit[laser], float(start) + time)
        return Pulses(
            time_s=time,
            azimuth_rad=np.arctan2(way[:, 1], way[:, 0]),
            elevation_rad=np.arctan2(way[:, 2], np.hypot(way[:, 0], way[:, 1])),
            origin_m=np.zeros((1, 3)),
            ring=self._ring[laser],
            column=(count // self.rings).astype(np.int32),
        )

    @property
    def _ring(self) -> NDArray[np.uint16]:
        """(n,) place of each laser from below."""
        place = np.empty(self.rings, np.uint16)
        place[np.argsort(self.beams_rad[:, 1], kind="stable")] = np.arange(self.rings)
        return place


def _through(prisms: tuple[Prism, ...] | list[Prism], light: Array, time_s: Array) -> Array:
    for prism in prisms:
        light = prism.refract(light, time_s)
    return light
