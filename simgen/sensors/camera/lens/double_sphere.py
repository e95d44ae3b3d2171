"""The double sphere camera model, both ways in closed form.

Source: V. Usenko, N. Demmel and D. Cremers, "The double sphere camera model", 2018.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.sensors.camera.lens.base import intrinsics

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DoubleSphere:
    """Points go to a unit sphere, from there to one that is shifted by xi, and to the plane.

    d1 = |p|, d2 = sqrt(x^2 + y^2 + (xi d1 + z)^2),
    image = (x, y) / (alpha d2 + (1 - alpha)(xi d1 + z)).

    Attributes:
        fx_px, fy_px: Focal lengths.
        cx_px, cy_px: Principal point; pixel centres are at integers.
        xi: Shift, between -1 and 1, both left out; 0 is the unified camera model.
        alpha: 0 to 1.
    """

    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    xi: float = 0.0
    alpha: float = 0.0

    def project(self, points_m: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Camera-frame points (n, 3) to pixels (n, 2), and which the lens can see (n,).

        Others get NaN.
        """
        points = np.ascontiguousarray(points_m, dtype=np.float64)
        plane, seen = _project(points, self.xi, self.alpha)
        return plane * (self.fx_px, self.fy_px) + (self.cx_px, self.cy_px), seen

    def unproject(self, pixels: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Pixels (n, 2) to unit directions (n, 3), and which have one (n,); others get NaN."""
        goal = (pixels - (self.cx_px, self.cy_px)) / (self.fx_px, self.fy_px)
        return _unproject(goal, self.xi, self.alpha)

    def facts(self) -> dict[str, object]:
        """Model, camera matrix, and xi and alpha; see `Lens`."""
        return {
            "model": "double_sphere",
            "K": intrinsics(self.fx_px, self.fy_px, self.cx_px, self.cy_px),
            "distortion": [self.xi, self.alpha],
        }


@compiled
def _project(points: Array, xi: float, alpha: float) -> tuple[Array, NDArray[np.bool_]]:
    """Camera-frame points (n, 3) to the plane (n, 2), and which are seen (n,)."""
    least = alpha / (1 - alpha) if alpha <= 0.5 else (1 - alpha) / alpha
    plane, seen = np.empty((len(points), 2)), np.empty(len(points), np.bool_)
    for i in range(len(points)):
        x, y, z = points[i]
        d = np.sqrt(x * x + y * y + z * z)
        shifted = xi * d + z  # the second sphere's unified model begins here
        d = np.sqrt(x * x + y * y + shifted * shifted)
        under = alpha * d + (1 - alpha) * shifted
        seen[i] = shifted > -least * d and under > 1e-12 * d
        plane[i, 0] = x / under if seen[i] else np.nan
        plane[i, 1] = y / under if seen[i] else np.nan
    return plane, seen


@compiled
def _unproject(goal: Array, xi: float, alpha: float) -> tuple[Array, NDArray[np.bool_]]:
    """Unit directions (n, 3) of plane points (n, 2), and which have one (n,)."""
    rays, found = np.empty((len(goal), 3)), np.empty(len(goal), np.bool_)
    for i in range(len(goal)):
        x, y = goal[i, 0], goal[i, 1]
        s = x * x + y * y
        inside = 1 - (2 * alpha - 1) * s
        found[i] = inside > 0
        if not found[i]:
            rays[i] = np.nan
            continue
        z = (1 - alpha * alpha * s) / (alpha * np.sqrt(inside) + 1 - alpha)
        scale = (z * xi + np.sqrt(z * z + (1 - xi * xi) * s)) / (z * z + s)
        rays[i, 0], rays[i, 1], rays[i, 2] = scale * x, scale * y, scale * z - xi
    return rays, found
