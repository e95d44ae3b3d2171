"""How a surface answers millimetre waves.

A surface has a facet lobe, that of geometric optics for slopes with a Gaussian law, and a
matt share. Its radar cross section for an area A seen at incidence th is A sigma0(th) with

    sigma0 = F exp(-tan^2 th / 2 s^2) / (2 s^2 cos^4 th) + 4 d cos^2 th

F is the reflectance at normal incidence, s the rms slope and d the albedo of the matt share.
The first term is Beckmann's microfacet law looked back along the light; whatever s is, as
long as it is small, a sphere comes out at F pi r^2 and a wide plane at F pi R^2, its mirror
image. For a flat face of area P the lobe is no narrower than its diffraction: s^2 is raised
by wavelength^2 / (8 pi P), which gives 4 pi P^2 / wavelength^2 when looked at squarely.

Sources: Barrick, "Rough surface scattering based on the specular point theory", IEEE Trans.
Antennas Propag. 16, 1968; Walter et al., "Microfacet models for refraction through rough
surfaces", EGSR 2007, eq. 25; Rayleigh's criterion as in Beckmann and Spizzichino 1963, 5.3;
Schlick, "An inexpensive BRDF model", 1994.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.spec import Material, SceneSpec

Array = NDArray[np.float64]
HEIGHT_M = 1e-3  # rms height of a surface of roughness 1


@dataclass(frozen=True, eq=False)
class Answers:
    """Of all materials of a scene, one after the other.

    Attributes:
        first: (bodies,) number of each body's first material.
        reflectance: (m,) F.
        slope: (m,) s.
        height_m: (m,) rms height, for mirrors.
        matt: (m,) d.
    """

    first: NDArray[np.intp]
    reflectance: Array
    slope: Array
    height_m: Array
    matt: Array

    @classmethod
    def of(cls, spec: SceneSpec) -> Answers:
        """The answers of a scene's materials."""
        counts = [len(body.materials) for body in spec.bodies]
        rows = np.array(
            [answer(material) for body in spec.bodies for material in body.materials]
        ).reshape(-1, 4)
        first = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.intp)
        return cls(first[: len(counts)], *(np.ascontiguousarray(c) for c in rows.T))


def answer(material: Material) -> tuple[float, float, float, float]:
    """Reflectance, slope, rms height in metres and matt share of a material.

    What `Material.radar` leaves open follows from the optics: the reflectance is the larger
    of `specular` and `laser.mirror` (0.04 is plastic, 1 bare metal), the slope is that of
    the highlight (roughness^2 is Beckmann's alpha, sqrt(2) s), and the height is a millimetre
    at roughness 1, as asphalt has.
    """
    radar = material.radar
    reflectance, slope, height_m = radar.reflectance, radar.slope, radar.height_m
    if reflectance is None:
        reflectance = max(material.specular, material.laser.mirror)
    if slope is None:
        slope = material.roughness**2 / math.sqrt(2)
    if height_m is None:
        height_m = HEIGHT_M * material.roughness
    return reflectance, slope, height_m, radar.matt


@compiled
def sigma0(cosine: Array, reflectance: Array, slope: Array, matt: Array) -> Array:
    """Radar cross section per area (n,) of surfaces at cosines of incidence (n,)."""
    found = np.zeros(len(cosine))
    for i in range(len(cosine)):
        c = cosine[i]
        if c <= 0:
            continue
        c2, s2 = c * c, 2 * slope[i] * slope[i]
        found[i] = 4 * matt[i] * c2
        fall = (1 - c2) / (c2 * s2)
        if fall < 100:
            found[i] += reflectance[i] * math.exp(-fall) / (s2 * c2 * c2)
    return found


def mirrored(cosine: Array, reflectance: Array, height_m: Array, wavelength_m: float) -> Array:
    """Share of the power (n,) that goes on as from a mirror: Fresnel's times Rayleigh's."""
    fresnel = reflectance + (1 - reflectance) * (1 - cosine) ** 5
    return np.asarray(fresnel * np.exp(-((4 * np.pi * height_m * cosine / wavelength_m) ** 2)))
