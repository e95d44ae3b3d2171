"""The Brown-Conrady lens with OpenCV's 5, 8, 12 or 14 coefficients, both ways.

Sources: D. C. Brown, "Decentering distortion of lenses", 1966; the rational, thin-prism
and tilted-sensor terms and the order and sign of all parameters as in OpenCV's
`projectPoints`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simgen.sensors.camera.lens import brown_loops
from simgen.sensors.camera.lens.base import intrinsics

Array = NDArray[np.float64]
WIDEST = 1e3  # tangent of the angle up to which an inverse is looked for


@dataclass(frozen=True)
class BrownConrady:
    """Pinhole with radial, tangential and thin-prism distortion, on a sensor that may tilt.

    With s = x^2 + y^2 of the plane at depth 1, and radial(s) = (1 + k1 s + k2 s^2 + k3 s^3)
    / (1 + k4 s + k5 s^2 + k6 s^3):
    x' = x radial + 2 p1 x y + p2 (s + 2 x^2) + s1 s + s2 s^2,
    y' = y radial + p1 (s + 2 y^2) + 2 p2 x y + s3 s + s4 s^2.

    Attributes:
        fx_px, fy_px: Focal lengths.
        cx_px, cy_px: Principal point; pixel centres are at integers.
        k1 to k6: Radial distortion; k4, k5, k6 are the denominator's.
        p1, p2: Tangential distortion.
        s1 to s4: Thin-prism distortion.
        tau_x, tau_y: Tilt of the sensor about x and y, radians.
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
    k4: float = 0.0
    k5: float = 0.0
    k6: float = 0.0
    s1: float = 0.0
    s2: float = 0.0
    s3: float = 0.0
    s4: float = 0.0
    tau_x: float = 0.0
    tau_y: float = 0.0

    @cached_property
    def coefficients(self) -> Array:
        """All 14, in OpenCV's order."""
        return np.array([getattr(self, each.name) for each in fields(self)[4:]])

    @property
    def distorts(self) -> bool:
        """Whether any coefficient is not zero."""
        return bool(self.coefficients.any())

    @cached_property
    def radius_limit(self) -> float:
        """Undistorted radius up to which the radial term rises; inf if it always does."""
        # With s = r^2, r N(s) / D(s) rises while (N + 2 s N') D - 2 s N D' is above 0, and
        # D must not vanish. Written in 1 / s, both lead with 1.
        over = np.array([1.0, self.k1, self.k2, self.k3])
        under = np.array([1.0, self.k4, self.k5, self.k6])
        order = np.arange(4)
        rise = np.convolve((1 + 2 * order) * over, under) - np.convolve(over, 2 * order * under)
        roots = np.concatenate([np.roots(rise), np.roots(under)])
        real = roots.real[(np.abs(roots.imag) < 1e-12) & (roots.real > 1e-12)]
        return float(1 / np.sqrt(real.max())) if len(real) else np.inf

    @cached_property
    def _tilt(self) -> Array | None:
        """Homography (3, 3) from the untilted to the tilted plane at depth 1; None for none."""
        if not (self.tau_x or self.tau_y):
            return None
        cx, sx, cy, sy = (f(t) for t in (self.tau_x, self.tau_y) for f in (np.cos, np.sin))
        about_x = np.array([[1, 0, 0], [0, cx, sx], [0, -sx, cx]])
        about_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
        turn = about_y @ about_x
        # Along the turned axis back onto the sensor.
        onto = np.array([[turn[2, 2], 0, -turn[0, 2]], [0, turn[2, 2], -turn[1, 2]], [0, 0, 1]])
        return np.asarray(onto @ turn, dtype=np.float64)

    def project(self, points_m: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Camera-frame points (n, 3) to pixels (n, 2), and which the lens can see (n,).

        A point is seen in front of the camera and where distortion keeps the order of
        neighbours; others get NaN.
        """
        points = np.ascontiguousarray(points_m, dtype=np.float64)
        plane, seen = brown_loops.distort(points, self.coefficients, self.radius_limit)
        if self._tilt is not None:
            plane, before = _through(self._tilt, plane)
            seen &= before
        return plane * (self.fx_px, self.fy_px) + (self.cx_px, self.cy_px), seen

    def unproject(self, pixels: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Pixels (n, 2) to unit directions (n, 3), and which have one (n,); others get NaN.

        Newton's method on the exact Jacobian, from the pinhole solution.
        """
        goal = (pixels - (self.cx_px, self.cy_px)) / (self.fx_px, self.fy_px)
        ahead = np.ones(len(goal), dtype=bool)
        if self._tilt is not None:
            back: Array = np.linalg.inv(self._tilt).astype(np.float64)
            goal, ahead = _through(back, goal)
        xy, found = goal, ahead
        if self.coefficients[5:12].any():
            limit = min(self.radius_limit, WIDEST)
            xy, found = brown_loops.undistort_general(goal, self.coefficients, limit)
        elif self.coefficients[:5].any():
            limit = min(self.radius_limit, WIDEST)
            five = self.k1, self.k2, self.p1, self.p2, self.k3
            xy, found = brown_loops.undistort(goal, *five, limit)
        rays = np.column_stack([xy, np.ones(len(xy))])
        rays /= np.sqrt(np.einsum("ij,ij->i", rays, rays))[:, None]
        return rays, found

    def facts(self) -> dict[str, object]:
        """Model, camera matrix and distortion in OpenCV's order and lengths; see `Lens`."""
        used = 1 + int(np.flatnonzero(self.coefficients).max(initial=0))
        length = next(n for n in (5, 8, 12, 14) if n >= used)
        return {
            "model": "brown_conrady",
            "K": intrinsics(self.fx_px, self.fy_px, self.cx_px, self.cy_px),
            "distortion": self.coefficients[:length].tolist(),
        }


def _through(homography: Array, plane: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Points (n, 2) through a homography, and which stay in front (n,); others get NaN."""
    moved = plane @ homography[:, :2].T + homography[:, 2]
    ahead = moved[:, 2] > 1e-9
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(ahead[:, None], moved[:, :2] / moved[:, 2:], np.nan), ahead
