"""The weather of a LiDAR against closed forms, quadrature and counting statistics.

Tolerances of counts are four standard deviations of the count; those of quadrature are what
the tables of the model are off by.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, optimize

from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.sensors.lidar.air import Air, air, init_air
from simgen.sensors.lidar.params import Optics
from simgen.sensors.lidar.spray import plumes, thickness
from simgen.sensors.lidar.weather import Weather
from simgen.sensors.lidar.wet import wet_surface

Array = NDArray[np.float64]
OPTICS = Optics(divergence_mrad=(3.0, 2.0), exit_m=0.01, pulse_ns=8)
NEAR, FULL = Weather().air_overlap_m
SEEN_M = 20.0
N = 1.33


def sweep(
    weather: Weather, key: Key, limit_m: Array, least_power: float = 1e-300, seed: int = 0
) -> Air:
    """The weather of pulses that end at these ranges (n,), thrown over a band of elevations."""
    n = len(limit_m)
    rng = (key / "directions").generator()
    azimuth, up = rng.uniform(-np.pi, np.pi, n), rng.uniform(-1, 1, n)
    level = np.sqrt(1 - up**2)
    return air(
        weather,
        OPTICS,
        np.column_stack([level * np.cos(azimuth), level * np.sin(azimuth), up]),
        np.zeros((1, 3)),
        np.zeros(n),
        limit_m,
        init_air(weather, key / "device" / seed),
        key / "sweep" / seed,
        angles_rad=np.column_stack([azimuth, np.arcsin(up)]),
        least_power=least_power,
    )


def soft_return(weather: Weather, range_m: float, limit_m: float) -> float:
    """Fog's echo at one range by adaptive quadrature of the convolution."""
    w = 299_792_458 / 2 * OPTICS.pulse_ns * 1e-9
    alpha, beta = np.log(20) / float(weather.visibility_m or 0), weather.fog_backscatter_m

    def slice_(r: float) -> float:
        seen = min(max((r - NEAR) / (FULL - NEAR), 0), 1)
        pulse = np.cos(np.pi * (range_m - r) / (2 * w)) ** 2
        return float(np.pi * beta * seen * np.exp(-2 * alpha * r) / r**2 * pulse)

    low, high = max(NEAR, range_m - w), min(limit_m, range_m + w)
    breaks = [FULL] if low < FULL < high else None
    return float(integrate.quad(slice_, low, high, points=breaks, epsabs=0, epsrel=1e-9)[0])


def rain_count(weather: Weather, limit_m: float, least_power: float) -> float:
    """Mean number of drops in a pulse above a power, by quadrature over the beam."""
    rate = weather.rain_mm_h
    decay, alpha = 4.1e3 * rate**-0.21, weather.extinction_m

    def per_metre(r: float) -> float:
        radii = [np.hypot(OPTICS.exit_m, a * 1e-3 * r) / 2 for a in OPTICS.divergence_mrad]
        seen = min(max((r - NEAR) / (FULL - NEAR), 0), 1)
        needed = least_power * r**2 * np.exp(2 * alpha * r) / weather.drop_reflectance
        if seen <= needed:
            return 0.0
        u = (np.arange(400) + 0.5) / 400
        drop = np.sqrt(-2 * radii[0] * radii[1] * np.exp(2 * u) * np.log1p(-needed / seen))
        density = 8e6 / decay * np.exp(-decay * drop).mean()
        return float(np.pi * radii[0] * radii[1] * density)

    return float(
        integrate.quad(per_metre, NEAR, limit_m, points=[FULL], epsabs=0, epsrel=1e-6, limit=200)[0]
    )


def rows(key: Key) -> Iterator[Row]:
    """All rows of the weather."""
    yield from _fog(key / "fog")
    yield from _rain(key / "rain")
    yield from _snow(key / "snow")
    yield from _wet()
    yield _window(key / "window")
    yield from _spray()


def _fog(key: Key) -> Iterator[Row]:
    weather = Weather(visibility_m=60, fog_sigma=0)
    far = np.full(4, 30.0)
    yield Row(
        "lidar fog: transmission",
        "e^(-2 R ln 20 / visibility)",
        20.0**-1,
        float(sweep(weather, key, far).power[0]),
        1e-12,
        "1",
        float(sweep(Weather(), key, far).power[0]),
        "Koschmieder",
    )
    for limit, name in ((30.0, "open"), (1.3, "cut off by a surface")):
        best = optimize.minimize_scalar(
            lambda r, limit=limit: -soft_return(weather, r, limit),
            bounds=(NEAR, min(limit, FULL + 1.2)),
            method="bounded",
            options={"xatol": 1e-7},
        )
        found = sweep(weather, key, np.full(4, limit)).echoes
        other = weather.model_copy(update={"fog_pulse_ns": 2.0})
        control = sweep(other, key, np.full(4, limit)).echoes
        yield Row(
            f"lidar fog: place of the peak, {name}",
            "quadrature of pulse * g",
            float(best.x),
            float(found.range_m[0]),
            1e-3,
            "m",
            float(control.range_m[0]),
            "Hahner et al. 2021",
        )
        yield Row(
            f"lidar fog: power of the peak, {name}",
            "quadrature of pulse * g",
            1.0,
            float(found.power[0] / -best.fun),
            1e-3,
            "of quadrature",
            float(control.power[0] / -best.fun),
            "Rasshofer et al. 2011",
        )


def _rain(key: Key) -> Iterator[Row]:
    weather, n, end = Weather(rain_mm_h=10), 2000, 6.0
    limit = np.full(n, end)
    radii = np.array(OPTICS.divergence_mrad) * 1e-3
    volume = integrate.quad(
        lambda r: np.pi / 4 * np.prod(np.hypot(OPTICS.exit_m, radii * r)), NEAR, end
    )[0]
    mean = 8000 / (4.1 * 10**-0.21) * volume
    counts = np.bincount(sweep(weather, key, limit).echoes.pulse, minlength=n)
    none = np.bincount(sweep(Weather(), key, limit).echoes.pulse, minlength=n)
    yield Row(
        "lidar rain: drops in the beam",
        "density * volume of the cone",
        mean,
        float(counts.mean()),
        4 * np.sqrt(mean / n),
        "drops",
        float(none.mean()),
        "Marshall and Palmer 1948",
    )
    yield Row(
        "lidar rain: spread of the number",
        "variance = mean (Poisson)",
        1.0,
        float(counts.var(ddof=1) / counts.mean()),
        4 * np.sqrt(2 / (n - 1)),
        "of the mean",
        # The same number of drops dealt out in turn.
        float(np.bincount(np.arange(counts.sum()) % n).var(ddof=1) / counts.mean()),
    )
    n, least = 200_000, 1e-5
    due = rain_count(weather, SEEN_M, least)
    limit = np.full(n, SEEN_M)
    clear = weather.model_copy(update={"drop_reflectance": weather.drop_reflectance * 1.1})
    yield Row(
        "lidar rain: drops above a power",
        "quadrature over range and beam",
        due,
        len(sweep(weather, key, limit, least).echoes) / n,
        4 * np.sqrt(due / n),
        "per pulse",
        len(sweep(clear, key, limit, least).echoes) / n,  # a tenth more light
    )
    yield Row(
        "lidar rain: extinction",
        "3.65e-4 R^0.63",
        3.65e-4 * 10**0.63,
        float(-np.log(sweep(weather, key, np.full(1, 40.0), 1).power[0]) / 80),
        1e-3 * 3.65e-4 * 10**0.63,  # the source has three digits
        "1/m",
        float(-np.log(sweep(Weather(), key, np.full(1, 40.0), 1).power[0]) / 80),
    )


def _snow(key: Key) -> Iterator[Row]:
    weather, n, end = Weather(snow_mm_h=2), 4000, 6.0
    decay, count = 2.55 * 2**-0.48, 3.8e3 * 2**-0.87  # 1/mm, 1/(m^3 mm)
    area = np.pi / 4 * 2 * count / decay**3 * 1e-6 / weather.flake_density ** (2 / 3)
    yield Row(
        "lidar snow: extinction",
        "twice the area of all flakes",
        2 * area,
        float(-np.log(sweep(weather, key, np.full(1, 40.0), 1).power[0]) / 80),
        1e-9,
        "1/m",
        float(-np.log(sweep(Weather(rain_mm_h=2), key, np.full(1, 40.0), 1).power[0]) / 80),
        "Gunn and Marshall 1958",
    )
    radii = np.array(OPTICS.divergence_mrad) * 1e-3
    volume = integrate.quad(
        lambda r: np.pi / 4 * np.prod(np.hypot(OPTICS.exit_m, radii * r)), NEAR, end
    )[0]
    mean = count / decay * volume
    limit = np.full(n, end)
    yield Row(
        "lidar snow: flakes in the beam",
        "density * volume of the cone",
        mean,
        len(sweep(weather, key, limit).echoes) / n,
        4 * np.sqrt(mean / n),
        "flakes",
        len(sweep(Weather(rain_mm_h=2), key, limit).echoes) / n,
    )


def _wet() -> Iterator[Row]:
    deep = Weather(wet=1, water_mm=50, texture_mm=1e-6, water_absorption_m=0)
    one, dry = np.ones(1), Weather()
    for name, angle, form, due in (
        ("straight down", 0.0, "((n - 1) / (n + 1))^2", ((N - 1) / (N + 1)) ** 2),
        (
            "Brewster's angle",
            float(np.arctan(N)),
            "half of ((1 - n^2) / (1 + n^2))^2",
            ((1 - N**2) / (1 + N**2)) ** 2 / 2,
        ),
    ):
        at = angle * one
        yield Row(
            f"lidar wet ground: mirror, {name}",
            form,
            due,
            float(wet_surface(deep, 0.3 * one, 0 * one, at, one)[1][0]),
            1e-6,
            "1",
            float(wet_surface(dry, 0.3 * one, 0 * one, at, one)[1][0]),
            "Fresnel",
        )


def _window(key: Key) -> Row:
    """The mean over devices: one window has few patches."""
    share, devices, n = 0.2, 60, 2000
    dirty, clean = Weather(window_dirt=share, dirt_transmission=0.5), Weather()
    limit = np.full(n, 10.0)

    def lost(weather: Weather) -> Array:
        found = [np.sqrt(sweep(weather, key, limit, 1e9, k).window).mean() for k in range(devices)]
        return 2 * (1 - np.array(found))

    means = lost(dirty)
    return Row(
        "lidar window: share covered",
        "share of the light lost one way, over 1 - transmission",
        share,
        float(means.mean()),
        4 * float(means.std(ddof=1)) / np.sqrt(devices),
        "1",
        float(lost(clean).mean()),
    )


def _spray() -> Iterator[Row]:
    weather = Weather(wet=1, spray=1, spray_speed_m_s=20)
    box = (np.array([[0, 0, 0.8]]), np.array([[4.0, 1.8, 1.6]]), np.array([[0, 0, 0, 1.0]]))
    moving = plumes(weather, *box, np.array([[20.0, 0, 0]]), 0.0)
    still = plumes(weather, *box, np.zeros((1, 3)), 0.0)
    extinction, length = weather.spray_extinction_m, weather.spray_decay_m
    time, far = 0.5, np.full(1, np.inf)  # by then the car is 10 m on
    for name, origin, way, due in (
        ("along", (-100.0, 0, 0.8), (1.0, 0, 0), extinction * length * (1 - np.exp(-3))),
        ("across", (5.0, -50.0, 0.8), (0.0, 1, 0), extinction * 1.8 * np.exp(-3 / length)),
    ):
        found, control = (
            thickness(p, np.array([origin]), np.array([way]), np.full(1, time), far)[0]
            for p in (moving, still)
        )
        yield Row(
            f"lidar spray: optical thickness {name}",
            "integral of a e^(-s / L)",
            float(due),
            float(found),
            1e-12,
            "1",
            float(control),
        )
