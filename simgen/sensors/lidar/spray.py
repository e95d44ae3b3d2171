"""Spray: the plume of droplets behind a car on a wet road.

A plume is a box behind the body, as wide and as high as it, that moves with it; its
extinction falls as e^(-s / L) with the distance s behind the body. The optical thickness
along a ray is then a closed form, and so is the place where light turns back: the thickness
t up to it has the density 2 e^(-2t) / (1 - e^(-2T)). One echo comes from each plume that a
pulse meets, of the power of the droplets within a pulse length of that place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simgen.clouds import Cause
from simgen.compiled import compiled
from simgen.geometry import matrix
from simgen.rng import Key
from simgen.sensors.lidar.echoes import Echoes
from simgen.sensors.lidar.view import HALF_LIGHT_M_S, air_overlap, overlap
from simgen.sensors.lidar.weather import Weather, transmission

if TYPE_CHECKING:
    from simgen.sensors.lidar.params import Optics

Array = NDArray[np.float64]
CUT = 3.0  # lengths of decay after which a plume ends
LEAST_SPEED_M_S = 1.0  # below which a car throws up nothing


@dataclass(frozen=True)
class Plume:
    """Droplets behind one car.

    Attributes:
        start_m: Middle of the plume's front face at `time_s`, world frame.
        heading: Horizontal unit vector (x, y) in which the car goes.
        velocity_m_s: Of the car, world frame.
        time_s: When it is there.
        length_m: Backwards from the front face.
        width_m: Across.
        height_m: Upwards.
        extinction_m: 1/m at the front face.
        decay_m: Length over which that falls to 1/e.
    """

    start_m: tuple[float, float, float]
    heading: tuple[float, float]
    velocity_m_s: tuple[float, float, float]
    time_s: float
    length_m: float
    width_m: float
    height_m: float
    extinction_m: float
    decay_m: float


def plumes(
    weather: Weather,
    centres_m: Array,
    sizes_m: Array,
    quaternions: Array,
    velocities_m_s: Array,
    time_s: float,
) -> tuple[Plume, ...]:
    """The plumes of moving cars.

    Args:
        weather: Its `wet` and spray.
        centres_m: (k, 3) of the cars' boxes, world frame.
        sizes_m: (k, 3) along the boxes' own axes.
        quaternions: (k, 4) box to world, (x, y, z, w).
        velocities_m_s: (k, 3), world frame.
        time_s: When the boxes are there.

    Returns:
        One for each car that moves along the ground; none on a dry road.
    """
    found = []
    strength = weather.spray_extinction_m * weather.spray * weather.wet
    for centre, size, turn, velocity in zip(
        centres_m, sizes_m, quaternions, velocities_m_s, strict=True
    ):
        speed = float(np.hypot(velocity[0], velocity[1]))
        if speed < LEAST_SPEED_M_S or not strength:
            continue
        along = np.array([velocity[0], velocity[1], 0.0]) / speed
        across = np.array([-along[1], along[0], 0.0])
        edges = matrix(turn) * size  # columns are the box's edges
        length, width, height = (
            float(np.abs(axis @ edges).sum()) for axis in (along, across, np.array([0, 0, 1.0]))
        )
        start = centre - along * length / 2
        found.append(
            Plume(
                (float(start[0]), float(start[1]), float(start[2])),
                (float(along[0]), float(along[1])),
                (float(velocity[0]), float(velocity[1]), float(velocity[2])),
                time_s,
                CUT * weather.spray_decay_m,
                width,
                height,
                strength * (speed / weather.spray_speed_m_s) ** weather.spray_speed_power,
                weather.spray_decay_m,
            )
        )
    return tuple(found)


def thickness(
    clouds: Sequence[Plume],
    origins_m: Array,
    directions: Array,
    times_s: Array,
    to_m: Array,
) -> Array:
    """Optical thickness (n,), one way, of all plumes between each ray's origin and `to_m`.

    Args:
        clouds: Plumes.
        origins_m: (n, 3) or (1, 3), world frame.
        directions: (n, 3) unit vectors, world frame.
        times_s: (n,) at which the rays are cast.
        to_m: (n,) ranges; infinite for all of it.
    """
    found = np.zeros(len(directions))
    if clouds:
        _thickness(_table(clouds), _each(origins_m, len(found)), directions, times_s, to_m, found)
    return found


def spray_echoes(
    clouds: Sequence[Plume],
    weather: Weather,
    optics: Optics,
    origins_m: Array,
    directions: Array,
    times_s: Array,
    limit_m: Array,
    window: Array,
    key: Key,
) -> Echoes:
    """One candidate for each pulse and plume that it meets nearer than its limit.

    Shapes and frames are as for `thickness`; `window` (n,) is the two-way transmission of the
    window. The droplets of other plumes dim an echo as well.
    """
    n, table = len(directions), _table(clouds)
    origins = _each(origins_m, n)
    rng = key.generator()
    draws = rng.random((n, len(clouds)))
    pulse_m = HALF_LIGHT_M_S * optics.pulse_ns * 1e-9
    place, within = np.zeros((n, len(clouds))), np.zeros((n, len(clouds)))
    _turn_back(table, origins, directions, times_s, limit_m, draws, pulse_m, place, within)
    pulse, _ = met = np.nonzero(within)
    range_m = place[met]
    before = np.zeros(len(pulse))
    _thickness(table, origins[pulse], directions[pulse], times_s[pulse], range_m, before)
    power = (
        np.pi
        / weather.spray_lidar_ratio_sr
        * within[met]
        * np.exp(-2 * before)
        * overlap(range_m, air_overlap(weather, optics))
        * transmission(weather, range_m)
        * window[pulse]
        / range_m**2
    )
    if weather.spray_sigma:
        shape = weather.spray_sigma**-2
        power = power * rng.gamma(shape, 1 / shape, len(power))
    some = power > 0
    return Echoes.of_air(pulse[some], range_m[some], power[some], Cause.SPRAY)


def _each(origins_m: Array, n: int) -> Array:
    return np.ascontiguousarray(np.broadcast_to(origins_m, (n, 3)))


def _table(clouds: Sequence[Plume]) -> Array:
    rows = [
        (
            *(*p.start_m, *p.heading, *p.velocity_m_s, p.time_s),
            *(p.length_m, p.width_m, p.height_m, p.extinction_m, p.decay_m),
        )
        for p in clouds
    ]
    return np.array(rows, np.float64).reshape(-1, 14)


@compiled
def _cross(
    plume: Array, origin: Array, direction: Array, time_s: float, to_m: float
) -> tuple[float, float, float, float]:
    """Range in, range out, extinction at the way in, and its decay 1/m along the ray.

    The range out is not beyond the range in where the ray misses.
    """
    since = time_s - plume[8]
    x = origin[0] - plume[0] - plume[5] * since
    y = origin[1] - plume[1] - plume[6] * since
    z = origin[2] - plume[2] - plume[7] * since
    # Backwards of the car, across it, upwards.
    start = (-x * plume[3] - y * plume[4], y * plume[3] - x * plume[4], z)
    step = (
        -direction[0] * plume[3] - direction[1] * plume[4],
        direction[1] * plume[3] - direction[0] * plume[4],
        direction[2],
    )
    low = (0.0, -plume[10] / 2, -plume[11] / 2)
    high = (plume[9], plume[10] / 2, plume[11] / 2)
    first, last = 0.0, to_m
    for k in range(3):
        if step[k] == 0:
            if not low[k] <= start[k] <= high[k]:
                return 0.0, 0.0, 0.0, 0.0
            continue
        a, b = (low[k] - start[k]) / step[k], (high[k] - start[k]) / step[k]
        first, last = max(first, min(a, b)), min(last, max(a, b))
    if not first < last:
        return 0.0, 0.0, 0.0, 0.0
    extinction = plume[12] * np.exp(-(start[0] + step[0] * first) / plume[13])
    return first, last, extinction, step[0] / plume[13]


@compiled
def _depth(extinction: float, decay: float, way_m: float) -> float:
    """Integral of extinction e^(-decay r) over r from 0 to `way_m`."""
    x = decay * way_m
    if abs(x) < 1e-9:
        return extinction * way_m
    return float(-extinction * way_m * np.expm1(-x) / x)


@compiled
def _thickness(
    table: Array, origins: Array, directions: Array, times: Array, to_m: Array, found: Array
) -> None:
    for i in range(len(found)):
        for k in range(len(table)):
            a, b, extinction, decay = _cross(table[k], origins[i], directions[i], times[i], to_m[i])
            if b > a:
                found[i] += _depth(extinction, decay, b - a)


@compiled
def _turn_back(
    table: Array,
    origins: Array,
    directions: Array,
    times: Array,
    limit_m: Array,
    draws: Array,
    pulse_m: float,
    place: Array,
    within: Array,
) -> None:
    """Where light turns back in each plume, and the thickness within a pulse length of it."""
    for i in range(len(directions)):
        for k in range(len(table)):
            a, b, extinction, decay = _cross(
                table[k], origins[i], directions[i], times[i], limit_m[i]
            )
            if not b > a:
                continue
            whole = _depth(extinction, decay, b - a)
            t = -np.log1p(draws[i, k] * np.expm1(-2 * whole)) / 2
            x = decay * t / extinction
            way = t / extinction if abs(x) < 1e-9 else -np.log1p(-x) / decay
            way = min(max(way, 0.0), b - a)  # rounding
            low, high = max(way - pulse_m / 2, 0.0), min(way + pulse_m / 2, b - a)
            place[i, k] = a + way
            within[i, k] = _depth(extinction, decay, high) - _depth(extinction, decay, low)
