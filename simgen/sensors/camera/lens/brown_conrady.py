"""The Brown-Conrady lens (OpenCV's k1, k2, p1, p2, k3), both ways.

Source: D. C. Brown, "Decentering distortion of lenses", 1966; parameter order and
sign as in OpenCV's `projectPoints`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled

Array = NDArray[np.float64]
NEWTON_STEPS = 20
TOLERANCE = 1e-13


@dataclass(frozen=True)
class BrownConrady:
    """Pinhole with radial and tangential distortion.

    Attributes:
        fx_px, fy_px: Focal lengths.
        cx_px, cy_px: Principal point; pixel centres are at integers.
        k1, k2, p1, p2, k3: Distortion.
    """

    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    k3: float = 0.0

    @property
    def distorts(self) -> bool:
        """Whether any coefficient is not zero."""
        return any((self.k1, self.k2, self.p1, self.p2, self.k3))

    @cached_property
    def radius_limit(self) -> float:
        """Undistorted radius up to which the radial polynomial rises; inf if it always does."""
        # d/dr (r + k1 r^3 + k2 r^5 + k3 r^7), in 1 / r^2: its leading coefficient is never 0.
        roots = np.roots([1.0, 3 * self.k1, 5 * self.k2, 7 * self.k3])
        real = roots.real[(np.abs(roots.imag) < 1e-12) & (roots.real > 1e-12)]
        return float(1 / np.sqrt(real.max())) if len(real) else np.inf

    def project(self, points_m: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Camera-frame points (n, 3) to pixels (n, 2), and which the lens can see (n,).

        A point is seen in front of the camera and where distortion keeps the order of
        radii; others get NaN.
        """
        z = points_m[:, 2]
        seen = z > 1e-9
        with np.errstate(divide="ignore", invalid="ignore"):
            xy = points_m[:, :2] / z[:, None]
            seen &= np.einsum("ij,ij->i", xy, xy) < self.radius_limit**2
            xy = self._distort(np.where(seen[:, None], xy, np.nan))
        return xy * (self.fx_px, self.fy_px) + (self.cx_px, self.cy_px), seen

    def unproject(self, pixels: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Pixels (n, 2) to unit directions (n, 3), and which have one (n,); others get NaN.

        Newton's method on the exact Jacobian, from the pinhole solution.
        """
        goal = (pixels - (self.cx_px, self.cy_px)) / (self.fx_px, self.fy_px)
        xy, found = goal, np.ones(len(goal), dtype=bool)
        if self.distorts:
            limit = min(self.radius_limit, 1e3)
            xy, found = _undistort(goal, self.k1, self.k2, self.p1, self.p2, self.k3, limit)
        rays = np.column_stack([xy, np.ones(len(xy))])
        rays /= np.sqrt(np.einsum("ij,ij->i", rays, rays))[:, None]
        return rays, found

    def _distort(self, xy: Array) -> Array:
        x, y = xy[:, 0], xy[:, 1]
        s = x * x + y * y
        radial = 1 + s * (self.k1 + s * (self.k2 + s * self.k3))
        return np.column_stack(
            [
                x * radial + 2 * self.p1 * x * y + self.p2 * (s + 2 * x * x),
                y * radial + self.p1 * (s + 2 * y * y) + 2 * self.p2 * x * y,
            ]
        )

    def facts(self) -> dict[str, object]:
        """Model, camera matrix and distortion in OpenCV's order; see `Lens`."""
        return {
            "model": "brown_conrady",
            "K": [[self.fx_px, 0.0, self.cx_px], [0.0, self.fy_px, self.cy_px], [0.0, 0.0, 1.0]],
            "distortion": [self.k1, self.k2, self.p1, self.p2, self.k3],
        }


@compiled
def _undistort(
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
        xy[i, 0], xy[i, 1] = (x, y) if found[i] else (np.nan, np.nan)
    return xy, found
