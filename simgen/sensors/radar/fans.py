"""Rays that look for scatterers: one fan for each body, so that small ones are not missed.

A fan covers the part of the field that its body may fill, with cells of equal solid angle
(even in azimuth and in the sine of elevation), and one ray at a random place in each cell.
Only the hits of a fan on its own body count, so what stands before it still hides it and
nothing counts twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.rng import Key
from simgen.sensors.radar.params import Fan
from simgen.spec import Asset
from simgen.world import World

Array = NDArray[np.float64]
MARGIN = 0.02  # of a fan's width, for edges that bend between the points of an outline
NEAR_M = 1e-3  # what is nearer to the sensor's plane is beside it, not before it
ALONG = 17  # points on each edge of an outline, see `Asset.outline_m`


@dataclass(frozen=True, eq=False)
class Sheaf:
    """Rays of all fans.

    Attributes:
        directions: (n, 3) in the sensor's frame.
        body: (n,) intp, whose fan each is of.
        solid_sr: (n,) solid angle that it stands for.
        phase: (n,) of the waves from where it hits, in cycles; the same in all frames.
    """

    directions: Array
    body: NDArray[np.intp]
    solid_sr: Array
    phase: Array

    def __len__(self) -> int:
        return len(self.body)


def sheaf(world: World, position_m: Array, turn: Array, time_s: float, fan: Fan, key: Key) -> Sheaf:
    """The rays of one frame.

    Args:
        world: The scene.
        position_m: (3,) of the sensor.
        turn: (3, 3) from its axes to the world's.
        time_s: When.
        fan: How many.
        key: Stream of the places in the cells and of the phases: the same for all frames, so
            that what is at rest answers in the same way.
    """
    azimuth, elevation = fan.field_rad[0] / 2, fan.field_rad[1] / 2
    field = np.array([[-azimuth, azimuth], [-math.sin(elevation), math.sin(elevation)]])
    density = fan.rays / _solid(field)
    parts = []
    for index, body in enumerate(world.spec.bodies):
        place, axes = body.motion.pose(time_s)
        seen = _seen(body.asset, turn.T @ axes, turn.T @ (place - position_m), field)
        if seen is None:
            continue
        count = max(fan.body_rays, math.ceil(density * _solid(seen)))
        parts.append(_rays(seen, count, index, key / index))
    if not parts:
        none = np.zeros(0)
        return Sheaf(np.zeros((0, 3)), np.zeros(0, np.intp), none, none)
    return Sheaf(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _solid(window: Array) -> float:
    return float(np.prod(window[:, 1] - window[:, 0]))


def _seen(asset: Asset, turn: Array, place_m: Array, field: Array) -> Array | None:
    """The window (2, 2) of azimuth and sine of elevation that a body may fill, or None."""
    low, high = asset.bounds_m
    eye = -turn.T @ place_m
    if ((eye >= low) & (eye <= high)).all():
        return field
    outline = asset.outline_m @ turn.T + place_m
    edges = outline.reshape(ALONG, -1, 3)
    if not (outline[:, 0] > NEAR_M).any():
        return None
    if not (outline[:, 0] > NEAR_M).all():
        edges = _before(edges[0], edges[-1])
    points = edges.reshape(-1, 3)
    angles = np.column_stack(
        [np.arctan2(points[:, 1], points[:, 0]), points[:, 2] / np.linalg.norm(points, axis=1)]
    )
    window = np.stack([angles.min(axis=0), angles.max(axis=0)], axis=1)
    spread = MARGIN * (window[:, 1] - window[:, 0]) + 1e-6
    window = np.stack(
        [
            np.maximum(window[:, 0] - spread, field[:, 0]),
            np.minimum(window[:, 1] + spread, field[:, 1]),
        ],
        axis=1,
    )
    return window if (window[:, 1] > window[:, 0]).all() else None


def _before(start: Array, end: Array) -> Array:
    """Points along the parts of edges (e, 3) that lie before the sensor."""
    first, last = start[:, 0] > NEAR_M, end[:, 0] > NEAR_M
    some = first | last
    start, end, first, last = start[some], end[some], first[some], last[some]
    run = end[:, 0] - start[:, 0]
    cross = (NEAR_M - start[:, 0]) / np.where(run == 0, 1, run)
    begin, stop = np.where(first, 0, cross), np.where(last, 1, cross)
    # Near the sensor's plane directions change fast: points lie closer together there.
    way = np.linspace(0, 1, 4 * ALONG)[:, None] ** np.where(first, 1, 3)
    way = np.where(last, way, 1 - np.linspace(1, 0, 4 * ALONG)[:, None] ** 3)
    along = begin + way * (stop - begin)
    points: Array = start + along[..., None] * (end - start)
    return points


def _rays(window: Array, count: int, index: int, key: Key) -> tuple[Array, ...]:
    """Directions, body, solid angles and phases of one fan."""
    width, height = window[:, 1] - window[:, 0]
    columns = max(1, round(math.sqrt(count * width / height)))
    rows = max(1, math.ceil(count / columns))
    n = rows * columns
    shift = key.generator().random((n, 3))
    row, column = np.divmod(np.arange(n), columns)
    azimuth = window[0, 0] + (column + shift[:, 0]) / columns * width
    sine = window[1, 0] + (row + shift[:, 1]) / rows * height
    level = np.sqrt(1 - sine**2)
    directions = np.column_stack([level * np.cos(azimuth), level * np.sin(azimuth), sine])
    return (
        directions,
        np.full(n, index, np.intp),
        np.full(n, _solid(window) / n),
        np.ascontiguousarray(shift[:, 2]),
    )
