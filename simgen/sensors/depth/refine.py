"""Disparities to a fraction of a pixel, by least squares on the blocks themselves.

Semi-global matching interpolates costs, which pulls disparities towards whole pixels; on a
slanted plane that is a staircase larger than the noise. Here each block of the right image
is shifted, cubically interpolated, until it fits the left one best.

Source: B. D. Lucas, T. Kanade, "An iterative image registration technique with an
application to stereo vision", 1981.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.sensors.depth.reading import Cause

Floats = NDArray[np.float32]
STEPS = 4
MOST_PX = 1.0  # a refinement that goes farther has lost its match


@compiled
def refine(
    left: Floats,
    right: Floats,
    half_px: int,
    least_slope: float,
    disparity: Floats,
    cause: NDArray[np.uint8],
) -> None:
    """Sharpen disparities (H, W) in place where `cause` (H, W) is 0.

    Args:
        left: (H, W) grey levels.
        right: (H, W) grey levels.
        half_px: Reach of a block.
        least_slope: Root mean square of the grey levels' slope along the row below which a
            block has nothing to match.
        disparity: From whole-pixel matching.
        cause: LOW_SIGNAL or NO_MATCH is written where a block fails.
    """
    height, width = left.shape
    for y in range(height):
        for x in range(width):
            if cause[y, x] != Cause.NONE.value:
                continue
            start = d = disparity[y, x]
            for _ in range(STEPS):
                move, slope, count = _step(left, right, x, y, half_px, d)
                if slope < least_slope * least_slope * count or count == 0:
                    cause[y, x] = Cause.LOW_SIGNAL.value
                    break
                d += move / slope
                if not abs(d - start) <= MOST_PX:
                    cause[y, x] = Cause.NO_MATCH.value
                    break
                if abs(move) < 0.002 * slope:
                    break
            disparity[y, x] = d


@compiled
def _step(
    left: Floats, right: Floats, x0: int, y0: int, half_px: int, d: float
) -> tuple[float, float, int]:
    """Sums of a Gauss-Newton step for a block: misfit times slope, slope squared, and samples."""
    height, width = left.shape
    move, square, count = 0.0, 0.0, 0
    whole = int(np.floor(-d))
    t = -d - whole
    a = ((-0.5 * t + 1) * t - 0.5) * t  # Catmull-Rom weights of the pixels -1, 0, 1, 2
    b = (1.5 * t - 2.5) * t * t + 1
    c = ((-1.5 * t + 2) * t + 0.5) * t
    e = (0.5 * t - 0.5) * t * t
    for y in range(max(y0 - half_px, 0), min(y0 + half_px + 1, height)):
        for x in range(max(x0 - half_px, 1), min(x0 + half_px + 1, width - 1)):
            i = x + whole
            if i < 1 or i + 2 >= width:
                continue
            there = a * right[y, i - 1] + b * right[y, i]
            there += c * right[y, i + 1] + e * right[y, i + 2]
            slope = (left[y, x + 1] - left[y, x - 1]) / 2
            move -= (left[y, x] - there) * slope
            square += slope * slope
            count += 1
    return move, square, count
