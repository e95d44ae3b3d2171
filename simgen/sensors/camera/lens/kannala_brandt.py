"""The Kannala-Brandt fisheye (OpenCV's `cv2.fisheye`), both ways, past 180 degrees of field.

Source: J. Kannala and S. S. Brandt, "A generic camera model and calibration method for
conventional, wide-angle, and fish-eye lenses", 2006; four coefficients as in OpenCV, which
itself projects only what is in front of the image plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.sensors.camera.lens.base import intrinsics

Array = NDArray[np.float64]
STEPS = 60


@dataclass(frozen=True)
class KannalaBrandt:
    """Distance from the principal point as an odd polynomial of the angle off the axis.

    thd = th (1 + k1 th^2 + k2 th^4 + k3 th^6 + k4 th^8), th up to pi.

    Attributes:
        fx_px, fy_px: Focal lengths, pixels a radian at the centre.
        cx_px, cy_px: Principal point; pixel centres are at integers.
        k1, k2, k3, k4: Polynomial; 0 is the equidistant lens.
    """

    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0

    @cached_property
    def angle_limit_rad(self) -> float:
        """Angle off the axis up to which the polynomial rises, at most pi."""
        # d/dth in 1 / th^2 leads with 1.
        roots = np.roots([1.0, 3 * self.k1, 5 * self.k2, 7 * self.k3, 9 * self.k4])
        real = roots.real[(np.abs(roots.imag) < 1e-12) & (roots.real > 1e-12)]
        return min(float(1 / np.sqrt(real.max())), np.pi) if len(real) else np.pi

    def project(self, points_m: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Camera-frame points (n, 3) to pixels (n, 2), and which the lens can see (n,).

        Points behind the image plane are seen up to the limit of the angle; others get NaN.
        """
        points = np.ascontiguousarray(points_m, dtype=np.float64)
        four = self.k1, self.k2, self.k3, self.k4
        plane, seen = _project(points, *four, self.angle_limit_rad)
        return plane * (self.fx_px, self.fy_px) + (self.cx_px, self.cy_px), seen

    def unproject(self, pixels: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Pixels (n, 2) to unit directions (n, 3), and which have one (n,); others get NaN."""
        goal = (pixels - (self.cx_px, self.cy_px)) / (self.fx_px, self.fy_px)
        four = self.k1, self.k2, self.k3, self.k4
        return _unproject(goal, *four, self.angle_limit_rad)

    def facts(self) -> dict[str, object]:
        """Model, camera matrix and k1 to k4; see `Lens`."""
        return {
            "model": "kannala_brandt",
            "K": intrinsics(self.fx_px, self.fy_px, self.cx_px, self.cy_px),
            "distortion": [self.k1, self.k2, self.k3, self.k4],
        }


@compiled
def _project(
    points: Array, k1: float, k2: float, k3: float, k4: float, limit: float
) -> tuple[Array, NDArray[np.bool_]]:
    """Camera-frame points (n, 3) to the distorted plane (n, 2), and which are seen (n,)."""
    plane, seen = np.empty((len(points), 2)), np.empty(len(points), np.bool_)
    for i in range(len(points)):
        x, y, z = points[i]
        r = np.sqrt(x * x + y * y)
        angle = np.arctan2(r, z)
        seen[i] = angle < limit and (r > 0 or z > 0)
        if not seen[i]:
            plane[i, 0], plane[i, 1] = np.nan, np.nan
            continue
        s = angle * angle
        bent = angle * (1 + s * (k1 + s * (k2 + s * (k3 + s * k4))))
        scale = bent / r if r > 0 else 0.0
        plane[i, 0], plane[i, 1] = x * scale, y * scale
    return plane, seen


@compiled
def _unproject(
    goal: Array, k1: float, k2: float, k3: float, k4: float, limit: float
) -> tuple[Array, NDArray[np.bool_]]:
    """Unit directions (n, 3) of plane points (n, 2), and which have one (n,).

    Newton's method, held between two angles whose images enclose the goal: the polynomial
    rises up to `limit`, so that there is one root.
    """
    s = limit * limit
    edge = limit * (1 + s * (k1 + s * (k2 + s * (k3 + s * k4))))
    rays, found = np.empty((len(goal), 3)), np.empty(len(goal), np.bool_)
    for i in range(len(goal)):
        radius = np.sqrt(goal[i, 0] * goal[i, 0] + goal[i, 1] * goal[i, 1])
        found[i] = radius < edge
        if not found[i]:
            rays[i] = np.nan
            continue
        low, high = 0.0, limit
        angle = min(radius, limit)
        for _ in range(STEPS):
            s = angle * angle
            error = angle * (1 + s * (k1 + s * (k2 + s * (k3 + s * k4)))) - radius
            if error > 0:
                high = angle
            else:
                low = angle
            slope = 1 + s * (3 * k1 + s * (5 * k2 + s * (7 * k3 + s * 9 * k4)))
            step = error / slope
            after = angle - step
            if not low < after < high:
                after = 0.5 * (low + high)
            done = abs(after - angle) < 1e-13
            angle = after
            if done:
                break
        scale = np.sin(angle) / radius if radius > 0 else 0.0
        rays[i, 0], rays[i, 1] = goal[i, 0] * scale, goal[i, 1] * scale
        rays[i, 2] = np.cos(angle)
    return rays, found
