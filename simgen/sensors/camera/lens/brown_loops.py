"""Brown-Conrady distortion and its inverse, point by point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled

Array = NDArray[np.float64]
NEWTON_STEPS = 20
TOLERANCE = 1e-13


@compiled
def distort(points: Array, c: Array, limit: float) -> tuple[Array, NDArray[np.bool_]]:
    """Camera-frame points (n, 3) to the distorted plane (n, 2), and which are seen (n,).

    Args:
        points: Metres.
        c: k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 and more that is not read.
        limit: Undistorted radius up to which the radial term rises.
    """
    k1, k2, p1, p2, k3, k4, k5, k6 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
    s1, s2, s3, s4 = c[8], c[9], c[10], c[11]
    rational = k4 != 0 or k5 != 0 or k6 != 0
    bends = p1 != 0 or p2 != 0 or s1 != 0 or s2 != 0 or s3 != 0 or s4 != 0
    plane, seen = np.empty((len(points), 2)), np.empty(len(points), np.bool_)
    for i in range(len(points)):
        seen[i], plane[i, 0], plane[i, 1] = False, np.nan, np.nan
        if not points[i, 2] > 1e-9:
            continue
        x, y = points[i, 0] / points[i, 2], points[i, 1] / points[i, 2]
        s = x * x + y * y
        if not s < limit * limit:
            continue
        over = 1 + s * (k1 + s * (k2 + s * k3))
        under = 1 + s * (k4 + s * (k5 + s * k6)) if rational else 1.0
        radial = over / under
        if bends:  # the radial limit says nothing of folds that these terms make
            slope = 2 * (k1 + s * (2 * k2 + s * 3 * k3)) / under
            slope -= radial * 2 * (k4 + s * (2 * k5 + s * 3 * k6)) / under
            a = radial + slope * x * x + 2 * p1 * y + 6 * p2 * x + 2 * x * (s1 + 2 * s2 * s)
            b = slope * x * y + 2 * p1 * x + 2 * p2 * y
            d = radial + slope * y * y + 6 * p1 * y + 2 * p2 * x + 2 * y * (s3 + 2 * s4 * s)
            across, down = 2 * y * (s1 + 2 * s2 * s), 2 * x * (s3 + 2 * s4 * s)
            if not a * d - (b + across) * (b + down) > 0:
                continue
        seen[i] = True
        plane[i, 0] = x * radial + 2 * p1 * x * y + p2 * (s + 2 * x * x) + s * (s1 + s * s2)
        plane[i, 1] = y * radial + p1 * (s + 2 * y * y) + 2 * p2 * x * y + s * (s3 + s * s4)
    return plane, seen


@compiled
def undistort(
    goal: Array, k1: float, k2: float, p1: float, p2: float, k3: float, limit: float
) -> tuple[Array, NDArray[np.bool_]]:
    """Points (n, 2) that are distorted to `goal`, within a radius; NaN where there is none."""
    xy, found = np.empty_like(goal), np.empty(len(goal), np.bool_)
    for i in range(len(goal)):
        x, y = goal[i, 0], goal[i, 1]
        error = np.inf
        for _ in range(NEWTON_STEPS + 1):
            s = x * x + y * y
            radial = 1 + s * (k1 + s * (k2 + s * k3))
            across = x * radial + 2 * p1 * x * y + p2 * (s + 2 * x * x) - goal[i, 0]
            down = y * radial + p1 * (s + 2 * y * y) + 2 * p2 * x * y - goal[i, 1]
            error = max(abs(across), abs(down))
            if error < TOLERANCE:
                break
            slope = 2 * (k1 + s * (2 * k2 + s * 3 * k3))
            a = radial + slope * x * x + 2 * p1 * y + 6 * p2 * x
            b = slope * x * y + 2 * p1 * x + 2 * p2 * y
            d = radial + slope * y * y + 6 * p1 * y + 2 * p2 * x
            determinant = a * d - b * b
            x -= (d * across - b * down) / determinant
            y -= (a * down - b * across) / determinant
            radius = np.sqrt(x * x + y * y)
            if radius > limit:
                x, y = x * (0.999 * limit / radius), y * (0.999 * limit / radius)
        found[i] = error < 1e-9
        if found[i] and (p1 != 0 or p2 != 0):  # tangential terms fold where radii still rise
            s = x * x + y * y
            radial = 1 + s * (k1 + s * (k2 + s * k3))
            slope = 2 * (k1 + s * (2 * k2 + s * 3 * k3))
            a = radial + slope * x * x + 2 * p1 * y + 6 * p2 * x
            b = slope * x * y + 2 * p1 * x + 2 * p2 * y
            d = radial + slope * y * y + 6 * p1 * y + 2 * p2 * x
            found[i] = a * d - b * b > 0
        xy[i, 0], xy[i, 1] = (x, y) if found[i] else (np.nan, np.nan)
    return xy, found


@compiled
def undistort_general(goal: Array, c: Array, limit: float) -> tuple[Array, NDArray[np.bool_]]:
    """As `undistort`, with the rational and thin-prism terms; `c` as in `distort`."""
    k1, k2, p1, p2, k3, k4, k5, k6 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
    s1, s2, s3, s4 = c[8], c[9], c[10], c[11]
    xy, found = np.empty_like(goal), np.empty(len(goal), np.bool_)
    for i in range(len(goal)):
        x, y = goal[i, 0], goal[i, 1]
        radius = np.sqrt(x * x + y * y)
        if radius > limit:  # the denominator may vanish out there
            x, y = x * (0.5 * limit / radius), y * (0.5 * limit / radius)
        error, determinant = np.inf, 1.0
        for _ in range(2 * NEWTON_STEPS):
            s = x * x + y * y
            under = 1 + s * (k4 + s * (k5 + s * k6))
            radial = (1 + s * (k1 + s * (k2 + s * k3))) / under
            across = x * radial + 2 * p1 * x * y + p2 * (s + 2 * x * x) + s * (s1 + s * s2)
            down = y * radial + p1 * (s + 2 * y * y) + 2 * p2 * x * y + s * (s3 + s * s4)
            across, down = across - goal[i, 0], down - goal[i, 1]
            error = max(abs(across), abs(down))
            slope = 2 * (k1 + s * (2 * k2 + s * 3 * k3)) / under
            slope -= radial * 2 * (k4 + s * (2 * k5 + s * 3 * k6)) / under
            prism_x, prism_y = 2 * (s1 + 2 * s2 * s), 2 * (s3 + 2 * s4 * s)
            a = radial + slope * x * x + 2 * p1 * y + 6 * p2 * x + prism_x * x
            b = slope * x * y + 2 * p1 * x + 2 * p2 * y + prism_x * y
            c_ = slope * x * y + 2 * p1 * x + 2 * p2 * y + prism_y * x
            d = radial + slope * y * y + 6 * p1 * y + 2 * p2 * x + prism_y * y
            determinant = a * d - b * c_
            if error < TOLERANCE:
                break
            x -= (d * across - b * down) / determinant
            y -= (a * down - c_ * across) / determinant
            radius = np.sqrt(x * x + y * y)
            if radius > limit:
                x, y = x * (0.999 * limit / radius), y * (0.999 * limit / radius)
        found[i] = error < 1e-9 and determinant > 0
        xy[i, 0], xy[i, 1] = (x, y) if found[i] else (np.nan, np.nan)
    return xy, found
