"""Asking many at once: neighbouring rays in runs, and rows by body.

Rays and points come in the order of pixels, so a run of them is a small patch. Asking
whether a body can matter to a run first spares asking its members.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.rays import Rays

RUN = 128  # neighbours that are asked together


def rows_of_bodies(body: NDArray[np.int32], count: int) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """For each of `count` bodies that is there: its index, and its rows in `body` (k,)."""
    for index in np.flatnonzero(np.bincount(body[body >= 0], minlength=count)):
        yield int(index), np.flatnonzero(body == index)


def boxes_of_runs(
    points_m: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Bounds (r, 3), (r, 3) of each run of `RUN` points in a row, and where runs start (r,).

    Points come in the order of pixels, so that a run is a small patch: asking a run first
    spares asking its points.
    """
    starts = np.arange(0, len(points_m), RUN)
    return np.minimum.reduceat(points_m, starts), np.maximum.reduceat(points_m, starts), starts


def in_runs(chosen: NDArray[np.bool_], starts: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """Indices below `n` in the chosen runs."""
    if chosen.all():
        return np.arange(n)
    index = (starts[chosen][:, None] + np.arange(RUN)).ravel()
    return index[index < n]


def cones_of_runs(
    rays: Rays,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Axis (r, 3) and half angle (r,) of a cone round each run of directions."""
    low, high, starts = boxes_of_runs(rays.directions)
    middle = (low + high) / 2
    axis = geometry.unit(np.where(np.abs(middle).sum(axis=1, keepdims=True) > 1e-9, middle, 1.0))
    # A box of directions lies within half its diagonal of its middle, an angle of at most
    # asin(half diagonal / distance to the middle).
    ratio = (
        np.linalg.norm(high - low, axis=1) / 2 / np.maximum(np.linalg.norm(middle, axis=1), 1e-9)
    )
    half = np.where(ratio < 1, np.arcsin(np.minimum(ratio, 1)), np.pi)
    return axis, half, starts


def in_cones(
    sphere: tuple[NDArray[np.float64], float],
    origin: NDArray[np.float64],
    cones: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]],
    n: int,
) -> NDArray[np.intp]:
    """Rays in runs whose cone may meet a sphere."""
    axis, half, starts = cones
    offset = sphere[0] - origin
    distance = np.linalg.norm(offset)
    if distance <= sphere[1] * (1 + 1e-6):
        return np.arange(n)
    angle = np.arccos(np.clip(axis @ (offset / distance), -1, 1))
    return in_runs(angle <= half + np.arcsin(sphere[1] / distance) + 1e-3, starts, n)
