"""How surfaces answer a laser pulse, in shares of what a white matt surface would send back.

Matt surfaces follow Lambert. Gloss adds the microfacet term of a rough mirror seen from where
the light comes from: pi D(theta) F G(theta)^2 / (4 cos theta) with the distribution of
Trowbridge and Reitz, whose facets shade each other by G on the way in and again on the way out.
Without that, light that grazes a rough surface would come back without bound.

Retro-reflectors answer in proportion to their gain and to the square of the cosine: sheeting
keeps about half its gain at 45 degrees.

Source: Walter et al., "Microfacet Models for Refraction through Rough Surfaces", EGSR 2007,
equations 20, 23, 33 and 34.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.rays import Hits, Rays
from simgen.sensors.lidar.weather import Weather
from simgen.sensors.lidar.wet import wet_surface
from simgen.spec import Body, Material
from simgen.world import Surface, World

Array = NDArray[np.float64]
Ints = NDArray[np.int32]
Albedo = Callable[[World, Surface], NDArray[np.float32]]
"""Reflectance (k,) of surface points at the laser's wavelength."""
SMOOTHEST = 0.02  # slope of the facets of a polished surface, which a beam averages over


def plain_albedo(world: World, surface: Surface) -> NDArray[np.float32]:
    """The mean of the materials' colours, without textures."""
    found = np.zeros(len(surface.ray), np.float32)
    for index, rows in surface.rows.items():
        table = np.array([np.mean(m.albedo) for m in world.spec.bodies[index].materials])
        found[rows] = table[surface.part[rows]]
    return found


@dataclass(frozen=True, eq=False)
class Optical:
    """The materials of a scene, one row for each part of each body.

    Attributes:
        weather: What may lie on them.
        first: (b,) int32, row of each body's first part.
        matt, retro, mirror, clear, gloss, slope: (m,) float64; `matt` is what is left for
            Lambert's law, NaN where a texture tells it.
    """

    weather: Weather
    first: Ints
    matt: Array
    retro: Array
    mirror: Array
    clear: Array
    gloss: Array
    slope: Array

    @classmethod
    def of(cls, bodies: tuple[Body, ...], weather: Weather) -> Optical:
        """The materials of these bodies."""
        counts = [len(body.materials) for body in bodies]
        materials = [material for body in bodies for material in body.materials]
        lasers = [material.laser for material in materials]
        return cls(
            weather,
            np.cumsum([0, *counts[:-1]], dtype=np.int32),
            np.array([_matt(material) for material in materials]),
            np.array([laser.retro for laser in lasers]),
            np.array([laser.mirror for laser in lasers]),
            np.array([laser.clear for laser in lasers]),
            np.array([m.specular for m in materials]),
            np.array([max(m.roughness**2, SMOOTHEST) for m in materials]),
        )


def _matt(material: Material) -> float:
    """Reflectance of the matt share, NaN where the surface's colour must be looked up."""
    if material.laser.reflectance is not None:
        return material.laser.reflectance
    if material.texture is None and material.spots is None:
        return float(np.mean(material.albedo))
    return float("nan")


@dataclass(frozen=True, eq=False)
class Met:
    """What rays met, for a laser; rows (n,) of rays without a hit are 0.

    Attributes:
        normal: (n, 3) float64, towards the ray.
        cosine: (n,) of the incidence.
        row: (n,) int32 of `Optical`, -1 for no hit.
        matt: (n,) float64 reflectance.
        mirror, clear: (n,) float64.
    """

    normal: Array
    cosine: Array
    row: Ints
    matt: Array
    mirror: Array
    clear: Array


def meet(
    world: World,
    optical: Optical,
    rays: Rays,
    hits: Hits,
    facing: tuple[Array, Ints],
    albedo: Albedo,
) -> Met:
    """Look up what rays met; `facing` is what `Survey.facing` says of them."""
    normal, part = facing
    n = len(rays)
    cosine, row = np.empty(n), np.empty(n, np.int32)
    matt, mirror, clear = np.empty(n), np.empty(n), np.empty(n)
    tables = (optical.first, optical.matt, optical.mirror, optical.clear)
    found = (rays.directions, hits.body, normal, part)
    written = (cosine, row, matt, mirror, clear)
    if _look_up(tables, found, written):
        rows = np.flatnonzero(np.isnan(matt))
        which = (hits.body[rows], hits.distance_m[rows], hits.face[rows], hits.barycentric[rows])
        matt[rows] = albedo(world, world.surface(rays.take(rows), Hits(*which)))
    if optical.weather.wet:
        # Panes and what is no surface hold no water.
        rows = np.flatnonzero((row >= 0) & (normal[:, 2] > 0) & (clear == 0))
        dry = (matt[rows], mirror[rows], np.arccos(cosine[rows]), normal[rows, 2])
        matt[rows], mirror[rows] = wet_surface(optical.weather, *dry)
    return Met(normal, cosine, row, matt, mirror, clear)


@compiled
def _look_up(
    tables: tuple[Ints, Array, Array, Array],
    found: tuple[Array, Ints, Array, Ints],
    written: tuple[Array, Ints, Array, Array, Array],
) -> bool:
    """Fill in what rays met; returns whether the reflectance of some must be looked up."""
    first, matts, mirrors, clears = tables
    directions, body, normal, part = found
    cosine, row, matt, mirror, clear = written
    textured = False
    for i in range(len(body)):
        if body[i] < 0:
            cosine[i], row[i], matt[i], mirror[i], clear[i] = 0.0, -1, 0.0, 0.0, 0.0
            continue
        along = 0.0
        for a in range(3):
            along -= normal[i, a] * directions[i, a]
        m = first[body[i]] + part[i]
        cosine[i], row[i] = min(max(along, 0.0), 1.0), m
        matt[i], mirror[i], clear[i] = matts[m], mirrors[m], clears[m]
        textured |= np.isnan(matts[m])
    return textured


def answer(optical: Optical, met: Met, way_m: Array) -> Array:
    """Power (n,) that comes back of light that went `way_m` (n,) to a surface, in clear air."""
    power = np.empty(len(way_m))
    tables = (optical.retro, optical.gloss, optical.slope)
    _answer(tables, met.row, (met.cosine, met.matt, met.mirror, met.clear), way_m, power)
    return power


@compiled
def _answer(
    tables: tuple[Array, Array, Array],
    row: Ints,
    met: tuple[Array, Array, Array, Array],
    way_m: Array,
    power: Array,
) -> None:
    retro, gloss, slope = tables
    cosine, matt, mirror, clear = met
    for i in range(len(row)):
        m = row[i]
        if m < 0:
            power[i] = 0.0
            continue
        c = cosine[i]
        square = c * c
        back = max(1 - mirror[i] - clear[i], 0.0) * matt[i] * c + retro[m] * square
        if gloss[m] > 0 and c > 0:
            wide = slope[m] * slope[m]
            bottom = square * (wide - 1) + 1
            unshaded = 2 / (1 + np.sqrt(1 + wide * (1 - square) / square))
            back += gloss[m] * wide * unshaded * unshaded / (bottom * bottom * 4 * c)
        power[i] = back / (way_m[i] * way_m[i])
