"""Asking many at once: neighbouring rays in runs, and rows by body.

Rays and points come in the order of pixels, so a run of them is a small patch. Asking
whether a body can matter to a run first spares asking its members.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.compiled import compiled
from simgen.rays import Rays

RUN = 128  # rays that are asked together
PATCH = 32  # surface points that are asked together
CULL_SLACK = 1e-5  # of the squared range: more than float32 loses in the sphere test


def rows_of_bodies(body: NDArray[np.int32], count: int) -> dict[int, NDArray[np.intp]]:
    """For each of `count` bodies that is there: its rows in `body` (k,), rising."""
    order, ends = _sorted_rows(body, count)
    starts = [0, *ends.tolist()]
    return {
        index: order[start:end]
        for index, (start, end) in enumerate(pairwise(starts))
        if end > start
    }


@compiled
def _sorted_rows(body: NDArray[np.int32], count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows with a body, body by body, and where each body's rows end (count,)."""
    ends = np.zeros(count, np.intp)
    for index in body:
        if index >= 0:
            ends[index] += 1
    total = 0
    for index in range(count):
        total, ends[index] = total + ends[index], total
    order = np.empty(total, np.intp)
    for row in range(len(body)):
        index = body[row]
        if index >= 0:
            order[ends[index]] = row
            ends[index] += 1
    return order, ends


@compiled
def boxes_of_runs(
    points_m: NDArray[np.float64], run: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bounds (r, 3), (r, 3) of each run of points in a row."""
    count = (len(points_m) + run - 1) // run
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    for r in range(count):
        for i in range(r * run, min((r + 1) * run, len(points_m))):
            for a in range(3):
                low[r, a] = min(low[r, a], points_m[i, a])
                high[r, a] = max(high[r, a], points_m[i, a])
    return low, high


@dataclass(frozen=True, eq=False)
class Patches:
    """Surface points in runs of `PATCH`, each with a ball round it.

    Attributes:
        points_m: (n, 3).
        body: (n,) int32, whose points they are.
        middles_m, radii_m: (r, 3), (r,).
    """

    points_m: NDArray[np.float64]
    body: NDArray[np.int32]
    middles_m: NDArray[np.float64]
    radii_m: NDArray[np.float64]

    @classmethod
    def of(cls, points_m: NDArray[np.float64], body: NDArray[np.int32]) -> Patches:
        """Patches of points in the order of pixels."""
        low, high = boxes_of_runs(points_m, PATCH)
        return cls(points_m, body, (low + high) / 2, np.linalg.norm(high - low, axis=1) / 2)

    def towards(
        self,
        directions: NDArray[np.float64],
        centre_m: NDArray[np.float64],
        radius_m: float,
        reach_m: float,
        but: int,
    ) -> NDArray[np.intp]:
        """Rows (k,), rising, of patches from which a sphere may hide a direction (s, 3).

        Points of the body `but` are left out; -1 leaves out none.
        """
        mine = self.middles_m, self.radii_m, self.body
        return _towards(*mine, directions, centre_m, radius_m, reach_m, but)


@compiled
def _towards(
    middles_m: NDArray[np.float64],
    radii_m: NDArray[np.float64],
    body: NDArray[np.int32],
    directions: NDArray[np.float64],
    centre_m: NDArray[np.float64],
    radius_m: float,
    reach_m: float,
    but: int,
) -> NDArray[np.intp]:
    found, k = np.empty(len(body), np.intp), 0
    for run in range(len(middles_m)):
        x = centre_m[0] - middles_m[run, 0]
        y = centre_m[1] - middles_m[run, 1]
        z = centre_m[2] - middles_m[run, 2]
        limit = radius_m + radii_m[run]
        square = x * x + y * y + z * z
        meets = False
        for j in range(len(directions)):
            along = x * directions[j, 0] + y * directions[j, 1] + z * directions[j, 2]
            if -limit <= along <= limit + reach_m and (
                square - along * along <= limit * limit + CULL_SLACK * square
            ):
                meets = True
                break
        if meets:
            for row in range(run * PATCH, min((run + 1) * PATCH, len(body))):
                if body[row] != but:
                    found[k] = row
                    k += 1
    return found[:k]


@dataclass(frozen=True, eq=False)
class Cones:
    """Runs of rays, each with a cone round its directions.

    Attributes:
        axis: (r, 3) unit.
        half_rad: (r,) half angle.
        starts: (r,) first ray of each run.
        middle_m: (3,) of a ball round the origins of all rays.
        spread_m: Its radius.
    """

    axis: NDArray[np.float64]
    half_rad: NDArray[np.float64]
    starts: NDArray[np.intp]
    middle_m: NDArray[np.float64]
    spread_m: float


def cones_of_runs(rays: Rays) -> Cones:
    """A cone round the directions of each run."""
    low, high = boxes_of_runs(rays.directions, RUN)
    middle = (low + high) / 2
    axis = geometry.unit(np.where(np.abs(middle).sum(axis=1, keepdims=True) > 1e-9, middle, 1.0))
    # A box of directions lies within half its diagonal of its middle, an angle of at most
    # asin(half diagonal / distance to the middle).
    ratio = (
        np.linalg.norm(high - low, axis=1) / 2 / np.maximum(np.linalg.norm(middle, axis=1), 1e-9)
    )
    half = np.where(ratio < 1, np.arcsin(np.minimum(ratio, 1)), np.pi)
    (least,), (most,) = boxes_of_runs(rays.origins_m, len(rays.origins_m))
    return Cones(
        axis,
        half,
        np.arange(0, len(rays), RUN),
        (least + most) / 2,
        float(np.linalg.norm(most - least)) / 2,
    )


def near_sphere(
    rays: Rays,
    centre_m: NDArray[np.float64],
    radius_m: float,
    reach_m: float = np.inf,
    cones: Cones | None = None,
) -> NDArray[np.intp]:
    """Rays (k,), rising, that may meet a sphere within reach.

    Args:
        rays: Rays in the world frame.
        centre_m: Of the sphere.
        radius_m: Of the sphere.
        reach_m: How far along the rays.
        cones: `cones_of_runs` of the rays: most runs are spared at once.
    """
    if cones is None:
        starts = np.arange(0, len(rays), RUN)
    else:
        offset = centre_m - cones.middle_m
        # Rays that start elsewhere in the ball of all origins see a larger sphere at most.
        distance, reach = np.linalg.norm(offset), radius_m + cones.spread_m
        starts = cones.starts
        if distance > reach * (1 + 1e-6):
            angle = np.arccos(np.clip(cones.axis @ (offset / distance), -1, 1))
            starts = starts[angle <= cones.half_rad + np.arcsin(reach / distance) + 1e-3]
    return _near_sphere(rays.origins_m, rays.directions, starts, centre_m, radius_m, reach_m)


@compiled
def _near_sphere(
    origins_m: NDArray[np.float64],
    directions: NDArray[np.float64],
    starts: NDArray[np.intp],
    centre_m: NDArray[np.float64],
    radius_m: float,
    reach_m: float,
) -> NDArray[np.intp]:
    n, shared = len(directions), len(origins_m) == 1
    found, k = np.empty(len(starts) * RUN, np.intp), 0
    limit = radius_m * radius_m
    for start in starts:
        for i in range(start, min(start + RUN, n)):
            o = 0 if shared else i
            x = origins_m[o, 0] - centre_m[0]
            y = origins_m[o, 1] - centre_m[1]
            z = origins_m[o, 2] - centre_m[2]
            square = x * x + y * y + z * z
            along = -(x * directions[i, 0] + y * directions[i, 1] + z * directions[i, 2])
            if square - along * along > limit + CULL_SLACK * square:
                continue
            if square > limit and (along < -radius_m or along > radius_m + reach_m):
                continue
            found[k] = i
            k += 1
    return found[:k]
