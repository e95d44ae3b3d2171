"""The law of range noise, as `Noise` in simgen/sensors/lidar/params.py has it, and its fit.

Two sightings of one direction differ by noise alone once the surface's own slope over what
the azimuths differ by is taken out. Where is fitted: inside surfaces, away from edges.

    sd^2 = floor^2 + (snr_m SNR^-power)^2 + (jitter lean)^2,   SNR = top I / 100 / R^2 near(R)
    near(R) = 1 - exp(-(R / near_m)^2)

I is the reading, which a Velodyne gives as reflectance in percent; `top` is the ratio of white
at one metre, which the data sheet's longest range sets (see `LidarParams`). The image of a
near spot outgrows the detector, so that power no longer falls with the range squared: Fang et
al., "Intensity Correction of Terrestrial Laser Scanning Data by Estimating Laser Transmission
Function", IEEE TGRS 53(2), 2015, has this form of it.

The head's azimuth is not told exactly: on a surface whose range grows by `lean` for each
radian, its jitter shows as range noise. At edges the same jitter makes returns flicker.

Differences have more outliers than a normal law: a share of them is taken to be several times
as wide (Tukey's contaminated normal), and is reported. A receiver with normal noise has no
such share; it is given noise as much wider as makes the medians agree (`widening`). Rounding
to a step adds step^2 / 12 to each sighting.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import ndtr

from evaluation.calibrate.lidar.repeats import NORMAL, blocks, nearest, step_deg
from evaluation.calibrate.lidar.scans import Revolution, Scans
from simgen.errors import CaptureError
from simgen.rng import Key

Array = NDArray[np.float64]
WIDE = 4.0  # how many times as wide the outliers are
LEAST_PAIRS = 500
MOST_PAIRS = 20_000
DRAWS = 40
BEND_M = 0.1  # a surface departs less than this from a straight line over five columns
LEAN_M = 0.005  # most that the slope may make up for: about the noise of a sighting
REACH = 2.0  # `near_m` cannot be told beyond this many times the farthest surfaces
READING = 0.5, 100.0  # below and above, the reading tells no reflectance


@dataclass(frozen=True, eq=False)
class Pairs:
    """Two sightings of the insides of surfaces.

    Attributes:
        difference_m: (n,) of the ranges, slope taken out.
        range_m: (n,) mean.
        intensity: (n,) mean.
        reading: (n, 2) of each sighting.
        lean_m_rad: (n,) growth of the range with azimuth.
        block: (n,) int, of neighbouring directions.
        step_m: Step of the ranges.
    """

    difference_m: Array
    range_m: Array
    intensity: Array
    reading: Array
    lean_m_rad: Array
    block: NDArray[np.intp]
    step_m: float

    def take(self, rows: NDArray[np.intp]) -> Pairs:
        """Some of them."""
        return Pairs(
            self.difference_m[rows],
            self.range_m[rows],
            self.intensity[rows],
            self.reading[rows],
            self.lean_m_rad[rows],
            self.block[rows],
            self.step_m,
        )


@dataclass(frozen=True, eq=False)
class NoiseLaw:
    """What was fitted, with its bootstrap.

    Attributes:
        floor_m, snr_m, power, near_m: As above; `snr_m` at a ratio of 1.
        outliers: Share of differences that are `WIDE` times as wide.
        jitter_rad: Standard deviation of the azimuth.
        draws: (d, 6) the same from draws of blocks.
        top: Ratio of white at one metre.
        step_m: Step of the ranges.
        pairs: How many differences.
        reach_m: Largest `near_m` that was tried.
    """

    floor_m: float
    snr_m: float
    power: float
    near_m: float
    outliers: float
    jitter_rad: float
    draws: Array
    top: float
    step_m: float
    pairs: int
    reach_m: float

    @property
    def near_is_bound(self) -> bool:
        """Whether power does not fall with range as far as surfaces were seen."""
        return self.near_m > 0.95 * self.reach_m

    @property
    def widening(self) -> float:
        """How much wider a normal law is with the same median of absolute differences."""
        e = self.outliers
        quarter = brentq(
            lambda m: (1 - e) * ndtr(m) + e * ndtr(m / WIDE) - 0.75, 0.0, NORMAL * WIDE
        )
        return float(quarter) / NORMAL

    def sd_m(self, range_m: Array, intensity: Array) -> Array:
        """Standard deviation of a sighting of what faces the sensor, as a normal law has it.

        Rounding is left out.
        """
        value = np.array([self.floor_m, self.snr_m, self.power, self.near_m])
        return self.widening * _sd(value, self.top, range_m, intensity)


def snr(top: float, near_m: float, range_m: Array, intensity: Array) -> Array:
    """Ratio (n,) of amplitude to noise for readings at ranges."""
    share = np.clip(intensity, *READING) / 100
    near = -np.expm1(-np.square(range_m / near_m)) if near_m > 0 else 1.0
    found: Array = top * share * near / np.square(range_m)
    return found


def pairs_of(scans: Scans) -> Pairs:
    """All sightings of one direction in two revolutions, inside surfaces.

    Raises:
        CaptureError: When there are too few.
    """
    parts: list[tuple[Array, Array, Array, Array, Array, NDArray[np.intp]]] = []
    for first, second in combinations(scans.revolutions, 2):
        parts.append(_pairs(first, second, scans))
    d, r, i, both, lean, block = (np.concatenate(part) for part in zip(*parts, strict=True))
    if len(d) < LEAST_PAIRS:
        raise CaptureError(
            f"{LEAST_PAIRS} repeated returns or more must lie inside surfaces",
            f"{len(d)}",
            "scan walls and large things, and hold the sensor still",
            scans.name,
        )
    return Pairs(d, r, i, both, lean, block, scans.step_m())


def fit_law(pairs: Pairs, top: float, key: Key, draws: int = DRAWS) -> NoiseLaw:
    """Fit by maximum likelihood; intervals by drawing blocks of neighbouring directions.

    Args:
        pairs: The differences; `MOST_PAIRS` of them, drawn by chance, are used.
        top: Ratio of white at one metre.
        key: Stream of the draws.
        draws: How many draws of blocks.
    """
    rng = key.generator()
    count = len(pairs.difference_m)
    if count > MOST_PAIRS:
        pairs = pairs.take(np.sort(rng.choice(count, MOST_PAIRS, replace=False)))
    most = REACH * float(np.quantile(pairs.range_m, 0.99))
    trials = (_search(pairs, top, start, most) for start in _starts(pairs))
    best = min(trials, key=lambda each: each[1])
    names = np.unique(pairs.block)
    rows = [np.flatnonzero(pairs.block == name) for name in names]
    found = []
    for _ in range(draws):
        chosen = np.concatenate([rows[k] for k in rng.integers(0, len(names), len(names))])
        part = pairs.take(chosen)
        found.append(_plain(_search(part, top, best[0], most)[0], *_light(part, top)))
    value = _plain(best[0], *_light(pairs, top))
    floor, scale, power, near, outliers, jitter = (float(v) for v in value)
    spread = np.array(found).reshape(-1, 6)
    return NoiseLaw(
        floor, scale, power, near, outliers, jitter, spread, top, pairs.step_m, count, most
    )


def _pairs(
    first: Revolution, second: Revolution, scans: Scans
) -> tuple[Array, Array, Array, Array, Array, NDArray[np.intp]]:
    """Differences of two revolutions, at the columns of the first."""
    r = first.range_m
    step = step_deg(first)
    away = (np.diff(first.azimuth_deg) + 180) % 360 - 180
    place, gap = nearest(first.azimuth_deg, second.azimuth_deg)
    inner = slice(2, -2)
    # five columns in a row, one step apart, all returned, near a straight line
    even = np.abs(np.abs(away) - step) < 0.3 * step
    run = even[:-3] & even[1:-2] & even[2:-1] & even[3:]
    five = np.stack([r[:-4], r[1:-3], r[2:-2], r[3:-1], r[4:]])
    turn = (first.azimuth_deg[4:] - first.azimuth_deg[:-4] + 180) % 360 - 180
    lean = (2 * (five[4] - five[0]) + five[3] - five[1]) / 10 * 4 / turn[:, None]  # m a degree
    bend = np.abs(
        five
        - five.mean(axis=0)
        - np.linspace(-0.5, 0.5, 5)[:, None, None] * (lean * turn[:, None])[None]
    ).max(axis=0)
    there, told = second.range_m[place][inner], second.intensity[place][inner]
    shift = lean * gap[inner][:, None]
    good = (five > 0).all(axis=0) & (there > 0) & (bend < BEND_M) & (np.abs(shift) < LEAN_M)
    good &= (run & (np.abs(gap[inner]) < step))[:, None]
    difference = there - five[2] - shift
    good &= np.abs(difference) < BEND_M
    both = np.stack([first.intensity[inner][good], told[good]], axis=1)
    block = blocks(first.azimuth_deg[inner], scans)
    slope = np.degrees(lean)[good]  # from metres a degree to metres a radian
    return difference[good], five[2][good], both.mean(axis=1), both, slope, block[good]


def _sd(value: Array, top: float, range_m: Array, intensity: Array) -> Array:
    floor, scale, power, near = value
    ratio = snr(top, near, range_m, intensity)
    found: Array = np.sqrt(floor**2 + np.square(scale * ratio**-power))
    return found


def _light(pairs: Pairs, top: float) -> tuple[Array, Array]:
    square = np.square(pairs.range_m)
    return np.clip(pairs.intensity, *READING) / 100 * top / square, square


def _starts(pairs: Pairs) -> list[Array]:
    typical = max(float(np.median(np.abs(pairs.difference_m))), 1e-4)
    whole, part = np.log(typical), np.log(typical / 2)
    return [np.array([whole, part, 0.5, np.log(near), -3.0, -9.0]) for near in (0.5, 2.0, 8.0)]


def _plain(theta: Array, light: Array, square: Array) -> Array:
    """Floor, scale, power, near range, share of outliers, jitter.

    Sought are the error at the geometric mean of all ratios, which goes far less with the
    power than the error at a ratio of 1 does, and logarithms.
    """
    near = np.exp(theta[3])
    middle = np.log(_ratio(light, square, near)).mean()
    scale = np.exp(theta[1] + theta[2] * middle)
    return np.array([np.exp(theta[0]), scale, theta[2], near, _share(theta[4]), np.exp(theta[5])])


def _ratio(light: Array, square: Array, near: float) -> Array:
    """Ratio of signal to noise, of the light without loss and the squared range."""
    found: Array = light * -np.expm1(-square / near**2)
    return found


def _share(x: float) -> float:
    return float(0.5 / (1 + np.exp(-x)))


def _bounds(farthest_m: float) -> list[tuple[float, float]]:
    near = np.log(0.05), np.log(farthest_m)
    return [(-12.0, -1.0), (-14.0, -1.0), (0.05, 2.0), near, (-7.0, 3.0), (-14.0, -5.0)]


def _search(pairs: Pairs, top: float, start: Array, farthest_m: float) -> tuple[Array, float]:
    """The likeliest parameters (6,) as sought, and minus their log-likelihood, a pair."""
    d2, n = np.square(pairs.difference_m), len(pairs.difference_m)
    light, square = _light(pairs, top)
    rounding, lean2 = pairs.step_m**2 / 6, np.square(pairs.lean_m_rad)

    def loss(theta: Array) -> float:
        floor, scale, power, near, share, jitter = _plain(theta, light, square)
        ratio = _ratio(light, square, near)
        v = 2 * (floor**2 + np.square(scale * ratio**-power) + jitter**2 * lean2)
        narrow, wide = v + rounding, WIDE**2 * v + rounding
        chance = (1 - share) * np.exp(-d2 / narrow / 2) / np.sqrt(narrow) + share * np.exp(
            -d2 / wide / 2
        ) / np.sqrt(wide)
        return -float(np.log(chance + 1e-300).sum()) / n

    found = minimize(loss, start, method="L-BFGS-B", bounds=_bounds(farthest_m))
    return np.asarray(found.x), float(found.fun)
