"""Rain and snow: drops and flakes that happen to be in the beam, one by one.

A drop of diameter D at u = (x/w_x)^2 + (y/w_y)^2 in a Gaussian beam of radii w takes the share
1 - exp(-s), s = D^2 e^(-2u) / (2 w_x w_y) of its light: exact in the middle of a round beam,
and s itself for drops far smaller than the beam. It sends back what a matt disc of the
reflectance in `Sizes` would. Drops are looked for between the points where the beam is down
to 1/e^2: their number above a size is Poisson, with the mean density times the volume there.

Most drops are too small to be seen, so only those are made that can reach a given power: the
cone is cut in cells; in each, a bound on the density of such drops is drawn from, and each
draw kept with the ratio of the true density to the bound. What is left is exactly what would
be left of all drops after the same cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.lidar.echoes import Echoes
from simgen.sensors.lidar.falling import Sizes
from simgen.sensors.lidar.view import air_overlap, overlap, radii_m
from simgen.sensors.lidar.weather import Weather, transmission

if TYPE_CHECKING:
    from simgen.sensors.lidar.params import Optics

Array = NDArray[np.float64]
CELLS = 512
MOST = 2e7  # drops in a sweep: some 2 GB while they are sorted out


def beam_volume_m3(optics: Optics, to_m: float, from_m: float = 0.0) -> float:
    """Volume of the beam between its 1/e^2 points, from one range to another."""
    node, weight = np.polynomial.legendre.leggauss(32)
    half = (to_m - from_m) / 2
    across, up = radii_m(optics, from_m + half * (1 + node))
    return float(np.pi * half * (weight * across * up).sum())


def hits(
    sizes: Sizes,
    weather: Weather,
    optics: Optics,
    limit_m: Array,
    window: Array,
    key: Key,
    *,
    cause: int,
    least_power: float,
) -> Echoes:
    """Drops or flakes whose echo has at least `least_power`.

    Args:
        sizes: Of what falls.
        weather: The whole of it, which dims what comes back.
        optics: Of the sensor.
        limit_m: (n,) where each pulse's way ends; infinite for none.
        window: (n,) two-way transmission of the window.
        key: Of this sweep's drops.
        cause: What the candidates are called.
        least_power: Above 0; candidates below it are not made.

    Raises:
        ConfigError: So many drops would be made that memory would run out.
    """
    if not least_power > 0:
        raise ConfigError(
            "`least_power` must be above 0",
            least_power,
            "give a share of the receiver's threshold",
        )
    between = air_overlap(weather, optics)
    # No drop sends back more than the whole beam, so none is seen beyond this.
    reach = float(np.sqrt(sizes.reflectance / least_power))
    far = min(reach, float(limit_m.max(initial=0.0)))
    if far <= between[0]:
        return Echoes.of_air(np.zeros(0, np.intp), np.zeros(0), np.zeros(0), cause)
    edges = np.linspace(between[0], far, CELLS + 1)
    low, high = edges[:-1], edges[1:]
    across, up = radii_m(optics, edges)
    area = np.pi * across * up
    smallest = _smallest(sizes, weather, least_power, low, overlap(high, between))
    smallest *= np.sqrt(2 * across * up)[:-1] / sizes.swell
    bound = area[1:] * sizes.density_m3 * np.exp(-sizes.decay_m * smallest) * np.diff(edges)
    total = np.r_[0.0, np.cumsum(bound)]
    mean = np.interp(limit_m, edges, total)
    if mean.sum() > MOST:
        raise ConfigError(
            f"at most {MOST:.0e} drops can be followed in a sweep",
            f"{mean.sum():.1e}",
            "raise the receiver's threshold, or have less rain or snow",
        )
    rng = key.generator()
    pulse = np.repeat(np.arange(len(limit_m)), rng.poisson(mean))
    draw = rng.random((3, len(pulse)))
    at = draw[0] * mean[pulse]
    cell = np.clip(np.searchsorted(total, at, "right") - 1, 0, CELLS - 1)
    range_m = edges[cell] + (at - total[cell]) / bound[cell] * (edges[1] - edges[0])
    melted = smallest[cell] - np.log1p(-rng.random(len(pulse))) / sizes.decay_m
    here = np.multiply(*radii_m(optics, range_m))
    share = -np.expm1(-((sizes.swell * melted) ** 2) * np.exp(-2 * draw[1]) / (2 * here))
    power = (
        sizes.reflectance
        * share
        * overlap(range_m, between)
        * transmission(weather, range_m)
        * window[pulse]
        / range_m**2
    )
    kept = (draw[2] * area[cell + 1] < np.pi * here) & (power >= least_power)
    return Echoes.of_air(pulse[kept], range_m[kept], power[kept], cause)


def _smallest(
    sizes: Sizes, weather: Weather, least_power: float, low_m: Array, seen: Array
) -> Array:
    """A lower bound (cells,) on D^2 / (2 w_x w_y) to be seen, as its root; inf for never."""
    best = sizes.reflectance * seen * transmission(weather, low_m) / low_m**2
    with np.errstate(divide="ignore"):
        needed = np.where(best > least_power, least_power / best, 1.0)
        root: Array = np.sqrt(-np.log1p(-needed))
    return root
