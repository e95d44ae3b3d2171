"""The enhanced unified camera model, both ways in closed form.

Source: B. Khomutenko, G. Garcia and P. Martinet, "An enhanced unified camera model", 2016;
domain and inverse as in V. Usenko, N. Demmel and D. Cremers, "The double sphere camera
model", 2018.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.sensors.camera.lens.base import intrinsics

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Eucm:
    """Points go to an ellipsoid, and from there to the plane.

    d = sqrt(beta (x^2 + y^2) + z^2), image = (x, y) / (alpha d + (1 - alpha) z).

    Attributes:
        fx_px, fy_px: Focal lengths.
        cx_px, cy_px: Principal point; pixel centres are at integers.
        alpha: 0 (pinhole) to 1; from 0.5 on, rays behind the image plane are seen.
        beta: Above 0; 1 is the unified camera model.
    """

    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    alpha: float = 0.0
    beta: float = 1.0

    def project(self, points_m: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Camera-frame points (n, 3) to pixels (n, 2), and which the lens can see (n,).

        Others get NaN.
        """
        points = np.ascontiguousarray(points_m, dtype=np.float64)
        plane, seen = project_unified(points, self.alpha, self.beta)
        return plane * (self.fx_px, self.fy_px) + (self.cx_px, self.cy_px), seen

    def unproject(self, pixels: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Pixels (n, 2) to unit directions (n, 3), and which have one (n,); others get NaN."""
        goal = (pixels - (self.cx_px, self.cy_px)) / (self.fx_px, self.fy_px)
        return unproject_unified(goal, self.alpha, self.beta)

    def facts(self) -> dict[str, object]:
        """Model, camera matrix, and alpha and beta; see `Lens`."""
        return {
            "model": "eucm",
            "K": intrinsics(self.fx_px, self.fy_px, self.cx_px, self.cy_px),
            "distortion": [self.alpha, self.beta],
        }


@compiled
def project_unified(points: Array, alpha: float, beta: float) -> tuple[Array, NDArray[np.bool_]]:
    """Camera-frame points (n, 3) to the plane (n, 2), and which are seen (n,)."""
    # Up to alpha 0.5 the denominator must be above 0; beyond, two rays would share a pixel
    # where the plane's image of the ellipsoid turns back.
    least = alpha / (1 - alpha) if alpha <= 0.5 else (1 - alpha) / alpha
    plane, seen = np.empty((len(points), 2)), np.empty(len(points), np.bool_)
    for i in range(len(points)):
        x, y, z = points[i]
        d = np.sqrt(beta * (x * x + y * y) + z * z)
        under = alpha * d + (1 - alpha) * z
        seen[i] = z > -least * d and under > 1e-12 * d
        plane[i, 0] = x / under if seen[i] else np.nan
        plane[i, 1] = y / under if seen[i] else np.nan
    return plane, seen


@compiled
def unproject_unified(goal: Array, alpha: float, beta: float) -> tuple[Array, NDArray[np.bool_]]:
    """Unit directions (n, 3) of plane points (n, 2), and which have one (n,)."""
    rays, found = np.empty((len(goal), 3)), np.empty(len(goal), np.bool_)
    for i in range(len(goal)):
        x, y = goal[i, 0], goal[i, 1]
        s = beta * (x * x + y * y)
        inside = 1 - (2 * alpha - 1) * s
        found[i] = inside > 0
        if not found[i]:
            rays[i] = np.nan
            continue
        z = (1 - alpha * alpha * s) / (alpha * np.sqrt(inside) + 1 - alpha)
        length = np.sqrt(x * x + y * y + z * z)
        rays[i, 0], rays[i, 1], rays[i, 2] = x / length, y / length, z / length
    return rays, found
