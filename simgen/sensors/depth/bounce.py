"""Light that comes by way of one other surface (multipath in concave corners).

Every patch of what the camera sees is lit by the emitter and lights the rest. The model's
limits: one bounce, off matt surfaces that the camera sees; nothing stands between two
surfaces; patches are as coarse as their spacing in the picture. Nearer than a patch is wide,
its light is spread over its own area.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.sensors.depth.seen import Seen

Array = NDArray[np.float64]
ALIKE = 0.9  # least cosine between normals, and
FLAT = 0.02  # largest relative distance off the plane, for light to be shared by neighbours


@dataclass(frozen=True, eq=False)
class Patches:
    """Surface round some pixels; arrays have one row for each.

    Attributes:
        pixel: (m,) which pixels.
        point_m: (m, 3) world frame.
        normal: (m, 3).
        range_m: (m,) distance to the camera.
    """

    pixel: NDArray[np.intp]
    point_m: Array
    normal: Array
    range_m: Array

    @classmethod
    def of(cls, seen: Seen, shape: tuple[int, int], stride_px: int) -> Patches:
        """Every `stride_px`-th pixel of every such row, where a surface is."""
        height, width = shape
        y, x = np.mgrid[stride_px // 2 : height : stride_px, stride_px // 2 : width : stride_px]
        pixel = (y * width + x).ravel().astype(np.intp)
        row = np.full(len(seen.rays), -1, np.intp)
        row[seen.surface.ray] = np.arange(len(seen.surface.ray))
        pixel = pixel[row[pixel] >= 0]
        rows = row[pixel]
        return cls(
            pixel,
            seen.surface.point_m[rows],
            seen.surface.normal[rows].astype(np.float64),
            seen.hits.distance_m[pixel],
        )


def add_bounce(
    seen: Seen,
    shape: tuple[int, int],
    stride_px: int,
    focal_px: float,
    gain: float,
    wrap: Array,
    phasors: Array,
) -> None:
    """Add indirect light to phasors.

    Args:
        seen: The frame.
        shape: Its height and width.
        stride_px: Spacing of the patches that light; they are received at a quarter of it.
        focal_px: Focal length, for the solid angle of a pixel.
        gain: Amplitude of a white surface that faces the camera at one metre.
        wrap: (F,) c / 2 f.
        phasors: (F, n, 2), added to.
    """
    source = Patches.of(seen, shape, stride_px)
    fine = max(stride_px // 4, 1)
    goal = Patches.of(seen, shape, fine)
    if not len(source.pixel):
        return
    slant = 1 + np.square(seen.local[source.pixel]).sum(axis=1)
    solid = (stride_px / focal_px) ** 2 / slant**1.5
    cosine = np.maximum(seen.cosine[source.pixel], 1e-3)
    indirect = _exchange(
        *(source.point_m, source.normal, source.range_m),
        seen.albedo[source.pixel] * solid,
        solid * source.range_m**2 / cosine,
        *(goal.point_m, goal.normal, goal.range_m, wrap),
    )
    where = np.full(shape[0] * shape[1], -1, np.intp)
    where[goal.pixel] = np.arange(len(goal.pixel))
    normals = np.zeros((len(seen.rays), 3))
    normals[seen.surface.ray] = seen.surface.normal
    _spread(
        *(seen.plane, seen.local, seen.depth_m, normals, gain * seen.albedo, shape, fine),
        *(where, indirect, phasors),
    )


@compiled
def _exchange(
    point_m: Array,
    normal: Array,
    range_m: Array,
    power: Array,
    area_m2: Array,
    goal_m: Array,
    goal_normal: Array,
    goal_range_m: Array,
    wrap: Array,
) -> Array:
    """Irradiance phasors (F, g, 2) at goals (g,) from patches (m,) that scatter `power` (m,)."""
    count = len(wrap)
    found = np.zeros((count, len(goal_m), 2))
    for i in range(len(goal_m)):
        for j in range(len(point_m)):
            x = point_m[j, 0] - goal_m[i, 0]
            y = point_m[j, 1] - goal_m[i, 1]
            z = point_m[j, 2] - goal_m[i, 2]
            arriving = x * goal_normal[i, 0] + y * goal_normal[i, 1] + z * goal_normal[i, 2]
            leaving = -(x * normal[j, 0] + y * normal[j, 1] + z * normal[j, 2])
            if arriving <= 0 or leaving <= 0:
                continue
            square = x * x + y * y + z * z
            light = power[j] * arriving * leaving / square
            light /= np.pi * square + area_m2[j]
            way = (range_m[j] + np.sqrt(square) + goal_range_m[i]) / 2
            for f in range(count):
                phase = 2 * np.pi * way / wrap[f]
                found[f, i, 0] += light * np.cos(phase)
                found[f, i, 1] += light * np.sin(phase)
    return found


@compiled
def _spread(
    plane: Array,
    local: Array,
    depth_m: Array,
    normals: Array,
    gain: Array,
    shape: tuple[int, int],
    stride_px: int,
    where: NDArray[np.intp],
    indirect: Array,
    phasors: Array,
) -> None:
    """Add irradiance at every `stride_px`-th pixel to all pixels (n,) of the same plane."""
    height, width = shape
    for i in range(len(depth_m)):
        if depth_m[i] <= 0:
            continue
        y, x = i // width, i % width
        left, above = (x - stride_px // 2) // stride_px, (y - stride_px // 2) // stride_px
        u = (x - stride_px // 2) / stride_px - left
        v = (y - stride_px // 2) / stride_px - above
        total = 0.0
        for turn in range(2):  # what is found is divided by its weight: weigh first, then add
            for corner in range(4):
                right, below = corner % 2, corner // 2
                column = (left + right) * stride_px + stride_px // 2
                row = (above + below) * stride_px + stride_px // 2
                if not (0 <= column < width and 0 <= row < height):
                    continue
                k = row * width + column
                if where[k] < 0:
                    continue
                alike = normals[i, 0] * normals[k, 0] + normals[i, 1] * normals[k, 1]
                alike += normals[i, 2] * normals[k, 2]
                there = plane[k, 0] * local[i, 0] + plane[k, 1] * local[i, 1] + plane[k, 2]
                if alike < ALIKE or abs(there * depth_m[i] - 1) > FLAT:
                    continue
                weight = (u if right else 1 - u) * (v if below else 1 - v) + 1e-6
                if turn == 0:
                    total += weight
                    continue
                for f in range(len(phasors)):
                    for c in range(2):
                        phasors[f, i, c] += gain[i] * weight / total * indirect[f, where[k], c]
