"""Fog: the soft echo of droplets too many to be told apart.

A volume that scatters `beta` per metre and steradian sends back, from a slice dr, what a matt
surface of reflectance pi beta dr would, since a matt surface spreads its light as 1/pi per
steradian. In the unit of `Echoes` the answer to a pulse p of peak 1 is therefore

    S(R) = integral of  g(r) p(R - r) dr,   g(r) = pi beta xi(r) e^(-2 alpha r) / r^2,

with the overlap xi, up to the surface that ends the fog. The pulse is sin^2 in time (Hahner
et al. 2021), here with its peak at 0 as for surfaces: p(x) = (1 + cos(pi x / w)) / 2 for
|x| < w, where w is half the speed of light times the full width at half maximum. Far away
that is pi beta w e^(-2 alpha R) / R^2. What is reported is the peak of S.

Light that is scattered twice or more is left out: it matters below some 30 m of visibility.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simgen.clouds import Cause
from simgen.rng import Key
from simgen.sensors.lidar.echoes import Echoes
from simgen.sensors.lidar.view import HALF_LIGHT_M_S, air_overlap, overlap
from simgen.sensors.lidar.weather import Weather

if TYPE_CHECKING:
    from simgen.sensors.lidar.params import Optics

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Soft:
    """The peak of fog's echo against the range of the surface that ends the fog.

    Attributes:
        limit_m: (m,) rising; beyond the last, nothing changes.
        range_m: (m,) of the peak.
        power: (m,) of the peak.
        spread_m: (m,) standard deviation of the ranges that make the peak.
    """

    limit_m: Array
    range_m: Array
    power: Array
    spread_m: Array


def soft_echo(weather: Weather, optics: Optics) -> Soft:
    """The table for a sensor in this weather; kept, since it costs some 50 ms."""
    width = weather.fog_pulse_ns or optics.pulse_ns
    between = air_overlap(weather, optics)
    return _table(weather.extinction_m, weather.fog_backscatter_m, width, between)


def fog_echoes(weather: Weather, optics: Optics, limit_m: Array, window: Array, key: Key) -> Echoes:
    """One candidate for each pulse that leaves the sensor for fog.

    Args:
        weather: With a visibility.
        optics: Of the sensor.
        limit_m: (n,) where each pulse's way ends; infinite for none.
        window: (n,) two-way transmission of the window.
        key: Of this sweep's fog.

    Returns:
        At most n candidates.
    """
    table = soft_echo(weather, optics)
    power = np.interp(limit_m, table.limit_m, table.power) * window
    if weather.fog_sigma:
        shape = weather.fog_sigma**-2
        power = power * key.generator().gamma(shape, 1 / shape, len(power))
    pulse = np.flatnonzero(power > 0)
    limit = limit_m[pulse]
    found = Echoes.of_air(
        pulse, np.interp(limit, table.limit_m, table.range_m), power[pulse], Cause.FOG
    )
    found.spread_m[:] = np.interp(limit, table.limit_m, table.spread_m)
    return found


@lru_cache(maxsize=16)
def _table(alpha: float, beta: float, width_ns: float, between: tuple[float, float]) -> Soft:
    near, far = between
    w = HALF_LIGHT_M_S * width_ns * 1e-9
    # Beyond far + w the echo can but fall, and its peak sees nothing beyond far + 2 w.
    edges = np.unique(np.r_[np.linspace(near, far, 121), np.linspace(far, far + 2 * w, 601)])
    node, weight = np.polynomial.legendre.leggauss(3)
    step = np.diff(edges)
    r = (edges[:-1] + step / 2)[:, None] + node * (step / 2)[:, None]
    g = np.pi * beta * overlap(r, between) * np.exp(-2 * alpha * r) / r**2 * weight
    g *= (step / 2)[:, None]
    phase = np.pi * r / w
    sums = [
        np.r_[0.0, (g * f).sum(1).cumsum()] for f in (np.ones_like(r), np.cos(phase), np.sin(phase))
    ]
    middle = np.linspace(near, far + w, 801)
    low = np.maximum(near, middle - w)[:, None]
    high = np.maximum(low, np.minimum(edges[None], middle[:, None] + w))
    flat, even, odd = (np.interp(high, edges, s) - np.interp(low, edges, s) for s in sums)
    turn = np.pi * middle[:, None] / w
    echo = (flat + np.cos(turn) * even + np.sin(turn) * odd) / 2
    at, power = _peaks(middle, echo)
    inside = r.ravel()
    share = np.where(
        np.abs(at[:, None] - inside) < w, np.cos(np.pi * (at[:, None] - inside) / w), -1
    )
    share = (1 + share) / 2 * g.ravel() * (inside < edges[:, None])
    total = np.maximum(share.sum(1), np.finfo(float).tiny)
    mean = share @ inside / total
    spread = np.sqrt(np.maximum(share @ inside**2 / total - mean**2, 0) * (share.sum(1) > 0))
    return Soft(edges, np.minimum(at, edges), power, spread)


def _peaks(x: Array, rows: Array) -> tuple[Array, Array]:
    """Place (m,) and height (m,) of the peak of each column of (k, m), by a parabola."""
    top = np.clip(rows.argmax(0), 1, len(x) - 2)
    before, best, after = (rows[top + d, np.arange(rows.shape[1])] for d in (-1, 0, 1))
    bend = before - 2 * best + after
    slope = (after - before) / 2
    curved = bend < 0
    move = np.where(curved, -slope / np.where(curved, bend, -1), 0)
    move = np.clip(move, -1, 1)  # where the peak is at an end of the grid
    return x[top] + move * (x[1] - x[0]), best + slope * move + bend * move**2 / 2
