"""The unified camera model, both ways in closed form.

Source: C. Mei and P. Rives, "Single view point omnidirectional camera calibration from
planar grids", 2007, in the parameters of V. Usenko, N. Demmel and D. Cremers, "The double
sphere camera model", 2018: alpha = xi / (1 + xi), and the focal length is Mei's over 1 + xi.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.sensors.camera.lens.base import intrinsics
from simgen.sensors.camera.lens.eucm import project_unified, unproject_unified

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ucm:
    """Points go to the unit sphere, and from there to the plane; `Eucm` with beta 1.

    Attributes:
        fx_px, fy_px: Focal lengths.
        cx_px, cy_px: Principal point; pixel centres are at integers.
        alpha: 0 (pinhole) to 1; 0.5 is a parabolic mirror or a stereographic lens.
    """

    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    alpha: float = 0.0

    def project(self, points_m: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Camera-frame points (n, 3) to pixels (n, 2), and which the lens can see (n,).

        Others get NaN.
        """
        points = np.ascontiguousarray(points_m, dtype=np.float64)
        plane, seen = project_unified(points, self.alpha, 1.0)
        return plane * (self.fx_px, self.fy_px) + (self.cx_px, self.cy_px), seen

    def unproject(self, pixels: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Pixels (n, 2) to unit directions (n, 3), and which have one (n,); others get NaN."""
        goal = (pixels - (self.cx_px, self.cy_px)) / (self.fx_px, self.fy_px)
        return unproject_unified(goal, self.alpha, 1.0)

    def facts(self) -> dict[str, object]:
        """Model, camera matrix and alpha; see `Lens`."""
        return {
            "model": "ucm",
            "K": intrinsics(self.fx_px, self.fy_px, self.cx_px, self.cy_px),
            "distortion": [self.alpha],
        }
