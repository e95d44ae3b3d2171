"""A slow, readable twin of the LiDAR: casts footprints into a world and plays the receiver.

Written apart from simgen/sensors/lidar, from the same law, for scans that stand still: it
proves fits where the truth is known, and the pipeline must agree with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.calibrate.lidar.replica import Recorded
from evaluation.calibrate.lidar.scans import Revolution, Scans
from simgen.rays import Rays
from simgen.rng import Key
from simgen.sensors.lidar.params import LidarParams, Noise
from simgen.world import World

Array = NDArray[np.float64]
HALF_M_NS = 0.149896229  # light there and back


def simulate(world: World, where: Scans, params: LidarParams, key: Key) -> Scans:
    """Revolutions with the columns of `where`, of a sensor at the origin of the world."""
    scanner = Recorded(where)
    turns = []
    for k, turn in enumerate(where.revolutions):
        pulses = scanner.sweep(k)
        light = _cast(world, pulses.directions, params)
        shape = len(turn.azimuth_deg), where.lasers
        r, i = receive(*light, shape, params, key / k, key / "fixed")
        turns.append(Revolution(turn.azimuth_deg, r, i))
    return Scans(where.name, where.elevation_deg, where.azimuth_offset_deg, tuple(turns))


def _cast(world: World, directions: Array, params: LidarParams) -> tuple[Array, Array]:
    """Range and power (n, s) of the rays of each footprint; range inf where nothing is."""
    s = params.optics.subrays
    across = np.stack([-directions[:, 1], directions[:, 0], np.zeros(len(directions))], axis=1)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    up = np.cross(directions, across)
    half = np.asarray(params.optics.divergence_mrad) * 1e-3 / 2
    k = np.arange(s)
    radius = np.sqrt(-np.log1p(-(k + 0.5) / s) / 2) if s > 1 else np.zeros(1)
    angle = np.pi * (3 - np.sqrt(5)) * k
    ranges, powers = np.empty((len(directions), s)), np.empty((len(directions), s))
    table, retro = _lasers(world)
    for j in range(s):
        d = directions + half[0] * radius[j] * np.cos(angle[j]) * across
        d = d + half[1] * radius[j] * np.sin(angle[j]) * up
        d /= np.linalg.norm(d, axis=1, keepdims=True)
        rays = Rays(np.zeros((1, 3)), d, np.zeros(1))
        hits = world.cast(rays)
        surface = world.surface(rays, hits)
        q = np.zeros(len(d))
        cosine = np.abs(np.einsum("ij,ij->i", surface.normal, d[surface.ray]))
        for index, rows in surface.rows.items():
            part = surface.part[rows]
            c = cosine[rows]
            q[surface.ray[rows]] = table[index][part] * c + retro[index][part] * c * c
        ranges[:, j] = hits.distance_m
        with np.errstate(invalid="ignore"):
            powers[:, j] = np.where(np.isfinite(ranges[:, j]), q / ranges[:, j] ** 2 / s, 0.0)
    return ranges, powers


def _lasers(world: World) -> tuple[list[Array], list[Array]]:
    lasers = [[m.laser for m in body.materials] for body in world.spec.bodies]
    matt = [np.array([m.reflectance or 0.0 for m in each]) for each in lasers]
    return matt, [np.array([m.retro for m in each]) for each in lasers]


def receive(
    ranges: Array,
    powers: Array,
    shape: tuple[int, int],
    params: LidarParams,
    key: Key,
    fixed: Key,
) -> tuple[Array, Array]:
    """Ranges and readings (c, l) of the strongest echo of each pulse, 0 where none is told.

    A reading stands where gain lost the range, as real sensors have it. `fixed` is the stream
    of what does not change from sweep to sweep.
    """
    noise, length = params.noise, HALF_M_NS * params.optics.pulse_ns
    middle, peak = _strongest(ranges, powers, length)
    least = params.reference_reflectance / params.max_range_m**2
    rng = key.generator()
    n = rng.standard_normal((4, len(peak)))
    unit = least / noise.threshold_snr
    near = near_share(middle, noise)
    seen = peak * near * (1 + noise.energy_sigma * n[0]) + unit * n[1]
    there = (peak > 0) & (seen >= least)
    ratio = np.where(there, seen / unit, 1.0)
    sd = np.hypot(noise.range_floor_m, noise.range_snr_m * ratio**-noise.range_snr_power)
    told = np.where(there, middle, 0.0) + sd * n[2]
    there &= (told >= params.min_range_m) & (told <= params.cutoff_m)
    scale = params.intensity
    level = scale.scale * np.where(there, seen / near * told**2, 0.0) ** scale.power
    level = np.clip(np.rint(level * (1 + scale.sigma * n[3])), 0, 2**scale.bits - 1)
    if noise.range_step_m > 0:
        told = np.rint(told / noise.range_step_m) * noise.range_step_m
    told, level = np.where(there, told, 0.0).reshape(shape), level.reshape(shape)
    return np.where(_lost(told > 0, level, noise, fixed), 0.0, told), level


def near_share(range_m: Array, noise: Noise) -> Array:
    """Share of the light of a spot that falls on the detector."""
    if noise.near_m == 0:
        return np.ones_like(range_m)
    found: Array = -np.expm1(-np.square(range_m / noise.near_m))
    return found


def _strongest(ranges: Array, powers: Array, length: float) -> tuple[Array, Array]:
    """Range and power (n,) of the strongest echo; parts closer than the pulse are one."""
    order = np.argsort(ranges, axis=1)
    r, p = np.take_along_axis(ranges, order, 1), np.take_along_axis(powers, order, 1)
    finite = np.isfinite(r)
    r = np.where(finite, r, 1e9)
    group = np.cumsum(np.diff(r, axis=1, prepend=r[:, :1]) >= length, axis=1)
    best_r, best_p = np.full(len(r), 1.0), np.zeros(len(r))
    for g in range(r.shape[1]):
        share = np.where((group == g) & finite, p, 0.0)
        whole = share.sum(axis=1)
        mean = (share * r).sum(axis=1) / np.maximum(whole, 1e-300)
        wide = (share * (r - mean[:, None]) ** 2).sum(axis=1) / np.maximum(whole, 1e-300)
        sigma = length / (2 * np.sqrt(2 * np.log(2)))
        peak = whole * sigma / np.sqrt(sigma**2 + wide)
        better = peak > best_p
        best_r, best_p = np.where(better, mean, best_r), np.where(better, peak, best_p)
    return best_r, best_p


def _lost(there: NDArray[np.bool_], level: Array, noise: Noise, fixed: Key) -> NDArray[np.bool_]:
    lost = np.zeros(there.shape, np.bool_)
    if noise.gain_steps is None:
        return lost
    rise = np.diff(np.log(level + 0.5), axis=0)
    z = fixed.generator().standard_normal((2, *rise.shape))
    (up, down), (s, t) = np.log(noise.gain_steps), noise.gain_spreads
    over = (rise > up + s * z[0]) | (-rise > down + t * z[1])
    lost[1:] = there[1:] & there[:-1] & over
    return lost
