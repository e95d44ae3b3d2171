"""Disparity and depth: Z = f B / d, in steps of a fraction of a pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.sensors.depth.reading import Cause

Array = NDArray[np.float64]
Image = NDArray[np.float32]


def depth_step_m(depth_m: float, px_m: float, step_px: float) -> float:
    """Distance between neighbouring depths at a depth: Z^2 step / (f B).

    Args:
        depth_m: Z.
        px_m: Focal length in pixels times baseline in metres.
        step_px: Step of the disparity.
    """
    return depth_m**2 * step_px / px_m


def occlusion_width_px(near_m: float, far_m: float, px_m: float) -> float:
    """Width of what one of two eyes does not see beside an edge: f B (1/Z1 - 1/Z2)."""
    return px_m * (1 / near_m - 1 / far_m)


@compiled
def quantise(
    disparity: Array,
    px_m: float,
    step_px: float,
    least_m: float,
    most_m: float,
    cause: NDArray[np.uint8],
    depth: Image,
) -> None:
    """Write the depths (n,) of disparities (n,) in whole steps; `cause` (n,) holds what is out.

    A `step_px` of 0 leaves them as they are.
    """
    for i in range(len(disparity)):
        depth[i] = 0
        if cause[i] != Cause.NONE.value:
            continue
        d = disparity[i]
        if step_px > 0:
            d = np.rint(d / step_px) * step_px
        z = px_m / d if d > 0 else np.inf
        if z < least_m or z > most_m:
            cause[i] = Cause.OUT_OF_RANGE.value
        else:
            depth[i] = z
