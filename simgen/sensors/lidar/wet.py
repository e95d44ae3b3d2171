"""Wet ground: darker where water lies on it, and a mirror where the water is deep enough.

A film of water of index n over a matt surface of reflectance rho sends straight back, as a
share of a white matt surface under the same light,

    rho_wet = T(theta)^2 / n^2 * rho / (1 - p rho) * e^(-2 a d / cos theta'),

with the Fresnel transmission T on the way in and out, n^2 for the widening of the light that
leaves, and p the share of the light from the ground that the film throws back down (Lekner
and Dorf 1988). Light that the film's face reflects, F = 1 - T, goes on as from a mirror where
the water lies flat: where it is deeper than the texture of the ground. Depths of texture are
taken as exponential, so that this share is e^(-texture / water).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simgen.sensors.lidar.falling import WATER_INDEX
from simgen.sensors.lidar.weather import Weather

Array = NDArray[np.float64]


def fresnel(incidence_rad: ArrayLike, index: float = WATER_INDEX) -> tuple[Array, Array]:
    """Reflectances (...), (...) of a clear smooth face for s and p polarisation."""
    cos = np.cos(np.asarray(incidence_rad, np.float64))
    inside = np.sqrt(index**2 - 1 + cos**2)  # index times the cosine within
    s = ((cos - inside) / (cos + inside)) ** 2
    p = ((index**2 * cos - inside) / (index**2 * cos + inside)) ** 2
    return s, p


def film_return(index: float = WATER_INDEX) -> float:
    """Share of matt light from below that a film throws back down.

    Light is as likely lost on its way out as on its way in, and goes out of a cone only n^2
    times narrower: 1 - (1 - mean of F over matt light from above) / n^2.
    """
    node, weight = np.polynomial.legendre.leggauss(64)
    square = (1 + node) / 2  # matt light is even in sin^2
    from_above = np.mean(fresnel(np.arcsin(np.sqrt(square)), index), axis=0)
    return float(1 - (1 - (weight * from_above).sum() / 2) / index**2)


def wet_surface(
    weather: Weather, reflectance: Array, mirror: Array, incidence_rad: Array, up: Array
) -> tuple[Array, Array]:
    """How surfaces answer when they are wet.

    Args:
        weather: Its `wet`, `water_mm`, `texture_mm` and `water_absorption_m`.
        reflectance: (k,) of the matt share, dry.
        mirror: (k,) share that goes on as from a mirror, dry.
        incidence_rad: (k,) angle between beam and normal.
        up: (k,) upward part of the unit normal, -1 to 1: a slope holds as much water as
            it catches, and walls and ceilings hold none.

    Returns:
        reflectance: (k,) such that `(1 - mirror) * reflectance * cos` is the answer of
            matt kind, with the mirror below.
        mirror: (k,).
    """
    if not weather.wet:
        return reflectance, mirror
    cover = weather.wet * np.maximum(up, 0)
    faces = np.mean(fresnel(incidence_rad), axis=0)
    within = np.sqrt(1 - (np.sin(incidence_rad) / WATER_INDEX) ** 2)
    clear = np.exp(-2e-3 * weather.water_absorption_m * weather.water_mm / within)
    passed = (1 - faces) ** 2 * clear
    base = passed / WATER_INDEX**2 * reflectance / (1 - film_return() * reflectance)
    matt = (1 - cover) * (1 - mirror) * reflectance + cover * (1 - mirror) * base
    flat = np.exp(-weather.texture_mm / weather.water_mm)
    shine = (1 - cover) * mirror + cover * (flat * faces + passed * mirror)
    # The pipeline cuts the matt share by the mirror; Fresnel's loss is in `base` already.
    return matt / np.maximum(1 - shine, np.finfo(float).tiny), shine
