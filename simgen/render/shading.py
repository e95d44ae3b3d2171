"""The loops of the direct-light renderer: what reaches a surface, and what leaves it.

Radiance is in units in which a white surface that faces an irradiance of 1 has radiance
1: the factor pi is left out throughout.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.render.texture import nearest_spot

Image = NDArray[np.float32]
SHARPEST = 1e-8  # square of 0.1 mrad: a perfect mirror of a point lamp would be infinitely bright
Array = NDArray[np.float64]


@compiled
def lean(
    normal: Image,
    local_m: Array,
    rows: NDArray[np.intp],
    turn: Array,
    dome: float,
    centres_m: Array,
    radius_m: float,
    depth: float,
) -> None:
    """Tilt the normals (k, 3) of one material in place: domed faces and hollow spots.

    Args:
        normal: World frame.
        local_m: (k, 3) points, body frame.
        rows: Which points are of this material.
        turn: (1, 3, 3) or one for each of `rows`, body to world.
        dome: How much normals lean outwards for each metre from the body's middle.
        centres_m: (s, 3) of spots, none if empty.
        radius_m: Of the spots.
        depth: Of the spots.
    """
    still = len(turn) == 1
    tilt = np.empty(3)
    for h in range(len(rows)):
        row, m = rows[h], 0 if still else h
        for a in range(3):
            tilt[a] = -dome * local_m[row, a]
        if len(centres_m):
            spot = nearest_spot(local_m[row], centres_m, radius_m)
            if spot >= 0:
                for a in range(3):
                    tilt[a] += depth * (local_m[row, a] - centres_m[spot, a]) / radius_m
        x = normal[row, 0] - (
            turn[m, 0, 0] * tilt[0] + turn[m, 0, 1] * tilt[1] + turn[m, 0, 2] * tilt[2]
        )
        y = normal[row, 1] - (
            turn[m, 1, 0] * tilt[0] + turn[m, 1, 1] * tilt[1] + turn[m, 1, 2] * tilt[2]
        )
        z = normal[row, 2] - (
            turn[m, 2, 0] * tilt[0] + turn[m, 2, 1] * tilt[1] + turn[m, 2, 2] * tilt[2]
        )
        length = np.sqrt(x * x + y * y + z * z)
        normal[row, 0], normal[row, 1], normal[row, 2] = x / length, y / length, z / length


@compiled
def open_sky(sky: Array, horizon: Array, ground: Array, normal: Image) -> Image:
    """Irradiance (k, 3) from an environment on surfaces of these normals (k, 3), nothing near.

    Closed form: over the directions that both the normal n and the vertical z face, the
    integral of (n.d)(z.d) is 2/3 ((pi - b) cos b + sin b), b the angle between them.
    """
    light = np.empty((len(normal), 3), np.float32)
    last, level = np.float32(np.nan), np.empty(3, np.float32)
    for k in range(len(normal)):
        up = normal[k, 2]
        if up != last:  # flat ground is most of many pictures
            last = up
            cosine = min(max(np.float64(up), -1.0), 1.0)
            angle, sine = np.arccos(cosine), np.sqrt(1 - cosine * cosine)
            above = (2 / (3 * np.pi)) * ((np.pi - angle) * cosine + sine)
            below = (2 / (3 * np.pi)) * (sine - angle * cosine)
            for c in range(3):
                level[c] = (
                    horizon[c] + above * (sky[c] - horizon[c]) + below * (ground[c] - horizon[c])
                )
        light[k, 0], light[k, 1], light[k, 2] = level[0], level[1], level[2]
    return light


@compiled
def shade_sky(
    normal: Image, hidden: NDArray[np.bool_], up: Array, radiance: Array, irradiance: Image
) -> None:
    """Take hidden parts of the sky off the irradiance (k, 3), in place.

    Args:
        normal: (k, 3).
        hidden: (k, s) which directions something stands in.
        up: (s, 3) directions.
        radiance: (s, 3) light from each, times its share of solid angle over pi.
        irradiance: What is written.
    """
    for k in range(len(normal)):
        for j in range(len(up)):
            if hidden[k, j]:
                facing = normal[k, 0] * up[j, 0] + normal[k, 1] * up[j, 1] + normal[k, 2] * up[j, 2]
                if facing > 0:
                    for c in range(3):
                        irradiance[k, c] -= facing * radiance[j, c]
        for c in range(3):
            irradiance[k, c] = max(irradiance[k, c], np.float32(0))


@compiled
def add_lamp(
    normal: Image,
    hidden: NDArray[np.bool_],
    directions: Array,
    facing: float,
    lamp: Array,
    level: Array,
    irradiance: Image,
) -> Image:
    """Add a lamp to the irradiance (k, 3), in place, and return the share of it seen (k,).

    Args:
        normal: (k, 3).
        hidden: (k, s) which directions something stands in.
        directions: (s, 3) across the lamp.
        facing: Sum of the cosines at a surface that faces the lamp: it gets all its light.
        lamp: (3,) the irradiance there.
        level: (k,) or (1,) how bright the lamp is at each point's time.
        irradiance: What is written.
    """
    share, steady = np.empty(len(normal), np.float32), len(level) == 1
    for k in range(len(normal)):
        now = level[0 if steady else k]
        whole = seen = 0.0
        for j in range(len(directions)):
            cosine = (
                normal[k, 0] * directions[j, 0]
                + normal[k, 1] * directions[j, 1]
                + normal[k, 2] * directions[j, 2]
            )
            if cosine > 0:
                whole += cosine
                if not hidden[k, j]:
                    seen += cosine
        share[k] = now * seen / whole if whole > 0 else 0.0
        for c in range(3):
            irradiance[k, c] += now * seen / facing * lamp[c]
    return share


@compiled
def add_diffuse(light: Image, ray: NDArray[np.intp], colour: Image, irradiance: Image) -> None:
    """Add to the light (n, 3), at the rays (k,) that hit, what matt surfaces (k, 3) reflect."""
    for k in range(len(ray)):
        for c in range(3):
            light[ray[k], c] += colour[k, c] * irradiance[k, c]


@compiled
def add_gloss(
    light: Image,
    ray: NDArray[np.intp],
    directions: Array,
    normal: Image,
    roughness: Image,
    specular: Image,
    environment: Array,
    towards: Array,
    lamps: Array,
    widths: Array,
    seen: Image,
) -> None:
    """Add reflected sky and lamps: Schlick's Fresnel and a Gaussian lobe of unit energy.

    Args:
        light: (n, 3) what is written, at the rays that hit.
        ray: (k,) those rays.
        directions: (n, 3) of all rays.
        normal: (k, 3) of the surfaces.
        roughness: (k,).
        specular: (k,) reflectance at normal incidence.
        environment: (3, 3) radiance of sky, horizon and ground.
        towards: (l, 3) direction of each lamp.
        lamps: (l, 3) irradiance of each.
        widths: (l,) mean square breadth of each.
        seen: (l, k) share of each lamp that is seen.
    """
    for k in range(len(ray)):
        i = ray[k]
        x, y, z = directions[i, 0], directions[i, 1], directions[i, 2]
        p, q, r = normal[k, 0], normal[k, 1], normal[k, 2]
        cosine = min(max(-(x * p + y * q + z * r), 0.0), 1.0)
        x, y, z = x + 2 * cosine * p, y + 2 * cosine * q, z + 2 * cosine * r
        rough, s = np.float64(roughness[k]), np.float64(specular[k])
        fresnel = s + (1 - s) * (1 - rough) * (1 - cosine) ** 5
        far = 0 if z >= 0 else 2
        for c in range(3):
            mirrored = environment[1, c] + (environment[far, c] - environment[1, c]) * abs(z)
            light[i, c] += fresnel * mirrored
        for j in range(len(lamps)):
            width = max(widths[j] + rough**4, SHARPEST)
            # 2 - 2 cos is the square of the angle where the lobe is not negligible.
            square = 2 - 2 * (x * towards[j, 0] + y * towards[j, 1] + z * towards[j, 2])
            # Irradiance over pi is the light's power in radiance units times solid angle.
            lobe = seen[j, k] * np.exp(-square / (2 * width)) / (2 * width)
            for c in range(3):
                light[i, c] += fresnel * lobe * lamps[j, c]
