"""The footprint of a beam, taken apart into rays of equal energy.

A Gaussian beam is a bundle of straight rays that are skew to its axis: from a point u of the
waist, the ray leans at right angles to u, so that at range R it is w(R) |u| from the axis with
w(R)^2 = w0^2 + (beta R / 2)^2. Energy, width and their growth are then exact at every range.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.rays import Hits, Rays
from simgen.sensors.lidar.params import Optics
from simgen.sensors.lidar.pulses import Pulses

Array = NDArray[np.float64]
GOLDEN_RAD = np.pi * (3 - np.sqrt(5))
STEP_M = 0.02  # a neighbour this far off the surface's plane lies on another surface


@lru_cache(maxsize=8)
def spots(count: int) -> Array:
    """Places (count, 2) of equal energy in a Gaussian beam, in radii at 1/e^2.

    On a sunflower spiral at the quantiles of the energy, 1 - exp(-2 r^2), and scaled to the
    beam's second moment, which is 1/2.
    """
    if count == 1:
        return np.zeros((1, 2))
    share = (np.arange(count) + 0.5) / count
    radius = np.sqrt(-np.log1p(-share) / 2)
    radius = radius * np.sqrt(0.5 / np.mean(radius**2))
    angle = GOLDEN_RAD * np.arange(count)
    found: Array = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return found


def slant_m(rays: Rays, up: Array, distance_m: Array, normal: Array, optics: Optics) -> Array:
    """Standard deviation (n,) of the range within each footprint on a plane; 0 for no hit.

    Args:
        rays: The axes of the beams.
        up: (n, 3) or (1, 3) the sensor's upward axis in the world.
        distance_m: (n,) to the planes.
        normal: (n, 3) of the planes.
        optics: The beam.
    """
    found = np.zeros(len(distance_m))
    half = np.asarray(optics.divergence_mrad) * 1e-3 / 2
    _slant(rays.directions, up, distance_m, normal, (optics.exit_m / 2, half[0], half[1]), found)
    return found


@compiled
def _slant(
    directions: Array,
    up: Array,
    distance_m: Array,
    normal: Array,
    beam: tuple[float, float, float],
    found: Array,
) -> None:
    waist, wide, high = beam
    still = len(up) == 1
    for i in range(len(distance_m)):
        s = distance_m[i]
        if np.isinf(s):
            continue
        m = 0 if still else i
        x, y, z = directions[i, 0], directions[i, 1], directions[i, 2]
        a, b, c = up[m, 0], up[m, 1], up[m, 2]
        p, q, r = normal[i, 0], normal[i, 1], normal[i, 2]
        along = p * x + q * y + r * z
        lift = a * x + b * y + c * z  # the upward axis, less what points along the beam
        level = max(1 - lift * lift, 1e-18)
        # The normal's share along the axis that is up of the beam, and what is left across it.
        rise = (p * a + q * b + r * c - lift * along) ** 2 / level
        side = max(1 - along * along - rise, 0.0)
        width = waist * waist + (wide * s) ** 2
        height = waist * waist + (high * s) ** 2
        found[i] = np.sqrt(side * width + rise * height) / 2 / max(abs(along), 1e-3)


def sub_rays(rays: Rays, up: Array, optics: Optics) -> Rays:
    """The rays (n * subrays) of the footprints of beams (n,), beam by beam.

    Args:
        rays: The axes of the beams.
        up: (n, 3) or (1, 3) the sensor's upward axis in the world.
        optics: The beam.
    """
    spot = spots(optics.subrays)
    waist, lean = optics.exit_m / 2, np.asarray(optics.divergence_mrad) * 1e-3 / 2
    origins, directions = _spread(rays.origins_m, rays.directions, up, spot, waist, lean)
    times = rays.times_s if len(rays.times_s) == 1 else np.repeat(rays.times_s, len(spot))
    return Rays(origins, directions, times)


@compiled
def _spread(
    origins_m: Array, directions: Array, up: Array, spot: Array, waist_m: float, lean_rad: Array
) -> tuple[Array, Array]:
    n, s = len(directions), len(spot)
    origin, direction = np.empty((n * s, 3)), np.empty((n * s, 3))
    across, high = np.empty(3), np.empty(3)
    shared, still = len(origins_m) == 1, len(up) == 1
    for i in range(n):
        o, m = 0 if shared else i, 0 if still else i
        x, y, z = directions[i, 0], directions[i, 1], directions[i, 2]
        # To the left of the beam as the sensor stands, and upwards of it.
        across[0] = up[m, 1] * z - up[m, 2] * y
        across[1] = up[m, 2] * x - up[m, 0] * z
        across[2] = up[m, 0] * y - up[m, 1] * x
        length = np.sqrt(across[0] ** 2 + across[1] ** 2 + across[2] ** 2)
        if length < 1e-9:  # straight up or down: any direction will do
            a = 0 if abs(x) < 0.9 else 1
            across[:] = 0.0
            across[a] = 1.0
            along = directions[i, a]
            across[0] -= along * x
            across[1] -= along * y
            across[2] -= along * z
            length = np.sqrt(across[0] ** 2 + across[1] ** 2 + across[2] ** 2)
        across /= length
        high[0] = y * across[2] - z * across[1]
        high[1] = z * across[0] - x * across[2]
        high[2] = x * across[1] - y * across[0]
        for k in range(s):
            row, square = i * s + k, 0.0
            for a in range(3):
                origin[row, a] = origins_m[o, a] + waist_m * (
                    spot[k, 0] * across[a] + spot[k, 1] * high[a]
                )
                direction[row, a] = directions[i, a] + (
                    -spot[k, 1] * lean_rad[0] * across[a] + spot[k, 0] * lean_rad[1] * high[a]
                )
                square += direction[row, a] ** 2
            scale = 1 / np.sqrt(square)
            for a in range(3):
                direction[row, a] *= scale
    return origin, direction


def edges(
    pulses: Pulses, rays: Rays, hits: Hits, normal: Array, shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Pulses (n,) whose neighbours in the range image lie on another surface, or on none.

    Args:
        pulses: The sweep.
        rays: Its rays.
        hits: What they hit.
        normal: (n, 3) at the hits.
        shape: Rings and columns.
    """
    grid = np.full(shape, -1, np.int32)
    grid[pulses.ring, pulses.column] = np.arange(len(pulses), dtype=np.int32)
    found = np.zeros(len(pulses), np.bool_)
    cast = (rays.origins_m, rays.directions, hits.distance_m)
    _edges(grid, cast, normal, found)
    return found


@compiled
def _edges(
    grid: NDArray[np.int32],
    cast: tuple[Array, Array, Array],
    normal: Array,
    found: NDArray[np.bool_],
) -> None:
    origins, directions, distance = cast
    shared = len(origins) == 1
    rings, columns = grid.shape
    for r in range(rings):
        for c in range(columns):
            i = grid[r, c]
            if i < 0:
                continue
            for way in range(2):  # each pair of neighbours once
                q, p = (r + 1, c) if way == 0 else (r, c + 1)
                j = grid[q, p] if q < rings and p < columns else -1
                if j < 0 or (found[i] and found[j]):
                    continue
                if np.isinf(distance[i]) or np.isinf(distance[j]):
                    apart = np.isinf(distance[i]) != np.isinf(distance[j])
                else:
                    first, second = 0.0, 0.0
                    for a in range(3):
                        step = (origins[0 if shared else j, a] + distance[j] * directions[j, a]) - (
                            origins[0 if shared else i, a] + distance[i] * directions[i, a]
                        )
                        first += step * normal[i, a]
                        second += step * normal[j, a]
                    apart = min(abs(first), abs(second)) > STEP_M
                if apart:
                    found[i] = True
                    found[j] = True
